"""`check`: proves before the first order what would otherwise be found out at 17:00. Each finding names its cure."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from supplier_agent import health, lock, reading, standing, state
from supplier_agent.clock import Clock
from supplier_agent.errors import AgentError, ConfigError
from supplier_agent.journal import asked, read_done, write
from supplier_agent.marketplace import Listing, Marketplace, Means, Wire
from supplier_agent.pace import Pace
from supplier_agent.settings import Settings
from supplier_agent.store import Store, open_store

SAFE_SQLITE = (3, 51, 3)
LEAST_FREE_BYTES = 64 * 1024 * 1024
OTHERS, STAFF, STAFF_FILE = 0o007, 0o770, 0o660
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "glusterfs"}


class Report:
    """What was found, line by line. `exit_code` is the contract's first of those that hold."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._codes: set[int] = set()

    @property
    def exit_code(self) -> int:
        """Return 0 if nothing is wrong; doubts do not count."""
        return next((code for code in health.EXIT_ORDER if code in self._codes), 0)

    def good(self, what: str) -> None:
        """Note what is as it should be."""
        self._tell(f"ok       {what}")

    def doubt(self, what: str, cure: str = "") -> None:
        """Note what works, but is probably not what was meant."""
        self._tell(f"warning  {what}" + (f"\n         {cure}" if cure else ""))

    def bad(self, what: str, cure: str, exit_code: int) -> None:
        """Note what does not work."""
        self._codes.add(exit_code)
        self._tell(f"WRONG    {what}\n         {cure}")

    def error(self, error: AgentError) -> None:
        """Note an error that another room worded."""
        self.bad(error.what, error.cure, error.exit_code)


def environment(report: Report, settings: Settings, env: Mapping[str, str], clock: Clock) -> None:
    """Check the folder, rights, disk, clock, SQLite and tokens. Sends nothing; reads tokens, but never shows one."""
    _folder(report, settings.state_dir)
    _database(report, settings)
    if clock.now().year < 2025:  # noqa: PLR2004 - older than this program
        report.bad(f"the clock says {clock.now():%Y-%m-%d %H:%M} UTC", "set it: timedatectl set-ntp true", 78)
    else:
        local = clock.now().astimezone(settings.timezone)
        report.good(f"clock: {local:%Y-%m-%d %H:%M} in {settings.timezone.key}")
    if sqlite3.sqlite_version_info < SAFE_SQLITE:
        report.doubt(
            f"SQLite is {sqlite3.sqlite_version}; before 3.51.3, two programs that write at once can, rarely, damage the database",
            "prefer the container, or a Python with a newer SQLite; make backups: supplier-agent backup FILE",
        )
    for name in settings.suppliers:
        try:
            settings.token_of(name, env)
            report.good(f"{name}: a token is there")
        except ConfigError as error:
            report.error(error)
        token_file = settings.suppliers[name].token_file
        if token_file is not None and token_file.exists() and stat.S_IMODE(token_file.stat().st_mode) & OTHERS:
            report.doubt(f"{token_file} may be read by everybody on this machine", f"chmod 600 {token_file}")


def _folder(report: Report, state_dir: Path) -> None:
    if not state_dir.exists():
        parent = next(folder for folder in state_dir.parents if folder.exists())
        if os.access(parent, os.W_OK):
            report.good(f"state folder: {state_dir} will be created")
        else:
            report.bad(
                f"{state_dir} does not exist and cannot be created here",
                f"sudo install -d -m 2770 -o supplier-agent -g supplier-agent {state_dir}",
                78,
            )
        return
    if not state_dir.is_dir() or not os.access(state_dir, os.R_OK | os.W_OK | os.X_OK):
        report.bad(
            f"{state_dir} is not a folder that this user may write", "run it as the agent's user, or join its group", 78
        )
        return
    mode = stat.S_IMODE(state_dir.stat().st_mode)
    if mode & OTHERS or mode & STAFF != STAFF:
        report.doubt(f"{state_dir} has mode {mode:04o}, not 2770", f"chmod 2770 {state_dir}")
    free = shutil.disk_usage(state_dir).free
    if free < LEAST_FREE_BYTES:
        report.bad(
            f"only {free >> 20} MB are free in {state_dir}",
            "free some disk space: a full disk stops acknowledging and shipping",
            74,
        )
    kind = _file_system(state_dir)
    if kind in NETWORK_FILE_SYSTEMS:
        report.bad(
            f"{state_dir} is on a network file system ({kind}), where SQLite's locks do not hold",
            "set state_dir to a local disk",
            78,
        )
    else:
        report.good(f"state folder: {state_dir} (mode {mode:04o}, {free >> 20} MB free)")


def _file_system(folder: Path) -> str:
    """Return the kind of the file system that holds a folder, after /proc/self/mounts; "" where there is none to ask."""
    try:
        mounts = Path("/proc/self/mounts").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    fields = [line.split(" ") for line in mounts]
    real = folder.resolve()
    holding = [(len(parts[1]), parts[2]) for parts in fields if real.is_relative_to(parts[1])]
    return max(holding)[1] if holding else ""


def _database(report: Report, settings: Settings) -> None:
    database = settings.state_dir / state.DATABASE
    if not database.exists():
        report.good("database: not there yet; the first run creates it")
        return
    try:
        store = open_store(database)
        try:
            with store.write():
                pass
        finally:
            store.close()
        mode = stat.S_IMODE(database.stat().st_mode)
        if mode & STAFF_FILE != STAFF_FILE or mode & OTHERS:
            report.doubt(
                f"{database} has mode {mode:04o}, not 0660: staff may not be able to flag orders",
                f"chmod 660 {database}",
            )
        report.good(f"database: {database} can be read and written")
    except AgentError as error:
        report.error(error)
    except PermissionError:
        report.bad(f"{database} may not be read by this user", "run it as the agent's user, or join its group", 74)


def marketplace(report: Report, settings: Settings, env: Mapping[str, str], clock: Clock) -> None:
    """Prove each supplier's token with one read; while an agent runs, show its last read instead of making one."""
    lock_file = settings.state_dir / state.LOCK
    if lock.is_held(lock_file):
        _last_reads(report, settings)
        return
    state.prepare(settings.state_dir)
    held = lock.InstanceLock(lock_file, "check", clock)
    database = settings.state_dir / state.DATABASE
    store = open_store(database, agent=True) if database.exists() else None
    try:
        for name in settings.suppliers:
            _one_read(report, settings, name, env, clock, store)
    finally:
        if store is not None:
            store.close()
        held.release()


def _last_reads(report: Report, settings: Settings) -> None:
    store = open_store(settings.state_dir / state.DATABASE)
    try:
        with store.read() as tx:
            for name in settings.suppliers:
                supplier = standing.known_supplier(tx, name)
                if supplier.token_refused_at is not None:
                    report.bad(
                        f"{name}: the marketplace refuses the token", "ask technique@menzzo.fr for a new one", 77
                    )
                elif supplier.last_success_at is None:
                    report.doubt(f"{name}: the agent that is running has not read it yet", "supplier-agent status")
                else:
                    report.good(
                        f"{name}: last read well at {supplier.last_success_at:%Y-%m-%d %H:%M} UTC by the agent that is running"
                    )
    finally:
        store.close()


def _one_read(
    report: Report, settings: Settings, name: str, env: Mapping[str, str], clock: Clock, store: Store | None
) -> None:
    try:
        token = settings.token_of(name, env)
    except ConfigError:
        return  # said already
    account = Marketplace(
        supplier=name,
        base_url=settings.base_url,
        token=lambda: token,
        wire=Wire(clock, settings.http.timeout_seconds),
        pace=Pace(clock, settings.requests_per_second),
        max_label_bytes=settings.http.max_label_bytes,
        label_origins=settings.http.label_origins,
        clock=clock,
        stopping=lambda: True,  # one request, no second try
    )
    today, earlier = clock.now().astimezone(settings.timezone).date(), frozenset[str]()
    if store is not None:
        with store.read() as tx:
            earlier = asked(tx, name, clock.now(), settings.suppliers[name].cache_seconds)
    query, started_at = reading.probe(today, earlier).query, clock.now()
    answer = account.get_sales(query)
    if store is not None:
        with store.write() as tx:
            write(tx, name, read_done(query, answer, started_at, clock.now()), None)
    if isinstance(answer, Listing):
        took = (clock.now() - started_at) / timedelta(milliseconds=1)
        report.good(f"{name}: the token works (orders of today on the first page: {len(answer.rows)}; {took:.0f} ms)")
    elif answer.means is Means.TOKEN_REFUSED:
        report.bad(
            f"{name}: the marketplace refuses the token (HTTP {answer.http_status})",
            "ask technique@menzzo.fr for a new one",
            77,
        )
    elif answer.means is Means.NOT_FOUND:
        report.bad(
            f"{name}: the marketplace does not know this address (404)",
            f"is suppliers.{name} the name in your API's path, and base_url right?",
            78,
        )
    else:
        report.bad(
            f"{name}: the read failed: {answer.detail}", "is base_url right, and does this machine reach it?", 69
        )
