"""What a person gives the sandbox on its command line: shops, faults, and what the documentation leaves open."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar, get_args, get_type_hints

from supplier_agent.base.errors import UsageError
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.faults import Fault
from supplier_agent.sandbox.listing import Semantics
from supplier_agent.sandbox.shops import PLATFORMS, ShopSemantics, open_shop
from supplier_agent.sandbox.world import World

ENDPOINTS = ("get-sales", "acknowledge-sale", "ship-sale", "label", *PLATFORMS)
FAULTS: Mapping[str, Callable[[], Fault]] = {
    "close": lambda: faults.close(applied=True),
    "reset": lambda: faults.reset(applied=True),
    "hang": lambda: faults.hang(applied=True),
    "half-body": lambda: faults.half_body(applied=True),
    "garbage": lambda: faults.garbage(applied=True),
    "html": faults.html,
    "empty": lambda: faults.empty(applied=True),
    "gzip-bomb": faults.gzip_bomb,
    "redirect": lambda: faults.redirect("https://elsewhere.example/"),
    "status-401": lambda: faults.status(401),
    "status-404": lambda: faults.status(404),
    "status-429": lambda: faults.status(429, headers=(("Retry-After", "30"),)),
    "status-500": lambda: faults.status(500),
    "status-503": lambda: faults.status(503),
}
"""By name. The first six take effect before the answer is lost."""
T = TypeVar("T", Semantics, ShopSemantics)


def arm(world: World, given: Iterable[str]) -> None:
    """Arm faults given as ENDPOINT:FAULT or ENDPOINT:FAULT:TIMES. Raises UsageError."""
    for each in given:
        endpoint, _, rest = each.partition(":")
        name, _, times = rest.partition(":")
        if endpoint not in ENDPOINTS or name not in FAULTS or not (times or "1").isdecimal():
            raise UsageError(
                f"--fault {each} is not ENDPOINT:FAULT or ENDPOINT:FAULT:TIMES",
                f"ENDPOINT: {', '.join(ENDPOINTS)}; FAULT: {', '.join(FAULTS)}",
            )
        world.faults.arm(endpoint, FAULTS[name](), times=int(times or "1"))


def semantics_of(given: Iterable[str]) -> tuple[Semantics, ShopSemantics]:
    """Return what KEY=VALUE choose: of the marketplace, or, with `shop.` before the key, of the shops. Raises UsageError."""
    marketplace, shop = Semantics(), ShopSemantics()
    for each in given:
        key, _, value = each.partition("=")
        if key.startswith("shop."):
            shop = _chosen(shop, key.removeprefix("shop."), value, each)
        else:
            marketplace = _chosen(marketplace, key, value, each)
    return marketplace, shop


def _chosen(present: T, key: str, value: str, given: str) -> T:
    hints: Mapping[str, Any] = get_type_hints(type(present))
    names = {each.name for each in fields(present)}
    if key in names:
        choices = get_args(hints[key])
        readers: dict[object, Callable[[str], object]] = {
            bool: {"true": True, "false": False}.get,
            int: _number(int),
            float: _number(float),
        }
        read = readers.get(hints[key])
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


def open_shops(world: World, given: Iterable[str], semantics: ShopSemantics) -> None:
    """Open these platforms' shops in a world, each with the products that its orders need. Raises UsageError."""
    for platform in given:
        if platform not in PLATFORMS:
            raise UsageError(f"there is no stand-in of {platform}", f"there are: {', '.join(PLATFORMS)}")
        shop = world.shops[platform] = open_shop(platform, world.clock, semantics)
        for sku in sorted({order.sku for supplier in world.tokens for order in world.orders(supplier)}):
            shop.store.sells(sku)


def shop_sections(world: World, url: str) -> str:
    """Return what to paste for each shop, or ""."""
    return "".join(
        f"\nThe shop {platform} is at {url}/{platform}. Its credentials, one per line of this text, go into files of their own:\n"
        + "".join(f"  {secret}\n" for secret in shop.credentials.split("\n"))
        + f'\n[suppliers.NAME.shop]\nplatform = "{platform}"\nurl = "{url}/{platform}"\n'
        + "".join(
            f'{key} = "…"\n' for key in {"woocommerce": ("key_file", "secret_file")}.get(platform, ("token_file",))
        )
        for platform, shop in world.shops.items()
    )
