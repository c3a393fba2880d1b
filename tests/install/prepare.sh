#!/usr/bin/env bash
# Makes in the folder $1, where it is not there yet, what a test of an installation needs and no internet inside it gives:
#   debian.tar  a minimal Debian root with Python, systemd and nothing of ours
#   wheels/     the libraries of the locks, fetched by this machine's pip with this machine's settings
#   source/     the files of this checkout that are, or are about to be, in the repository
# Exit 3, with the reason on stderr: this machine cannot make them.
set -euo pipefail
folder=$1
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)

cannot() {
    printf '%s\n' "$*" >&2
    exit 3
}

mkdir -p "$folder"
if [ ! -e "$folder/debian.tar" ]; then
    [ "$(id -u)" -eq 0 ] || cannot 'only root can make a Debian root'
    command -v mmdebstrap >/dev/null || cannot 'mmdebstrap is not installed'
    timeout 400 mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,ca-certificates,systemd-sysv,dbus \
        bookworm "$folder/debian-part.tar" >"$folder/mmdebstrap.log" 2>&1 ||
        cannot "mmdebstrap: $(tail -n 1 "$folder/mmdebstrap.log")"
    mv "$folder/debian-part.tar" "$folder/debian.tar"
fi
if [ ! -e "$folder/wheels/.complete" ]; then
    for lock in requirements.lock requirements-build.lock; do
        timeout 300 python3 -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary=:all: \
            --python-version 3.11 -r "$checkout/$lock" -d "$folder/wheels" 2>"$folder/pip.log" ||
            cannot "pip download: $(tail -n 1 "$folder/pip.log")"
    done
    : >"$folder/wheels/.complete"
fi
if [ ! -e "$folder/source" ]; then
    mkdir "$folder/source"
    if git -C "$checkout" rev-parse >/dev/null 2>&1; then
        # What was deleted and is not yet committed is listed too, and not there.
        git -C "$checkout" ls-files -z --cached --others --exclude-standard |
            tar -C "$checkout" --null --files-from=- --ignore-failed-read --owner=0 --group=0 -c 2>/dev/null
    else
        tar -C "$checkout" --exclude=./.venv --exclude='__pycache__' --owner=0 --group=0 -c .
    fi | tar -C "$folder/source" -x
fi
