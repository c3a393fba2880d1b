"""The chain: what it says, that it is written before a request leaves, and that changes to it are noticed."""

import json
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from supplier_agent.db.store import open_store
from supplier_agent.evidence import faults, hash_of_block, hash_of_lines, sha256
from supplier_agent.evidence.stored import before, blocks
from supplier_agent.maintenance.restore import put_back
from tests.evidence.conftest import change, ended, file_of, ids, lines_of, new_site, shipped, told, whole
from tests.world.harness import Site


def broken(site: Site) -> list[tuple[int, str]]:
    return [
        (number, why) for number, why in site.ask("SELECT number, why FROM evidence_breaks WHERE accepted_at IS NULL")
    ]


def test_it_says_why_a_call_might_be_sent_and_what_was_sent(site: Site) -> None:
    shipped(site)
    claimed = {(line["order"], line["kind"]): line for line in lines_of(site.database) if line["what"] == "claimed"}
    for asked in site.world.log:
        if asked.endpoint not in {"acknowledge-sale", "ship-sale"}:
            continue
        kind = asked.endpoint.removesuffix("-sale")
        line = claimed[asked.menzzo_order_id, kind]
        assert (line["method"], line["path"]) == ("POST", f"/api/notio/{asked.endpoint}")
        assert json.loads(line["body"]) == {"menzzo_order_id": asked.menzzo_order_id}
    gates = claimed[ids(site)[0], "ship"]["gates"]
    assert (gates["shipped"], gates["held"], gates["blockers"], gates["paused_at"]) == (1, False, [], None)
    assert len(gates["label_sha256"]) == len("0" * 64)


def test_the_body_is_what_the_marketplace_receives(site: Site) -> None:
    received: list[tuple[str, bytes]] = []
    exchange = site.wire.exchange

    def noted(method: str, url: str, *, content: bytes | None = None, **rest: object) -> object:
        if content is not None:
            received.append((str(url).removeprefix(site.settings.base_url), content))
        return exchange(method, url, content=content, **rest)  # type: ignore[arg-type]

    vars(site.wire)["exchange"] = noted
    shipped(site)
    sent = [(line["path"], line["body"].encode()) for line in lines_of(site.database) if line.get("body")]
    assert sorted(sent) == sorted(received)
    assert received


def test_a_claim_is_in_the_chain_before_its_request_leaves(site: Site) -> None:
    def on_disk() -> int:
        claims = [line for line in lines_of(site.database) if line["what"] == "claimed" and line["kind"] != "label"]
        return len(claims) - len([line for line in site.world.log if line.endpoint.endswith("-sale")])

    seen: list[int] = []
    exchange = site.wire.exchange

    def watched(method: str, url: str, **rest: object) -> object:
        if method == "POST":
            seen.append(on_disk())
        return exchange(method, url, **rest)  # type: ignore[arg-type]

    vars(site.wire)["exchange"] = watched
    shipped(site)
    assert seen
    assert min(seen) >= 1, "its own claim was there, and the marketplace had not seen it"


def test_decisions_of_people_and_statements_are_copied_without_what_they_typed(site: Site) -> None:
    site.start()
    site.run_for(60)
    assert told(site, "hold", ids(site)[0], "--reason", "Mme Dupont called").returncode == 0
    change(site.database, "UPDATE orders SET shipped = 1 WHERE menzzo_order_id = ?", ids(site)[1])
    assert told(site, "pause", "notio", "--reason", "Mme Dupont again").returncode == 0
    site.run_for(60)
    ended(site)
    lines = lines_of(site.database)
    events = [(line["order"], line["who"] == "database", line["did"]) for line in lines if line["what"] == "event"]
    assert (ids(site)[0], False, "held") in events
    assert (ids(site)[1], True, "flagged as shipped") in events
    assert any(line["what"] == "supplier" and line["paused_at"] for line in lines)
    assert "Dupont" not in json.dumps(lines)
    assert sum(line["what"] == "event" for line in lines) == site.ask("SELECT count(*) FROM events")[0][0]


def test_a_whole_life_is_whole(site: Site) -> None:
    shipped(site)
    site.start()
    ended(site)
    assert whole(site) == []
    assert broken(site) == []
    assert "each fits its hash and the ship ledger" in told(site, "check", "--offline").stdout


def rewritten(site: Site) -> None:
    """Change a line, and calculate every hash after it again: only the ship ledger knows better."""
    with closing(sqlite3.connect(site.database)) as connection:
        found = list(blocks(connection, 3))
        previous = before(connection, 4)
        for block in found:
            lines = [line.replace("confirmed", "unverified") for line in block.lines or ()]
            hash_ = hash_of_lines(map(sha256, lines))
            previous = hash_of_block(previous, block.number, block.at, hash_)
            values = zlib.compress("\n".join(lines).encode()), hash_, previous, block.number
            connection.execute("UPDATE evidence SET lines = ?, lines_sha256 = ?, sha256 = ? WHERE number = ?", values)
        connection.commit()
        assert list(faults(blocks(connection), ())) == []


def tail_removed(site: Site) -> None:
    change(site.database, "DELETE FROM evidence WHERE number > 3")


def emptied(site: Site) -> None:
    change(site.database, "DELETE FROM evidence")


@pytest.mark.parametrize("forge", [rewritten, tail_removed, emptied], ids=lambda each: each.__name__)
def test_a_chain_that_was_changed_contradicts_the_ledger_at_the_next_start(
    site: Site, forge: Callable[[Site], None]
) -> None:
    shipped(site)
    forge(site)
    site.start()
    site.run_for(60)
    assert [why for _, why in broken(site)] == ["contradicts_ledger"]
    assert [line for line in lines_of(site.database) if line["what"] == "broken"]
    assert "the evidence was changed" in told(site, "status").stdout
    assert told(site, "evidence", "--accept", "--by", "Anna").returncode == 0
    assert broken(site) == []
    assert "the evidence was changed" not in told(site, "status").stdout
    site.run_for(3600)
    ended(site)
    assert any(line["what"] == "accepted" and line["who"] == "Anna" for line in lines_of(site.database))
    site.start()
    assert broken(site) == [], "the next start compares with a newer head"


def test_a_changed_block_in_the_middle_is_found_by_check(site: Site) -> None:
    shipped(site)
    content = site.ask("SELECT lines FROM evidence WHERE number = 4")[0][0]
    change(site.database, "UPDATE evidence SET lines = ? WHERE number = 5", content)
    assert whole(site) == [(5, "damaged")]
    assert "the evidence is broken from block 5 on" in told(site, "check", "--offline").stdout


def test_a_restored_database_goes_on_with_a_block_that_names_the_lost_head(site: Site, tmp_path: Path) -> None:
    site.start()
    site.run_for(60)
    copy, replaced = tmp_path / "copy.db", tmp_path / "replaced.db"
    store = open_store(site.database)
    store.backup(copy)
    store.close()
    site.flag()
    site.run_for(60)
    ended(site)
    lost = whole_tip(site)
    shutil.copy(site.database, replaced)
    put_back(copy, site.settings.state_dir, site.clock.now())
    site.start()
    site.run_for(60)
    ended(site)
    (fork,) = [line for line in lines_of(site.database) if line["what"] == "fork"]
    assert (fork["head"], fork["sha256"]) == lost
    assert whole(site) == [], "its heads and those of the lost blocks are explained"
    assert broken(site) == []
    with closing(sqlite3.connect(replaced)) as connection:
        assert list(faults(blocks(connection), ())) == [], "the lost blocks fit together, too"


def whole_tip(site: Site) -> tuple[int, str]:
    ((number, sha256),) = site.ask("SELECT number, sha256 FROM evidence ORDER BY number DESC LIMIT 1")
    return number, sha256


def test_a_database_that_was_copied_back_is_no_forgery(site: Site, tmp_path: Path) -> None:
    site.start()
    site.run_for(60)
    ended(site)
    shutil.copy(site.database, tmp_path / "copy.db")
    site.start()
    site.flag()
    site.run_for(60)
    ended(site)
    for tail in ("", "-wal", "-shm"):
        site.database.with_name(site.database.name + tail).unlink(missing_ok=True)
    shutil.copy(tmp_path / "copy.db", site.database)
    site.start()
    site.run_for(60)
    assert [line["what"] for line in lines_of(site.database)].count("fork") == 1
    assert broken(site) == []
    assert whole(site) == []


def test_another_installations_database_does_not_contradict(site: Site, tmp_path: Path) -> None:
    shipped(site)
    other = shipped(new_site(tmp_path / "other", "notio", orders=3))
    for tail in ("", "-wal", "-shm"):
        site.database.with_name(site.database.name + tail).unlink(missing_ok=True)
    shutil.copy(other.database, site.database)
    site.start()
    site.run_for(60)
    assert broken(site) == []


def test_after_a_crash_between_commit_and_ledger_the_chain_is_whole(site: Site) -> None:
    site.start()
    site.run_for(60)
    site.crash()  # blocks since the start have no head in the ledger
    site.start()
    assert broken(site) == []
    assert whole(site) == []


def test_a_block_that_cannot_be_written_stops_no_order(site: Site) -> None:
    site.start()
    change(site.database, "CREATE TRIGGER no_evidence BEFORE INSERT ON evidence BEGIN SELECT RAISE(ABORT, 'no'); END")
    site.run_for(60)
    site.flag()
    site.run_for(60)
    assert all(order.shipped_at for order in site.world.orders("notio"))
    assert [why for _, why in broken(site)] == ["not_written"]
    assert "the evidence has a gap" in told(site, "status").stdout
    change(site.database, "DROP TRIGGER no_evidence")
    site.run_for(7200, 600)
    ended(site)
    assert len([line for line in lines_of(site.database) if line["what"] == "claimed"]) == 6, "they were kept meanwhile"
    assert whole(site) == []


def test_the_table_itself_may_be_gone(site: Site) -> None:
    site.start()
    site.run_for(60)
    ended(site)
    change(site.database, "DROP TABLE evidence")
    site.start()
    site.run_for(60)
    assert [why for _, why in broken(site)] == ["not_written"]
    site.flag()
    site.run_for(60)
    assert all(order.shipped_at for order in site.world.orders("notio"))


def test_the_newest_blocks_and_every_hash_outlive_the_retention(site: Site) -> None:
    shipped(site)
    change(site.database, "UPDATE evidence SET lines = NULL WHERE number < 6")
    assert whole(site) == []
    rows = file_of(site, ids(site)[0])
    assert rows[0]["blocks_removed_by_retention"] > 0
