"""List answers gone wrong: rows put together from odd pieces, and bytes changed at random. The same dice give the same answers."""

import json
import random
from collections.abc import Sequence

GOOD_ROW = {
    "menzzo_order_id": "15000012345_789",
    "sku": "SOFA-1",
    "quantity": 1,
    "price": 250.5,
    "link_to_label": "https://api.menzzo.fr/api/files/label.pdf",
    "order_date": "2026-01-15",
    "carrier": "CHRONOPOST",
}
IDS = (
    '"15000012345_789"',
    '"15000012345_790"',
    '"15-0_0_1"',
    '"1_1"',
    '"1_99999999999999999999"',
    '"150_1\\n"',
    '"\\u0661_2"',
    '"../x_1"',
    '"x\\u0000_1"',
    '"_1"',
    '"1_"',
    '"\\ud800_1"',
    "15000012345",
    f'"{"9" * 61}_1"',
    f'"{"9" * 10_000}_1"',
)
ODD = (
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1.0",
    "1.5",
    "2.345",
    "1e2",
    "1E400",
    "1e999999999",
    "-0",
    "NaN",
    "-Infinity",
    "9223372036854775808",
    "12345678901234567.89",
    "9" * 5000,
    f"0.{'1' * 5000}",
    '""',
    '" "',
    '"1"',
    '" 12 "',
    '"1,5"',
    '"250.00"',
    '"\\u0663"',
    '"2026-01-15"',
    '"2026-02-30"',
    '"2026-01-15T23:30:00+01:00"',
    '"0000-00-00"',
    '"15/01/2026"',
    '"\\u001b[31mred"',
    '"\\u0000"',
    '"\\ud83d\\ude00"',
    '"\\ud83d"',
    '"\u202eABC"',
    '"<script>alert(1)</script>"',
    f'"{"x" * 300}"',
    "[]",
    "{}",
    "[[[[1]]]]",
    '{"success": true}',
    "[" * 200 + "]" * 200,
)
TOKENS = (
    b"",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\x00",
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"NaN",
)
WRAPPED = (
    '{"data": %s}',
    '{"orders": %s, "page": 1}',
    '{"success": false, "data": %s}',
    '{"data": [], "sales": %s}',
    "[%s]",
)


def rows(dice: random.Random) -> str:
    """Return a list of rows whose fields are sound, odd, doubled, renamed or missing."""
    text = "[" + dice.choice((",", ", ", " ,\n")).join(_row(dice) for _ in range(dice.randrange(5))) + "]"
    return dice.choice(WRAPPED) % text if dice.random() < 0.1 else text


def _row(dice: random.Random) -> str:
    if dice.random() < 0.05:
        return dice.choice(ODD)
    fields = []
    for name, value in GOOD_ROW.items():
        roll = dice.random()
        if roll < 0.05:
            continue
        text = json.dumps(value)
        if name == "menzzo_order_id" and roll < 0.6:
            text = dice.choice(IDS) if roll < 0.2 else f'"{dice.randrange(1000)}_{dice.randrange(3)}"'
        elif roll < 0.2:
            text = dice.choice(ODD)
        elif name == "price" and roll < 0.7:  # money must not pass through a float: 1.15 × 100 is 114.99999999999999
            text = f"{dice.randrange(10 ** dice.randrange(1, 9))}.{dice.randrange(100):02d}"
        fields.append(f'"{name}": {text}')
        if roll > 0.97:
            fields.append(f'"{name}": {dice.choice(ODD)}')
    if dice.random() < 0.1:
        dice.shuffle(fields)
    return "{" + ", ".join(fields) + "}"


def mutated(dice: random.Random) -> bytes:
    """Return the body of one list answer."""
    body = rows(dice).encode("utf-8", "surrogatepass")
    for _ in range(dice.choice((0, 0, 1, 1, 2, 5))):
        body = _change(dice, body)
    return body


def _change(dice: random.Random, body: bytes) -> bytes:
    at, end = sorted(dice.randrange(len(body) + 1) for _ in range(2))
    end = min(end, at + 40)
    match dice.randrange(6):
        case 0:
            return body[:at] + bytes([dice.randrange(256)]) + body[at + 1 :]
        case 1:
            return body[:at] + dice.choice(TOKENS) + body[at:]
        case 2:
            return body[:at] + body[end:]
        case 3:
            return body[:end] + body[at:end] + body[end:]
        case 4:
            return body[:at] + dice.choice(ODD).encode("utf-8", "surrogatepass") + body[end:]
        case _:
            return body[:end]


def many(seed: int, count: int) -> Sequence[bytes]:
    """Return so many answers of one seed."""
    dice = random.Random(seed)
    return [mutated(dice) for _ in range(count)]
