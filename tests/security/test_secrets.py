"""A canary in the place of the token, through a day on which everything goes wrong: it is found in nothing that was written."""

import base64
import io
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from supplier_agent.base import log
from supplier_agent.base.clock import SystemClock
from supplier_agent.db import state_folder
from supplier_agent.db.state_folder import InstanceLock
from supplier_agent.runtime.once import run_once
from supplier_agent.runtime.wiring import assemble
from supplier_agent.sandbox import faults
from supplier_agent.settings import load
from tests.promises.shop import ROOT, SUPPLIER, Shop, open_shop
from tests.world.clocks import until

pytestmark = pytest.mark.slow

CANARY = "canary-7f3a/91c+ZQ=="
ECHO = f'{{"error": "no such token: Bearer {CANARY}", "authorization": "Bearer {CANARY}"}}'.encode()
SPELLINGS = (
    CANARY,
    quote(CANARY, safe=""),
    CANARY.replace("/", "\\/"),
    base64.b64encode(CANARY.encode()).decode().rstrip("="),
    CANARY[:12],
    CANARY[-12:],
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path, 10) as shop:
        shop.world.tokens[SUPPLIER] = CANARY
        (tmp_path / "token").write_text(CANARY + "\n")
        (tmp_path / "token").chmod(0o600)
        shop.configure()
        text = shop.config.read_text().partition("[suppliers")[0]
        shop.config.write_text(f'{text}[suppliers.{SUPPLIER}]\ntoken_file = "{tmp_path / "token"}"\n')
        yield shop


def arm_everything(shop: Shop) -> None:
    """Let each order meet another fault; where a server can repeat the token, it does."""
    plan, ids = shop.world.faults, [order.menzzo_order_id for order in shop.orders]
    plan.arm("get-sales", faults.status(500, body=ECHO))
    plan.arm("get-sales", faults.status(200, body=ECHO), nth=2)
    for this, code in zip(ids, (500, 200, 400, 404, 401, 422, 503), strict=False):
        plan.arm("acknowledge-sale", faults.status(code, body=ECHO), menzzo_order_id=this)
        plan.arm("ship-sale", faults.status(code, body=ECHO), menzzo_order_id=this)
        plan.arm("label", faults.status(code, body=ECHO), menzzo_order_id=this)
    plan.arm(
        "acknowledge-sale", faults.redirect(f"http://{CANARY[:6]}.example/?t={quote(CANARY)}"), menzzo_order_id=ids[7]
    )
    plan.arm("acknowledge-sale", faults.garbage(applied=False, data=ECHO), menzzo_order_id=ids[8])
    plan.arm("label", faults.redirect(f"https://user:{quote(CANARY)}@127.0.0.1:1/"), menzzo_order_id=ids[8])
    plan.arm("ship-sale", faults.reset(applied=True), menzzo_order_id=ids[9])


def found(*texts: str | bytes) -> list[str]:
    """Return every spelling of the canary that is in there."""
    whole = b"\0".join(text.encode() if isinstance(text, str) else text for text in texts)
    return [spelling for spelling in SPELLINGS if spelling.encode() in whole]


def debugged(shop: Shop, form: str) -> str:
    """Run one cycle with everything logged, in that form."""
    said, clock = io.StringIO(), SystemClock()
    settings = load(shop.config, {})
    state_folder.prepare(settings.state_dir)
    lock = InstanceLock(settings.state_dir / state_folder.LOCK, "run --once", clock)
    with ThreadPoolExecutor(4) as executor:
        logger = log.Log(log.set_up({}, said, form=form, level="debug"))
        agent, close = assemble(settings, {}, clock, executor, logger, round_at=clock.now())
        run_once(agent, lambda text: print(text, file=said), lambda: False)
        said.write(
            repr(agent)
            + repr(settings)
            + repr(agent.accounts)
            + repr([account.tools for account in agent.accounts.values()])
        )
        close()
    lock.release()
    return said.getvalue()


def test_the_token_is_in_nothing_that_was_ever_written(shop: Shop) -> None:
    arm_everything(shop)
    said = [debugged(shop, "json"), debugged(shop, "journal")]
    shop.flag()
    said.append(debugged(shop, "json"))
    for words in (
        ("orders",),
        ("orders", "--json"),
        ("status",),
        ("status", "--json"),
        ("check",),
        ("check", "--offline"),
        ("run", "--once", "--dry-run"),
        ("retry", "--all"),
        ("--help",),
        ("backup", str(shop.folder / "copy.db")),
        *(("order", order.menzzo_order_id) for order in shop.orders[4:]),
        *(("order", order.menzzo_order_id, "--json") for order in shop.orders[:4]),
    ):
        shop.run(*words)
    assert len(shop.world.requests()) > 40
    assert "[token]" in "".join(shop.said), "no server has repeated the token: the test does not test what it should"
    assert not found(*said, *shop.said)
    files = [path for path in shop.folder.rglob("*") if path.is_file() and path.name != "token"]
    assert {"agent.db", "shipped.jsonl", "copy.db"} <= {path.name for path in files}
    assert not found(*(path.read_bytes() for path in files))
    assert (shop.folder / "copy.db").stat().st_mode & 0o7777 == 0o600


@pytest.mark.parametrize(
    "text", [f"{CANARY}\n{CANARY}", f"{CANARY} {CANARY}", f"{CANARY}é", f"{CANARY}\x00"], ids=ascii
)
def test_a_token_that_cannot_be_used_is_not_shown(shop: Shop, text: str) -> None:
    (shop.folder / "token").write_text(text)
    assert shop.cycle() == 78
    assert shop.run("check", "--offline").code == 78
    head = shop.config.read_text().partition("token_file")[0]
    shop.config.write_text(head + f"token = {text!r}\n".replace("'", '"'))
    for words in (("run", "--once"), ("check",)):
        assert shop.run(*words).code == 78
    assert shop.run("orders").code == (78 if "\x00" in text else 0), "it reads no token; a NUL is no TOML"
    shop.config.write_text(head + f'token = "{CANARY}"\ntokn = "{CANARY}"\n')
    assert shop.run("orders").code == 78
    assert not found(*shop.said)


def test_no_process_shows_the_token_to_others_and_the_judge_of_pdfs_never_has_it(shop: Shop) -> None:
    """A token from the environment is the agent's alone: what reads hostile files does not inherit it."""
    head = shop.config.read_text().partition("token_file")[0]
    shop.config.write_text(head + "cache_seconds = 0\n")
    with shop.daemon({"SUPPLIER_AGENT_SUPPLIERS__NOTIO__TOKEN": CANARY}) as daemon:
        until(lambda: any((shop.state_dir / "labels").rglob("*.pdf")), "a label is on disk")
        family = [daemon.pid, *map(int, " ".join(each.read_text() for each in tasks(daemon.pid)).split())]
        assert len(family) == 2, "the judge of PDFs is not there"
        for pid in family:
            assert not found(Path(f"/proc/{pid}/cmdline").read_bytes())
        assert not found(Path(f"/proc/{family[1]}/environ").read_bytes())
    assert not found(*shop.said)


def tasks(pid: int) -> list[Path]:
    """Return where the children of each thread are listed."""
    return list(Path(f"/proc/{pid}/task").glob("*/children"))


@pytest.mark.parametrize("umask", ["000", "022", "077"])
def test_no_file_is_open_to_others_whatever_the_umask_was(shop: Shop, umask: str) -> None:
    command = f'umask {umask}; exec "$0" -m supplier_agent --config "$1" run --once'
    words = ["sh", "-c", command, sys.executable, str(shop.config)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    modes = {path.name: path.stat().st_mode & 0o7777 for path in shop.state_dir.rglob("*") if path.is_file()}
    labels = {f"{order.menzzo_order_id}.pdf": 0o640 for order in shop.orders}
    assert modes == labels | {
        "agent.db": 0o660,
        "agent.lock": 0o660,
        "health.json": 0o640,
        "shipped.jsonl": 0o600,
        "mask.key": 0o600,
    }
    assert shop.state_dir.stat().st_mode & 0o7777 == 0o2770
    assert not [path for path in shop.state_dir.rglob("*") if path.stat().st_mode & 0o007]
