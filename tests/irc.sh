#!/usr/bin/env bash
# Real clients of IRC against both daemons: WeeChat and irssi of Debian, the library irc of PyPI, and irctest's cases for servers.
#
#   tests/irc.sh [FOLDER]     FOLDER holds what is installed; target/irc by default
#
# Ends with 0 when all have passed, and with 1 when one has not or something cannot be installed. It needs Python 3.9 or later,
# Debian's or another apt for WeeChat and irssi unless they are there, and PyPI. All traffic stays on this host.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-target/irc}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

fail() {
    echo "irc: cannot run: $1" >&2
    exit 1
}

# The plugin of WeeChat that takes commands from a FIFO is in a package of its own.
has_clients() {
    command -v weechat-headless >/dev/null && command -v irssi >/dev/null && compgen -G '/usr/lib/*/weechat/plugins/fifo.so' >/dev/null
}
packages=(weechat-headless weechat-plugins irssi)
has_clients ||
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"; } \
        >"$folder/apt.log" 2>&1 || fail "apt could not install ${packages[*]}, see $folder/apt.log"
has_clients || fail "${packages[*]} lack what the test needs"

if [ ! -f "$folder/installed" ]; then
    python3 -m venv "$folder/venv" || fail "python3 has no venv"
    "$folder/venv/bin/pip" install --disable-pip-version-check --quiet irc==20.5.0 psutil limnoria ecdsa \
        2>"$folder/pip.log" || fail "pip could not install the library, see $folder/pip.log"
    # irctest's archive lacks a file that its own setup reads, so pip unpacks it and then gives up.
    rm -rf "$folder/unpacked" && mkdir "$folder/unpacked"
    TMPDIR=$folder/unpacked "$folder/venv/bin/pip" download --no-clean --no-deps --no-binary :all: --dest "$folder/unpacked" \
        irctest==0.1.2 >"$folder/irctest.log" 2>&1 || true
    found=$(find "$folder/unpacked" -type d -path '*irctest_*/irctest' -prune | head -n 1)
    [ -n "$found" ] || fail "pip could not get irctest, see $folder/irctest.log"
    rm -rf "$folder/irctest" && cp -r "$found" "$folder/irctest"
    touch "$folder/installed"
fi

# I3_TEST_PROGRAMS names the folder of programs that are built already.
programs=${I3_TEST_PROGRAMS:-}
if [ -z "$programs" ]; then
    cargo build --quiet --locked --package i3-gateway --package i3-gateway-threads
    programs=$(cargo metadata --format-version 1 --no-deps --offline |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/debug
fi
export I3_PROGRAMS=$programs PYTHONPATH=$folder:$PWD/tests/irc PYTHONDONTWRITEBYTECODE=1

for daemon in i3-gateway i3-gateway-threads; do
    echo "irc: $daemon"
    rm -rf "$folder/clients"
    I3_DAEMON=$daemon timeout 120 "$folder/venv/bin/python" tests/irc/peers.py "$folder/clients"
done
timeout 150 "$folder/venv/bin/python" tests/irc/conformance.py
