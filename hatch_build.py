"""Leaves the commit in the package when it is built, so that `supplier-agent --version` can say it anywhere."""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PLACE = "supplier_agent/COMMIT"
QUESTION = ("git", "rev-parse", "--short=12", "HEAD")


class CustomBuildHook(BuildHookInterface[Any]):
    """Adds one small file. Where nobody knows the commit (an archive without git) it is left out."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the file aside and have it put in; the checkout itself stays as it is."""
        if version == "editable" or (Path(self.root) / PLACE).exists():  # the second: built from an sdist that has it
            return
        commit = os.environ.get("SOURCE_COMMIT", "") or self._by_git()
        if commit:
            descriptor, self._aside = tempfile.mkstemp(text=True)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(f"{commit}\n")
            build_data["force_include"][self._aside] = PLACE

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - as in hatchling
        """Remove the file that was written aside."""
        if hasattr(self, "_aside"):
            Path(self._aside).unlink(missing_ok=True)

    def _by_git(self) -> str:
        if not (Path(self.root) / ".git").exists():
            return ""
        try:
            answer = subprocess.run(QUESTION, cwd=self.root, capture_output=True, text=True, check=False)  # noqa: S603 - words of ours
        except OSError:
            return ""
        return answer.stdout.strip()
