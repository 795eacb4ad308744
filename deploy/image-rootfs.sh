#!/usr/bin/env bash
# Builds and runs the image of deploy/Dockerfile without Docker. It executes the instructions of the last stage in a
# temporary directory. The program then runs as the image's user, with that directory as its root, which is read-only
# except for the state directory. The image's own HEALTHCHECK must succeed, and SIGTERM must end the program with 0.
#
#   deploy/image-rootfs.sh [--keep DIRECTORY] [--inspect] [PROGRAM]
#
# PROGRAM is an i3-gateway to use instead of building one. With --keep the script only creates the file system in DIRECTORY.
# With --inspect it runs nothing: it prints as JSON what the Dockerfile says, under the names of `docker image inspect`, with
# the base of each stage and the commands of the build. Without PROGRAM an empty file takes its place.
# The script needs bash. To change the root directory it needs root, or unshare with user namespaces, or bwrap; without
# these it fails.
set -euo pipefail
cd "$(dirname "$0")/.."
tree=$PWD

# Seconds within which the program must become healthy, and within which it must end.
PATIENCE=30

keep=
program=
inspect=false
while [ $# -gt 0 ]; do
    case $1 in
        --keep) keep=$2; shift 2 ;;
        --inspect) inspect=true; shift ;;
        -*) echo "usage: deploy/image-rootfs.sh [--keep DIRECTORY] [--inspect] [PROGRAM]" >&2; exit 64 ;;
        *) program=$(realpath "$1"); shift ;;
    esac
done
work=$(mktemp -d)
pid=
clean() {
    [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
    rm -rf "$work"
}
trap clean EXIT
fail() {
    echo "image-rootfs: $*" >&2
    [ ! -e "$work/log" ] || sed 's/^/    /' "$work/log" >&2
    exit 1
}

# --- The program, linked as statically as this host permits.

build() {
    local triple target=${CARGO_TARGET_DIR:-target}
    triple=$(uname -m)-unknown-linux-musl
    if [ -d "$(rustc --print sysroot)/lib/rustlib/$triple" ] && command -v musl-gcc >/dev/null; then
        echo "building for $triple"
    else
        triple=$(rustc -vV | sed -n 's/^host: //p')
        echo "no musl here: building for $triple with the C library linked in"
        export RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static"
    fi
    cargo build --quiet --locked --profile min --target "$triple" -p i3-gateway --bin i3-gateway
    program=$(realpath "$target/$triple/min/i3-gateway")
}
if $inspect && [ -z "$program" ]; then program=/dev/null; fi
[ -n "$program" ] || build

# --- The last stage of the Dockerfile.

root=${keep:-$work/root}
mkdir -p "$root" "$work/out/state"
root=$(realpath "$root")
cp "$program" "$work/out/i3-gateway"

# json ARRAY: prints the elements of an instruction in exec form, one a line.
json() {
    python3 -c 'import json, sys; print(*json.loads(sys.argv[1]), sep="\n")' "$1"
}

# instructions: those of the whole Dockerfile, a line each.
instructions() {
    sed -n -e ':again' -e '/\\$/{N;s/\\\n *//;b again' -e '}' -e '/^#/d; /^ *$/d; p' deploy/Dockerfile
}

environment=() ports=() owners=() user='' directory=/ volumes_json='[]' health_json='[]' entrypoint_json='[]'
while read -r instruction rest; do
    case $instruction in
        FROM) [ "$rest" = scratch ] || fail "the last stage is not from scratch: $rest" ;;
        COPY)
            base=$tree owner=0:0
            while [[ $rest == --* ]]; do
                case ${rest%% *} in
                    --from=build) base=$work ;;
                    --chown=*) owner=${rest%% *}; owner=${owner#--chown=} ;;
                    *) fail "COPY ${rest%% *} is not known here" ;;
                esac
                rest=${rest#* }
            done
            read -r from to <<<"$rest"
            from=${from#/}
            mkdir -p "$root/$(dirname "$to")"
            cp -R "$base/$from" "$root$to"
            owners+=("$owner $to")
            ;;
        WORKDIR) directory=$rest; mkdir -p "$root$rest" ;;
        ENV) environment+=("$rest") ;;
        USER) user=$rest ;;
        VOLUME) volumes_json=$rest ;;
        HEALTHCHECK) health_json=${rest#*CMD } ;;
        ENTRYPOINT) entrypoint_json=$rest ;;
        EXPOSE) read -ra ports <<<"$rest" ;;
        LABEL) ;;
        *) fail "the instruction $instruction is not known here" ;;
    esac
done < <(instructions | tac | sed '/^FROM /q' | tac)
# strings WORD…: a JSON list of them.
strings() {
    local list='' word
    for word in "$@"; do
        word=${word//\\/\\\\}
        list+="${list:+, }\"${word//\"/\\\"}\""
    done
    printf '[%s]' "$list"
}
if $inspect; then
    mapfile -t stages < <(instructions | sed -n 's/^FROM \([^ ]*\).*/\1/p')
    mapfile -t commands < <(instructions | sed -n 's/^RUN //p')
    printf '{"Stages": %s, "Commands": %s, "User": "%s", "WorkingDir": "%s", "Env": %s, "ExposedPorts": %s, ' \
        "$(strings "${stages[@]}")" "$(strings "${commands[@]}")" "$user" "$directory" "$(strings "${environment[@]}")" \
        "$(strings "${ports[@]}")"
    printf '"Volumes": %s, "Healthcheck": %s, "Entrypoint": %s}\n' "$volumes_json" "$health_json" "$entrypoint_json"
    exit 0
fi
mapfile -t volumes < <(json "$volumes_json")
mapfile -t health < <(json "$health_json")
mapfile -t entrypoint < <(json "$entrypoint_json")
[[ $user =~ ^[1-9][0-9]*:[1-9][0-9]*$ ]] || fail "the image's user is '$user', not a number above 0"
[ "${#volumes[@]}" -eq 1 ] || fail "one volume was expected: ${volumes[*]}"
volume=${volumes[0]} uid=${user%:*} gid=${user#*:}
[[ " ${owners[*]} " == *" $user $volume "* ]] || fail "$volume does not belong to the image's user"
# A program that is not static needs its libraries in the root directory.
if libraries=$(ldd "$work/out/i3-gateway" 2>/dev/null | grep -o '/[^ ]*'); then
    echo "not static, so these go into the root too: ${libraries//$'\n'/ }"
    for library in $libraries; do mkdir -p "$root$(dirname "$library")" && cp -L "$library" "$root$library"; done
fi
# Docker mounts file systems on these directories.
mkdir -p "$root/proc" "$root/dev" "$root/etc"
echo "root file system: $(du -sh "$root" | cut -f1), program: $(stat -c %s "$work/out/i3-gateway") bytes"
[ -z "$keep" ] || { echo "laid out in $root"; exit 0; }

# --- Running it.

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
# The variables that `docker run -e` would add: a name, a key, free ports, and no public router.
environment+=(
    MUD_NAME=Image I3_GATEWAY_SECRET=0123456789abcdef0123456789abcdef "API_WS_PORT=$(free_port)" "API_TCP_PORT=$(free_port)"
    I3_ROUTER_HOST=127.0.0.1 I3_ROUTER_PORT=1 I3_FALLBACK_ROUTER_HOST= I3_FALLBACK2_ROUTER_HOST=
)

# Each of these functions replaces the shell by the program "$@", run in the image. They read these variables.
export root volume directory uid gid
# shellcheck disable=SC2016 # the inner shell expands it
sealed='mount --bind "$root" "$root"; mount --bind "$root$volume" "$root$volume"; mount -o remount,bind,ro "$root"; exec '

# For root: changes the root directory, and then the user.
as_root() {
    # shellcheck disable=SC2016 # the inner shell expands it
    exec unshare --mount --propagation private sh -euc \
        "$sealed"'setpriv --clear-groups unshare --root="$root" --wd="$directory" --setgid="$gid" --setuid="$uid" "$@"' sh "$@"
}
# For other users: a namespace in which mounting is permitted, and in it one in which this user has the image's user id.
in_namespaces() {
    # shellcheck disable=SC2016 # the inner shell expands it
    exec unshare --user --map-root-user --mount --propagation private sh -euc \
        "$sealed"'unshare --user --map-user="$uid" --map-group="$gid" --root="$root" --wd="$directory" "$@"' sh "$@"
}
in_bwrap() {
    exec bwrap --unshare-user --uid "$uid" --gid "$gid" --die-with-parent --ro-bind "$root" / \
        --bind "$root$volume" "$volume" --chdir "$directory" "$@"
}
# Runs with the image's variables only, except for those that the functions above read.
in_image() {
    local way=$1 variable
    shift
    for variable in $(compgen -e); do
        case $variable in PATH | root | volume | directory | uid | gid) ;; *) unset "$variable" ;; esac
    done
    export "${environment[@]}"
    "$way" "$@"
}

works=
for way in as_root in_namespaces in_bwrap; do
    if [ "$way" = as_root ]; then [ "$(id -u)" -eq 0 ] || continue; fi
    if (in_image "$way" "${entrypoint[@]}" --version) >"$work/log" 2>&1; then works=$way && break; fi
done
[ -n "$works" ] || fail "the program does not run, or nothing here may give it a root directory of its own"
if [ "$way" = as_root ]; then
    # Otherwise the user who runs this script has the image's user id.
    for entry in "${owners[@]}"; do chown -R "${entry% *}" "$root${entry#* }"; done
fi

touch "$work/started"
(in_image "$way" "${entrypoint[@]}") >"$work/log" 2>&1 &
pid=$!
for ((i = 0; ; i++)); do
    kill -0 "$pid" 2>/dev/null || fail "the program ended"
    if (in_image "$way" "${health[@]}") >"$work/health" 2>&1; then break; fi
    [ "$i" -lt $((PATIENCE * 10)) ] || fail "not healthy within $PATIENCE s: $(cat "$work/health")"
    sleep 0.1
done
echo "$way: healthy"

# bwrap is the parent of the program, and would kill it.
program_pid=$pid
[ "$way" != in_bwrap ] || program_pid=$(ps -o pid= --ppid "$pid" | tr -d ' ')
if [ "$way" = as_root ]; then
    ids=$(awk '/^Uid:/ { print $2 }' "/proc/$program_pid/status")
    [ "$ids" = "$uid" ] || fail "it runs as $ids"
fi
written=$(cd "$root" && find . -newer "$work/started" -type f ! -path ".$volume/*")
[ -z "$written" ] || fail "it wrote outside $volume: $written"
[ -n "$(ls "$root$volume")" ] || fail "it wrote nothing to $volume"

kill -TERM "$program_pid"
(sleep "$PATIENCE" && kill -KILL "$program_pid" 2>/dev/null) &
watchdog=$!
code=0
wait "$pid" || code=$?
kill "$watchdog" 2>/dev/null
pid=
[ "$code" -eq 0 ] || fail "SIGTERM ended it with $code"
echo "$way: ended with 0 on SIGTERM"
