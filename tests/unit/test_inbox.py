"""Steps wait in line behind one that fails; what must be done at once does not."""

import threading

import pytest

from supplier_agent.tick.workers import Inbox


def test_a_step_that_fails_stays_first_and_what_is_to_be_done_at_once_is_done_once() -> None:
    inbox, done, locked = Inbox(), list[str](), [True]

    def page() -> None:
        if locked:
            raise OSError("locked")
        done.append("page")

    inbox.put(page)
    inbox.put(lambda: done.append("settled"), at_once=lambda: done.append("noted"))
    for _ in range(2):
        with pytest.raises(OSError, match="locked"):
            inbox.run()
    assert done == ["noted"]
    locked.clear()
    inbox.run()
    assert done == ["noted", "page", "settled"]


def test_waiting_takes_one_step_off_the_line_and_does_at_once_what_it_says() -> None:
    inbox, done = Inbox(), list[str]()
    inbox.put(lambda: done.append("settled"), at_once=lambda: done.append("noted"))
    inbox.wait(0.0)
    assert done == ["noted"]
    inbox.wait(0.0)
    inbox.run()
    assert done == ["noted", "settled"]


def test_waiting_ends_in_time_even_if_the_processor_was_away_until_then() -> None:
    waited = list[int]()

    def wait() -> None:
        for number in range(60_000):
            Inbox().wait(1e-7)  # over before it begins
            waited.append(number)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    thread.join(30)
    assert len(waited) == 60_000
