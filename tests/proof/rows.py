"""The rows of the proof: the command behind each, what it holds, and about how long it takes on one core."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

NOT_LOST = "No listed order is lost"
NOT_DROPPED = "Nothing unreadable is dropped in silence"
ACKNOWLEDGED = "Acknowledge at least once"
NOT_UNASKED = "Ship never unasked"
ONCE = "Ship at most once without a person"
NOT_KNOWING = "Not knowing is said"
CONFIRMED = "Shipped says on what evidence"
ONE = "One at a time"
WHOLE = "A label on disk is whole"
STOPS = "It tells you when it stops"
TOKEN = "The token goes nowhere else"
TESTS = "Do the tests notice?"

PROMISES = (
    NOT_LOST,
    NOT_DROPPED,
    ACKNOWLEDGED,
    NOT_UNASKED,
    ONCE,
    NOT_KNOWING,
    CONFIRMED,
    ONE,
    WHOLE,
    STOPS,
    TOKEN,
    TESTS,
)
"""The headings of PROOF.md; all but the last are README's promises, word for word."""
ALL = PROMISES[:-1]
DAYS = (NOT_LOST, NOT_DROPPED, ACKNOWLEDGED, NOT_UNASKED, ONCE, NOT_KNOWING, CONFIRMED, WHOLE, STOPS)
CRASHES = (NOT_LOST, ACKNOWLEDGED, NOT_UNASKED, ONCE, NOT_KNOWING, CONFIRMED, WHOLE)


@dataclass(frozen=True)
class Row:
    """One command, which prints one JSON line or several. `least` is the smallest count that is enough, at full scale."""

    name: str
    command: Callable[[float, int], Sequence[str]]
    """Arguments of python, for a scale and a seed."""
    holds: Sequence[str]
    least: float = 0
    scaled: bool = True
    seconds: float = 30


def _many(full: int, scale: float, least: int = 1) -> str:
    return str(max(least, round(full * scale)))


def _long(name: str, **options: object) -> Sequence[str]:
    """Return the command of a long set. An option without a value is one that is given alone."""
    words = ([f"--{key.replace('_', '-')}", *([] if value is None else [str(value)])] for key, value in options.items())
    return "-m", f"tests.{name}", *(word for option in words for word in option)


def _suite(name: str) -> Callable[[float, int], Sequence[str]]:
    return lambda _scale, _seed: ("-m", "tests.proof.suite", name)


ROWS = (
    Row(
        "days",
        lambda scale, seed: _long(
            "simulation", workers=1, first_seed=seed, days=_many(3000, scale, 10), seeds=_many(120, scale, 2)
        ),
        DAYS,
        least=3000,
        seconds=2000,
    ),
    Row(
        "deaths",
        lambda scale, seed: _long("crash", workers=1, kills=_many(10_000, scale), seed=seed),
        CRASHES,
        least=10_000,
        seconds=1500,
    ),
    Row(
        "connected days",
        lambda scale, seed: _long(
            "simulation",
            workers=1,
            connected=None,
            first_seed=seed,
            days=_many(300, scale, 10),
            seeds=_many(20, scale, 2),
        ),
        DAYS,
        least=300,
        seconds=900,
    ),
    Row(
        "connected deaths",
        lambda scale, seed: _long("crash", workers=1, connected=None, kills=_many(1000, scale), seed=seed),
        CRASHES,
        least=1000,
        seconds=600,
    ),
    Row(
        "connected points",
        lambda _scale, _seed: _long("crash", workers=1, connected=None, singles=None),
        CRASHES,
        least=1,
        scaled=False,
        seconds=150,
    ),
    Row(
        "model",
        lambda scale, seed: _long("model", workers=1, sequences=_many(2000, scale), seed=seed),
        (NOT_UNASKED, ONCE, NOT_KNOWING, CONFIRMED, ONE),
        least=2000,
        seconds=2000,
    ),
    Row(
        "bugs",
        lambda scale, _seed: _long("mutants", workers=1, every=max(1, round(1 / scale))),
        (TESTS,),
        least=25,
        seconds=2500,
    ),
    Row(
        "together",
        lambda scale, _seed: _long("together", starts=_many(50, scale)),
        (ONCE, ONE),
        least=50,
        seconds=600,
    ),
    Row(
        "payloads",
        lambda scale, seed: _long("payloads", workers=1, count=_many(1_000_000, scale, 5000), seed=seed),
        (NOT_LOST, NOT_DROPPED),
        least=1_000_000,
        seconds=90,
    ),
    Row(
        "structures",
        lambda scale, seed: _long("payloads", workers=1, structures=_many(20_000, scale), seed=seed),
        (NOT_LOST, NOT_DROPPED),
        least=20_000,
        seconds=150,
    ),
    Row("memory", lambda _scale, _seed: _long("payloads", memory=None), (NOT_DROPPED, STOPS), seconds=10),
    Row(
        "marketplaces",
        lambda scale, seed: _long("semantics", cases=_many(60, scale), seed=seed, workers=1),
        (NOT_LOST,),
        least=60,
        seconds=300,
    ),
    Row(
        "weeks",
        lambda scale, seed: _long("weeks", cases=_many(63, scale), seed=seed, workers=1),
        (NOT_LOST, NOT_KNOWING),
        least=60,
        seconds=700,
    ),
    Row(
        "disk",
        lambda scale, _seed: _long("disk", most=_many(320, scale)),
        (NOT_LOST, ONCE),
        least=300,
        seconds=450,
    ),
    Row(
        "points",
        lambda _scale, _seed: _long("crash", workers=1, singles=None),
        CRASHES,
        least=1,
        scaled=False,
        seconds=60,
    ),
    Row("matrix", _suite("matrix"), (ONCE, NOT_KNOWING, CONFIRMED), least=160, scaled=False, seconds=20),
    Row("full disks", _suite("full disks"), (NOT_LOST, ONCE, WHOLE), scaled=False, seconds=40),
    Row("order of writes", _suite("order of writes"), (NOT_LOST, ONCE, WHOLE), scaled=False, seconds=10),
    Row("liveness", _suite("liveness"), (STOPS,), scaled=False, seconds=30),
    Row("security", _suite("security"), (TOKEN,), least=40, scaled=False, seconds=30),
    Row("promises", _suite("promises"), ALL, least=len(ALL), scaled=False, seconds=50),
    Row("branches", lambda _scale, _seed: _long("proof.coverage"), (TESTS,), least=100, scaled=False, seconds=200),
)

CLOSING = Row(
    "pairs",
    lambda _scale, seed: _long("crash", workers=2, pairs=-1, seed=seed),
    CRASHES,
    least=1,
    scaled=False,
)
"""Takes the time that the others leave, on both cores."""
