"""Pictures of products, in `state_dir/pictures`: a folder of bounded size. They can be fetched again, so the oldest are removed."""

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from supplier_agent.base import files
from supplier_agent.marketplace.support import Picture

FOLDER = "pictures"


@dataclass(frozen=True)
class PictureFolder:
    """The folder. most_bytes: of all pictures together."""

    state_dir: Path
    most_bytes: int

    def keep(self, supplier: str, sku: str, picture: Picture) -> str | None:
        """Store a picture; return its path relative to state_dir. None: it cannot be stored, and is shown as missing."""
        name = hashlib.blake2b(f"{supplier}/{sku}".encode(), digest_size=16).hexdigest()
        path = Path(FOLDER) / f"{name}.{picture.suffix}"
        file = self.state_dir / path
        try:
            files.folder(file.parent)
            files.replace(file, picture.content, 0o640)
        except OSError:
            return None
        with suppress(OSError):  # another thread has removed one of them
            self._make_room(file)
        return path.as_posix()

    def _make_room(self, newest: Path) -> None:
        """Remove the oldest pictures until all of them together are small enough."""
        found = [(entry.stat(), Path(entry.path)) for entry in os.scandir(newest.parent) if entry.is_file()]
        total = sum(stat.st_size for stat, _ in found)
        for stat, path in sorted(found, key=lambda each: each[0].st_mtime_ns):
            if total <= self.most_bytes:
                return
            if path != newest:
                path.unlink(missing_ok=True)
                total -= stat.st_size
