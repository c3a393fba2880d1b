"""Makes of a mounted image what `docker run --read-only` would: a bundle for runc, after the image's own configuration.

    buildah inspect --type image IMAGE | python3 bundle.py BUNDLE ROOTFS VOLUME [--network PATH] [--env NAME=VALUE]…
        [--mount SOURCE:TARGET]… [-- ARGS…]

Run by build_and_run.sh with whatever Python the machine has, so it needs nothing but the standard library.
"""

import argparse
import json
import sys
from pathlib import Path


def bind(source: str, target: str, *options: str) -> dict[str, object]:
    return {"destination": target, "type": "bind", "source": source, "options": ["rbind", "nosuid", "nodev", *options]}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle", type=Path)
    parser.add_argument("rootfs")
    parser.add_argument("volume")
    parser.add_argument("--network", default="")
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("--mount", action="append", default=[])
    parser.add_argument("args", nargs="*")
    asked = parser.parse_args()
    image = json.load(sys.stdin)["Docker"]["config"]
    uid, gid = map(int, image["User"].split(":"))
    (data,) = image["Volumes"]
    network = {"type": "network"} | ({"path": asked.network} if asked.network else {})
    config = {
        "ociVersion": "1.0.2",
        "hostname": "container",
        "root": {"path": asked.rootfs, "readonly": True},
        "process": {
            "user": {"uid": uid, "gid": gid},
            "args": image["Entrypoint"] + (asked.args or image["Cmd"]),
            "env": image["Env"] + asked.env,
            "cwd": image["WorkingDir"],
            "noNewPrivileges": True,
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]},
            {
                "destination": "/tmp",  # noqa: S108 - inside the container, as its documentation asks for
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "nodev", "noexec", "mode=1777", "size=16m"],
            },
            bind(asked.volume, data),
            *(bind(*pair.split(":"), "ro") for pair in asked.mount),
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")] + [network],
            "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    }
    asked.bundle.mkdir(parents=True)
    (asked.bundle / "config.json").write_text(json.dumps(config, indent=1))


main()
