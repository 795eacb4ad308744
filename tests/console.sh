#!/usr/bin/env bash
# The page for people in Debian's Chromium, against both daemons: tests/console/check.py says what is checked.
#
#   tests/console.sh [FOLDER]      FOLDER holds Playwright and axe-core once they are installed; target/console by default
#   PICTURES=docs/pictures tests/console.sh      takes the pictures of the documents instead
#
# It needs Chromium, Python 3 with venv, and npm, and gets Playwright from PyPI and axe-core from npm. I3_TEST_PROGRAMS names
# the folder of programs that are built already.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-target/console}
PLAYWRIGHT=1.65.2
AXE=4.14.1

fail() {
    echo "console: cannot run: $1" >&2
    exit 1
}

command -v chromium >/dev/null || fail "there is no chromium: install Debian's package"
command -v npm >/dev/null || fail "there is no npm: install Debian's package"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
if [ ! -f "$folder/installed-$PLAYWRIGHT-$AXE" ]; then
    python3 -m venv "$folder/venv" || fail "python3 has no venv: install Debian's python3-venv"
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check "playwright==$PLAYWRIGHT" || fail "pip could not install Playwright"
    (cd "$folder" && npm pack --silent "axe-core@$AXE" >/dev/null && tar xzf "axe-core-$AXE.tgz" package/axe.min.js) ||
        fail "npm could not fetch axe-core"
    touch "$folder/installed-$PLAYWRIGHT-$AXE"
fi

programs=${I3_TEST_PROGRAMS:-}
if [ -z "$programs" ]; then
    cargo build --quiet --locked -p i3-gateway -p i3-gateway-threads
    programs=${CARGO_TARGET_DIR:-target}/debug
fi
run() {
    timeout 480 "$folder/venv/bin/python" tests/console/check.py "$programs" "$1" "$folder/package/axe.min.js" "${@:2}" || {
        echo "console: $1 does not pass" >&2
        exit 1
    }
}
if [ -n "${PICTURES:-}" ]; then
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check pillow || fail "pip could not install Pillow"
    run i3-gateway --pictures "$PICTURES"
    exit
fi
# Both at once: the checks wait most of the time.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run i3-gateway-threads >"$log" 2>&1 &
threads=$!
result=0
run i3-gateway || result=1
wait "$threads" || result=1
cat "$log"
exit $result
