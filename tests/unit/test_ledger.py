"""The ship ledger: what it says survives a torn line, a full disk, and a database that was restored."""

import json
import os
import resource
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from supplier_agent import outbox
from supplier_agent.base.errors import StateError
from supplier_agent.db import state_folder
from supplier_agent.db.ship_ledger import Decision, Entry, Ledger, ShipCall
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Call, Order
from supplier_agent.tick import plan
from tests.unit.conftest import SUPPLIER, at, context_of, ready
from tests.world.clocks import NOW

ID = "15000012345_789"
ODD = (b"", b'"', b"\\", b"}", b" ", b"0", b"A", b"\n", b"\0", b"\xe9")
"""What takes the place of a byte of a line."""
Keep = Callable[..., int]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shipped.jsonl"


def begun(path: Path) -> Ledger:
    ledger = Ledger(path)
    ledger.begin("here", NOW)
    return ledger


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    opened = begun(path)
    yield opened
    opened.close()


def reopened(path: Path) -> Ledger:
    ledger = Ledger(path)
    ledger.last("", "")  # reads the whole file
    return ledger


def test_it_knows_the_latest_of_each_order_after_a_restart(path: Path, ledger: Ledger) -> None:
    ledger.write([ShipCall(SUPPLIER, ID, 1, None, NOW)])
    ledger.write([ShipCall(SUPPLIER, ID, 1, "not_sent", at(1))])
    ledger.write([ShipCall(SUPPLIER, ID, 2, None, at(2))])
    ledger.write([ShipCall("asir-group", ID, 1, "done", at(3))])
    for known in (ledger, reopened(path)):
        assert known.last(SUPPLIER, ID) == Entry(2, None, "2026-11-21T12:00:02+00:00")
        assert known.last("asir-group", ID) == Entry(1, "done", "2026-11-21T12:00:03+00:00")
        assert known.last(SUPPLIER, "1_1") is None


def test_each_line_is_json_for_people_and_programs(path: Path, ledger: Ledger) -> None:
    ledger.write([ShipCall(SUPPLIER, ID, 1, "done", NOW)])
    expected = {"at": "2026-11-21T12:00:00+00:00", "supplier": SUPPLIER, "order": ID, "attempt": 1, "outcome": "done"}
    assert [json.loads(line) for line in path.read_text().splitlines()][1:] == [expected]


@pytest.mark.parametrize("cut", [1, 5, 40, 70])
def test_a_torn_last_line_leaves_what_stood_before_it(path: Path, ledger: Ledger, cut: int) -> None:
    ledger.write([ShipCall(SUPPLIER, ID, 1, None, NOW)])
    ledger.write([ShipCall(SUPPLIER, ID, 1, "done", at(1))])
    os.truncate(path, path.stat().st_size - cut)
    known = reopened(path).last(SUPPLIER, ID)
    assert known is not None
    assert known.outcome == ("done" if cut == 1 else None), "but for its line feed, the line is whole"


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_what_is_written_after_a_torn_line_can_be_read(path: Path, ledger: Ledger, cut: int) -> None:
    ledger.write([ShipCall(SUPPLIER, ID, 1, "done", NOW)])
    os.truncate(path, path.stat().st_size - cut)
    after = Ledger(path)
    after.write([ShipCall(SUPPLIER, "2_2", 1, None, at(1))])
    after.write([ShipCall(SUPPLIER, "2_2", 1, "done", at(2))])
    after.close()
    assert reopened(path).last(SUPPLIER, "2_2") == Entry(1, "done", "2026-11-21T12:00:02+00:00")


@pytest.mark.parametrize(
    "junk", [b"\0\0\0\0\n", b"[]\n", b"{}\n", b'{"attempt": "x"}\n', b"\xff\xfe\n", b"\n\n", b"7\n"]
)
def test_a_line_that_cannot_be_understood_hides_no_other(path: Path, ledger: Ledger, junk: bytes) -> None:
    ledger.write([ShipCall(SUPPLIER, ID, 1, None, NOW)])
    with path.open("ab") as file:
        file.write(junk)
    assert reopened(path).last(SUPPLIER, ID) is not None


def room_for(path: Path, extra: int) -> Callable[[], None]:
    """Let no file of this process grow beyond the ledger's size and so many bytes; return what ends that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + extra, before[1]))
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_said_and_every_byte_more_or_less_leaves_a_ledger_that_can_be_read(tmp_path: Path) -> None:
    for room in range(130):
        path = tmp_path / f"{room}.jsonl"
        full = begun(path)
        full.write([ShipCall(SUPPLIER, ID, 1, None, NOW)])
        again = room_for(path, room)
        said = []
        try:
            for seconds in (1, 2):
                try:
                    full.write([ShipCall(SUPPLIER, ID, 1, "done", at(seconds))])
                except StateError as error:
                    said.append(error)
        finally:
            again()
        line = len(path.read_bytes().splitlines()[1]) + len('"done"') - len("null") + len("\n")
        assert len(said) == (2 if room < line else 1), "half a line is not written"
        full.write([ShipCall(SUPPLIER, "2_2", 1, None, at(3))])
        full.write([ShipCall(SUPPLIER, "2_2", 1, "done", at(4))])
        full.close()
        known = reopened(path).last(SUPPLIER, "2_2")
        assert known is not None, room
        assert known.outcome == "done", room


def test_after_a_torn_line_a_disk_that_is_a_byte_too_small_is_full_too(tmp_path: Path) -> None:
    for missing in (3, 2, 1, 0):
        path = tmp_path / f"{missing}.jsonl"
        first = begun(path)
        mark = path.stat().st_size
        first.write([ShipCall(SUPPLIER, ID, 1, "done", NOW)])
        first.close()
        line = path.stat().st_size - mark
        os.truncate(path, mark + line - 5)
        torn = Ledger(path)
        again = room_for(path, line + 1 - missing)  # a line feed goes before it
        try:
            if missing:
                with pytest.raises(StateError, match="in part"):
                    torn.write([ShipCall(SUPPLIER, ID, 2, "done", NOW)])
            else:
                torn.write([ShipCall(SUPPLIER, ID, 2, "done", NOW)])
        finally:
            again()
        torn.write([ShipCall(SUPPLIER, "2_2", 1, "done", NOW)])
        torn.close()
        assert reopened(path).last(SUPPLIER, "2_2") is not None, missing


def test_a_folder_that_cannot_be_used_stops_the_agent_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="Nothing is shipped without it") as caught:
        Ledger(tmp_path / "nowhere" / "private" / "shipped.jsonl")
    assert caught.value.cure


def plant(path: Path, kind: str) -> None:
    elsewhere = path.parent / "elsewhere"
    elsewhere.write_bytes(b"")
    elsewhere.chmod(0o600)
    match kind:
        case "it is a link":
            path.symlink_to(elsewhere)
        case "it has a hard link elsewhere":
            path.hardlink_to(elsewhere)
        case "it is not a regular file":
            os.mkfifo(path)
        case "users other than the agent may write it":
            path.touch()
            path.chmod(0o660)


@pytest.mark.parametrize(
    "kind",
    [
        state_folder.MISSING,
        "it is a link",
        "it has a hard link elsewhere",
        "it is not a regular file",
        "users other than the agent may write it",
    ],
)
def test_what_is_not_certainly_ours_is_not_a_ledger_and_none_is_made_in_silence(path: Path, kind: str) -> None:
    plant(path, kind)
    before = sorted(each.name for each in path.parent.iterdir())
    ledger = Ledger(path)
    assert ledger.fault == kind
    with pytest.raises(StateError, match=kind):
        ledger.write([ShipCall(SUPPLIER, ID, 1, None, NOW)])
    assert sorted(each.name for each in path.parent.iterdir()) == before
    ledger.begin("here", NOW)
    ledger.write([ShipCall(SUPPLIER, ID, 1, None, NOW)])
    ledger.close()
    assert reopened(path).last(SUPPLIER, ID) is not None
    assert not (path.parent / "elsewhere").exists() or not (path.parent / "elsewhere").read_bytes()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_or_folder_of_another_user_is_not_ours(tmp_path: Path) -> None:
    path = tmp_path / "private" / "shipped.jsonl"
    begun(path).close()
    os.chown(path, 12345, -1)
    assert Ledger(path).fault == "it belongs to another user"
    os.chown(path, 0, -1)
    os.chown(path.parent, 12345, -1)
    assert Ledger(path).fault == state_folder.MISSING
    assert len(list(tmp_path.glob("private-not-ours-*/shipped.jsonl"))) == 1
    os.chown(tmp_path, 12345, -1)  # root works for the one whose state folder it is
    path.parent.rmdir()
    begun(path).close()
    assert {path.stat().st_uid, path.parent.stat().st_uid} == {12345}


def test_the_folder_of_another_or_a_link_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "private").symlink_to(tmp_path / "elsewhere")
    begun(tmp_path / "private" / "shipped.jsonl").close()
    assert not list((tmp_path / "elsewhere").iterdir())
    assert stat.S_IMODE((tmp_path / "private").lstat().st_mode) == 0o700
    assert not (tmp_path / "private").is_symlink()
    assert len(list(tmp_path.glob("private-not-ours-*"))) == 1


def test_decisions_and_marks_are_no_ship_calls_and_the_newest_decision_comes_first(path: Path, ledger: Ledger) -> None:
    ledger.write([ShipCall(SUPPLIER, ID, 1, None, NOW)])
    one = Decision("2026-11-21T12:00:00+00:00", SUPPLIER, ID, "held", "Ana", "wait", 7)
    two = replace(one, what="released", event=8)
    ledger.decide([one, two])
    known = Ledger(path)
    assert list(known.decisions()) == [two, one]
    assert (known.last_decision, known.last_call) == (two, (SUPPLIER, ID, 1))
    assert known.last(SUPPLIER, ID) == Entry(1, None, "2026-11-21T12:00:00+00:00")
    known.mark(4, at(1))
    known.close()
    after = reopened(path)
    assert (after.epoch, after.identity, after.last_decision, after.last_call) == (4, "here", None, None)
    assert not after.copied


def test_a_copy_in_its_place_is_noticed(path: Path, ledger: Ledger) -> None:  # noqa: ARG001 - it has written the file
    path.with_name("copy").write_bytes(path.read_bytes())
    path.with_name("copy").chmod(0o600)
    path.with_name("copy").rename(path)
    copy = Ledger(path)
    assert copy.copied
    copy.close()


def test_only_its_owner_may_read_it(path: Path) -> None:
    os.umask(0)
    begun(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


# ------------------------------------------------------------------------- the database was restored, or has crashed


def planned(store: Store, order_id: int, ledger: Ledger) -> tuple[Order, Call | None]:
    with store.write() as tx:
        plan.derive(context_of(ledger, at(100)), tx, [tx.get_one(Order, order_id)])
    with store.read() as tx:
        return tx.get_one(Order, order_id), outbox.find(tx, order_id, "ship")


@pytest.mark.parametrize(
    ("outcomes", "state", "confirmed"),
    [
        ([None], "unknown", False),
        ([None, "unknown"], "unknown", False),
        ([None, "done"], "done", True),
        ([None, "not_sent"], "owed", False),
        ([None, "later"], "owed", False),
        ([None, "refused"], "parked", False),
    ],
)
def test_a_restored_database_believes_the_ledger(
    store: Store,
    keep: Keep,
    ledger: Ledger,
    outcomes: list[str | None],
    state: str,
    confirmed: bool,  # noqa: FBT001 - an expectation
) -> None:
    order_id = keep(ready(ID, shipped=1, shipped_at=NOW))
    for seconds, outcome in enumerate(outcomes):
        ledger.write([ShipCall(SUPPLIER, ID, 1, outcome, at(seconds))])
    order, call = planned(store, order_id, ledger)
    assert call is not None
    assert (call.state, call.attempts, order.ship_confirmed_at is not None) == (state, 1, confirmed)


def test_a_restored_database_that_knows_of_no_flag_is_told_too(store: Store, keep: Keep, ledger: Ledger) -> None:
    order_id = keep(ready(ID))
    ledger.write([ShipCall(SUPPLIER, ID, 1, None, NOW)])
    ledger.write([ShipCall(SUPPLIER, ID, 1, "done", at(7))])
    order, call = planned(store, order_id, ledger)
    assert order.ship_confirmed_at == at(7)
    assert call is not None
    assert call.state == "done"


def test_a_database_that_knows_as_much_as_the_ledger_is_left_alone(store: Store, keep: Keep, ledger: Ledger) -> None:
    order_id = keep(ready(ID, shipped=1, shipped_at=NOW), ship="owed")
    with store.write() as tx:
        call = outbox.find(tx, order_id, "ship")
        assert call is not None
        assert outbox.claim(tx, call, NOW) == 1
    ledger.write([ShipCall(SUPPLIER, ID, 1, None, NOW)])
    _, call = planned(store, order_id, ledger)
    assert call is not None
    assert call.state == "sending"


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (None, "unknown"),
        ("unknown", "unknown"),
        ("done", "done"),
        ("refused", "parked"),
        ("not_sent", "owed"),
        ("later", "owed"),
    ],
)
def test_after_a_crash_the_ledger_decides_what_the_database_could_not_note(
    store: Store, keep: Keep, ledger: Ledger, outcome: str | None, state: str
) -> None:
    order_id = keep(ready(ID, shipped=1, shipped_at=NOW), ship="owed")
    with store.write() as tx:
        call = outbox.find(tx, order_id, "ship")
        assert call is not None
        assert outbox.claim(tx, call, NOW) == 1
    ledger.write([ShipCall(SUPPLIER, ID, 1, None, NOW)])
    if outcome is not None:
        ledger.write([ShipCall(SUPPLIER, ID, 1, outcome, at(1))])
    with store.write() as tx:
        unknown = plan.recover(context_of(ledger, at(60)), tx)
    with store.read() as tx:
        call, order = outbox.find(tx, order_id, "ship"), tx.get_one(Order, order_id)
        assert call is not None
        assert (call.state, len(unknown)) == (state, int(state == "unknown"))
        assert order.ship_confirmed_at == (at(1) if state == "done" else None)
        assert order.planned_at is None


def test_an_outcome_of_an_earlier_attempt_says_nothing_of_the_last(store: Store, keep: Keep, ledger: Ledger) -> None:
    order_id = keep(ready(ID, shipped=1, shipped_at=NOW), ship="owed")
    for number in (1, 2):
        with store.write() as tx:
            call = outbox.find(tx, order_id, "ship")
            assert call is not None
            assert call.id is not None
            assert outbox.claim(tx, call, NOW) == number
        if number == 1:
            ledger.write([ShipCall(SUPPLIER, ID, 1, "not_sent", NOW)])
            with store.write() as tx:
                outbox.settle(tx, call.id, 1, outbox.Outcome("not_sent"), outbox.Next("owed", NOW), NOW)
    with store.write() as tx:
        assert [call.state for call in plan.recover(context_of(ledger, at(60)), tx)] == ["unknown"]


# A ledger grows for ever: a start reads its end alone


def naive(path: Path) -> tuple[str, int, tuple[str, str, int] | None, str | None, dict[tuple[str, str], Entry]]:
    """Read a whole ledger from the beginning: identity, epoch, last call, last decision, the last line of each order."""
    identity, epoch, call, decided, entries = "", 0, None, None, {}
    for fact in map(json.loads, path.read_text().splitlines()):
        if "epoch" in fact:
            identity, epoch = fact["ledger"], fact["epoch"]
            call, decided = (None, None) if epoch else (call, decided)
        elif "what" in fact:
            decided = fact["order"]
        else:
            call = fact["supplier"], fact["order"], fact["attempt"]
            entries[call[:2]] = Entry(fact["attempt"], fact["outcome"], fact["at"])
    return identity, epoch, call, decided, entries


@pytest.mark.parametrize("seed", range(6))
def test_what_a_start_knows_of_a_long_ledger_is_what_its_whole_says(path: Path, seed: int) -> None:
    random, lines = Random(seed), list[dict[str, object]]()
    for number in range(random.choice((10, 700, 6000))):
        who: dict[str, object] = {
            "at": at(number).isoformat(),
            "supplier": random.choice((SUPPLIER, "é\n")),
            "order": f"{number % 500}_é",
        }
        call = {**who, "attempt": number // 500 + 1, "outcome": random.choice((None, "done", "later"))}
        decision = {**who, "what": "held", "who": "Ana", "detail": None, "event": number}
        mark = {"at": who["at"], "ledger": "here", "epoch": number % 3, "inode": 0}
        lines.append(random.choices((call, decision, mark), (1000, 100, 1 if seed % 2 else 0))[0])
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    path.chmod(0o600)
    identity, epoch, last, decided, entries = naive(path)
    with closing(Ledger(path)) as known:
        assert (known.identity, known.epoch, known.last_call) == (identity, epoch, last)
        assert (known.last_decision and known.last_decision.order) == decided
        assert {key: known.last(*key) for key in entries} == entries
        assert known.last(SUPPLIER, "never") is None


def test_several_lines_are_one_flush_and_each_is_known_at_once(path: Path, ledger: Ledger) -> None:
    assert ledger.last(SUPPLIER, "1_1") is None
    ledger.write([ShipCall(SUPPLIER, "1_1", 1, None, NOW), ShipCall(SUPPLIER, "é_2", 1, None, at(1))])
    ledger.write([ShipCall(SUPPLIER, "é_2", 1, "done", at(2)), ShipCall(SUPPLIER, "1_1", 1, "later", at(3))])
    for known in (ledger, reopened(path)):
        assert known.last(SUPPLIER, "1_1") == Entry(1, "later", at(3).isoformat())
        assert known.last(SUPPLIER, "é_2") == Entry(1, "done", at(2).isoformat())


def test_a_ledger_that_another_program_changes_is_not_trusted_any_more(path: Path, ledger: Ledger) -> None:
    ledger.write([ShipCall(SUPPLIER, ID, 1, "done", NOW)])
    assert ledger.last(SUPPLIER, ID) is not None
    os.truncate(path, 10)
    assert ledger.last(SUPPLIER, ID) is None
    assert ledger.fault == "it was changed while the agent ran"
    with pytest.raises(StateError, match="Ship calls wait"):
        ledger.write([ShipCall(SUPPLIER, ID, 2, None, at(1))])


@pytest.mark.parametrize("after", [0, 1, 5, 400, 600, 1500])
@pytest.mark.parametrize("end", [b"", b'{"at":"2026-11-21T12'])
def test_the_last_mark_is_found_however_far_back_it_is(path: Path, ledger: Ledger, after: int, end: bytes) -> None:
    dice = Random(after)
    ledger.mark(6, NOW)
    ledger.write([ShipCall(SUPPLIER, "1_1", 1, "done", NOW)])
    ledger.mark(7, NOW)
    ledger.write([ShipCall(SUPPLIER, "9" * dice.randrange(1, 400), 1, "done", NOW) for _ in range(after)])
    with path.open("ab") as file:
        file.write(end)
    with closing(Ledger(path)) as known:
        assert (known.identity, known.epoch) == ("here", 7)
        assert (known.last_call is None) is (after == 0)
        known.write([ShipCall(SUPPLIER, ID, 1, None, NOW)])
    assert reopened(path).last(SUPPLIER, ID) == Entry(1, None, NOW.isoformat())


def by_json(content: bytes, key: tuple[str, str]) -> Entry | None:
    """Return the last entry of an order, as a program would find it that only knows JSON."""
    found = None
    for line in content.split(b"\n"):
        with suppress(ValueError, KeyError, TypeError):
            fact = json.loads(line)
            if (fact["supplier"], fact["order"]) == key:
                found = Entry(int(fact["attempt"]), fact["outcome"], fact["at"])
    return found


def test_a_line_that_is_almost_as_written_means_what_it_means_as_json(path: Path, ledger: Ledger) -> None:
    ledger.write([ShipCall(SUPPLIER, ID, 1, "done", NOW)])
    (_, line) = path.read_bytes().splitlines(keepends=True)
    changed = [line[:place] + odd + line[place + 1 :] for place in range(len(line)) for odd in ODD]
    for content in [line, line + changed[0], *changed]:
        path.write_bytes(content)
        with closing(Ledger(path)) as known:
            assert known.last(SUPPLIER, ID) == by_json(content, (SUPPLIER, ID)), content
