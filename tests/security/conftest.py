"""The same shop as the promises have."""

from tests.promises.conftest import shop

__all__ = ["shop"]
