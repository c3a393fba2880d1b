#!/bin/sh
# Installs, upgrades or removes supplier-agent on a machine with systemd 252 or later. Run it in the checkout, as root:
#   sudo systemd/install.sh                  install, or upgrade what is installed; configuration and data are left alone
#   sudo systemd/install.sh --staff NAME     … and let NAME read orders and mark them (can be repeated)
#   sudo systemd/install.sh --uninstall      remove the program and its units; configuration and data stay
#   sudo systemd/install.sh --uninstall --purge   … and, after a question, everything else
# PYTHON=… sets the interpreter. pip uses this machine's settings (pip.conf: mirrors, certificates).
set -eu
umask 022

program=/opt/supplier-agent
former=$program.before
command_link=/usr/local/bin/supplier-agent
etc=/etc/supplier-agent
state=/var/lib/supplier-agent
units=/etc/systemd/system
share=/usr/local/share
name=supplier-agent
checkout=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
work=

say() {
    printf 'install: %s\n' "$*"
}

die() {
    printf 'install: %s\n' "$1" >&2
    exit "${2:-69}"
}

usage() {
    sed -n '2,7s/^# \{0,1\}//p' "$0"
}

# ------------------------------------------------------------------------------------------------- what is asked for

staff='' remove=no purge=no
while [ $# -gt 0 ]; do
    case $1 in
        --staff)
            [ $# -ge 2 ] || die '--staff needs the name of a person' 2
            id -u "$2" >/dev/null 2>&1 || die "there is no user $2 on this machine (sudo adduser $2)" 2
            staff="$staff $2"
            shift
            ;;
        --uninstall) remove=yes ;;
        --purge) purge=yes ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            usage >&2
            die "unknown: $1" 2
            ;;
    esac
    shift
done
[ "$purge" = no ] || [ "$remove" = yes ] || die '--purge goes with --uninstall' 2
[ "$(id -u)" -eq 0 ] || die "only root may do this: sudo $0" 77

# Without a running systemd (in the build of an image, in a chroot), files are installed and nothing is started.
has_systemd() {
    [ -d /run/systemd/system ]
}

is_active() {
    has_systemd && systemctl --quiet is-active "$1" 2>/dev/null
}

# --------------------------------------------------------------------------------------------------------- uninstall

uninstall() {
    if has_systemd; then
        systemctl --quiet disable --now $name.service $name-page.service $name-once.timer 2>/dev/null || :
        systemctl --quiet stop $name-once.service 2>/dev/null || :
    fi
    rm -f $units/$name.service $units/$name-page.service $units/$name-once.service $units/$name-once.timer \
        $units/multi-user.target.wants/$name.service $units/multi-user.target.wants/$name-page.service $units/timers.target.wants/$name-once.timer \
        /etc/sysusers.d/$name.conf /etc/tmpfiles.d/$name.conf $command_link \
        $share/bash-completion/completions/$name $share/zsh/site-functions/_$name $share/fish/vendor_completions.d/$name.fish
    rm -rf $program $former
    if has_systemd; then systemctl daemon-reload; fi
    if [ "$purge" = no ]; then
        say "removed. Kept: $etc (configuration), /etc/credstore/token-* (tokens), $state (orders, labels), the user $name"
        return
    fi
    printf 'install: delete %s and %s, with every order, every label, and the ledger without which a parcel may be\n' "$etc" "$state"
    printf 'install: reported twice? This cannot be undone. Type "delete" and press Enter: '
    read -r answer || answer=
    [ "$answer" = delete ] || die 'nothing more was deleted' 1
    rm -rf $etc $state $units/$name.service.d $units/$name-page.service.d $units/$name-once.service.d $units/$name-once.timer.d
    if id -u $name >/dev/null 2>&1; then userdel $name; fi
    if getent group $name >/dev/null; then groupdel $name; fi
    say 'deleted. Tokens in /etc/credstore and a state_dir elsewhere are kept: delete them yourself.'
}

if [ "$remove" = yes ]; then
    uninstall
    exit 0
fi

# ----------------------------------------------------------------------------------------------------------- prepare
# Steps that need the network are done first, in a separate folder. The installed program keeps running meanwhile.

for tool in systemd-sysusers systemd-tmpfiles; do
    command -v $tool >/dev/null || die "$tool is missing; without systemd, use a container or cron: docs/how-to/install.md"
done

find_python() {
    for candidate in "${PYTHON:-}" /usr/bin/python3 python3.13 python3.12 python3.11 python3; do
        [ -n "$candidate" ] || continue
        "$candidate" -c 'import ensurepip, sqlite3, ssl, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 ||
            continue
        # ProtectHome= would hide an interpreter in a home folder (pyenv) from the service.
        case $("$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))') in
            /home/* | ~root/*) continue ;;
        esac
        command -v "$candidate"
        return
    done
}

python=$(find_python)
[ -n "$python" ] || die 'there is no Python 3.11 or later with venv outside home folders (Debian, Ubuntu: sudo apt install python3-venv)'

was_running='' page_was_running=no
put_back() {
    code=$?
    trap - EXIT
    if [ "$code" -ne 0 ] && [ -d $former ]; then
        rm -rf $program
        mv $former $program
        say 'the installation failed; the previous version is back' >&2
    fi
    if [ "$code" -ne 0 ] && [ "$page_was_running" = yes ]; then systemctl start $name-page.service || :; fi
    if [ "$code" -ne 0 ] && [ -n "$was_running" ]; then systemctl start "$was_running" || :; fi
    if [ -n "$work" ]; then rm -rf "$work"; fi
    exit "$code"
}
trap put_back EXIT
trap 'exit 130' INT TERM HUP
# After an installation that a power failure interrupted: use the version that is complete.
if [ -d $former ] && [ ! -e $program/.complete ]; then
    rm -rf $program
    mv $former $program
fi

work=$(mktemp -d)
pip() {
    "$work/build/bin/python" -m pip --disable-pip-version-check --quiet "$@"
}

say "downloading the libraries, each checked against its hash in requirements.lock ($python) …"
"$python" -m venv "$work/build"
# Locks are complete, so nothing is resolved (--no-deps): the current content of the index does not matter.
pip install --require-hashes --no-deps --only-binary=:all: -r "$checkout/requirements-build.lock"
pip download --require-hashes --no-deps --only-binary=:all: -r "$checkout/requirements.lock" -d "$work/wheels"
# A copy, so that root creates no files in another user's checkout.
mkdir "$work/source"
for each in supplier_agent config pyproject.toml hatch_build.py README.md LICENSE; do cp -R "$checkout/$each" "$work/source/"; done
# The commit that `--version` shows. The checkout may belong to another user, and root's git would refuse to read it.
commit=$(git -c safe.directory="$checkout" -C "$checkout" rev-parse --short=12 HEAD 2>/dev/null || :)
(cd "$work/source" && SOURCE_COMMIT=$commit "$work/build/bin/hatchling" build -t wheel -d "$work/dist" >/dev/null 2>&1) ||
    die 'the package could not be built; is the checkout complete?'

# ----------------------------------------------------------------------------------------------------------- replace

for unit in $name.service $name-once.timer; do
    if is_active "$unit"; then was_running=$unit; fi
done
if [ -n "$was_running" ]; then
    say "stopping $was_running while the program is replaced …"
    systemctl stop "$was_running" $name-once.service
fi
if is_active $name-page.service; then
    page_was_running=yes
    systemctl stop $name-page.service
fi

rm -rf $former
if [ -d $program ]; then mv $program $former; fi
"$python" -m venv $program
$program/bin/python -m pip --disable-pip-version-check --quiet install --no-index --find-links "$work/wheels" \
    --require-hashes --no-deps --no-compile -r "$checkout/requirements.lock"
$program/bin/python -m pip --disable-pip-version-check --quiet install --no-index --no-deps --no-compile "$work"/dist/*.whl
broken=$($program/bin/python -m pip check) || die "requirements.lock is not complete: $broken"
# The program folder is read-only later, also for bytecode. So compile it now, for a quick start.
$program/bin/python -m compileall -q $program/lib
$program/bin/supplier-agent --version >/dev/null
: >$program/.complete
mkdir -p ${command_link%/*}
ln -sf $program/bin/supplier-agent $command_link

# --------------------------------------------------------------------------------------------- user, folders, units

place() {
    install -D -m 644 "$checkout/systemd/$1" "$2"
}
place $name.sysusers.conf /etc/sysusers.d/$name.conf
place $name.tmpfiles.conf /etc/tmpfiles.d/$name.conf
for unit in $name.service $name-page.service $name-once.service $name-once.timer; do place "$unit" "$units/$unit"; done
systemd-sysusers /etc/sysusers.d/$name.conf
systemd-tmpfiles --create /etc/tmpfiles.d/$name.conf
if [ ! -e $etc/$name.toml ]; then
    install -m 640 -o root -g $name "$checkout/config/$name.example.toml" $etc/$name.toml
fi
for person in $staff; do
    usermod -aG $name "$person"
    say "$person is in the group $name; this takes effect at the next login"
done

# zsh expects #compdef in the first line, but the command prints a blank line first.
completion() {
    mkdir -p "${2%/*}"
    $program/bin/supplier-agent --show-completion "$1" | sed '/./,$!d' >"$2"
}
completion bash $share/bash-completion/completions/$name
completion zsh $share/zsh/site-functions/_$name
completion fish $share/fish/vendor_completions.d/$name.fish

rm -rf $former
if has_systemd; then systemctl daemon-reload; fi
version=$($program/bin/supplier-agent --version)
if [ "$page_was_running" = yes ]; then
    page_was_running=no
    systemctl start $name-page.service || die "$version is installed, but $name-page does not start: journalctl -u $name-page" 1
fi
if [ -n "$was_running" ]; then
    unit=$was_running
    was_running=''
    systemctl start "$unit" || die "$version is installed, but $unit does not start: journalctl -u $unit" 1
    say "$version; $unit runs again"
    exit 0
fi
say "$version is in $program, its configuration in $etc/$name.toml"
cat <<NEXT

Next: enter your supplier and its token, check the configuration, and start the service:

  sudoedit $etc/$name.toml
  cd / && sudo -u $name $name check
  sudo systemctl enable --now $name
NEXT
