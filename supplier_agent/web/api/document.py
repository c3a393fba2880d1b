"""The API as OpenAPI 3.1, made of the table of operations and of the models."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from supplier_agent import __version__
from supplier_agent.web.api import models
from supplier_agent.web.api.acting import AGAIN
from supplier_agent.web.api.front import PATH
from supplier_agent.web.api.problems import PROBLEM, TITLES
from supplier_agent.web.api.routes import DOCUMENT, OPERATIONS, RECEIVE, Operation

JSON = "application/json"
REF = "#/components/schemas/{model}"
OF_ALL = ("wrong_host", "internal_error", "busy", "too_many_requests")
OF_KEYS = ("key_missing", "key_wrong", "content_wrong")
OF_BODIES = ("too_slow", "body_too_large", "content_type_wrong", "content_wrong")
INTRODUCTION = (
    "Orders and labels out; marks, holds and notes in. It records facts as the warehouse page does, and calls nobody: the agent "
    "sees the fact and acts on it. All rules of the page apply."
)

Tree = dict[str, Any]


@cache
def document() -> Tree:
    """Return the document."""
    bodies: list[type[BaseModel]] = [each.sent for each in OPERATIONS if each.method == "POST"]
    answers: list[type[BaseModel]] = [models.Page, models.Whole, models.Done, models.Failure]
    both: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
        (each, "validation") for each in bodies
    ]
    both += [(each, "serialization") for each in answers]
    _, defined = models_json_schema(both, ref_template=REF)
    event = TypeAdapter(models.AnyEvent).json_schema(ref_template=REF)
    schemas = {**defined["$defs"], **event.pop("$defs"), "Event": event}
    paths: Tree = {}
    for each in (*OPERATIONS, RECEIVE):
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    paths[DOCUMENT] = {"get": _of_itself()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "supplier-agent", "version": __version__, "description": INTRODUCTION},
        "servers": [{"url": PATH}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "supplier-agent key add NAME"}
            },
        },
    }


def _operation(operation: Operation) -> Tree:
    is_post = operation.method == "POST"
    codes = [*OF_ALL, *(OF_BODIES if is_post else ()), *operation.codes]
    codes += [] if operation is RECEIVE else OF_KEYS
    codes += ["right_missing"] if operation.right or operation is RECEIVE else []
    codes += ["no_such_address"] if operation is RECEIVE else []
    found: Tree = {
        "operationId": operation.name,
        "summary": operation.meaning,
        "parameters": list(_parameters(operation)),
        "responses": {"200": _good(operation), **_refusals(codes)},
    }
    if operation.right:
        found["description"] = f"Needs the right `{operation.right}`."
    if operation is RECEIVE:
        found["security"] = []
    if is_post:
        name = "Event" if operation is RECEIVE else operation.sent.__name__
        found["requestBody"] = {"required": True, "content": {JSON: {"schema": _named(name)}}}
    return found


def _named(name: str) -> Tree:
    return {"$ref": REF.format(model=name)}


def _parameters(operation: Operation) -> Iterable[Tree]:
    for name in operation.parts:
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    if operation.method == "GET":
        schema = TypeAdapter(operation.sent).json_schema()
        for name, each in schema["properties"].items():
            told = {key: value for key, value in each.items() if key not in {"description", "title"}}
            told["anyOf"] = [one for one in told.get("anyOf", ()) if one != {"type": "null"}]
            if told.get("default", 0) is None:
                del told["default"]
            if len(told["anyOf"]) == 1:
                told |= told["anyOf"][0]
            if len(told["anyOf"]) < 2:  # noqa: PLR2004 - one of several
                del told["anyOf"]
            yield {"name": name, "in": "query", "required": False, "description": each["description"], "schema": told}
    elif operation is RECEIVE:
        for name, meaning in (
            (
                "webhook-id",
                "What was done under this id is answered as the first time, and not done again. A refusal is not kept.",
            ),
            ("webhook-timestamp", "Unix time in seconds, at most five minutes from now."),
            ("webhook-signature", "`v1,` and the HMAC-SHA256 of id, time and body in base64; several with blanks."),
        ):
            text = {"type": "string", "minLength": 1}
            yield {"name": name, "in": "header", "required": True, "description": meaning, "schema": text}
    else:
        meaning = "The same request with the same key is done once, and gets the same answer. A refusal is not kept."
        text = {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"}
        yield {"name": "Idempotency-Key", "in": "header", "required": False, "description": meaning, "schema": text}


def _good(operation: Operation) -> Tree:
    if operation.answered is None:
        etag = {"description": "The hash of the label, in quotes.", "schema": {"type": "string"}}
        content: Tree = {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}
        return {"description": "The label", "headers": {"ETag": etag}, "content": content}
    done: Tree = {"description": "Done", "content": {JSON: {"schema": _named(operation.answered.__name__)}}}
    if operation.method == "POST":
        meaning = "`true`: the answer that was given before; the order may have changed since."
        done["headers"] = {AGAIN: {"description": meaning, "schema": {"type": "string"}}}
    return done


def _refusals(codes: Iterable[str]) -> Mapping[str, Tree]:
    """Return the answers of these problems, by status."""
    by_status: dict[int, list[str]] = {}
    for code in TITLES:
        if code in set(codes):
            by_status.setdefault(TITLES[code][0], []).append(code)
    return {
        str(status): {
            "description": "; ".join(f"{TITLES[code][1]} (`{code}`)" for code in named),
            "content": {PROBLEM: {"schema": _named("Failure")}},
        }
        for status, named in by_status.items()
    }


def _of_itself() -> Tree:
    return {
        "operationId": "getDocument",
        "summary": "Get this document.",
        "security": [],
        "responses": {
            "200": {"description": "OpenAPI 3.1", "content": {JSON: {"schema": {"type": "object"}}}},
            **_refusals(OF_ALL),
        },
    }
