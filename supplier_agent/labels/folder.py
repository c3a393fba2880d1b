"""Label files: checked, hashed, written completely or not at all; older versions are kept next to the newest.

labels/SUPPLIER/MENZZO_ORDER_ID.pdf is the newest; MENZZO_ORDER_ID.1.pdf, .2.pdf, … are the older versions, oldest first.
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from supplier_agent.base import files


@dataclass(frozen=True)
class Label:
    """A label on disk. `path` is relative to the state folder."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class NotALabel:
    """The downloaded file is not a complete PDF; `why` in a few words."""

    why: str


@dataclass(frozen=True)
class Fetched:
    """A downloaded file that was not checked yet. `label` is what it will be if it is a complete PDF."""

    label: Label
    part: Path


def stored(state_dir: Path, path: str | None, sha256: str | None) -> bytes | None:
    """Return a label as it was stored, or None if there is none, or if the file is missing or has changed."""
    if path is None:
        return None
    try:
        content = (state_dir / Path(path)).read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


class LabelFolder:
    """The labels of one state folder.

    A disk error is raised as OSError and never counts as a changed label; only a missing file or another hash does.
    """

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    def receive(self, supplier: str, menzzo_order_id: str, content: bytes) -> Label | Fetched:
        """Write the downloaded file next to its final place, for `accept`; or return the present label, if it is the same.

        Ids are checked when they are read (marketplace/listing.py), so they cannot lead to another folder.
        """
        folder = self._state_dir / "labels" / supplier
        files.folder(folder.parent)
        files.folder(folder)
        target = folder / f"{menzzo_order_id}.pdf"
        part = folder / f".{menzzo_order_id}.part"
        sha256 = hashlib.sha256(content).hexdigest()
        label = Label(str(target.relative_to(self._state_dir)), sha256, len(content))
        if _sha256_of(target) == sha256:
            return label
        with os.fdopen(files.create(part, 0o640), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return Fetched(label, part)

    def accept(self, fetched: Fetched, fault: Callable[[Path], str | None]) -> Label | NotALabel:
        """Make the downloaded file the newest label, if it is a complete PDF. `fault` returns why a file is not, or None."""
        why = fault(fetched.part)
        if why is not None:
            fetched.part.unlink()
            return NotALabel(why)
        target = self._state_dir / fetched.label.path
        if target.exists() and not _is_set_aside(target):
            self._set_aside(target)
        fetched.part.replace(target)
        files.flush(target.parent)
        return fetched.label

    def _set_aside(self, target: Path) -> None:
        """Give the present file a second name, so that the newest name always leads to a complete label."""
        number = 1
        while True:
            try:
                os.link(target, target.with_name(f"{target.stem}.{number}.pdf"))
            except FileExistsError:
                number += 1
            else:
                return

    def remove(self, path: str) -> None:
        """Remove a label and its older versions."""
        target = self._state_dir / path
        for older in target.parent.glob(f"{target.stem}.[0-9]*.pdf"):
            older.unlink(missing_ok=True)
        target.unlink(missing_ok=True)

    def clear_leftovers(self) -> None:
        """Remove files that a crash left incomplete. If one cannot be removed, it does no harm, and the start continues."""
        for part in self._state_dir.glob("labels/*/.*.part"):
            with suppress(OSError):
                part.unlink()

    def is_there(self, path: str, size: int | None) -> bool:
        """Tell whether there is a file of that size; cheap enough for every open order. True if it cannot be read now."""
        try:
            return (self._state_dir / path).stat().st_size == size
        except FileNotFoundError:
            return False
        except OSError:
            return True

    def is_whole(self, path: str, sha256: str) -> bool:
        """Tell whether the file is still the stored one. Raises OSError if it cannot be read now."""
        return _sha256_of(self._state_dir / path) == sha256


def _is_set_aside(target: Path) -> bool:
    """Tell whether an interrupted attempt has already given the present file its second name."""
    return any(other.samefile(target) for other in target.parent.glob(f"{target.stem}.[0-9]*.pdf"))


def _sha256_of(path: Path) -> str | None:
    """Return the hash of a file; None if there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
