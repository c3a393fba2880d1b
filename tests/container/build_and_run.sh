#!/usr/bin/env bash
# The real Dockerfile, built and run without a Docker engine: mmdebstrap makes the base image, buildah builds, runc runs it
# with a read-only root, as 10001, without a capability. Everything lies in a temporary folder and is taken away again.
# $1: a folder with what tests/install/prepare.sh makes, to make it once for several tests.
#
# Prints one line for each thing that holds, or a reason why nothing could be tried; exit 0 in both cases, 1 if one does not hold.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
work=$(mktemp -d)
prepared=${1:-$work/prepared}
began=$(date +%s)
running=()
engine_pid=''

leave() {
    code=$?
    trap - EXIT
    for name in "${running[@]}"; do runc --root "$work/runc" delete --force "$name" >/dev/null 2>&1 || :; done
    wait
    if [ -d "$work/storage" ]; then
        builder umount --all >/dev/null 2>&1 || :
        builder rm --all >/dev/null 2>&1 || :
    fi
    # Mounted by buildah, should it have stopped half-way: never deleted through.
    rm -rf --one-file-system "$work"
    exit "$code"
}
trap leave EXIT
trap 'exit 130' INT TERM HUP

skip() {
    printf 'container: SKIPPED, NOT TESTED HERE: %s\n' "$*"
    exit 0
}

ok() {
    printf 'container: ok    %s\n' "$*"
}

fails() {
    printf 'container: FAIL  %s\n' "$*"
    tail -n 40 "$work"/*.log >&2 || :
    exit 1
}

builder() {
    STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot timeout 300 buildah --root "$work/storage" --runroot "$work/run" "$@"
}

engine() {
    timeout 60 runc --root "$work/runc" "$@"
}

# comes SECONDS SENTENCE COMMAND…: the command succeeds before the deadline.
comes() {
    local end=$((SECONDS + $1)) sentence=$2
    shift 2
    until "$@" >"$work/said.log" 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fails "$sentence"
        sleep 0.2
    done
    ok "$sentence"
}

[ "$(id -u)" -eq 0 ] || skip 'only root can build and run here'
for tool in buildah runc; do command -v "$tool" >/dev/null || skip "$tool is not installed"; done
if [ ! -e "$prepared/source" ]; then "$here/../install/prepare.sh" "$prepared" || skip 'a Debian root cannot be made (see above)'; fi

# -------------------------------------------------------------------------------------------------------------- build

printf 'FROM scratch\nADD debian.tar /\nRUN ["true"]\n' >"$work/Dockerfile"
builder build --quiet --format docker --layers=false --tag local-debian --file "$work/Dockerfile" "$prepared" >"$work/build.log" 2>&1 ||
    skip "buildah cannot build here ($(tail -n 1 "$work/build.log"))"
printf '[global]\nno-index = true\nfind-links = /wheels\n' >"$work/pip.conf"
builder build --quiet --format docker --layers=false --build-arg BASE_IMAGE=localhost/local-debian --build-arg VERSION=1.2.3 \
    --volume "$prepared/wheels:/wheels:ro" --volume "$work/pip.conf:/etc/pip.conf:ro" --tag supplier-agent \
    --file "$prepared/source/Dockerfile" "$prepared/source" >"$work/build.log" 2>&1 || fails 'the Dockerfile builds'
ok "the Dockerfile builds ($(($(date +%s) - began)) s)"
rootfs=$(builder mount "$(builder from --pull-never localhost/supplier-agent)")
builder inspect --type image localhost/supplier-agent >"$work/image.json"
for unwanted in bin/pip lib/python3*/site-packages/hatchling; do
    # shellcheck disable=SC2086 # a pattern
    if ls "$rootfs"/opt/supplier-agent/$unwanted >/dev/null 2>&1; then fails "no $unwanted in the image"; fi
done
ok 'neither pip nor the build tool is in the image'

# ---------------------------------------------------------------------------------------------------------------- run

# A new volume, as Docker makes it: with owner, mode and content of the image's folder.
for volume in data elsewhere; do cp -a "$rootfs/data" "$work/$volume"; done

# start NAME VOLUME OPTIONS… -- ARGS…: runs the image in the background; its messages go to NAME.log.
start() {
    local name=$1 volume=$2
    shift 2
    python3 "$here/bundle.py" "$work/$name" "$rootfs" "$work/$volume" "$@" <"$work/image.json"
    timeout 300 runc --root "$work/runc" run --bundle "$work/$name" --pid-file "$work/$name.pid" "$name" </dev/null >"$work/$name.log" 2>&1 &
    engine_pid=$!
    running+=("$name")
}

start probe elsewhere -- --version
wait "$engine_pid" || skip "runc cannot run here ($(tail -n 1 "$work/probe.log"))"
ok "the image runs: $(cat "$work/probe.log")"
start marketplace elsewhere -- sandbox --port 8799 --orders 4
comes 20 'the image runs the stand-in of the marketplace' grep -q 'The sandbox of the Menzzo' "$work/marketplace.log"
network=/proc/$(cat "$work/marketplace.pid")/ns/net

cat >"$work/supplier-agent.toml" <<'TOML'
base_url = "http://127.0.0.1:8799"
requests_per_second = 20

[suppliers.notio]
TOML
printf 'sandbox-notio\n' >"$work/token-notio"
chown 10001:10001 "$work/token-notio"
chmod 400 "$work/token-notio"
start agent data --network "$network" --mount "$work/supplier-agent.toml:/etc/supplier-agent/supplier-agent.toml" \
    --mount "$work/token-notio:/run/secrets/token-notio"
agent=$engine_pid

mapfile -t healthcheck < <(python3 -c 'import json, sys; print(*json.load(sys.stdin)["Docker"]["config"]["Healthcheck"]["Test"][1:], sep="\n")' <"$work/image.json")
comes 30 'it becomes healthy by its own health check' engine exec agent "${healthcheck[@]}"
comes 30 'it has fetched labels' sh -c "ls $work/data/labels/notio/*.pdf"
began_check=$(date +%s%N)
engine exec agent "${healthcheck[@]}" 2>"$work/said.log" || fails 'it is healthy'
[ ! -s "$work/said.log" ] || fails 'the health check complains of nothing'
ok "the health check takes $((($(date +%s%N) - began_check) / 1000000)) ms"
inside() {
    engine exec agent sh -c "$1"
}
[ "$(inside 'id -u; id -g' | xargs)" = '10001 10001' ] || fails 'it runs as 10001'
ok 'it runs as 10001'
inside 'grep -qx "CapEff:	0000000000000000" /proc/1/status && grep -qx "NoNewPrivs:	1" /proc/1/status' || fails 'it has no capability, and no way to get one'
ok 'it has no capability, and no way to get one'
if inside 'touch /opt/x || touch /etc/x' 2>/dev/null; then fails 'its root cannot be written'; fi
ok 'its root cannot be written'
rights=$(cd "$work/data" && stat -c '%u:%g %a %n' . agent.db private/shipped.jsonl labels | xargs)
[ "$rights" = '10001:10001 2770 . 10001:10001 660 agent.db 10001:10001 600 private/shipped.jsonl 10001:10001 2770 labels' ] ||
    fails "the volume has the right owner and modes, not: $rights"
ok 'the volume has the right owner and modes'

engine kill agent TERM
code=0
for _ in $(seq 300); do kill -0 "$agent" 2>/dev/null || break; sleep 0.1; done
wait "$agent" || code=$?
[ "$code" = 0 ] || fails "PID 1, told to stop, exits with 0, not $code"
ok 'PID 1, told to stop, finishes and exits with 0'
python3 - "$work/data/agent.db" <<'PYTHON' || fails 'the database is whole after it'
import sqlite3
import sys

assert sqlite3.connect(sys.argv[1]).execute("PRAGMA integrity_check").fetchall() == [("ok",)]
PYTHON
ok 'the database is whole after it'
printf 'container: all of it holds (%s s)\n' "$(($(date +%s) - began))"
