"""The body of an answer, up to a limit, however it is compressed."""

import zlib
from collections.abc import Iterable

GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
BARE_DEFLATE = -zlib.MAX_WBITS


class TooLargeError(Exception):
    """The body is longer than the limit."""


class UndecodableError(Exception):
    """The body does not match its Content-Encoding. The message is our own sentence."""


def collect(chunks: Iterable[bytes], limit_bytes: int) -> bytes:
    """Join the chunks; raise TooLargeError at the first byte above the limit."""
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit_bytes:
            raise TooLargeError
        parts.append(chunk)
    return b"".join(parts)


def decode(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Unpack a body that the server compressed although we asked for `identity`.

    Raises TooLargeError before a decompression bomb unfolds, UndecodableError for anything but one complete gzip or deflate stream.
    """
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip" | "deflate" if not body:
            return body
        case "gzip" | "x-gzip":
            return _inflate(body, GZIP_OR_ZLIB, limit_bytes)
        case "deflate":
            zlib_header = body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2], "big") % 31 == 0  # RFC 1950, 2.2
            return _inflate(body, GZIP_OR_ZLIB if zlib_header else BARE_DEFLATE, limit_bytes)
        case _:
            raise UndecodableError("the answer came in a Content-Encoding that was not asked for")


def _inflate(body: bytes, wbits: int, limit_bytes: int) -> bytes:
    inflater = zlib.decompressobj(wbits)
    try:
        plain = inflater.decompress(body, limit_bytes + 1)
    except zlib.error as error:
        raise UndecodableError("the answer's compression is broken") from error
    if len(plain) > limit_bytes:
        raise TooLargeError
    if not inflater.eof or inflater.unused_data:
        raise UndecodableError("the answer's compressed body is cut short or followed by something else")
    return plain
