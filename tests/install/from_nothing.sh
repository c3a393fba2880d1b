#!/usr/bin/env bash
# Sets up from nothing, as on a new machine: a fresh clone, a fresh HOME, no uv, and the pip that is named in $@ ("new" is
# the newest; without arguments the oldest that a supported Python brings along, and the newest). Needs a package registry.
# Each must give a demo from the run-time lock alone, and then pytest from the lock of the tests.
set -euo pipefail
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
[ $# -gt 0 ] || set -- 22.3 new # Python 3.11.0 brings pip 22.3

folder=$(mktemp -d)
trap 'rm -rf --one-file-system "$folder"' EXIT
git clone --quiet "$checkout" "$folder/clone"
mkdir "$folder/bin"

# PATH without uv: what is left are the tools of the system, by name.
for tool in sh env dirname cat cksum rm mkdir chmod flock git id; do
    ln -s "$(command -v "$tool")" "$folder/bin/$tool"
done

# An interpreter whose `-m venv` brings the wanted pip.
interpreter=$(python3 -c 'import sys; print(sys.executable)')
cat >"$folder/python" <<PYTHON
#!/bin/sh
"$interpreter" "\$@" || exit
case "\$*" in
"-m venv "*)
    if [ "\$WANTED_PIP" = new ]; then wanted=pip; else wanted=pip==\$WANTED_PIP; fi
    "\$3/bin/python" -m pip --disable-pip-version-check install -q --upgrade "\$wanted"
    ;;
esac
PYTHON
chmod +x "$folder/python"

failed=0
for pip in "$@"; do
    rm -rf "$folder/clone/.venv" "$folder/home"
    mkdir "$folder/home"
    log=$folder/log
    in_clone() {
        timeout 600 env -i HOME="$folder/home" PATH="$folder/bin" PYTHON="$folder/python" WANTED_PIP="$pip" LANG=C.UTF-8 \
            "$folder/clone/run" "$@" >>"$log" 2>&1
    }
    : >"$log"
    if in_clone demo && [ ! -e "$folder/clone/.venv/bin/pytest" ] && in_clone test --version; then
        printf 'from nothing: ok with %s\n' "$("$folder/clone/.venv/bin/pip" --version | cut -d' ' -f1,2)"
    else
        printf 'from nothing: FAILED with pip %s: %s\n' "$pip" "$(tail -n 5 "$log")" >&2
        failed=1
    fi
done
exit "$failed"
