#!/usr/bin/env bash
# systemd/install.sh in a real Debian, under a real systemd: a root of its own (mmdebstrap), booted as a container
# (systemd-nspawn) without any network but its own loopback. Everything is made in a temporary folder and taken away again.
# $1: a folder with what prepare.sh makes, to make it once for several tests.
#
# Prints one line for each thing that holds, or a reason why nothing could be tried; exit 0 in both cases, 1 if one does not hold.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
work=$(mktemp -d)
prepared=${1:-$work/prepared}
root=$work/root
leader='' nspawn=''
began=$(date +%s)

leave() {
    code=$?
    trap - EXIT
    if [ -n "$leader" ]; then nsenter -t "$leader" -a -- systemctl poweroff >/dev/null 2>&1 || :; fi
    if [ -n "$nspawn" ]; then
        for _ in $(seq 100); do kill -0 "$nspawn" 2>/dev/null || break; sleep 0.1; done
        kill -KILL "$nspawn" 2>/dev/null || :
        wait "$nspawn" 2>/dev/null || :
    fi
    rm -rf --one-file-system "$work"
    exit "$code"
}
trap leave EXIT
trap 'exit 130' INT TERM HUP

skip() {
    printf 'install: SKIPPED, NOT TESTED HERE: %s\n' "$*"
    exit 0
}

ok() {
    printf 'install: ok    %s\n' "$*"
}

fails() {
    printf 'install: FAIL  %s\n' "$*"
    inside journalctl --no-pager -q -n 40 -u supplier-agent >&2 || :
    exit 1
}

# holds SENTENCE COMMAND…: the command succeeds inside.
holds() {
    local sentence=$1
    shift
    if inside "$@" >"$work/said" 2>&1; then ok "$sentence"; else
        cat "$work/said" >&2
        fails "$sentence"
    fi
}

# comes SECONDS SENTENCE COMMAND…: the command succeeds inside before the deadline.
comes() {
    local end=$((SECONDS + $1)) sentence=$2
    shift 2
    until inside "$@" >"$work/said" 2>&1; do
        if [ "$SECONDS" -ge "$end" ]; then
            cat "$work/said" >&2
            fails "$sentence"
        fi
        sleep 0.2
    done
    ok "$sentence"
}

inside() {
    timeout 300 nsenter -t "$leader" -a -- env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "$@" </dev/null
}

as() {
    local person=$1
    shift
    inside runuser -u "$person" -- sh -c "cd / && $*"
}

# ---------------------------------------------------------------------------------------------------------- a machine

if [ ! -e "$prepared/source" ]; then "$here/prepare.sh" "$prepared" || skip 'a Debian root cannot be made (see above)'; fi
command -v systemd-nspawn >/dev/null || skip 'systemd-nspawn is not installed (Debian: systemd-container)'
mkdir "$root"
tar -C "$root" -xf "$prepared/debian.tar"
# Nothing here comes from the network; hashes are checked all the same.
printf '[global]\nno-index = true\nfind-links = /wheels\n' >"$root/etc/pip.conf"
timeout 1200 systemd-nspawn --quiet --boot --directory="$root" --register=no --keep-unit --private-network --console=pipe \
    --hostname=warehouse --bind-ro="$prepared/source:/src" --bind-ro="$prepared/wheels:/wheels" \
    </dev/null >"$work/console" 2>&1 &
nspawn=$!
for _ in $(seq 100); do
    child=$(pgrep -P "$(pgrep -P "$nspawn" || echo 0)" -o || :)
    if [ -n "$child" ] && nsenter -t "$child" -a -- systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded'; then
        leader=$child
        break
    fi
    sleep 0.2
done
[ -n "$leader" ] || skip "no systemd boots in a container here ($(tail -n 1 "$work/console"))"
ok "a Debian $(inside cat /etc/debian_version) has booted, $(inside systemctl --version | head -n 1)"
inside useradd --create-home packer
inside useradd --create-home stranger

# -------------------------------------------------------------------------------------------------------- installing

holds 'install.sh installs, and lets a packer in' sh /src/systemd/install.sh --staff packer
grep -q 'systemctl enable --now supplier-agent' "$work/said" || fails 'it says what comes next'
ok 'it says what comes next'
cat >"$work/modes" <<'EXPECTED'
root:supplier-agent 750 /etc/supplier-agent
root:supplier-agent 640 /etc/supplier-agent/supplier-agent.toml
supplier-agent:supplier-agent 700 /etc/supplier-agent/tokens
root:root 644 /etc/systemd/system/supplier-agent.service
root:root 755 /opt/supplier-agent
supplier-agent:supplier-agent 2770 /var/lib/supplier-agent
EXPECTED
if diff "$work/modes" <(cut -d' ' -f3 "$work/modes" | xargs nsenter -t "$leader" -a -- stat -c '%U:%G %a %n') >&2; then
    ok 'folders and files have the rights that they should have'
else fails 'folders and files have the rights that they should have'; fi
for file in bash-completion/completions/supplier-agent zsh/site-functions/_supplier-agent fish/vendor_completions.d/supplier-agent.fish; do
    holds "the shell's completion is there: $file" test -s "/usr/local/share/$file"
done
# shellcheck disable=SC2016 # the variables are those of the shell inside
holds 'bash completes a command' bash -c '. /usr/local/share/bash-completion/completions/supplier-agent
    COMP_WORDS=(supplier-agent cover) COMP_CWORD=1; _supplier_agent_completion supplier-agent; [ "${COMPREPLY[*]}" = coverage ]'
holds 'zsh would find its own' sh -c 'head -n 1 /usr/local/share/zsh/site-functions/_supplier-agent | grep -qx "#compdef supplier-agent"'
holds 'config init knows the example' sh -c 'supplier-agent config init /run/example.toml && cmp /run/example.toml /src/config/supplier-agent.example.toml'
holds 'bytecode is compiled' sh -c 'ls /opt/supplier-agent/lib/python3*/site-packages/supplier_agent/__pycache__/order.*.pyc'
as stranger '! cat /etc/supplier-agent/supplier-agent.toml && ! ls /var/lib/supplier-agent' >"$work/said" 2>&1 ||
    fails 'a stranger can read neither configuration nor state'
ok 'a stranger can read neither configuration nor state'
as supplier-agent 'supplier-agent check --offline' >"$work/said" 2>&1 && fails 'without a token, check is content'
grep -q token "$work/said" || fails 'check names the missing token'
ok 'without a token, check says so'

# ------------------------------------------------------------------------------- the job, against the stand-in, by hand

inside systemd-run --quiet --unit=marketplace --property=DynamicUser=yes \
    /opt/supplier-agent/bin/supplier-agent sandbox --port 8799 --orders 6
cat >"$root/etc/supplier-agent/supplier-agent.toml" <<'TOML'
base_url = "http://127.0.0.1:8799"
requests_per_second = 20

[ship]
undo_seconds = 0

[suppliers.notio]
token_file = "/etc/supplier-agent/tokens/notio"
TOML
inside install -m 600 -o supplier-agent -g supplier-agent /dev/null /etc/supplier-agent/tokens/notio
printf 'sandbox-notio\n' >"$root/etc/supplier-agent/tokens/notio"
comes 20 'the stand-in of the marketplace answers' bash -c 'exec 3<>/dev/tcp/127.0.0.1/8799'
holds 'check --offline is content' runuser -u supplier-agent -- sh -c 'cd / && supplier-agent check --offline'
holds 'check reads once with the token' runuser -u supplier-agent -- sh -c 'cd / && supplier-agent check'
holds 'run --once does a round' runuser -u supplier-agent -- sh -c 'cd / && supplier-agent run --once'
as packer "supplier-agent orders --stage ready --json" >"$work/orders" 2>"$work/said" || fails 'a packer reads the orders'
order=$(python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["menzzo_order_id"])' <"$work/orders")
holds 'a packer reads the label' runuser -u packer -- head -c 5 "/var/lib/supplier-agent/labels/notio/$order.pdf"
grep -qx '%PDF-' "$work/said" || fails 'a label is a PDF'
ok "there are orders with labels, $order is one"

# -------------------------------------------------------------------------------------------- the unit, under systemd

printf '\n[web]\nlisten = "127.0.0.1:8080"\n\n[suppliers.asir-group]\ncache_seconds = 0\n' >>"$root/etc/supplier-agent/supplier-agent.toml"
mkdir -p "$root/etc/credstore" "$root/etc/systemd/system/supplier-agent.service.d"
(umask 077 && printf 'sandbox-asir-group\n' >"$root/etc/credstore/token-asir-group")
holds 'somebody may work on the page' sh -c 'cd / && echo 471147 | runuser -u supplier-agent -- supplier-agent person add Anna --role lead'
# What a minute and a half of waiting would prove as well; the daemon feeds the watchdog every ten seconds.
printf '[Service]\nRestartSec=1\nWatchdogSec=15\n' >"$root/etc/systemd/system/supplier-agent.service.d/quick.conf"
inside systemctl daemon-reload
holds 'systemctl enable --now starts it, and it tells that it is ready' systemctl enable --now supplier-agent
holds 'it is active' systemctl --quiet is-active supplier-agent
comes 30 'it has read both suppliers, one with a token from the credential store' sh -c \
    'cd / && runuser -u supplier-agent -- supplier-agent status --json | grep -c "\"last_success_at\": \"2" | grep -qx 2'
comes 30 'it has fetched labels, and read the barcodes on them' python3 -c "
import sqlite3, sys
database = sqlite3.connect('file:/var/lib/supplier-agent/agent.db?mode=ro', uri=True)
open_, read = database.execute('SELECT count(*), count(nullif(label_read_sha256 = label_sha256, 0)) FROM orders').fetchone()
sys.exit(not (open_ == read > 3 and database.execute('SELECT count(*) FROM barcodes').fetchone()[0]))"
holds 'the page answers' python3 -c "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8080/sign-in', timeout=10).read()[:15])"
holds 'so do health and metrics' python3 -c "
import urllib.request
for path in ('healthz', 'readyz', 'metrics'):
    urllib.request.urlopen(f'http://127.0.0.1:8080/{path}', timeout=10).read()"
inside journalctl --no-pager -q -o cat -p warning -u supplier-agent >"$work/said"
if grep -v '^$' "$work/said" >&2; then fails 'it warns of nothing'; else ok 'it warns of nothing'; fi
security=$(inside systemd-analyze security --no-pager supplier-agent.service | tail -n 1)
ok "systemd's own opinion of the running unit: ${security#*: }"
holds 'a packer flags an order by SQL' runuser -u packer -- python3 -c "
import sqlite3
with sqlite3.connect('/var/lib/supplier-agent/agent.db', timeout=10) as database:
    database.execute('UPDATE orders SET shipped = 1 WHERE menzzo_order_id = ?', ('$order',))"
comes 20 'the running unit reports it as shipped' sh -c \
    "cd / && runuser -u packer -- supplier-agent order $order --json | grep '\"stage\": \"shipped\"'"
# A configuration that cannot be used is refused; a good one is taken up; the process stays the same.
echo 'nonsense = 1' >"$root/etc/supplier-agent/broken.toml"
inside cp -p /etc/supplier-agent/supplier-agent.toml /etc/supplier-agent/good.toml
before=$(inside systemctl show --property=MainPID --value supplier-agent)
inside sh -c 'cat /etc/supplier-agent/broken.toml /etc/supplier-agent/good.toml >/etc/supplier-agent/supplier-agent.toml'
if inside systemctl reload supplier-agent; then fails 'a reload of a configuration that cannot be used fails'; fi
ok 'a reload of a configuration that cannot be used fails'
comes 20 'a configuration that cannot be used is refused, and status says so' sh -c \
    'cd / && runuser -u supplier-agent -- env SUPPLIER_AGENT_CONFIG=/etc/supplier-agent/good.toml supplier-agent status | grep "a new configuration was refused"'
inside sh -c 'cat /etc/supplier-agent/good.toml >/etc/supplier-agent/supplier-agent.toml && rm /etc/supplier-agent/good.toml /etc/supplier-agent/broken.toml'
holds 'it is told to reload again' systemctl reload supplier-agent
comes 20 'the good one is taken up' sh -c \
    'cd / && runuser -u supplier-agent -- supplier-agent status >/run/said; ! grep "a new configuration was refused" /run/said'
[ "$(inside systemctl show --property=MainPID --value supplier-agent)" = "$before" ] || fails 'all that without a restart'
ok 'all that without a restart'
main_pid() {
    inside systemctl show --property=MainPID --value supplier-agent
}
is_another() {
    local now
    now=$(main_pid)
    [ "$now" != "$1" ] && [ "$now" != 0 ] && inside systemctl --quiet is-active supplier-agent
}
again() {
    local sentence=$1 before=$2 end=$((SECONDS + $3))
    until is_another "$before"; do
        [ "$SECONDS" -lt "$end" ] || fails "$sentence"
        sleep 0.2
    done
    ok "$sentence"
}
before=$(main_pid)
inside sh -c "kill -KILL $before"
again 'killed, it is started again' "$before" 20
before=$(main_pid)
inside sh -c "kill -STOP $before"
again 'hung, it is ended by the watchdog and started again' "$before" 40
holds 'the order is still shipped, once' sh -c \
    "cd / && runuser -u packer -- supplier-agent order $order --json | grep '\"stage\": \"shipped\"'"

# ---------------------------------------------------------------------------------------------- upgrade and uninstall

# An interpreter that fails at the worst moment: the former program has been moved aside, the new one is not there yet.
printf '#!/bin/sh\n[ "$*" != "-m venv /opt/supplier-agent" ] || exit 1\nexec python3 "$@"\n' >"$root/usr/local/bin/failing-python"
chmod +x "$root/usr/local/bin/failing-python"
holds 'an upgrade that fails puts the former program back, and starts it' sh -c \
    '! PYTHON=failing-python sh /src/systemd/install.sh && supplier-agent --version && systemctl --quiet is-active supplier-agent'
grep -q 'the installation failed; the previous version is back' "$work/said" || fails 'and says so'
ok 'and says so'
before=$(main_pid)
echo '# mine' >>"$root/etc/supplier-agent/supplier-agent.toml"
holds 'install.sh upgrades' sh /src/systemd/install.sh
holds 'the unit runs again' systemctl --quiet is-active supplier-agent
[ "$(main_pid)" != "$before" ] || fails 'with the new program'
holds 'the configuration is left alone' grep -qx '# mine' /etc/supplier-agent/supplier-agent.toml
holds 'the packer is still in the group' sh -c 'id -nG packer | grep -qw supplier-agent'
holds 'it stops when it is told to' systemctl stop supplier-agent
[ "$(inside systemctl show --property=Result --value supplier-agent)" = success ] || fails 'and calls that a success'
ok 'and calls that a success'
holds 'the single round works as a unit' systemctl start supplier-agent-once.service
inside systemctl enable --now --quiet supplier-agent-once.timer
holds 'uninstall' sh /src/systemd/install.sh --uninstall
for gone in /opt/supplier-agent /usr/local/bin/supplier-agent /etc/systemd/system/supplier-agent.service; do
    holds "$gone is gone" test ! -e "$gone"
done
holds 'the timer is gone' sh -c '! systemctl --quiet is-active supplier-agent-once.timer'
holds 'orders, labels, ledger and configuration are kept' test -s /var/lib/supplier-agent/agent.db -a \
    -s "/var/lib/supplier-agent/labels/notio/$order.pdf" -a -s /var/lib/supplier-agent/private/shipped.jsonl -a -s /etc/supplier-agent/supplier-agent.toml
holds 'nothing is left in the list of failed units' sh -c '! systemctl list-units --failed --plain --no-legend | grep supplier-agent'
holds 'without a yes, --purge deletes nothing' sh -c '! sh /src/systemd/install.sh --uninstall --purge && test -s /var/lib/supplier-agent/agent.db'
holds '--purge deletes the rest' sh -c 'echo delete | sh /src/systemd/install.sh --uninstall --purge'
holds 'nothing is left' sh -c '! ls -d /var/lib/supplier-agent /etc/supplier-agent /etc/systemd/system/supplier-agent* && ! id supplier-agent'
printf 'install: all of it holds (%s s)\n' "$(($(date +%s) - began))"
