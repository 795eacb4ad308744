#!/usr/bin/env bash
# Tests the clients in Python and JavaScript against both daemons, each installed from its package.
#
#   clients/test.sh DAEMONS     DAEMONS holds i3-gateway, i3-gateway-threads and i3-router
set -euo pipefail
daemons=$(cd "$1" && pwd)
cd "$(dirname "$0")"
python/test.sh "$daemons"
javascript/test.sh "$daemons"
