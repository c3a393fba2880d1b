"""Standard Webhooks (https://www.standardwebhooks.com): what a secret looks like, and the signature. For both directions."""

import base64
import binascii
import hashlib
import hmac

PREFIX = "whsec_"
VERSION = "v1"
LEAST_BYTES, MOST_BYTES = 24, 64
"""How long a secret is."""
MOST_FILE_BYTES = 4096
"""As much of a file with secrets is read: several, while one replaces another."""


def key_of(secret: str) -> bytes | None:
    """Return the key of a secret as it is written, with or without its prefix; None if it is none."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if LEAST_BYTES <= len(key) <= MOST_BYTES else None


def signature(key: bytes, event_id: str, at: str, body: bytes) -> bytes:
    """Return the signature of a body with this id and time (seconds since 1970, as they are sent)."""
    return hmac.digest(key, f"{event_id}.{at}.".encode() + body, hashlib.sha256)
