"""How an answer is put on the wire, whole or as a fault wants it."""

import os
import select
import socket
import struct
import threading
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus

from supplier_agent.clock import SystemClock
from supplier_agent.sandbox.exchange import Answer
from supplier_agent.sandbox.faults import Fault, Wire

_REAL = SystemClock()  # sockets do not wait for a clock that a test moves
_LOOK_SECONDS = 0.02  # how soon a client that left, or a sandbox that stops, is noticed
_NO_LINGER = struct.pack("ii", 1, 0)  # closing then sends RST instead of FIN


def reset(connection: socket.socket) -> None:
    """Reset the connection. It is detached first, since files made of it would keep it open."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    os.close(connection.detach())


class Sending:
    """One answer on its way over one connection."""

    def __init__(self, connection: socket.socket, stopping: threading.Event, now: datetime) -> None:
        self._connection = connection
        self._stopping = stopping
        self._now = now

    def send(self, answer: Answer, fault: Fault | None, *, keep: bool, with_body: bool) -> bool:
        """Send the answer as the fault wants it, and tell whether the connection may serve another request."""
        wire = Wire.WHOLE if fault is None else fault.wire
        keep = keep and wire in (Wire.WHOLE, Wire.LATE, Wire.DRIP_HEAD, Wire.DRIP_BODY, Wire.EXTRA_BYTES)
        head = self._head(answer, keep=keep, lengths=_lengths(answer, fault))
        body = answer.body if with_body else b""
        if fault is None:
            self._connection.sendall(head + body)
        else:
            self._spoilt(head, body, fault)
        return keep

    def _spoilt(self, head: bytes, body: bytes, fault: Fault) -> None:
        match fault.wire:
            case Wire.RESET:
                reset(self._connection)
            case Wire.HANG:
                self._client_waits(fault.seconds)
            case Wire.LATE:
                if self._client_waits(fault.seconds):
                    self._connection.sendall(head + body)
            case Wire.DRIP_HEAD:
                self._drip(head, fault.seconds)
                self._connection.sendall(body)
            case Wire.DRIP_BODY:
                self._connection.sendall(head)
                self._drip(body, fault.seconds)
            case _:
                self._connection.sendall(_at_once(head, body, fault))

    def _head(self, answer: Answer, *, keep: bool, lengths: list[int]) -> bytes:
        lines = [
            f"HTTP/1.1 {answer.status} {_phrase(answer.status)}",
            f"Date: {format_datetime(self._now, usegmt=True)}",
            *(f"{name}: {value}" for name, value in answer.headers),
            *(f"Content-Length: {length}" for length in lengths),
            f"Connection: {'keep-alive' if keep else 'close'}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _drip(self, data: bytes, seconds: float | None) -> None:
        for place in range(len(data)):
            self._connection.sendall(data[place : place + 1])
            if not self._client_waits(seconds):
                raise ConnectionAbortedError

    def _client_waits(self, seconds: float | None) -> bool:
        """Wait so long, None for ever; False as soon as the client has closed or the sandbox stops."""
        ends_at = None if seconds is None else _REAL.monotonic() + seconds
        while not self._stopping.is_set():
            left = _LOOK_SECONDS if ends_at is None else ends_at - _REAL.monotonic()
            if left <= 0:
                return True
            readable, _, _ = select.select([self._connection], [], [], min(left, _LOOK_SECONDS))
            if readable and not self._connection.recv(1, socket.MSG_PEEK):
                return False
            if readable:
                self._stopping.wait(min(left, _LOOK_SECONDS))
        return False


def _at_once(head: bytes, body: bytes, fault: Fault) -> bytes:
    match fault.wire:
        case Wire.CLOSE:
            return b""
        case Wire.GARBAGE:
            return fault.data
        case Wire.HALF_HEAD:
            return head[: len(head) // 2]
        case Wire.HALF_BODY:
            return head + body[: len(body) // 2]
    return head + body + fault.data


def _lengths(answer: Answer, fault: Fault | None) -> list[int]:
    if answer.status == HTTPStatus.NO_CONTENT or (fault is not None and not fault.measured):
        return []
    length = len(answer.body)
    return [length, length + 5] if fault is not None and fault.wire is Wire.TWO_LENGTHS else [length]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
