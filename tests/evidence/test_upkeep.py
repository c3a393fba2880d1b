"""What time does to the evidence: upgrades, the retention, exports, configurations and backups."""

import csv
import io
import json
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from supplier_agent.db.store import open_store
from supplier_agent.labels import LabelFolder
from supplier_agent.maintenance.restore import put_back
from supplier_agent.maintenance.retention import Retention
from supplier_agent.tick import evidence
from tests.evidence.conftest import checked, ended, file_of, ids, lines_of, shipped, told, whole
from tests.upkeep.conftest import HERE, made_from
from tests.world.harness import Site


def retained(site: Site, days: int) -> None:
    """Let the retention go round, some days later."""
    site.clock.sleep(timedelta(days=days).total_seconds())
    settings = site.settings.model_copy(update={"keep": site.settings.keep.model_copy(update={"evidence_days": 2})})
    with closing(open_store(site.database, agent=True)) as store:
        log = site.agent.ctx.log
        labels = LabelFolder(site.settings.state_dir)
        Retention(store, labels, site.clock, log, lambda: settings).go_round(lambda: False)


def test_the_retention_removes_lines_and_keeps_every_hash(site: Site, tmp_path: Path) -> None:
    shipped(site)
    rows = file_of(site, ids(site)[0])
    retained(site, 3)
    assert site.ask("SELECT count(*) FROM evidence WHERE lines IS NOT NULL") == [(0,)]
    assert whole(site) == []
    site.start()
    site.run_for(60)
    ended(site)
    assert whole(site) == [], "it goes on"
    assert checked(rows, tmp_path).returncode == 0, "a file from before is as good as it was"
    newer = file_of(site, ids(site)[0])
    assert newer[0]["blocks_removed_by_retention"] > 0
    assert list(newer[0]["shown"]) == ["read"], "what was read since"
    assert checked(newer, tmp_path).returncode == 0


def test_young_lines_stay(site: Site) -> None:
    shipped(site)
    before = lines_of(site.database)
    retained(site, 1)
    assert lines_of(site.database) == before


def test_the_line_about_a_restore_stays_for_ever(site: Site, tmp_path: Path) -> None:
    site.start()
    site.run_for(60)
    with closing(open_store(site.database)) as store:
        store.backup(tmp_path / "copy.db")
    site.flag()
    site.run_for(60)
    ended(site)
    put_back(tmp_path / "copy.db", site.settings.state_dir, site.clock.now())
    site.start()
    ended(site)
    retained(site, 3)
    assert [line["what"] for line in lines_of(site.database)] == ["fork"]
    assert whole(site) == []


def test_it_begins_with_the_upgrade(site: Site) -> None:
    made_from(HERE / "schema_0007.sql", site.database)
    (newest,) = site.ask("SELECT max(id) FROM events")[0]
    site.start()
    ended(site)
    lines = lines_of(site.database)
    assert lines[0]["what"] == "started"
    assert all(line["event"] > newest for line in lines if line["what"] == "event")
    assert whole(site) == []


def test_a_backup_has_it(site: Site, tmp_path: Path) -> None:
    shipped(site)
    assert told(site, "backup", str(tmp_path / "copy.db")).returncode == 0
    assert lines_of(tmp_path / "copy.db") == lines_of(site.database)


def test_an_export_has_every_line(site: Site) -> None:
    shipped(site)
    rows = [*csv.DictReader(io.StringIO(told(site, "export", "evidence").stdout))]
    assert [json.loads(row["line"]) for row in rows] == lines_of(site.database)
    one = json.loads(told(site, "export", "evidence", "--format", "json", "--supplier", "notio").stdout)
    assert {row["supplier"] for row in one} == {"notio"}


def test_a_new_configuration_is_noted_by_its_hash(site: Site) -> None:
    site.start()
    evidence.settings_changed(site.agent.ctx, site.clock.now())
    site.run_for(60)
    ended(site)
    started, changed = (line for line in lines_of(site.database) if line["what"] in {"started", "settings"})
    assert started["settings_sha256"] == changed["settings_sha256"]


def test_a_copy_of_the_whole_folder_goes_on(site: Site, tmp_path: Path) -> None:
    shipped(site)
    copy = tmp_path / "copy"
    shutil.copytree(site.settings.state_dir, copy)
    shutil.rmtree(site.settings.state_dir)
    shutil.copytree(copy, site.settings.state_dir)
    site.start()
    site.run_for(60)
    ended(site)
    assert whole(site) == []
    with closing(sqlite3.connect(site.database)) as connection:
        assert connection.execute("SELECT count(*) FROM evidence_breaks").fetchone() == (0,)
