"""The page's process, with real processes: it holds no token, it is kept alive, and it takes nobody down with it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.db import state_folder
from supplier_agent.db.store import open_store
from supplier_agent.order import WANTED
from supplier_agent.reports.heartbeat import PAGE as SHOWN
from supplier_agent.reports.vitals import STOPPED
from supplier_agent.runtime.page_process import GRACE_SECONDS, environment
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings, egress
from supplier_agent.settings.dump import read_back, without_secrets
from supplier_agent.web import people
from tests.e2e.installation import Site
from tests.web.stage import PIN, SALT, Browser, browsing
from tests.world.clocks import until

PAGE = '[web]\nlisten = "127.0.0.1:0"\n'
BOTH = PAGE + '[metrics]\nlisten = "127.0.0.1:0"\n'
INLINE, BY_VARIABLE, IN_A_FILE, AS_A_CREDENTIAL = (
    f"t0ken-{kind}-3f9a" for kind in ("inline", "variable", "file", "cred")
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    clock = SystemClock()
    world = World.with_orders(3, today=clock.now().date(), days=1, clock=clock)
    with Sandbox(world, Semantics(cache_seconds={})) as sandbox:
        site = Site(tmp_path, sandbox)
        yield site
        for process in site.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()


def report(site: Site) -> dict[str, Any]:
    """Return what the page's process shows of itself now: `url`, `metrics_url`, `pid`, `phase`, `trouble` ("" for none)."""
    try:
        shown = json.loads((site.folder / "state" / SHOWN).read_text())
    except (OSError, ValueError):
        return {}
    serves = shown["serves"]
    trouble = "; ".join(each["what"] for each in shown["troubles"])
    return dict(shown) | {"url": serves.get("page", ""), "metrics_url": serves.get("metrics", ""), "trouble": trouble}


def serving(site: Site, but: int = 0) -> dict[str, Any]:
    """Wait until a page (of another process than `but`) listens, and return its report."""
    found: dict[str, Any] = {}

    def listens() -> bool:
        nonlocal found
        found = report(site)
        return bool(found.get("serves")) and not found["trouble"] and found["pid"] != but

    until(listens)
    return found


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def get(url: str, **headers: str) -> tuple[int, str]:
    answer = httpx.get(url, headers=headers, timeout=20, trust_env=False)
    return answer.status_code, answer.text


def alone(site: Site) -> "subprocess.Popen[str]":
    """Start the page by itself."""
    process = subprocess.Popen(site.command("page"), stderr=subprocess.PIPE, text=True)
    site.processes.append(process)
    return process


# -- it holds no token -------------------------------------------------------------------------------------------------


def memory_of(pid: int) -> bytes:
    """Return all that a process could know: its writable memory."""
    found = bytearray()
    with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            if rights.startswith("rw"):
                start, end = (int(each, 16) for each in span.split("-"))
                memory.seek(start)
                found += memory.read(end - start)
    return bytes(found)


@pytest.mark.parametrize("by_itself", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_page_holds_no_token(site: Site, monkeypatch: pytest.MonkeyPatch, *, by_itself: bool) -> None:
    credentials = site.folder / "credentials"
    credentials.mkdir()
    (credentials / "token-fourth").write_text(AS_A_CREDENTIAL)
    (site.folder / "third.token").write_text(IN_A_FILE)
    (site.folder / "third.token").chmod(0o600)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    monkeypatch.setenv("SUPPLIER_AGENT_SUPPLIERS__SECOND__TOKEN", BY_VARIABLE)
    monkeypatch.setenv("SUPPLIER_AGENT_WEB__LANGUAGE", "fr")  # a variable that counts
    site.configure(
        BOTH,
        suppliers=f'[suppliers.first]\ntoken = "{INLINE}"\n[suppliers.second]\n'
        '[suppliers.third]\ntoken_file = "third.token"\n[suppliers.fourth]\n',
    )
    if by_itself:
        state_folder.prepare(site.folder / "state")
        open_store(site.database, agent=True).close()
        alone(site)
    else:
        site.start()
    found = serving(site)
    pid = int(found["pid"])
    assert 'lang="fr"' in get(f"{found['url']}/sign-in")[1]
    assert get(f"{found['metrics_url']}/metrics")[0] == 200
    variables = Path(f"/proc/{pid}/environ").read_text()
    assert "SUPPLIER_AGENT" not in variables
    assert "CREDENTIALS" not in variables
    arguments = Path(f"/proc/{pid}/cmdline").read_text()
    opened = {Path(each.readlink()).name for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink()}
    assert state_folder.PAGE_LOCK in opened
    assert not opened & {
        "third.token",
        "token-fourth",
        "credentials",
        site.config.name,
        state_folder.LOCK,
        state_folder.LEDGER,
    }
    known = memory_of(pid)
    assert b"127.0.0.1" in known  # so it is really its memory
    for token in (INLINE, BY_VARIABLE, IN_A_FILE, AS_A_CREDENTIAL):
        assert token.encode() not in known
        assert token not in variables + arguments


def test_what_is_handed_over_holds_no_secret_and_is_otherwise_the_same() -> None:
    settings = Settings(
        heartbeat_url="https://s3cret.example/a",
        schedule={"business_hours": "08:00-24:00", "business_days": "mon-fri"},
        web={"listen": "127.0.0.1:80", "stations": [{"name": "Bench", "page": "100x150", "language": "tr"}]},
        http={"ca_file": "own/ca.pem"},
        alerts={"urls": ["json://s3cret.example"], "digest_at": ""},
        suppliers={
            "notio": {"token": "s3cret", "token_next": "s3cret2", "start_date": "2026-11-21"},
            "asir-group": {"token_file": "/run/token", "heartbeat_url": "https://s3cret.example/b"},
        },
    )
    handed = without_secrets(settings, WANTED)
    assert "s3cret" not in handed
    again = read_back(handed, {"HTTPS_PROXY": "http://proxy.example:3128", "SUPPLIER_AGENT_X": "1"})
    assert again.network_env == {"HTTPS_PROXY": "http://proxy.example:3128"}
    assert again.http.ca_file == Path.cwd() / "own/ca.pem"  # the other process works in another folder
    for same in ("state_dir", "timezone", "schedule", "web", "metrics", "ship", "log", "keep"):
        assert getattr(again, same) == getattr(settings, same)


@pytest.mark.parametrize(
    "changed", [{"alerts": {"urls": ["json://x.example"]}}, {"heartbeat_url": "https://x.example"}]
)
def test_what_changes_only_for_the_agent_changes_nothing_for_the_page(changed: dict[str, Any]) -> None:
    settings: dict[str, Any] = {"web": {"listen": "127.0.0.1:80"}, "suppliers": {"notio": {"token_file": "/run/token"}}}
    assert without_secrets(Settings(**settings), WANTED) == without_secrets(Settings(**settings | changed), WANTED)


def test_passwords_without_which_nothing_can_be_printed_are_handed_over() -> None:
    printer, proxy = "ipps://user:s3cret@printer.example/ipp", "http://user:s3cret@proxy.example:3128"
    stations = [{"name": "Bench", "printer": printer}, {"name": "Other"}]
    settings = Settings(
        web={"listen": "127.0.0.1:80", "stations": stations}, http={"proxy": proxy}, suppliers={"notio": {"token": "t"}}
    )
    again = read_back(without_secrets(settings, WANTED), {})
    assert again.web == settings.web
    way_out = egress.of(again).proxy_for("https", "printer.example", 631)
    assert way_out is not None
    assert way_out == egress.of(settings).proxy_for("https", "printer.example", 631)


def test_a_child_knows_no_variable_but_those_it_needs() -> None:
    env = {"PATH": "/bin", "LC_ALL": "C", "SUPPLIER_AGENT_X": "1", "NOTIFY_SOCKET": "/run/n", "AWS_SECRET": "x"}
    way_out = {name: "x" for each in ("HTTPS", "HTTP", "NO") for name in (f"{each}_PROXY", f"{each}_PROXY".lower())}
    way_out |= {"SSL_CERT_FILE": "x", "SSL_CERT_DIR": "x"}
    assert set(environment(env | way_out)) == {"PATH", "LC_ALL", "PYTHONPATH", *way_out}


def test_the_daemon_imports_nothing_of_the_page() -> None:
    code = (
        "import sys, supplier_agent.runtime.daemon, supplier_agent.cli.serve, supplier_agent.runtime.page_process\n"
        "print([each for each in sys.modules if each.split('.')[0] in ('uvicorn', 'starlette', 'jinja2')"
        " or each.startswith('supplier_agent.web')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# -- it is kept alive --------------------------------------------------------------------------------------------------


@pytest.mark.slow  # takes seconds
def test_a_page_that_dies_is_started_again_and_the_agent_works_on(site: Site) -> None:
    site.configure(PAGE)
    agent = site.start()
    first = serving(site)
    os.kill(first["pid"], signal.SIGKILL)
    until(lambda: report(site).get("pid") != first["pid"])
    second = serving(site, but=first["pid"])
    assert get(f"{second['url']}/sign-in")[0] == 200
    assert agent.poll() is None
    said = site.stop(agent)
    assert "ended unexpectedly (code -9); it is started again in 1 s" in said
    assert not is_alive(second["pid"])


def test_a_page_dies_with_its_agent(site: Site) -> None:
    site.configure(PAGE)
    agent = site.start()
    pid = serving(site)["pid"]
    agent.kill()
    until(lambda: not is_alive(pid), seconds=15)


@pytest.mark.slow
def test_a_page_that_hangs_does_not_hold_up_a_stop(site: Site) -> None:
    site.configure(PAGE)
    agent = site.start()
    pid = serving(site)["pid"]
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    site.stop(agent)
    assert time.monotonic() - began < GRACE_SECONDS + 10
    assert not is_alive(pid)


@pytest.mark.slow
def test_a_reload_takes_the_page_along_where_something_changed_for_it(site: Site) -> None:
    site.configure(PAGE)
    agent = site.start()
    first = serving(site)
    site.configure(PAGE + '[alerts]\nurls = ["json://127.0.0.1:9"]\n')
    agent.send_signal(signal.SIGHUP)
    until(lambda: "configuration.adopted" in _heard(agent))
    assert report(site)["pid"] == first["pid"]
    site.configure(PAGE + 'language = "pl"\n')
    agent.send_signal(signal.SIGHUP)
    second = serving(site, but=first["pid"])
    assert 'lang="pl"' in get(f"{second['url']}/sign-in")[1]
    site.configure("")
    agent.send_signal(signal.SIGHUP)
    until(lambda: not is_alive(second["pid"]) and report(site)["phase"] == STOPPED)
    site.stop(agent)


def _heard(agent: "subprocess.Popen[str]") -> str:
    assert agent.stderr is not None
    return agent.stderr.readline()


@pytest.mark.slow
def test_run_serves_no_page_while_another_process_does(site: Site) -> None:
    site.configure(PAGE)
    site.run("run", "--once", code=0)
    page = alone(site)
    first = serving(site)
    assert first["pid"] == page.pid
    agent = site.start()
    until(lambda: "page.lock" in _heard(agent))
    assert "another process serves the page" in _refused(site)
    assert report(site)["pid"] == page.pid
    assert get(f"{first['url']}/healthz")[0] == 200
    page.send_signal(signal.SIGTERM)
    assert page.wait(15) == 0
    second = serving(site, but=page.pid)
    assert get(f"{second['url']}/healthz")[0] == 200
    site.stop(agent)


def _refused(site: Site) -> str:
    site.run("page", code=75)
    return site.said


def test_a_page_without_anything_to_serve_says_so(site: Site) -> None:
    site.configure("")
    site.run("page", code=78)
    assert "[web] listen" in site.said


def test_the_addresses_for_machines_need_no_page(site: Site) -> None:
    site.configure('[metrics]\nlisten = "127.0.0.1:0"\n')
    agent = site.start()
    found = serving(site)
    assert found["url"] == ""
    for path, status in (("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/sign-in", 404)):
        assert get(found["metrics_url"] + path)[0] == status
    assert get(f"{found['metrics_url']}/metrics", Host="evil.example")[0] == 421
    agent.kill()
    agent.wait()


# -- it says what it cannot do -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_port_that_is_taken_is_a_problem_until_it_is_free(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        site.configure(PAGE.replace(":0", f":{port}"))
        agent = site.start()
        until(lambda: report(site).get("trouble"))
        problem = f"the page cannot listen on 127.0.0.1:{port}: Address already in use"
        until(lambda: site.sql("SELECT count(*) FROM orders")[0][0])
        told = site.json("status", code=1)
        assert any(each["what"].startswith(problem) for each in told["problems"])
        assert not told["healthy"]
    found = serving(site)
    assert get(f"{found['url']}/sign-in")[0] == 200
    assert not [each for each in site.json("status")["problems"] if "listen" in each["what"]]
    said: list[str] = []
    while not said or "problem.solved" not in said[-1]:
        said.append(_heard(agent))
    assert sum("cannot listen" in line for line in said) == 1
    assert "cannot listen" not in site.stop(agent)
    assert report(site)["phase"] == STOPPED


@pytest.mark.slow
def test_a_page_is_opened_again_when_the_database_was_replaced(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    site.configure(PAGE.replace(":0", f":{port}"))
    site.run("run", "--once")
    alone(site)
    url = serving(site)["url"]
    store = open_store(site.database)
    with store.write() as tx:
        people.add(tx, "Anna", people.PACKER, PIN, SALT, SystemClock().now())
    store.backup(site.folder / "copy.db")
    store.close()
    with browsing(url) as anna:
        anna.sign_in("Anna", "Page")
        (site.folder / "copy.db").replace(site.database)
        for each in ("-wal", "-shm"):
            site.database.with_name(site.database.name + each).unlink(missing_ok=True)
        anna.get("/")
        assert "was moved or replaced" in anna.html  # nothing is written beside the new one
        until(lambda: _shows(anna, "Anna"))


def _shows(browser: Browser, text: str) -> bool:
    """Tell whether a page shows something; one that is not there for a moment shows nothing."""
    with contextlib.suppress(httpx.TransportError):
        return text in browser.get("/") and browser.status == 200
    return False
