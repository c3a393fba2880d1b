"""Logs: the form follows where the stream leads, a setting overrules it, and nothing is said twice."""

import io
import json
import os
import pty
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import pytest

from supplier_agent.base import log


@contextmanager
def opened(*descriptors: int) -> Iterator[TextIO]:
    """Open the last descriptor for writing; close the others at the end."""
    with os.fdopen(descriptors[-1], "w", buffering=1) as stream:
        yield stream
    for each in descriptors[:-1]:
        os.close(each)


def test_on_a_terminal_it_is_for_people_even_where_systemd_left_its_variable() -> None:
    with opened(*pty.openpty()) as terminal:
        found = os.fstat(terminal.fileno())
        assert log.form_for({"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}, terminal) == "console"


def test_under_systemd_it_is_for_the_journal_unless_it_was_led_elsewhere() -> None:
    with opened(*os.pipe()) as journal, opened(*os.pipe()) as elsewhere:
        found = os.fstat(journal.fileno())
        env = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        assert log.form_for(env, journal) == "journal"
        assert log.form_for(env, elsewhere) == "json"
        assert log.form_for({}, journal) == "json"


def test_the_journal_gets_a_priority_and_no_time_of_our_own() -> None:
    said = io.StringIO()
    logger = log.Log(log.set_up({}, said, form="journal", level="debug"))
    for say in (logger.debug, logger.info, logger.warning, logger.error):
        say("page.read", supplier="notio", detail="two words")
    lines = said.getvalue().splitlines()
    assert [line[:3] for line in lines] == ["<7>", "<6>", "<4>", "<3>"]
    assert lines[0] == '<7>event=page.read supplier=notio detail="two words" level=debug'


def test_json_is_one_object_a_line_with_an_instant_in_utc() -> None:
    said = io.StringIO()
    log.Log(log.set_up({}, said)).info("call.done", supplier="notio", order="1_2", detail="two\nlines", status=None)
    (line,) = said.getvalue().splitlines()
    found = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", found.pop("timestamp"))
    assert found == {
        "event": "call.done", "level": "info", "supplier": "notio", "order": "1_2", "detail": "two\\nlines",
    }  # fmt: skip


@pytest.mark.parametrize(("level", "lines"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_what_is_below_the_level_is_not_said(level: str, lines: int) -> None:
    said = io.StringIO()
    logger = log.Log(log.set_up({}, said, level=level))
    for say in (logger.debug, logger.info, logger.warning, logger.error):
        say("page.read")
    assert len(said.getvalue().splitlines()) == lines


def test_a_lasting_problem_is_said_once_when_it_begins_changes_and_ends() -> None:
    heard: list[str] = []
    logger = log.Log(None, lambda event, facts: heard.append(f"{event} {facts.get('detail', '')}".strip()))
    for text in ("full", "full", "locked", "locked"):
        logger.problem("database", text)
    for _ in range(3):
        logger.solved("database")
    assert heard == ["problem.found full", "problem.found locked", "problem.solved"]


def test_text_for_people_has_colours_on_a_terminal_alone() -> None:
    said = io.StringIO()
    log.Log(log.set_up({}, said, form="console")).warning("call.parked", order="1_2")
    assert "\x1b" not in said.getvalue()
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", buffering=1) as terminal:
        log.Log(log.set_up({}, terminal, form="console")).warning("call.parked", order="1_2")
        log.Log(log.set_up({"NO_COLOR": "1"}, terminal, form="console")).warning("call.parked", order="1_2")
        shown = b""
        while shown.count(b"\n") < 2:  # a terminal hands on what it has, which may be one line
            shown += os.read(ours, 4096)
        coloured, plain, _ = shown.split(b"\n")
    os.close(ours)
    assert b"\x1b[" in coloured
    assert b"\x1b[" not in plain


@pytest.mark.parametrize("form", ["json", "journal", "console"])
def test_every_line_of_a_process_carries_its_run(form: str) -> None:
    said = io.StringIO()
    logger = log.Log(log.set_up({}, said, form=form, run="5f3a9c01"))
    logger.info("agent.started")
    logger.problem("database", "locked")
    assert [line.count("5f3a9c01") for line in said.getvalue().splitlines()] == [1, 1]


def test_lines_go_to_where_stderr_leads_at_that_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = log.Log(log.set_up({}))
    above_the_progress = io.StringIO()
    monkeypatch.setattr(sys, "stderr", above_the_progress)
    logger.info("agent.started")
    assert "agent.started" in above_the_progress.getvalue()
