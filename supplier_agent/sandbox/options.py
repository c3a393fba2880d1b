"""What a person gives the sandbox on its command line: shops, faults, and what the documentation leaves open."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar, get_args, get_type_hints

from supplier_agent.base.errors import UsageError
from supplier_agent.sandbox import faults, support
from supplier_agent.sandbox.businessonbot import ENDPOINT as BOT
from supplier_agent.sandbox.businessonbot import BotSemantics
from supplier_agent.sandbox.carriers import DESKS, Scans, open_carrier
from supplier_agent.sandbox.faults import Fault
from supplier_agent.sandbox.listing import Semantics
from supplier_agent.sandbox.shops import PLATFORMS, ShopSemantics, open_shop
from supplier_agent.sandbox.support import SupportSemantics
from supplier_agent.sandbox.world import World

ENDPOINTS = (
    "get-sales",
    "acknowledge-sale",
    "ship-sale",
    "label",
    "webhook",
    BOT,
    *sorted(support.ENDPOINTS),
    *PLATFORMS,
    *DESKS,
)
FAULTS: Mapping[str, Callable[[], Fault]] = {
    "hang": lambda: faults.hang(applied=False),
    "slow": lambda: faults.late(5),
    "lost": lambda: faults.close(applied=True),
    "close": lambda: faults.close(applied=False),
    "reset": lambda: faults.reset(applied=False),
    "half": lambda: faults.half_body(applied=True),
    "garbage": lambda: faults.garbage(applied=False),
    "html": faults.html,
    "empty": faults.empty,
    "huge": lambda: faults.status(200, body=b"x" * (8 << 20)),
    "bomb": faults.gzip_bomb,
    "redirect": lambda: faults.redirect("https://elsewhere.example/"),
}
"""By name; a number is a status, like 500 or 429. Only `slow`, `lost` and `half` take effect before the answer fails."""
FOR_EVER = 1 << 30
LOWEST_STATUS, STATUSES_END = 200, 600
T = TypeVar("T", Semantics, SupportSemantics, ShopSemantics, Scans, BotSemantics)
_CREDENTIALS = dict.fromkeys(("woocommerce", "shopify"), ("key_file", "secret_file"))
"""The keys of a platform's credentials, if they are not `token_file`."""


def arm(world: World, given: Iterable[str]) -> None:
    """Arm faults: `ship-sale:500` for every request, `ship-sale:lost:3` for the next three. Raises UsageError."""
    for each in given:
        endpoint, _, rest = each.partition(":")
        name, colon, times = rest.partition(":")
        fault = _named(name)
        if endpoint not in ENDPOINTS or fault is None or (colon and not _is_number(times)):
            raise UsageError(
                f"--fault {each} is not ENDPOINT:FAULT or ENDPOINT:FAULT:TIMES",
                f"ENDPOINT: {', '.join(ENDPOINTS)}; FAULT: a status, or {', '.join(FAULTS)}",
            )
        world.faults.arm(endpoint, fault, times=int(times) if colon else FOR_EVER)


def _named(name: str) -> Fault | None:
    """Return the fault with this name; None: there is none."""
    if _is_number(name) and LOWEST_STATUS <= int(name) < STATUSES_END:
        return faults.status(int(name))
    return FAULTS[name]() if name in FAULTS else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < len(str(FOR_EVER))


@dataclass(frozen=True)
class Chosen:
    """How each side behaves."""

    marketplace: Semantics = field(default_factory=Semantics)
    support: SupportSemantics = field(default_factory=SupportSemantics)
    shop: ShopSemantics = field(default_factory=ShopSemantics)
    carrier: Scans = field(default_factory=Scans)
    bot: BotSemantics = field(default_factory=BotSemantics)


def semantics_of(given: Iterable[str], marketplace: Semantics | None = None) -> Chosen:
    """Return what KEY=VALUE choose: of the marketplace, or, after `support.`, `shop.` or a similar name, of that side.

    marketplace: how it behaves otherwise; None: by the defaults. Raises UsageError.
    """
    chosen = Chosen(marketplace or Semantics())
    for each in given:
        name, _, value = each.partition("=")
        side, _, key = name.rpartition(".")
        if side == "support":
            chosen = replace(chosen, support=_chosen(chosen.support, key, value, each))
        elif side == "shop":
            chosen = replace(chosen, shop=_chosen(chosen.shop, key, value, each))
        elif side == "carrier":
            chosen = replace(chosen, carrier=_chosen(chosen.carrier, key, value, each))
        elif side == BOT:
            chosen = replace(chosen, bot=_chosen(chosen.bot, key, value, each))
        else:
            chosen = replace(chosen, marketplace=_chosen(chosen.marketplace, name, value, each))
    return chosen


def _chosen(present: T, key: str, value: str, given: str) -> T:
    hints: Mapping[str, Any] = get_type_hints(type(present))
    names = {each.name for each in fields(present)}
    if key in names:
        choices = get_args(hints[key])
        read = _READ.get(hints[key])
        found = read(value) if read is not None else value if value in choices else None
        if found is not None:
            changed: dict[str, Any] = {key: found}
            return replace(present, **changed)
        expected = ", ".join(map(str, choices)) or hints[key].__name__
        raise UsageError(f"--semantics {given} has no such value", f"expected: {expected}")
    raise UsageError(f"--semantics {given} has no such key", f"there are: {', '.join(sorted(names))}")


def _number(kind: Callable[[str], int | float]) -> Callable[[str], int | float | None]:
    def read(value: str) -> int | float | None:
        try:
            return kind(value)
        except ValueError:
            return None

    return read


_READ: Mapping[Any, Callable[[str], object]] = {
    bool: {"true": True, "false": False}.get,
    int: _number(int),
    float: _number(float),
    str: lambda value: value or None,
}
"""How a value is read, by the type of its key; None: it cannot be."""


def open_shops(world: World, given: Iterable[str], semantics: ShopSemantics) -> None:
    """Open these platforms' shops in a world, each with the products that its orders need. Raises UsageError."""
    for platform in given:
        if platform not in PLATFORMS:
            raise UsageError(f"there is no stand-in of {platform}", f"there are: {', '.join(PLATFORMS)}")
        shop = world.shops[platform] = open_shop(platform, world.clock, semantics)
        for sku in sorted({order.sku for supplier in world.tokens for order in world.orders(supplier)}):
            shop.store.sells(sku)


def open_carriers(world: World, semantics: Scans) -> None:
    """Let every carrier answer."""
    world.carriers |= {name: open_carrier(name, world.clock, semantics) for name in DESKS}


def carrier_sections(world: World, url: str) -> str:
    """Return what to paste for each carrier, or ""."""
    files = ("key_file", "secret_file")
    return "".join(
        f"\n# {', '.join(f'{key}: {each}' for key, each in zip(files, desk.credentials.split(chr(10)), strict=False))}\n"
        f'[suppliers.NAME.{name}]\nurl = "{url}/{name}"\n'
        + "".join(f'{key} = "…"\n' for key, _ in zip(files, desk.credentials.split(chr(10)), strict=False))
        for name, desk in world.carriers.items()
    )


def shop_sections(world: World, url: str) -> str:
    """Return what to paste for each shop, or ""."""
    return "".join(
        f"\nThe shop {platform} is at {url}/{platform}. Its credentials, one per line of this text, go into files of their own:\n"
        + "".join(f"  {secret}\n" for secret in shop.credentials.split("\n"))
        + f'\n[suppliers.NAME.shop]\nplatform = "{platform}"\nurl = "{url}/{platform}"\n'
        + "".join(f'{key} = "…"\n' for key in _CREDENTIALS.get(platform, ("token_file",)))
        for platform, shop in world.shops.items()
    )
