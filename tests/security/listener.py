"""Ears on every loopback address: whoever is talked into a connection elsewhere is heard here."""

import socket
import threading
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self

ADDRESSES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "127.0.0.2"), (socket.AF_INET6, "::1"))


class Listener:
    """One port on all of them. `heard` holds the first bytes of every connection."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.port = 0
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Listen, on IPv6 where there is any."""
        for family, address in ADDRESSES:
            with suppress(OSError):
                ear = self._open.enter_context(socket.create_server((address, self.port), family=family))
                self.port = ear.getsockname()[1]
                threading.Thread(target=self._hear, args=(ear,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop listening."""
        self._open.close()

    def _hear(self, ear: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = ear.accept()
                connection.settimeout(1)
                with connection, suppress(OSError):
                    self.heard.append(b"")
                    self.heard[-1] = connection.recv(4096)
