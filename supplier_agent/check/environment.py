"""The third layer of `check`: the folder, the database, disk, clock and tokens, as they are on this machine. Sends nothing."""

import os
import shlex
import shutil
import sqlite3
import stat
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import AgentError, ConfigError
from supplier_agent.base.files import is_of_the_system
from supplier_agent.check import evidence, rights, webhooks
from supplier_agent.check.report import Report
from supplier_agent.db import state_folder
from supplier_agent.db.store import Store, open_store
from supplier_agent.db.triggers import TRIGGERS
from supplier_agent.reports.health import strangers
from supplier_agent.settings import Settings, egress

FIXED_SQLITE = (3, 51, 3)
ALSO_FIXED_SQLITE = ((3, 44, 6), (3, 50, 7))
RESTORE = "stop the agent, and restore a backup (docs/how-to/backup-and-restore.md): supplier-agent restore FILE"
LEAST_FREE_BYTES, FEW_FREE_BYTES = 64 << 20, 1 << 30
EARLIEST_YEAR = 2026
"""A time before this program was made: the clock is wrong."""
LARGEST_TO_PROVE_BYTES = 500 << 20
"""A larger database is checked completely only on request, because that takes minutes."""
NETWORK = {
    *("nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "9p", "afs", "ncpfs", "davfs", "beegfs"),
    *("ceph", "glusterfs", "lustre", "gpfs", "fuse.sshfs", "fuse.glusterfs", "fuse.cephfs", "fuse.rclone"),
    *("fuse.s3fs", "fuse.davfs2", "fuse.smbnetfs"),
}
PASSING = {"overlay", "aufs", "tmpfs", "ramfs"}
"""File systems that disappear with the container or the power."""
SHARED = ("/dev", "/opt", "/run", "/usr", "/var")
"""Folders shared by many programs, often root's, and readable by everyone."""
MOUNTS = Path("/proc/self/mounts")
TOKENS = Path("/etc/supplier-agent/tokens")
"""Where an installation keeps token files."""


def look(
    report: Report,
    settings: Settings,
    env: Mapping[str, str],
    clock: Clock,
    tokens: Mapping[str, str],
    *,
    thorough: bool = False,
) -> None:
    """Check everything that needs no network. `tokens` are those already known; none is ever shown.

    `thorough`: check the whole database, however large.
    """
    if _folder(report, settings.state_dir):
        _disk(report, settings.state_dir)
        _file_system(report, settings.state_dir)
        _lock(report, settings.state_dir / state_folder.LOCK)
        _database(report, settings.state_dir / state_folder.DATABASE, settings, thorough=thorough)
    _clock(report, settings, clock)
    _sqlite(report)
    _way_out(report, settings)
    for name in settings.suppliers:
        _token(report, settings, name, env, tokens)
    webhooks.look(report, settings, env)


def _folder(report: Report, folder: Path) -> bool:
    """Tell whether the state folder exists and can be read."""
    try:
        there = folder.stat()
    except FileNotFoundError:
        parent = next(each for each in folder.parents if each.exists())
        if os.access(parent, os.W_OK):
            report.good(f"state folder: {folder} will be created")
        else:
            cure = rights.pasted(
                *("sudo", "install", "-d", "-m", "2770", "-o", "supplier-agent", "-g", "supplier-agent", folder)
            )
            report.bad(f"{folder} does not exist, and {_me()} cannot create it", cure, 78)
        return False
    except OSError as error:
        report.bad(f"{folder} cannot be accessed: {error.strerror}", _as_the_agent(), 78)
        return False
    if not stat.S_ISDIR(there.st_mode):
        report.bad(f"{folder} is not a folder", "correct state_dir in the configuration", 78)
        return False
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
        what = f"{folder} is mounted read-only" if read_only else f"{_me()} may not write {folder}"
        report.bad(what, "mount it read-write, or correct state_dir" if read_only else _as_the_agent(), 78)
        return False
    for name in (state_folder.LABELS, state_folder.PRIVATE, state_folder.LEDGER, state_folder.LOCK):
        path = folder / name
        if rights.is_plain(path) and not os.access(path, os.R_OK | os.W_OK):
            what = f"{_me()} may not write {path}; it should belong to the same user as the folder"
            report.bad(what, rights.pasted("sudo", "chown", f"--reference={folder}", path), 74)
    report.good(f"state folder: {_me()} may write {folder} (mode {stat.S_IMODE(there.st_mode):04o})")
    return True


def _me() -> str:
    return f"uid {os.geteuid()}"


def _as_the_agent() -> str:
    return "run this as the agent's user (sudo -u supplier-agent supplier-agent check), or join its group"


def _disk(report: Report, folder: Path) -> None:
    free, files = shutil.disk_usage(folder).free, os.statvfs(folder)
    shown = f"{free >> 20} MB" if free < FEW_FREE_BYTES else f"{free / (1 << 30):.0f} GB"
    cure = f"free some space below {folder}: a full disk stops acknowledging and shipping"
    if free < LEAST_FREE_BYTES:
        report.bad(f"only {shown} are free in {folder}", cure, 74)
    elif files.f_files and not files.f_favail:
        report.bad(f"no more files can be created in {folder} (no inodes are left)", cure, 74)
    elif free < FEW_FREE_BYTES:
        report.doubt(f"{shown} are free in {folder}; 1,000 labels take about 100 MB", cure)
    else:
        report.good(f"disk: {shown} free")


def file_system(folder: Path, mounts: str) -> str:
    """Return the type of a folder's file system, from the text of /proc/self/mounts; "" if it is not found."""
    holding = []
    for number, line in enumerate(mounts.splitlines()):
        fields = line.split(" ")
        place = fields[1].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        if folder.is_relative_to(place):
            holding.append((len(place), number, fields[2]))  # of two mounts on one path, the later one is visible
    return max(holding)[2] if holding else ""


def _file_system(report: Report, folder: Path) -> None:
    try:
        kind = file_system(folder.resolve(), MOUNTS.read_text(errors="replace"))
    except OSError:
        report.doubt(f"{MOUNTS} cannot be read", f"make sure that {folder} is on a local disk, not on a network share")
        return
    if kind in NETWORK:
        what = f"{folder} is on a network file system ({kind}), where SQLite's locks do not hold"
        report.bad(what, "set state_dir to a local disk", 78)
    elif kind in PASSING:
        what = f"{folder} is on {kind}: it is lost with the container, and with it the record of what was shipped"
        report.doubt(what, f"mount a volume there (docker run -v {shlex.quote(f'supplier-agent:{folder}')} …)")
    else:
        report.good(f"file system: {kind or 'unknown'}, on this machine")


def _lock(report: Report, path: Path) -> None:
    if state_folder.is_held(path):
        report.good(f"lock: held by {state_folder.holder(path)}")
    else:
        report.good("lock: free, no agent runs on this state")


def _database(report: Report, database: Path, settings: Settings, *, thorough: bool) -> None:
    if not database.exists():
        report.good("database: not there yet; the first run creates it")
        return
    try:
        with closing(open_store(database)) as store:
            with store.write():
                pass
            _guards(report, store)
            with store.read() as tx:
                for problem in strangers(tx, settings):
                    report.bad(f"{problem.supplier}: {problem.what}", problem.cure, problem.exit_code)
        size = database.stat().st_size
        if size > LARGEST_TO_PROVE_BYTES and not thorough:
            report.note(
                f"database: {database} can be read and written; not checked completely: {size / 1e9:.1f} GB",
                "to check it completely, which takes minutes: supplier-agent check --offline --thorough",
            )
            return
        evidence.look(report, database, settings.state_dir / state_folder.LEDGER)
        said = _proven(database)
    except AgentError as error:
        report.error(error)
        return
    except sqlite3.Error as error:
        report.bad(f"{database} cannot be checked: {error}", RESTORE, 74)
        return
    if said == "ok":
        report.good(f"database: {database} can be read and written, and is undamaged")
    else:
        report.bad(f"{database} is damaged: {said}", RESTORE, 74)


def _proven(database: Path) -> str:
    """Return SQLite's result of checking the whole database: "ok", or the first damage."""
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])


def _guards(report: Report, store: Store) -> None:
    with store.read() as tx:
        rows = tx.connection().exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
    found = {str(name): str(sql) for name, sql in rows}
    missing = [name for name, sql in TRIGGERS.items() if found.get(name) != sql.strip()]
    if missing:
        what = f"the database's triggers are missing or changed: {', '.join(missing)}"
        report.doubt(what, "restart the agent: each start creates them again (systemctl restart supplier-agent)")


def _clock(report: Report, settings: Settings, clock: Clock) -> None:
    now = clock.now()
    if now.year < EARLIEST_YEAR:
        report.bad(f"the clock says {now:%Y-%m-%d %H:%M} UTC", "set it: sudo timedatectl set-ntp true", 78)
        return
    report.good(f"clock: {now.astimezone(settings.timezone):%Y-%m-%d %H:%M} in {settings.timezone.key}")
    here, there = now.astimezone().utcoffset(), now.astimezone(settings.timezone).utcoffset()
    if here != there and os.environ.get("TZ", "UTC") != "UTC":
        report.doubt(
            f"this machine's own zone is not {settings.timezone.key}: business_hours follow the configuration, not the machine",
            'right if the warehouse is elsewhere; else timezone = "…" in the configuration',
        )


def _way_out(report: Report, settings: Settings) -> None:
    """Report which proxy leads to the marketplace, and which certificates are trusted."""
    try:
        way_out = egress.of(settings)
        for url in dict.fromkeys((settings.base_url, *settings.http.label_origins)):
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
            proxy = way_out.proxy_for(parts.scheme, parts.hostname or "", port)
            by = "directly" if proxy is None else f"through the proxy {proxy.shown} ({proxy.said_by})"
            report.good(f"network: {url} is reached {by}")
        way_out.ssl_context()
    except AgentError as error:
        report.error(error)
        return
    trust = way_out.trust()
    if trust.said_by == "certifi":
        report.doubt(
            "this machine has no store of trusted certificates: the bundled list is used, which becomes outdated",
            "install one (Debian, Ubuntu: sudo apt install ca-certificates), or set ca_file in [http]",
        )
    elif trust.said_by == "system":
        report.good(f"certificates: the system's, in {trust.shown}")
    else:
        report.good(f"certificates: only those in {trust.shown} ({trust.said_by})")


def is_fixed(version: tuple[int, int, int]) -> bool:
    """Tell whether this SQLite has the fix of the WAL-reset bug: 3.51.3, or a backport to an older branch."""
    return version >= FIXED_SQLITE or any(version[:2] == each[:2] and version >= each for each in ALSO_FIXED_SQLITE)


def _sqlite(report: Report) -> None:
    if is_fixed(sqlite3.sqlite_version_info[:3]):
        report.good(f"SQLite: {sqlite3.sqlite_version}")
        return
    report.note(
        f"SQLite is {sqlite3.sqlite_version}; before 3.51.3, two programs that write at once can, very rarely, damage the database",
        "there is nothing to fix here: your system decides which SQLite Python uses, and Debian 12's has no fix. Make a backup\n"
        "every night, and mark orders as shipped by command or page, not by an SQL program that writes while the agent runs",
    )


def _token(report: Report, settings: Settings, name: str, env: Mapping[str, str], tokens: Mapping[str, str]) -> None:
    if name in tokens:
        report.good(f"{name}: a token is there, which systemd passes to the service")
        return
    try:
        settings.token_of(name, env)
        report.good(f"{name}: a token is there")
    except ConfigError as error:
        report.error(error)
        return
    file = settings.suppliers[name].token_file
    if file is not None and stat.S_IMODE(file.stat().st_mode) & stat.S_IRWXO:
        what, own = f"{file} may be read by everyone on this machine", TOKENS / name
        if _is_a_token_s_own(file, settings):
            report.doubt(what, rights.pasted("chmod", "600", file))
        else:
            ours = ("-m", "600", "-o", "supplier-agent", "-g", "supplier-agent")
            install = rights.pasted("sudo", "install", *ours, "/dev/stdin", own)
            report.doubt(f"{what}, and may not be a token's own file", f"put the token into one: {install}")


def _is_a_token_s_own(file: Path, settings: Settings) -> bool:
    """Tell whether a file is clearly a token file, so that we may suggest changing its mode."""
    homes = [TOKENS.parent, *([settings.config_path.absolute().parent] if settings.config_path else [])]
    near = any(file.is_relative_to(home) for home in homes if home == TOKENS.parent or not is_of_the_system(home))
    shared = is_of_the_system(file) or any(file.resolve().is_relative_to(tree) for tree in SHARED)
    return rights.is_plain(file) and (near or (file.lstat().st_uid == os.geteuid() and not shared))
