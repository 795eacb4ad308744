#!/usr/bin/env bash
# Tests the clients in Python and JavaScript against both daemons, each installed from its package.
#
#   clients/test.sh DAEMONS     DAEMONS holds i3-gateway, i3-gateway-threads and i3-router
set -euo pipefail
daemons=$(cd "$1" && pwd)
cd "$(dirname "$0")"
# They wait most of the time: both at once.
log=$(mktemp)
javascript/test.sh "$daemons" >"$log" 2>&1 &
javascript=$!
trap 'kill "$javascript" 2>/dev/null || true; rm -f "$log"' EXIT
python/test.sh "$daemons"
wait "$javascript" || { cat "$log"; exit 1; }
cat "$log"
