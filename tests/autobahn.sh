#!/usr/bin/env bash
# Autobahn's WebSocket suite (fuzzingclient, sections 1-7, 9, 10, 12, 13) against the gateway's own WebSocket code.
#
#   tests/autobahn.sh [FOLDER [PROGRAM]]
#
# FOLDER holds the suite once it is installed; target/autobahn by default. PROGRAM is the example websocket-echo; by default it
# is built.
#
# Ends with 0 when no case failed, and with 1 when one did or when the suite cannot be installed. It needs Python 2.7 (a
# pyenv often has one) and PyPI.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-target/autobahn}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

fail() {
    echo "autobahn: cannot run: $1" >&2
    exit 1
}

python=""
for candidate in python2.7 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7.*/bin/python; do
    if "$candidate" -c 'import sys; assert sys.version_info[:2] == (2, 7)' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || fail "there is no Python 2.7: install one, with 'pyenv install 2.7.18' for instance"

if [ ! -f "$folder/installed" ]; then
    "$python" -m pip install --disable-pip-version-check --quiet --target "$folder/lib" autobahntestsuite==0.8.2 \
        2>"$folder/pip.log" || fail "pip could not install it, see $folder/pip.log"
    # Packages installed with --target miss the file that makes their common parent one.
    touch "$folder/lib/zope/__init__.py" "$folder/installed"
fi

program=${2:-}
if [ -z "$program" ]; then
    cargo build --quiet --locked --package i3-gateway --example websocket-echo
    target=$(cargo metadata --format-version 1 --no-deps --offline | "$python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
    program=$target/debug/examples/websocket-echo
fi
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$program" "$port" &
echo_server=$!
trap 'kill "$echo_server" 2>/dev/null || true' EXIT

rm -rf "$folder/reports"
# Left out of the sections on compression: messages of 64 KiB and more, a thousand a case, which take most of the time.
cat >"$folder/spec.json" <<JSON
{"outdir": "$folder/reports",
 "servers": [{"agent": "i3-gateway", "url": "ws://127.0.0.1:$port"}],
 "cases": ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*", "12.*", "13.*"],
 "exclude-cases": ["12.*.9", "12.*.10", "12.*.14", "12.*.15", "12.*.16", "12.*.17", "12.*.18",
                   "13.*.9", "13.*.10", "13.*.14", "13.*.15", "13.*.16", "13.*.17", "13.*.18"],
 "exclude-agent-cases": {}}
JSON
PYTHONPATH=$folder/lib timeout 1800 "$python" -m autobahntestsuite.wstest -m fuzzingclient -s "$folder/spec.json" \
    >"$folder/run.log" 2>&1

"$python" - "$folder/reports/index.json" <<'PYTHON'
import collections, json, sys
cases = [(name, case) for agent in json.load(open(sys.argv[1])).values() for name, case in agent.items()]
counts = collections.Counter(case["behavior"] for _, case in cases)
bad = sorted(name for name, case in cases if "FAILED" in (case["behavior"], case["behaviorClose"]))
print("autobahn: %d cases: %s" % (len(cases), ", ".join("%d %s" % (n, what) for what, n in counts.most_common())))
if bad or len(cases) < 247:
    sys.exit("autobahn: failed: %s" % (", ".join(bad) or "cases are missing"))
PYTHON
