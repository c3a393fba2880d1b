"""A real CUPS of our own in a temporary folder, and a printer at the other end that keeps what arrives."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

CUPSD = shutil.which("cupsd", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")
LPADMIN = shutil.which("lpadmin", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")
SECONDS = 20.0

_FILES = """\
ServerRoot {here}/etc
RequestRoot {here}/spool
TempDir {here}/spool
CacheDir {here}/cache
StateDir {here}/run
AccessLog {here}/log/access
ErrorLog {here}/log/error
PageLog {here}/log/page
SystemGroup root
"""
_DAEMON = """\
Listen 127.0.0.1:{port}
Browsing Off
DefaultAuthType None
WebInterface No
<Location />
  Order allow,deny
  Allow all
</Location>
<Location /admin>
  Order allow,deny
  Allow all
</Location>
<Policy default>
  <Limit All>
    Order deny,allow
  </Limit>
</Policy>
"""


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def wait(holds: Callable[[], bool]) -> None:
    """Wait until something holds, as long as a slow machine may take."""
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def answers(port: int) -> bool:
    """Tell whether somebody listens."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@contextmanager
def paper_end() -> Iterator[tuple[int, "Queue[bytes]"]]:
    """Listen as a network printer does (port 9100 of old); yield the port, and each job that arrives."""
    jobs: Queue[bytes] = Queue()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    job = b""
                    while chunk := connection.recv(65536):
                        job += chunk
                if job:
                    jobs.put(job)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1], jobs
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(SECONDS)


@contextmanager
def cups(here: Path) -> Iterator[int]:
    """Run a CUPS until the block ends; yield its port."""
    port = free_port()
    for name in ("etc", "spool", "cache", "run", "log"):
        (here / name).mkdir()
        (here / name).chmod(0o1777)  # its filters and backends run as another user
    here.chmod(0o755)
    (here / "etc/cups-files.conf").write_text(_FILES.format(here=here))
    (here / "etc/cupsd.conf").write_text(_DAEMON.format(port=port))
    assert CUPSD is not None
    with (here / "log/out").open("wb") as out:
        process = subprocess.Popen(
            [CUPSD, "-f", "-c", here / "etc/cupsd.conf", "-s", here / "etc/cups-files.conf"], stdout=out, stderr=out
        )
    try:
        wait(lambda: answers(port) or process.poll() is not None)
        assert process.poll() is None, (here / "log/out").read_text()
        yield port
    finally:
        process.terminate()
        process.wait(SECONDS)


def add_printer(port: int, name: str, to: int, driver: str) -> bool:
    """Make a queue that prints to a port of this machine; False if CUPS has no such driver."""
    assert LPADMIN is not None
    command = [LPADMIN, "-h", f"127.0.0.1:{port}", "-p", name, "-E", "-v", f"socket://127.0.0.1:{to}", "-m", driver]
    return subprocess.run(command, capture_output=True, timeout=SECONDS, check=False).returncode == 0


def dots(zpl: bytes) -> list[bytes]:
    """Return the rows of the picture in a ZPL job, a byte for eight dots, unpacked from Zebra's own compression."""
    head, _, packed = zpl.partition(b"~DGR:CUPS.GRF,")[2].partition(b"\n")
    _, per_row, _ = head.split(b",")
    width = int(per_row) * 2  # in digits
    packed = packed.partition(b"^")[0]
    rows: list[str] = []
    row, count = "", 0
    for sign in packed.decode().replace("\n", ""):
        if "G" <= sign <= "Y":
            count += ord(sign) - ord("F")
        elif "g" <= sign <= "z":
            count += (ord(sign) - ord("f")) * 20
        elif sign == ",":
            row = row.ljust(width, "0")
        elif sign == "!":
            row = row.ljust(width, "F")
        elif sign == ":":
            row = rows[-1]
        else:
            row, count = row + sign * max(count, 1), 0
        if len(row) == width:
            rows.append(row)
            row = ""
    return [bytes.fromhex(each) for each in rows]


def size_in_dots(rows: list[bytes]) -> tuple[int, int]:
    """Return width and height of what is black."""
    black = [row for row in rows if any(row)]
    columns = 0
    for row in black:
        columns |= int.from_bytes(row, "big")
    first = next(index for index, row in enumerate(rows) if any(row))
    last = next(index for index, row in reversed(list(enumerate(rows))) if any(row))
    return columns.bit_length() - ((columns & -columns).bit_length() - 1), last - first + 1
