"""The same shop, and the same tidying up after a command, as the promises have."""

from tests.promises.conftest import _as_before, shop

__all__ = ["_as_before", "shop"]
