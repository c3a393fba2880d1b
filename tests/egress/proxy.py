"""A CONNECT proxy of bare sockets, and a certificate authority of one's own."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class ConnectProxy:
    """Opens ways to the ports that names stand for; answers other requests itself. Keeps every head that it read."""

    def __init__(self, names: Mapping[str, int], answer: bytes | None = None) -> None:
        self._names, self._answer = names, answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.heads: list[bytes] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def url(self, user: str = "") -> str:
        """Return the proxy's address; `user` is user:password."""
        return f"http://{f'{user}@' if user else ''}127.0.0.1:{self.port}"

    @property
    def targets(self) -> list[str]:
        """What it was asked for."""
        return [head.split(b" ")[1].decode() for head in self.heads]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(10)
        with client:
            try:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += client.recv(1)
                self.heads.append(head)
                if self._answer is not None:
                    client.sendall(self._answer)
                elif head.startswith(b"CONNECT "):
                    name = head.split(b" ")[1].decode().rpartition(":")[0]
                    with socket.create_connection(("127.0.0.1", self._names[name]), timeout=10) as server:
                        client.sendall(OPENED)
                        back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                        back.start()
                        _pump(client, server)
                        back.join(10)
                else:
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            except OSError:
                return


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


@dataclass(frozen=True)
class Authority:
    """An authority that no machine trusts, and a server that shows a certificate by it."""

    ca_file: Path
    server: ssl.SSLContext


def authority(folder: Path, *names: str) -> Authority:
    """Make an authority, and a certificate by it for these names."""
    ca_key, ca, key, request, cert, ext = (
        folder / name for name in ("ca.key", "ca.pem", "key.pem", "request.pem", "cert.pem", "ext")
    )
    curve = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    ext.write_text(f"subjectAltName={','.join(f'DNS:{name}' for name in names)}\n")
    commands = [
        f"openssl req -x509 {curve} -days 2 -subj /CN=ours -keyout {ca_key} -out {ca} -addext keyUsage=critical,keyCertSign",
        f"openssl req {curve} -subj /CN=server -keyout {key} -out {request}",
        f"openssl x509 -req -in {request} -CA {ca} -CAkey {ca_key} -CAcreateserial -days 2 -extfile {ext} -out {cert}",
    ]
    for command in commands:
        subprocess.run(command.split(), check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    return Authority(ca, server)
