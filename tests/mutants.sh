#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: tests/mutants.sh [OPTION...] [PATCH...]

Puts faults back into a copy of the library, one at a time, and tells whether the tests catch each, and which of them
does. Without patches it takes all of tests/core/mutants and tests/simulation/mutants. The last line counts them.

  --core          those in tests/core/mutants alone: faults of the decisions, six seconds each
  --operations    those in tests/simulation/mutants alone: faults of what carries them out: one that only the last of these catches takes minutes
  --jobs N        how many at once (as many as there are processors)
  --schedules N   the budget of the exploration of the decisions, for each (1000000)
  --seeds N       the budget of the simulation, for each (20000)
  --write-tables  write what was found to mutants.md beside the patches; what was not tried keeps its row
  --help

A fault of the decisions is caught by their exploration, or by a test in tests/unit: the one that mutants.md names is tried
first. One of the operations is caught by the schedules of whole
sockets, by the fixed session and its disturbances, by a test in tests/simulated, or by what the fuzzer once found, looked
for in this order.
CXX is honoured (g++). Exit status: 0 all are caught, 1 some are not.
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export root
export schedules=1000000 seeds=20000
jobs=$(nproc)
write_tables=no
patches=()
while (($# > 0)); do
    case $1 in
        --schedules | --seeds | --jobs)
            if [[ ! ${2:-} =~ ^[1-9][0-9]*$ ]]; then
                printf '%s takes a number\n' "$1" >&2
                exit 2
            fi
            declare "${1#--}=$2"
            shift
            ;;
        --core) patches+=("$root"/tests/core/mutants/*.patch) ;;
        --operations) patches+=("$root"/tests/simulation/mutants/*.patch) ;;
        --write-tables) write_tables=yes ;;
        -h | --help)
            usage
            exit 0
            ;;
        -*)
            usage >&2
            exit 2
            ;;
        *) patches+=("$(realpath "$1")") ;;
    esac
    shift
done
if ((${#patches[@]} == 0)); then patches=("$root"/tests/{core,simulation}/mutants/*.patch); fi

export compiler=${CXX:-g++} cache=''
if command -v ccache >/dev/null; then cache=ccache; fi
# Each fault has a folder of its own; what it leaves unchanged is found in the cache.
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$root} CCACHE_NOHASHDIR=${CCACHE_NOHASHDIR:-1}
export folder=$root/build/mutants
rm -rf "$folder"
mkdir -p "$folder/results"

boost=()
if [[ -n ${BOOST_ROOT:-} ]]; then
    boost=(-isystem "$BOOST_ROOT")
    if [[ -d $BOOST_ROOT/include ]]; then boost=(-isystem "$BOOST_ROOT/include"); fi
fi
# Arrays cannot be exported.
export boost_flags="${boost[*]}"

# A copy of the library, in the current directory.
copy_library() {
    cp -r "$root/include" include
}

# Compiles the sources of a directory of tests and links them to a program of its name. What stands in net/*_op.hpp are
# bodies that instances.cpp alone instantiates: where nothing else was changed, the other objects are those that there are.
build() {
    local directory=$1 optimisation=$2 source objects=()
    mkdir -p "$directory"
    for source in "$root/tests/$directory"/*.cpp; do
        if [[ $bodies_only == yes && $source != */instances.cpp ]]; then
            objects+=("$folder/operations/unchanged/$directory/$(basename "$source" .cpp).o")
            continue
        fi
        objects+=("$directory/$(basename "$source" .cpp).o")
        # shellcheck disable=SC2086
        $cache "$compiler" -std=c++20 "$optimisation" -Iinclude -I"$root/tests" $boost_flags -c "$source" -o "${objects[-1]}" || return
    done
    "$compiler" "${objects[@]}" "${@:3}" -o "$directory.program" -pthread
}

build_main() {
    # shellcheck disable=SC2086
    $cache "$compiler" -std=c++20 -O1 -I"$root/tests" $boost_flags -c "$root/tests/main.cpp" -o main.o
}

# Runs the tests of a kind on the library in the current directory, and says how a fault shows; nothing if it does
# not. One that crashes or aborts on an assertion is caught as well. Fails if nothing could be built.
try_core() {
    local header test known
    # The exploration has no use for what a test caught the last time.
    known=$(sed -n "s/^| \`$(basename "${1:-}" .patch)\` .*| a test in \([^,]*\), .*/\1/p" "$root/tests/core/mutants.md")
    if [[ -f $root/$known ]] && try_unit "$known"; then return; fi
    build core -O1 >build.log 2>&1 || return 3
    if shows_fault 600 ./core.program --schedules "$schedules" --threads 1; then
        grep -m 1 -E 'does not hold|never arose|though impossible|Assertion' output.log || echo "it $how_it_ended"
        return
    fi
    # Of what the exploration has no use for there are tests alone: those that include what was changed.
    if [[ ${1:-} != *.patch ]]; then return; fi
    # shellcheck disable=SC2013
    for header in $(sed -n 's|^+++ b/include/||p' "$1"); do
        for test in $(cd "$root" && grep -lF "#include <$header>" tests/unit/*.cpp); do
            if try_unit "$test"; then return; fi
        done
    done
}

# Whether a file of tests catches the fault; says how.
try_unit() {
    local how
    build_unit "$1" include >build.log 2>&1 || return
    shows_fault 60 ./unit.program || return
    how=$(how_failed)
    # It has to be the fault that fails.
    build_unit "$1" "$root/include" >build.log 2>&1 || return
    if shows_fault 60 ./unit.program; then return 1; fi
    printf 'a test in %s, %s\n' "$1" "$how"
}

# One file of tests, with the library in that directory.
build_unit() {
    # shellcheck disable=SC2086
    build_main && $cache "$compiler" -std=c++20 -O0 -I"$2" -I"$root/tests" $boost_flags -c "$root/$1" -o unit.o &&
        "$compiler" main.o unit.o -o unit.program -pthread
}

# Whether a program has shown a fault: it failed, by itself. One that was ended for its time has shown nothing.
shows_fault() {
    local status=0
    timeout --kill-after=10 "${@}" >output.log 2>&1 || status=$?
    case $status in
        0) return 1 ;;
        124 | 137)
            echo "no end: ${*:2}" >>slow.log
            return 1
            ;;
    esac
    how_it_ended="ends with status $status"
}

# The name of the first test that failed.
how_failed() {
    # It stands between two rules; the place follows the second.
    awk '/^-----+$/ { inside = !inside; if (inside) getline name } /FAILED|SIG/ { print name; exit }' output.log |
        grep . || echo "which $how_it_ended"
}

how_breach() { grep -m 1 BROKEN output.log | sed 's/^BROKEN //' || echo "which $how_it_ended"; }

try_operations() {
    build simulation -O1 >build.log 2>&1 || return 3
    if shows_fault 1200 ./simulation.program --seeds "$seeds" --threads 1; then
        printf 'a schedule, %s\n' "$(how_breach)"
        return
    fi
    if shows_fault 3600 ./simulation.program --systematic --threads 1; then
        printf 'the fixed session, %s\n' "$(how_breach)"
        return
    fi
    { build_main && build simulated -O0 main.o; } >build.log 2>&1 || return 3
    if shows_fault 300 ./simulated.program; then
        printf 'a test, %s\n' "$(how_failed)"
        return
    fi
    if ! build_fuzzer >build.log 2>&1; then return; fi
    if shows_fault 120 ./fuzzer -runs=0 -timeout=10 "$root/tests/fuzz/corpus/socket"; then
        echo 'an input that the fuzzer once found: tests/fuzz/corpus/socket'
    fi
}

# Only where there is a clang++ that can.
build_fuzzer() {
    # shellcheck disable=SC2086
    $cache clang++ -std=c++20 -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize=function \
        -fno-sanitize-recover=all -Iinclude $boost_flags -c "$root/tests/fuzz/socket.cpp" -o fuzzer.o &&
        clang++ -fsanitize=fuzzer,address,undefined fuzzer.o -o fuzzer
}

# Writes one line on one patch: the set, the name, the result, how it shows, what the fault is; between tabs.
try() {
    local patch=$1 name set how='' result
    name=$(basename "$patch" .patch)
    set=operations
    if [[ $patch == "$root"/tests/core/mutants/* ]]; then set=core; fi
    if [[ $set == operations ]] && ! grep '^+++ ' "$patch" | grep -qv '/net/[a-z]*_op\.hpp'; then bodies_only=yes; fi
    mkdir -p "$folder/$set/$name"
    cd "$folder/$set/$name"
    copy_library
    if ! patch --quiet --no-backup-if-mismatch --fuzz=0 -p1 <"$patch" >patch.log 2>&1; then
        result='DOES NOT APPLY'
    elif ! how=$("try_$set" "$patch"); then
        result='DOES NOT COMPILE'
    elif [[ -n $how ]]; then
        result=caught
        # Programs and objects are large.
        cd "$folder"
        rm -rf "${folder:?}/$set/$name"
    else
        result='NOT CAUGHT'
    fi
    printf '%s\t%s\t%s\t%s\t%s\n' "$set" "$name" "$result" "$how" "$(head -n 1 "$patch")" >"$folder/results/$set-$name"
    printf '%-38s %s%s\n' "$name" "$result" "${how:+: $how}"
}

export bodies_only=no

export -f copy_library build build_main build_unit build_fuzzer shows_fault how_breach how_failed try_core try_unit try_operations try

for set in core operations; do
    directory=$set
    if [[ $set == operations ]]; then directory=simulation; fi
    if [[ " ${patches[*]}" != *" $root/tests/$directory/mutants/"* ]]; then continue; fi
    mkdir -p "$folder/$set/unchanged"
    cd "$folder/$set/unchanged"
    copy_library
    if ! how=$("try_$set") || [[ -n $how || -e slow.log ]]; then
        tail -n 40 build.log output.log || true
        printf 'Without any fault the laws do not hold, so nothing can be said: %s\n' "$how"
        exit 1
    fi
done

# shellcheck disable=SC2016
printf '%s\0' "${patches[@]}" | xargs -0 -n 1 -P "$jobs" bash -c 'try "$1"' worker

# Faults that were not tried now keep their rows.
write_table() {
    local set=$1 directory=$2 name rows
    if [[ -z $(find "$folder/results" -name "$set-*") ]]; then return; fi
    rows=$(
        cat "$folder/results/$set"-* | awk -F '\t' '{
            gsub(/\|/, "\\|")
            printf "| `%s` | %s | %s |\n", $2, $5, $3 == "caught" ? $4 : $3
        }'
        for name in "$directory"/mutants/*.patch; do
            name=$(basename "$name" .patch)
            if [[ ! -e $folder/results/$set-$name ]]; then grep -F "| \`$name\` |" "$directory/mutants.md" || true; fi
        done
    )
    {
        printf '| fault | what it does | caught by |\n|---|---|---|\n'
        printf '%s\n' "$rows" | LC_ALL=C sort
    } >"$directory/mutants.md"
}

if [[ $write_tables == yes ]]; then
    write_table core "$root/tests/core"
    write_table operations "$root/tests/simulation"
fi

caught=$(cat "$folder"/results/* | awk -F '\t' '$3 == "caught"' | wc -l)
printf '\n%d caught, %d not caught\n' "$caught" $((${#patches[@]} - caught))
((caught == ${#patches[@]}))
