"""The document of the API is true: schemathesis sends to the real server what it allows, and what it does not."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth

from supplier_agent.web.api.document import document
from supplier_agent.web.api.problems import TITLES
from supplier_agent.web.api.routes import OPERATIONS
from tests.api.programs import API, key_of
from tests.web.stage import Stage

ID = "15000010001_111"
KEYS = 30
"""How many programs ask in turns: one alone would be told to wait."""
QUICK, LONG = 2, 80
NUMBERS = itertools.count()


def test_every_operation_and_every_code_is_in_the_document() -> None:
    text = document()
    assert text["openapi"] == "3.1.0"
    for operation in OPERATIONS:
        assert text["paths"][operation.path][operation.method.lower()]["operationId"] == operation.name
    named = json.dumps(text["paths"])
    assert [code for code in TITLES if f"`{code}`" not in named] == ["method_wrong"], (
        "a method that is not in the document"
    )


def against(stage: Stage, examples: int) -> set[int]:
    """Send requests of both kinds to every operation; return the statuses that came."""
    stage.order(ID)
    keys = itertools.cycle([key_of(stage, f"wms-{number}") for number in range(KEYS)])
    schema = schemathesis.openapi.from_url(f"{stage.url}{API}/openapi.json")
    # The key is always right here, so no case may count on a wrong one; those are tried by test_access.py.
    schema.config.generation.update(with_security_parameters=False)
    statuses = set[int]()
    for found in schema.get_all_operations():
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _send(found, mode, examples, keys, statuses)
    return statuses


def _send(found: Any, mode: GenerationMode, examples: int, keys: Iterator[str], statuses: set[int]) -> None:  # noqa: ANN401 - of schemathesis
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=found.ok().as_strategy(generation_mode=mode))
    def holds(case: Any) -> None:  # noqa: ANN401 - as above
        if mode is GenerationMode.POSITIVE:
            case.query.pop("cursor", None)  # only the API makes one
            if "order" in case.path_parameters:
                case.path_parameters["order"] = ID
            if "Idempotency-Key" in case.headers:  # each request is another one
                case.headers["Idempotency-Key"] = f"request-{next(NUMBERS)}"
        headers = {"Authorization": f"Bearer {next(keys)}"}
        answer = case.call_and_validate(headers=headers, timeout=20, excluded_checks=[ignored_auth])
        statuses.add(answer.status_code)

    holds()


def test_the_server_answers_as_its_document_says(stage: Stage) -> None:
    statuses = against(stage, QUICK)
    assert {200, 422} <= statuses
    assert 500 not in statuses
    assert not [facts for event, facts in stage.heard if event == "api.failed"]


@pytest.mark.slow
def test_the_server_answers_as_its_document_says_for_a_long_time(stage: Stage) -> None:
    against(stage, LONG)
