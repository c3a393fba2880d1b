"""The SKU map: a CSV file that says which SKU of the shop each SKU of the marketplace is. It is read again when it has changed."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from supplier_agent.base.errors import ConfigError

COLUMNS = ("menzzo_sku", "shop_sku")
_LARGEST_BYTES = 16 << 20
EXPORT_IT = f"Save it as CSV in UTF-8, with the columns {' and '.join(COLUMNS)} in its first line."


def read_map(path: Path) -> Mapping[str, str]:
    """Return the shop's SKU of each SKU. Raises ConfigError if the file cannot be used; rows without both SKUs are left out."""
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"The SKU map {path} cannot be read: {error.strerror or type(error).__name__}.",
            "Correct sku_map, or let the user that runs the agent read the file.",
        ) from None
    if len(content) > _LARGEST_BYTES:
        raise ConfigError(f"The SKU map {path} is larger than 16 MiB.", EXPORT_IT)
    try:
        text = content.decode("utf-8-sig")
        head = text.partition("\n")[0]
        rows = list(csv.DictReader(io.StringIO(text), delimiter=";" if head.count(";") > head.count(",") else ","))
    except (ValueError, csv.Error):
        raise ConfigError(f"The SKU map {path} is not a CSV file in UTF-8.", EXPORT_IT) from None
    if (rows and not {*COLUMNS} <= rows[0].keys()) or (not rows and not all(name in head for name in COLUMNS)):
        raise ConfigError(f"The SKU map {path} has no columns {' and '.join(COLUMNS)}.", EXPORT_IT)
    found = {}
    for row in rows:
        ours, theirs = ((row.get(name) or "").strip() for name in COLUMNS)
        if ours and theirs:
            found[ours] = theirs
    return found


class SkuMap:
    """The map of one shop. path: None if the shop uses the marketplace's SKUs."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._read: tuple[tuple[int, int], Mapping[str, str]] | None = None  # None: not read yet

    @property
    def path(self) -> Path | None:
        """The file; None: there is none."""
        return self._path

    def shop_sku(self, sku: str) -> str | None:
        """Return the shop's SKU; None: the map does not have it. Raises ConfigError if the file cannot be used."""
        if self._path is None:
            return sku
        try:
            facts = self._path.stat()
        except OSError:
            return read_map(self._path).get(sku)  # raises, with its sentence
        mark = (facts.st_mtime_ns, facts.st_size)
        if self._read is None or self._read[0] != mark:
            self._read = mark, read_map(self._path)
        return self._read[1].get(sku)
