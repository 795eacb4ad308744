#!/usr/bin/env bash
# Makes the packages of a release in target/package, for x86_64 and aarch64: from one static build for each processor a
# tarball, a Debian package and an OCI image, and SHA256SUMS of all.
#
#   deploy/package.sh
#
# It needs the Rust toolchain, Debian's tools (tar, jq, dpkg) and the network: missing tools are fetched from package
# registries into target/deploy-tools. Nothing is installed in the system but Rust's targets. deploy/package-check.sh tries
# what this makes. PACKAGE_ARCHES="x86_64" makes the packages of one processor alone.
set -euo pipefail
cd "$(dirname "$0")/.."

# The versions that are fetched.
CARGO_DEB=3.8.0
CARGO_ZIGBUILD=0.24.1
ZIGLANG=0.17.1
ARCHES=${PACKAGE_ARCHES:-x86_64 aarch64}

[ $# -eq 0 ] || { echo "usage: deploy/package.sh" >&2; exit 64; }
target=$(mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)
tools=$(mkdir -p "$target/deploy-tools" && cd "$target/deploy-tools" && pwd)
out=$target/package
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "package: $*" >&2
    exit 1
}

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
[ -n "$version" ] || fail "Cargo.toml names no version"
# All times in the packages are that of the commit, so that equal sources make equal packages.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

# --- Tools.

[ "$("$tools/cargo/bin/cargo-deb" --version 2>/dev/null)" = "cargo-deb $CARGO_DEB" ] ||
    cargo install --quiet --locked --root "$tools/cargo" "cargo-deb@$CARGO_DEB" || fail "cargo-deb cannot be installed"

# Debian's tools are unpacked, not installed.
export PATH="$PATH:$tools/deb/usr/bin"
if ! { command -v umoci && command -v skopeo; } >/dev/null; then
    (
        mkdir -p "$tools/deb/archives" && cd "$tools/deb/archives"
        apt-get download -q umoci skopeo || { apt-get update -q && apt-get download -q umoci skopeo; }
        for package in umoci_*.deb skopeo_*.deb; do dpkg -x "$package" "$tools/deb"; done
    ) >"$work/fetch" 2>&1 || { cat "$work/fetch" >&2; fail "umoci and skopeo cannot be fetched"; }
fi

# zig_tools: a C compiler for other processors.
zig_tools() {
    [ -x "$tools/zig/bin/cargo-zigbuild" ] && return
    python3 -m venv "$tools/zig"
    "$tools/zig/bin/pip" install --quiet --disable-pip-version-check "cargo-zigbuild==$CARGO_ZIGBUILD" "ziglang==$ZIGLANG" ||
        fail "the C compiler for other processors cannot be fetched"
}

# --- One static build for each processor.

build() {
    local arch=$1 triple=$1-unknown-linux-musl way=build
    rustup target add "$triple" >/dev/null 2>&1 || fail "Rust's target $triple cannot be installed"
    if [ "$arch" != "$(uname -m)" ] || ! command -v musl-gcc >/dev/null; then
        zig_tools
        way=zigbuild
    fi
    echo "building for $triple"
    PATH=$tools/zig/bin:$PATH cargo $way --quiet --locked --profile min --target "$triple" -p i3-gateway -p i3-gateway-threads
}

# --- The tarball.

tarball() {
    local arch=$1 programs=$target/$1-unknown-linux-musl/min name=i3-gateway-$version-$1-linux
    local into=$work/$name
    mkdir -p "$into"
    cp "$programs/i3-gateway" "$programs/i3-gateway-threads" "$into/"
    cp -R README.md CHANGELOG.md LICENSE LICENSE-APACHE LICENSE-MIT config/config.yaml "$into/"
    cp -R docs deploy "$into/"
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --mode=u+w,go-w -C "$work" -cf - "$name" |
        gzip -9n >"$out/$name.tar.gz"
}

# --- The Debian package.

# What cargo-deb puts into the package beside the files of the tree.
debian_files() {
    local into=$target/deb
    rm -rf "$into"
    mkdir -p "$into"
    sed 's,/usr/local/bin/,/usr/bin/,; /^# docs\/DEPLOYMENT/s,docs/,/usr/share/doc/i3-gateway/,' deploy/systemd/i3-gateway.service \
        >"$into/i3-gateway.service"
    cp deploy/debian/lintian-overrides "$into/"
    cp deploy/debian/i3-gateway.1 "$into/"
    {
        printf 'i3-gateway (%s-1) unstable; urgency=medium\n\n' "$version"
        printf '  * The changes are in /usr/share/doc/i3-gateway/CHANGELOG.md.\n\n'
        printf ' -- Intermud-3 gateway <i3-gateway@packages.invalid>  %s\n' "$(LC_ALL=C date -R -u -d "@$SOURCE_DATE_EPOCH")"
    } >"$into/changelog"
}

debian() {
    local triple=$1-unknown-linux-musl
    "$tools/cargo/bin/cargo-deb" --quiet --no-build --no-strip --locked --profile min --target "$triple" \
        --package i3-gateway --output "$out/" || fail "cargo-deb failed"
}

# --- The OCI image: the last stage of deploy/Dockerfile, without Docker. The tar is an OCI layout, with the manifest that
# `docker load` of older versions reads.

image() {
    local arch=$1 program=$target/$1-unknown-linux-musl/min/i3-gateway name=i3-gateway-$version-$1
    local root=$work/root-$arch layout=$work/oci-$arch of=$work/oci-$arch:$version
    local facts platform
    case $arch in x86_64) platform=amd64 ;; aarch64) platform=arm64 ;; *) platform=$arch ;; esac
    facts=$(deploy/image-rootfs.sh --inspect "$program")
    deploy/image-rootfs.sh --keep "$root" "$program" >/dev/null
    rmdir "$root/proc" "$root/dev" "$root/etc"
    local volume user
    volume=$(jq -r '.Volumes[0]' <<<"$facts") user=$(jq -r .User <<<"$facts")
    local tar=(tar --sort=name --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$root")
    "${tar[@]}" --owner=0 --group=0 --mode=u+w,go-w --exclude=".$volume" -cf "$work/layer-$arch.tar" .
    "${tar[@]}" --owner="${user%:*}" --group="${user#*:}" --mode=u=rwx,go= -rf "$work/layer-$arch.tar" ".$volume"
    umoci init --layout "$layout"
    umoci new --image "$of"
    umoci raw add-layer --image "$of" "$work/layer-$arch.tar"
    local options=(--os linux --architecture "$platform" --config.user "$user" --config.workingdir "$(jq -r .WorkingDir <<<"$facts")")
    local value
    while read -r value; do options+=(--config.entrypoint "$value"); done < <(jq -r '.Entrypoint[]' <<<"$facts")
    while read -r value; do options+=(--config.env "$value"); done < <(jq -r '.Env[]' <<<"$facts")
    while read -r value; do options+=(--config.exposedports "$value/tcp"); done < <(jq -r '.ExposedPorts[]' <<<"$facts")
    while read -r value; do options+=(--config.volume "$value"); done < <(jq -r '.Volumes[]' <<<"$facts")
    options+=(--config.label "org.opencontainers.image.title=i3-gateway" --config.label "org.opencontainers.image.version=$version")
    umoci config --image "$of" --created "$(date -u -d "@$SOURCE_DATE_EPOCH" +%FT%TZ)" --no-history "${options[@]}"
    umoci gc --layout "$layout"
    local manifest
    manifest=$(jq -r '.manifests[0].digest' "$layout/index.json")
    jq --arg tag "i3-gateway:$version" '[{Config: ("blobs/" + (.config.digest | sub(":"; "/"))), RepoTags: [$tag],
        Layers: [.layers[] | "blobs/" + (.digest | sub(":"; "/"))]}]' "$layout/blobs/${manifest/://}" >"$layout/manifest.json"
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$layout" -cf "$out/$name.oci.tar" .
}

rm -rf "$out"
mkdir -p "$out"
debian_files
for arch in $ARCHES; do
    build "$arch"
    tarball "$arch"
    debian "$arch"
    image "$arch"
done
(cd "$out" && sha256sum ./*.tar.gz ./*.deb ./*.tar | sed 's,\./,,' >SHA256SUMS)
(cd "$out" && ls -l)
