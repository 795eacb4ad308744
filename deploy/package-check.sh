#!/usr/bin/env bash
# Tries the packages that deploy/package.sh has made in target/package, as their users would: the checksums, the tarball, the
# Debian package in a clean Debian (installed, started, upgraded, purged), the image's tar.
#
#   deploy/package-check.sh
#
# It needs root, for the clean Debian is a root directory of its own. Missing tools are Debian's lintian, mmdebstrap, skopeo,
# umoci, jq and qemu-user-static: it installs them. Everything stays on this host: the settings name a router on port 1.
set -euo pipefail
cd "$(dirname "$0")/.."

# Seconds within which a program must do what it is waited for.
PATIENCE=60

[ $# -eq 0 ] || { echo "usage: deploy/package-check.sh" >&2; exit 64; }
out=$(realpath "${CARGO_TARGET_DIR:-target}/package")
work=$(mktemp -d)
pids=()
clean() {
    for pid in ${pids[@]+"${pids[@]}"}; do kill -KILL "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap clean EXIT
fail() {
    echo "package-check: $*" >&2
    [ ! -e "$work/log" ] || tail -30 "$work/log" | sed 's/^/    /' >&2
    exit 1
}
passed() { printf 'ok       %s\n' "$*"; }

missing=()
for tool in lintian:lintian mmdebstrap:mmdebstrap skopeo:skopeo umoci:umoci jq:jq qemu-aarch64-static:qemu-user-static; do
    command -v "${tool%:*}" >/dev/null || missing+=("${tool#*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -q >/dev/null || true
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" >"$work/log" 2>&1 ||
        fail "these cannot be installed: ${missing[*]}"
fi

# waits_for TEXT FILE: until the file has the text.
waits_for() {
    local i
    for ((i = 0; i < PATIENCE * 10; i++)); do
        grep -q -- "$1" "$2" 2>/dev/null && return
        sleep 0.1
    done
    cp "$2" "$work/log"
    fail "'$1' did not come within $PATIENCE s"
}
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# --- The checksums, and what they are of.

(cd "$out" && sha256sum --quiet -c SHA256SUMS) || fail "a checksum is wrong"
[ "$(find "$out" -name 'i3-gateway*' | wc -l)" -eq "$(wc -l <"$out/SHA256SUMS")" ] || fail "a file has no checksum"
passed "checksums"

# --- The tarballs: unpacked, and run with one command.

for tarball in "$out"/*-linux.tar.gz; do
    name=$(basename "$tarball" .tar.gz)
    tar -xzf "$tarball" -C "$work"
    arch=${name%-linux} arch=${arch##*-}
    run=()
    [ "$arch" = "$(uname -m)" ] || run=("qemu-$arch-static")
    for program in i3-gateway i3-gateway-threads; do
        ! ldd "$work/$name/$program" 2>/dev/null | grep -q '=>' || fail "$name: $program is not static"
        "${run[@]}" "$work/$name/$program" --version >"$work/log" || fail "$name: $program does not run"
    done
    "${run[@]}" "$work/$name/i3-gateway" --demo >"$work/demo" 2>&1 &
    pid=$!
    pids+=("$pid")
    waits_for 'tell Marigold@' "$work/demo"
    kill -INT "$pid"
    wait "$pid" || fail "$name: the demo ended with $?"
    passed "$name: runs, and its demo shows a tell"
done

# --- The Debian packages.

for package in "$out"/*.deb; do
    lintian --allow-root --fail-on error "$package" >"$work/log" 2>&1 || fail "lintian finds errors in $(basename "$package")"
done
passed "lintian finds no errors"

package=$(echo "$out"/*_"$(dpkg --print-architecture)".deb)
root=$work/root
codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
mmdebstrap --quiet --variant=essential --include=adduser "$codename" "$root" \
    >"$work/log" 2>&1 || fail "no clean Debian can be made"
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "$@"; }
# The program, with the package's settings, as the service's user.
gateway() {
    inside STATE_DIRECTORY=/var/lib/i3-gateway setpriv --reuid=i3-gateway --regid=i3-gateway --clear-groups --inh-caps=-all \
        /usr/bin/i3-gateway --config /etc/i3-gateway/config.yaml --env-file /etc/i3-gateway/i3-gateway.env "$@"
}

cp "$package" "$root/first.deb"
inside dpkg -i /first.deb >"$work/log" 2>&1 || fail "it cannot be installed"
grep -q 'MUD_NAME=' "$work/log" || fail "nothing says what is missing"
variables=$root/etc/i3-gateway/i3-gateway.env
[ "$(stat -c '%a %U' "$variables")" = "640 root" ] || fail "$(stat -c '%a %U' "$variables") may read the key"
[ "$(stat -c %a "$root/var/lib/i3-gateway")" = 700 ] || fail "everybody may read the state"
! gateway --validate-config >"$work/log" 2>&1 || fail "it would run without a name"
grep -q 'mud.name' "$work/log" || fail "it does not say that the name is missing"
passed "installs into a clean Debian, and says that the mud needs a name"

http=$(free_port) lines=$(free_port)
{
    printf '\nMUD_NAME=Packaged\nI3_ROUTER_HOST=127.0.0.1\nI3_ROUTER_PORT=1\nI3_FALLBACK_ROUTER_HOST=\nI3_FALLBACK2_ROUTER_HOST=\n'
    printf 'API_WS_PORT=%s\nAPI_TCP_PORT=%s\n' "$http" "$lines"
} >"$work/own"
sed -i '/^MUD_NAME=/d; /^I3_.*ROUTER.*=/d; /^API_.*_PORT=/d' "$variables"
cat "$work/own" >>"$variables"

# As the unit starts it.
start=$(sed -n 's/^ExecStart=//p' "$root/usr/lib/systemd/system/i3-gateway.service")
[ "$start" = "/usr/bin/i3-gateway --config /etc/i3-gateway/config.yaml --env-file /etc/i3-gateway/i3-gateway.env" ] ||
    fail "the unit starts something else: $start"
serve() {
    gateway >"$work/log" 2>&1 &
    pid=$!
    pids+=("$pid")
    local i
    for ((i = 0; i < PATIENCE * 10; i++)); do
        gateway healthcheck >/dev/null 2>&1 && return
        sleep 0.1
    done
    fail "it is not healthy"
}
stop() {
    kill -TERM "$(pgrep -P "$pid" -x i3-gateway || echo "$pid")"
    wait "$pid" || fail "it ended with $?"
}
serve
gateway call status >"$work/status" 2>&1 || fail "status is refused: $(cat "$work/status")"
grep -q Packaged "$work/status" || fail "it runs under another name"
stop
[ -n "$(ls -A "$root/var/lib/i3-gateway")" ] || fail "it has kept no state"
passed "starts as the unit starts it, answers, ends with 0"

# The same program as a later version; the settings and the state stay.
dpkg-deb -R "$package" "$work/next"
sed -i 's/^Version: .*/&+next/' "$work/next/DEBIAN/control"
echo '# a new line of a later version' >>"$work/next/etc/i3-gateway/config.yaml"
(cd "$work/next" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | xargs -0 md5sum >DEBIAN/md5sums)
dpkg-deb --root-owner-group -b "$work/next" "$root/next.deb" >/dev/null
before=$(sha256sum <"$variables")
serve
inside dpkg -i /next.deb >"$work/log" 2>&1 || fail "it cannot be upgraded"
stop
[ "$(sha256sum <"$variables")" = "$before" ] || fail "an upgrade changes the key"
grep -q 'a later version' "$root/etc/i3-gateway/config.yaml" || fail "an upgrade keeps unchanged old settings"
serve
gateway call status | grep -q Packaged || fail "the upgrade runs under another name"
stop
passed "upgrades while it runs, and keeps key and state"

inside dpkg -r i3-gateway >"$work/log" 2>&1 || fail "it cannot be removed"
[ -e "$variables" ] || fail "a removal takes the key along"
inside dpkg -P i3-gateway >"$work/log" 2>&1 || fail "it cannot be purged"
left=$(find "$root/etc" "$root/var" "$root/usr" -name '*i3-gateway*' ! -path '*/dpkg/*' ! -path '*/log/*')
[ -z "$left" ] || fail "a purge leaves $left"
! inside getent passwd i3-gateway >/dev/null || fail "a purge leaves the user"
passed "is removed without its settings, and purged without a rest"

# --- The images.

for tar in "$out"/*.oci.tar; do
    skopeo inspect --config "oci-archive:$tar" >"$work/config" 2>"$work/log" || fail "$(basename "$tar") is no OCI image"
    rm -rf "$work/docker"
    skopeo copy --quiet "docker-archive:$tar" "dir:$work/docker" >"$work/log" 2>&1 || fail "docker load could not read $(basename "$tar")"
    said=$(jq -r '[.os, .config.User, .config.Entrypoint[0], .config.WorkingDir] | join(" ")' "$work/config")
    [ "$said" = "linux 65532:65532 /usr/local/bin/i3-gateway /app" ] || fail "$(basename "$tar") says $said"
done
passed "the images are read as OCI archives, and as docker load reads them"
