#!/usr/bin/env bash
# Tests the Python client against both daemons, installed from its packages into clean environments.
#
#   clients/python/test.sh DAEMONS     DAEMONS holds i3-gateway, i3-gateway-threads and i3-router
#
# Needs Python 3.9 or later with venv, and PyPI. PYTHON names another interpreter. The game of Evennia is played while the
# other tests run; EVENNIA=no leaves it out.
set -euo pipefail
I3_DAEMONS=$(cd "$1" && pwd)
export I3_DAEMONS PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_QUIET=1
cd "$(dirname "$0")"
python=${PYTHON:-python3}
work=$(mktemp -d)
evennia=
finish() {
    # Evennia's processes are ended by its test, which is told so.
    if [ -n "$evennia" ]; then
        kill "$evennia" 2>/dev/null || true
        wait "$evennia" || true
    fi
    rm -rf "$work"
}
trap finish EXIT

echo "-- the types follow the documents"
"$python" ../generate.py --check

echo "-- wheel and sdist"
"$python" -m venv "$work/build"
"$work/build/bin/pip" install build
"$work/build/bin/python" -m build --outdir "$work/dist" . >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }

if [ "${EVENNIA:-yes}" != no ]; then
    (
        "$python" -m venv "$work/evennia"
        "$work/evennia/bin/pip" install "$(echo "$work"/dist/*.whl)" evennia==5.0.1
        exec timeout 500 "$work/evennia/bin/python" tests/evennia_game.py "$work/game" ..
    ) >"$work/evennia.log" 2>&1 &
    evennia=$!
fi

echo "-- the sdist, without any dependency"
"$python" -m venv "$work/bare"
"$work/bare/bin/pip" install "$work"/dist/*.tar.gz
(cd "$work" && bare/bin/python -c 'import i3_gateway; i3_gateway.BlockingClient("tcp://127.0.0.1:9", "key").close()')
[ "$(PIP_QUIET=0 "$work/bare/bin/pip" list --format=freeze | grep -cvE '^(pip|setuptools|wheel)==')" = 1 ] || { echo "it has dependencies"; exit 1; }

echo "-- the wheel"
"$python" -m venv "$work/clean"
"$work/clean/bin/pip" install "$(echo "$work"/dist/*.whl)[websocket]" pytest pytest-timeout mypy
mkdir "$work/here"
cp -r examples tests README.md pyproject.toml "$work/here"
# The sources are not beside the copy: what is checked is the package that is installed.
(cd "$work/here" && MYPYPATH=$OLDPWD/.. "$work/clean/bin/mypy" --config-file= --strict examples tests)
"$work/clean/bin/mypy" --python-executable "$work/clean/bin/python"
"$work/clean/bin/python" -m pytest -q --timeout=300 --durations=5 -p no:cacheprovider tests

if [ -n "$evennia" ]; then
    echo "-- a game of Evennia"
    process=$evennia
    evennia=
    wait "$process" || { cat "$work/evennia.log"; exit 1; }
    cat "$work/evennia.log"
fi
