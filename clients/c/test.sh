#!/usr/bin/env bash
# The tests of the C client and its heads, by compilers, sanitizers, valgrind and a fuzzer, and by playing through both
# daemons.
#
#   clients/c/test.sh [FOLDER]     FOLDER holds i3-gateway, i3-gateway-threads and i3-router; they are built if left out
#
# It needs gcc, clang, valgrind and Python 3; on Debian it installs what is missing. I3_FUZZ_SECONDS: how long the fuzzer
# looks at each of its two targets, 12 by default.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
programs=${1:-}
[ -z "$programs" ] || programs=$(cd "$programs" && pwd)
cd "$here"

fail() {
    echo "clients/c/test.sh: $*" >&2
    exit 1
}

# debian COMMAND PACKAGE…: installs Debian's packages where the command is missing.
debian() {
    command -v "$1" >/dev/null && return
    apt-get update -q || true
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${@:2}" ||
        fail "$1 is missing, and Debian's ${*:2} cannot be installed"
}

debian gcc gcc libc6-dev
debian g++ g++
debian clang clang
# libFuzzer, if Debian's clang came without it.
[ -n "$(find /usr/lib -name 'libclang_rt.fuzzer-*.a' -print -quit 2>/dev/null)" ] ||
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev" || true
debian valgrind valgrind
debian python3 python3

if [ -z "$programs" ]; then
    cargo build --quiet --locked -p i3-gateway -p i3-gateway-threads
    programs=$(cargo metadata --format-version 1 --no-deps --offline |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/debug
fi
for program in i3-gateway i3-gateway-threads i3-router; do
    [ -x "$programs/$program" ] || fail "$programs/$program is missing"
done

out=$(mktemp -d)
running=()
finish() {
    for process in ${running[@]+"${running[@]}"}; do
        kill "$process" 2>/dev/null || true
    done
    rm -rf "$out"
}
trap finish EXIT
export ASAN_OPTIONS=abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
strict="-Wall -Wextra -Wpedantic -Werror"
sanitizers="-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined"

echo "== compilers"
printf '#define I3_IMPLEMENTATION\n#include "i3.h"\n' >"$out/i3.c"
# README's block of code, as it stands.
sed -n "/^\`\`\`c\$/,/^\`\`\`\$/{/^\`\`\`/!p}" README.md >"$out/readme.c"
[ -s "$out/readme.c" ] && [ "$(wc -l <"$out/readme.c")" -le 10 ] || fail "README.md has no code of at most ten lines"
compile() { # COMPILER FLAGS… SOURCE: every warning is an error
    "$@" $strict -I. -c -o "$out/object.o"
}
for compiler in gcc clang; do
    compile "$compiler" -std=c89 -O2 "$out/i3.c"
    compile "$compiler" -std=c11 "$out/i3.c"
    compile "$compiler" "$out/i3.c"
    for source in "$out/readme.c" examples/watch.c examples/smallest.c; do
        compile "$compiler" -std=c89 "$source"
    done
done
for compiler in g++ clang++; do
    compile "$compiler" -std=c++98 -O2 -x c++ "$out/i3.c"
    compile "$compiler" -std=c++17 -x c++ "$out/i3.c"
    for source in "$out/readme.c" examples/watch.c examples/smallest.c; do
        compile "$compiler" -x c++ "$source"
    done
done
# Its functions can be used from another file, and in C from C++.
printf '#include "i3.h"\nint main(void) { i3_config c; i3_config_init(&c); return i3_size(&c) == 0; }\n' >"$out/user.c"
gcc -std=c89 $strict -I. "$out/i3.c" "$out/user.c" -o "$out/user" && "$out/user"
gcc -std=c89 $strict -I. -c "$out/i3.c" -o "$out/object.o"
g++ -x c++ $strict -I. "$out/user.c" -x none "$out/object.o" -o "$out/user" && "$out/user"

echo "== heads"
# The lines that the guides tell to add are compiled as they stand.
for name in tbamud rom smaug; do
    mkdir "$out/guide-$name"
    for part in commands declarations; do
        sed -n "/^\`\`\`c $part\$/,/^\`\`\`\$/{/^\`\`\`/!p}" "heads/$name/GUIDE.md" >"$out/guide-$name/$part.inc"
    done
done
gnu="-Wall -Wextra -Werror -I. -Iheads"
head_of() { # NAME COMPILER FLAGS… SOURCES…
    local name=$1 compiler=$2
    shift 2
    "$compiler" $gnu $sanitizers -o "$out/$name" "$@"
}
head_of tbamud gcc -std=gnu89 "-I$out/guide-tbamud" -Itests/standins/tbamud heads/tbamud/i3_tbamud.c tests/standins/tbamud/engine.c
head_of rom gcc -std=gnu89 "-I$out/guide-rom" -Itests/standins/rom heads/rom/i3_rom.c tests/standins/rom/engine.c
head_of smaug gcc -std=gnu89 "-I$out/guide-smaug" -Itests/standins/smaug heads/smaug/i3_smaug.c tests/standins/smaug/engine.c
head_of afkmud g++ -DI3_AFKMUD -x c++ -Itests/standins/afkmud heads/smaug/i3_smaug.c tests/standins/afkmud/engine.cpp
# The same by other compilers and for other engines of the family.
clang $gnu -Itests/standins/tbamud -c heads/tbamud/i3_tbamud.c -o "$out/object.o"
gcc $gnu -DI3_CIRCLE -Itests/standins/tbamud -c heads/tbamud/i3_tbamud.c -o "$out/object.o"
gcc $gnu -DSTANDIN_LUMINARI -Itests/standins/tbamud -c heads/tbamud/i3_tbamud.c -o "$out/object.o"
clang $gnu -Itests/standins/rom -c heads/rom/i3_rom.c -o "$out/object.o"
clang $gnu -Itests/standins/smaug -c heads/smaug/i3_smaug.c -o "$out/object.o"
g++ $gnu -x c++ '-DI3_ARGUMENT=const char *' -Itests/standins/smaug -c heads/smaug/i3_smaug.c -o "$out/object.o"
clang++ $gnu -DI3_AFKMUD -x c++ -Itests/standins/afkmud -c heads/smaug/i3_smaug.c -o "$out/object.o"
gcc -std=c89 $strict $sanitizers -I. -o "$out/smallest" examples/smallest.c

# The plays go on while what follows runs: they wait most of the time.
for gateway in i3-gateway i3-gateway-threads; do
    for name in tbamud rom smaug afkmud; do
        timeout 480 python3 tests/play.py "$programs/i3-router" "$programs/$gateway" "$out/$name" "$name" \
            >"$out/$name.$gateway.played" 2>&1 &
        running+=("$!")
    done
    timeout 300 python3 tests/examples.py "$programs/i3-router" "$programs/$gateway" "$out/smallest" \
        >"$out/examples.$gateway.played" 2>&1 &
    running+=("$!")
done

echo "== texts, and a gateway that the test plays"
for compiler in gcc clang; do
    for test in texts net; do
        "$compiler" -std=c89 $strict $sanitizers -o "$out/$test" "tests/$test.c"
        timeout 240 "$out/$test"
    done
done
for test in texts net; do
    gcc -std=c89 -g -o "$out/$test" "tests/$test.c"
    timeout 300 valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=all "$out/$test"
done

echo "== fuzz"
seconds=${I3_FUZZ_SECONDS:-12}
fuzz="-g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined"
if echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | clang $fuzz -x c -o "$out/fuzz" - 2>"$out/fuzz.log"; then
    # The client's reader, and a head with its commands behind it.
    clang $fuzz -std=c89 -o "$out/fuzz-reader" tests/fuzz.c
    clang $fuzz -I. -Iheads -Itests/standins/rom -o "$out/fuzz-head" tests/fuzz_head.c
    for target in reader head; do
        corpus="tests/corpus"
        [ "$target" = reader ] || corpus="tests/corpus_head tests/corpus"
        mkdir "$out/found-$target"
        "$out/fuzz-$target" -max_total_time="$seconds" -max_len=9000 -verbosity=0 -print_final_stats=1 \
            -artifact_prefix="$out/" "$out/found-$target" $corpus >"$out/fuzz.log" 2>&1 ||
            { tail -50 "$out/fuzz.log"; fail "the fuzzer has found a fault of the $target"; }
        printf 'fuzz: %s: %s runs\n' "$target" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/fuzz.log")"
    done
else
    echo "this clang has no libFuzzer: changes are made by the test itself"
    gcc -std=c89 $sanitizers -DI3_OWN_MUTATIONS -o "$out/fuzz" tests/fuzz.c
    "$out/fuzz" "$seconds" tests/corpus/*
fi

echo "== plays through both daemons"
is_good=1
for process in "${running[@]}"; do
    wait "$process" || is_good=
done
running=()
tail -q -n 60 "$out"/*.played
[ -n "$is_good" ] || fail "a play has failed"
echo "clients/c: all tests have passed"
