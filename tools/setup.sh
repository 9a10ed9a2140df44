#!/bin/sh
# Sets up what a make target needs, and nothing that is there already.
#
# Usage: sh tools/setup.sh sim|build|vboard|test|lint|bench|all
#   sim    Python packages of the simulation; Mosquitto, or the embedded broker in its place.
#          With VM set, those of virtual boards as well
#   build  Python packages of what makes a board's files and puts them onto it
#   vboard Python packages of virtual boards
#   test   Python packages of the tests; Mosquitto
#   lint   Python packages of the tests
#   bench  what test takes, and what is measured beside our library
#   all    sim and test
# Variables: NO_APT=1 forbids apt; PYTHON=program is tried first; with BROKER set, sim needs no
# broker of its own.
#
# Bare is a machine with make, git and this shell: all else is looked for and, on Debian and its
# kin, installed with apt where that is allowed (root or passwordless sudo).
set -eu

cd "$(dirname "$0")/.."
root=$(pwd -P)
goal=${1:?usage: setup.sh sim|build|vboard|test|lint|bench|all}
mosquitto_programs="mosquitto mosquitto_sub mosquitto_pub"
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/opt/homebrew/sbin
# Settings of the user's that would lead pip or Python out of .venv.
unset PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX PIP_ROOT
export PATH PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1

say() { echo "setup: $*"; }

fail() {
    echo "setup: $*" >&2
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# ---- What is there -------------------------------------------------------------------------

# A .venv belongs to its folder and to the very Python it was made with.
identity() {
    echo "$root"
    .venv/bin/python -IS -c 'import sys; print(sys.version, sys.base_prefix)' 2>/dev/null
}

# The lock's content, and this script's: it makes more of .venv than the lock's packages.
fingerprint() { cat "requirements/$1.txt" tools/setup.sh | cksum; }

whole_venv() {
    [ -f .venv/made ] && [ ! -e .venv/unfinished ] && [ "$(identity)" = "$(cat .venv/made)" ]
}

installed() { [ -f ".venv/$1.stamp" ] && [ "$(fingerprint "$1")" = "$(cat ".venv/$1.stamp")" ]; }

# The lock to install for this goal: test.txt contains vboard.txt, that build.txt, that sim.txt.
wanted_lock() {
    case $goal in
    sim) if [ "${VM:-}" ]; then echo vboard; else echo sim; fi ;;
    build | vboard) echo "$goal" ;;
    *) echo test ;;
    esac
}

wants_mosquitto() {
    case $goal in
    sim) [ -z "${BROKER:-}" ] ;;
    build | vboard | lint) false ;;
    *) true ;;
    esac
}

mosquitto_complete() {
    for program in $mosquitto_programs; do has "$program" || return 1; done
}

# Without Mosquitto the embedded broker serves sim, and apt isn't asked again each time.
broker_ready() {
    mosquitto_complete || { [ "$goal" = sim ] && { installed broker || [ -f .venv/asked ]; }; }
}

bench_ready() { [ "$goal" != bench ] || installed bench; }

ready() {
    whole_venv && installed "$(wanted_lock)" && bench_ready &&
        { ! wants_mosquitto || broker_ready; }
}

# ---- One set-up at a time ------------------------------------------------------------------

# A symbolic link appears at once and complete: its target is the owner's process number.
lock() {
    told=
    until ln -s "$$" .setup.lock 2>/dev/null; do
        owner=$(readlink .setup.lock 2>/dev/null) || { sleep 0.1; continue; }
        if ! alive "$owner"; then
            [ "$(readlink .setup.lock)" != "$owner" ] || rm -f .setup.lock
            continue
        fi
        [ "$told" ] || say "waiting for the set-up in process $owner"
        told=yes
        sleep 1
    done
    trap 'cleanup' EXIT
    trap 'exit 129' HUP
    trap 'say "interrupted, run make again"; exit 130' INT
    trap 'exit 143' TERM
}

# Another user's process can't be signalled, but shows in /proc.
alive() { kill -0 "$1" 2>/dev/null || [ -d "/proc/$1" ]; }

cleanup() {
    unmask
    rm -f .setup.lock
}

# ---- apt -----------------------------------------------------------------------------------

may_apt() {
    case ${NO_APT:-0} in
    0) has apt-get && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; } ;;
    *) false ;;
    esac
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# RUNLEVEL=1: without systemd, a package's service isn't started in single-user mode.
apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get -qq -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

apt_install() {
    if [ -z "${apt_updated:-}" ]; then
        say "updating apt's package lists"
        apt_get update || say "apt's lists could not be updated; trying with the old ones"
        apt_updated=yes
    fi
    say "installing $* with apt"
    log=$(mktemp)
    if apt_get install -y --no-install-recommends "$@" >"$log" 2>&1; then
        rm -f "$log"
        return 0
    fi
    cat "$log" >&2
    rm -f "$log"
    say "apt could not install $*"
    return 1
}

# Debian's package would start a service on port 1883 and at every boot; only the program is
# wanted here. `systemctl enable --now mosquitto` brings the service for those who like it.
install_mosquitto() {
    had_service=
    if has mosquitto; then had_service=yes; fi
    [ "$had_service" ] || mask
    apt_install mosquitto mosquitto-clients || true
    [ "$had_service" ] || ! has update-rc.d || as_root update-rc.d mosquitto disable >/dev/null 2>&1 || true
    unmask
}

mask() {
    [ -d /run/systemd/system ] || return 0
    masked=yes
    as_root systemctl --quiet mask --runtime mosquitto.service >/dev/null 2>&1 || true
}

unmask() {
    [ "${masked:-}" ] || return 0
    masked=
    as_root systemctl --quiet unmask --runtime mosquitto.service >/dev/null 2>&1 || true
}

# ---- Python --------------------------------------------------------------------------------

# Runs it: a name on PATH may be a shim that leads nowhere, and Debian's python3 may lack venv.
good_python() {
    "$1" -IS -c '
import sys, venv, ensurepip
sys.exit(sys.version_info < (3, 10) or sys.implementation.name != "cpython")
' >/dev/null 2>&1
}

find_python() {
    for python in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11 python3.10 \
        python /usr/bin/python3 /opt/homebrew/bin/python3; do
        if has "$python" && good_python "$python"; then return 0; fi
    done
    return 1
}

need_python() {
    find_python && return
    say "no CPython 3.10 or newer with venv on PATH"
    if may_apt && apt_install python3 python3-venv && find_python; then return; fi
    fail "Fieldpost's tools need CPython 3.10 or newer with venv. Install it, then run make again:
  Debian, Ubuntu   sudo apt-get install python3 python3-venv
  Fedora           sudo dnf install python3
  macOS            brew install python
  Windows          wsl --install -d Debian, then there as on Debian"
}

make_venv() {
    need_python
    say "making .venv with $("$python" --version) ($(command -v "$python"))"
    rm -rf .venv
    mkdir .venv
    : >.venv/unfinished
    # Its tracebacks after a ctrl-C are nobody's concern.
    "$python" -I -m venv .venv >.venv/venv.log 2>&1 || {
        cat .venv/venv.log >&2
        fail "$python could not make .venv (see above)."
    }
    install_project
    identity >.venv/made
    rm .venv/unfinished
}

# The project itself: its folders on the import path, and its command.
install_project() {
    packages=$(.venv/bin/python -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    printf '../../../../%s\n' tools firmware lib >"$packages/fieldpost.pth"
    # For type checkers, whose configuration can't know the Python's version.
    ln -s "${packages#"$root/.venv/"}" .venv/stubs
    # Both a shell script and Python: a `#!` line bears neither spaces nor long paths.
    cat >.venv/bin/fieldpost <<"END"
#!/bin/sh
'''exec' "${0%/*}/python" "$0" "$@"
'''
import signal
import sys

# A ctrl-C while all is still being loaded: an end without a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from fieldpost.cli import main

sys.exit(main())
END
    chmod +x .venv/bin/fieldpost
}

pip_install() {
    installed "$1" && return
    say "installing the Python packages of requirements/$1.txt into .venv"
    rm -f ".venv/$1.stamp"
    : >.venv/unfinished
    # The lock holds all that is wanted of what a package depends on.
    .venv/bin/python -I -m pip install -q --no-deps --require-hashes -r "requirements/$1.txt" ||
        fail "pip could not install the packages (see above). Is there a network? Then run make again."
    fingerprint "$1" >".venv/$1.stamp"
    case $1 in test | vboard | build) fingerprint sim >.venv/sim.stamp ;; esac
    case $1 in test | vboard) fingerprint build >.venv/build.stamp ;; esac
    [ "$1" != test ] || fingerprint vboard >.venv/vboard.stamp
    rm .venv/unfinished
}

# A lock that changed leads to a new .venv: nothing of the old one stays in it.
outdated() {
    for stamp in .venv/*.stamp; do
        [ -f "$stamp" ] || continue
        installed "$(basename "$stamp" .stamp)" || return 0
    done
    return 1
}

need_packages() {
    if ! whole_venv || outdated; then make_venv; fi
    pip_install "$(wanted_lock)"
}

need_bench() {
    bench_ready && return
    say "fetching what the bench measures beside our library"
    rm -f .venv/bench.stamp
    .venv/bin/python -I bench/fetch.py ||
        fail "not all could be fetched (see above). Is there a network? Then run make again."
    fingerprint bench >.venv/bench.stamp
}

# ---- Mosquitto -----------------------------------------------------------------------------

need_mosquitto() {
    mosquitto_complete && return
    ! may_apt || install_mosquitto
    mosquitto_complete || do_without_mosquitto
}

do_without_mosquitto() {
    missing=
    for program in $mosquitto_programs; do has "$program" || missing="$missing $program"; done
    message="not found:$missing. Install Mosquitto with
  Debian, Ubuntu   sudo apt-get install mosquitto mosquitto-clients
  Fedora           sudo dnf install mosquitto
  macOS            brew install mosquitto
  Windows          winget install EclipseFoundation.Mosquitto (in WSL: as on Debian)"
    case $goal in
    test | bench) fail "$message
Without it there is no $goal: nothing else is the broker that nodes will meet." ;;
    esac
    say "$message"
    if has mosquitto; then
        : >.venv/asked
    else
        say "until then make sim runs on the embedded broker amqtt; make test needs Mosquitto"
        pip_install broker
    fi
}

# ---- The way through -----------------------------------------------------------------------

case $goal in
sim | build | vboard | test | lint | bench | all) ;;
*) fail "unknown goal $goal: sim, build, vboard, test, lint, bench or all" ;;
esac
ready && exit
lock
ready && exit
# No use in filling .venv for tests that can't run.
case $goal in test | bench) need_mosquitto ;; esac
need_packages
need_bench
! wants_mosquitto || broker_ready || need_mosquitto
say "ready"
