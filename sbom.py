"""Prints the software bill of materials of what requirements.lock installs, as CycloneDX JSON: `./run sbom`, and in the image.

Needs nothing but Python. The lock is the source: every version, every hash, so the answer is the same on every machine.
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent
ENTRY = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^\s;]+)(?P<rest>.*)$")
VERSION = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)


def sbom(lock: str, version: str) -> dict[str, object]:
    """Return the bill of the libraries in the text of a lock, for this version of the program."""
    components = []
    for line in re.sub(r"\s*\\\n\s*", " ", lock).splitlines():
        if entry := ENTRY.match(line):
            place = f"pkg:pypi/{entry['name']}@{entry['version']}"
            # One hash for each file of the index that was locked (a wheel for each platform, the source); one is installed.
            hashes = [
                {"alg": "SHA-256", "content": each} for each in re.findall(r"sha256:([0-9a-f]{64})", entry["rest"])
            ]
            files = [{"type": "distribution", "url": place, "hashes": [each]} for each in hashes]
            components.append(
                {
                    "type": "library",
                    "bom-ref": place,
                    "name": entry["name"],
                    "version": entry["version"],
                    "purl": place,
                    "externalReferences": files,
                }
            )
    ours = f"pkg:pypi/supplier-agent@{version}"
    program = {"type": "application", "bom-ref": ours, "name": "supplier-agent", "version": version, "purl": ours}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": program},
        "components": components,
    }


def main() -> None:
    """Print the bill of this checkout."""
    found = VERSION.search((ROOT / "supplier_agent" / "__init__.py").read_text(encoding="utf-8"))
    version = found[1] if found else "unknown"
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    sys.stdout.write(json.dumps(sbom(lock, version), indent=1) + "\n")


if __name__ == "__main__":
    main()
