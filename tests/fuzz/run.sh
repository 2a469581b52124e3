#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: tests/fuzz/run.sh [OPTION...] [TARGET...]

Builds the fuzzers into build/fuzz, and lets each one, or those that are named, look for inputs that break a
promise. Begins with the corpus in tests/fuzz/corpus. The last line of output counts the targets.

  --seconds N  how long each target runs, 60 by default
  --jobs N     how many targets run at once, one for each processor by default
  --build      build only
  --minimise   afterwards, add to the corpus what reaches more of the code than the corpus does
  --help

Targets: answers, url, protocols, json, event_bus, core, socket.

CXX is honoured; it has to be a clang++ with libFuzzer. CMAKE_BUILD_PARALLEL_LEVEL sets how many compilers run
at once. BOOST_ROOT is honoured.
TEXT
}

if [[ -n ${BOOST_ROOT:-} ]]; then BOOST_ROOT=$(realpath -m "$BOOST_ROOT"); fi
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

all_targets=(socket json event_bus protocols core url answers)
targets=()
seconds=60
jobs=$(nproc)
build_only=no
minimise=no
while (($# > 0)); do
    case $1 in
        --seconds | --jobs)
            if [[ ! ${2:-} =~ ^[1-9][0-9]*$ ]]; then
                printf '%s takes a number\n' "$1" >&2
                exit 2
            fi
            if [[ $1 == --seconds ]]; then seconds=$2; else jobs=$2; fi
            shift
            ;;
        --build) build_only=yes ;;
        --minimise) minimise=yes ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            if [[ " ${all_targets[*]} " != *" $1 "* ]]; then
                usage >&2
                exit 2
            fi
            targets+=("$1")
            ;;
    esac
    shift
done
if ((${#targets[@]} == 0)); then targets=("${all_targets[@]}"); fi

CXX=${CXX:-clang++}
export out=build/fuzz
export seconds
mkdir -p "$out"

skip_all() {
    printf '  skipped: %s\n' "$1"
    printf '0 passed, 0 failed, %d skipped\n' "${#targets[@]}"
    exit 0
}

if ! command -v "$CXX" >/dev/null; then skip_all "there is no $CXX"; fi
if ! printf 'extern "C" int LLVMFuzzerTestOneInput(char const*, unsigned long) { return 0; }' |
    "$CXX" -fsanitize=fuzzer,address,undefined -x c++ - -o "$out/probe" >"$out/probe.log" 2>&1; then
    skip_all "$CXX cannot build fuzzers; clang's compiler-rt with libFuzzer is needed"
fi

# --- Build ---------------------------------------------------------------------------------------------------

compiler=("$CXX")
if command -v ccache >/dev/null; then compiler=(ccache "$CXX"); fi
# shellcheck disable=SC2054
flags=(-std=c++20 -O1 -g1 -fsanitize=fuzzer,address,undefined -fno-sanitize=function -fno-sanitize-recover=all
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -Iinclude)
if [[ -n ${BOOST_ROOT:-} && -d $BOOST_ROOT/include ]]; then
    flags+=(-isystem "$BOOST_ROOT/include")
elif [[ -n ${BOOST_ROOT:-} ]]; then
    flags+=(-isystem "$BOOST_ROOT")
fi

# A source is compiled and linked, so that ccache can help.
build() {
    local target=$1
    "${compiler[@]}" "${flags[@]}" -c "tests/fuzz/$target.cpp" -o "$out/$target.o" &&
        "$CXX" -fsanitize=fuzzer,address,undefined "$out/$target.o" -o "$out/$target"
}

failed=0
built=()
compilers=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}
printf '  building %d fuzzers ...\n' "${#targets[@]}"
for target in "${targets[@]}"; do
    rm -f "$out/$target"
    while (($(jobs -rp | wc -l) >= compilers)); do wait -n || true; done
    build "$target" >"$out/$target.build.log" 2>&1 &
done
wait
for target in "${targets[@]}"; do
    if [[ -x $out/$target ]]; then
        built+=("$target")
    else
        failed=$((failed + 1))
        head -n 50 "$out/$target.build.log"
        printf '  FAILED: the build of %s\n' "$target"
    fi
done
if [[ $build_only == yes || ${#built[@]} == 0 ]]; then
    printf '%d passed, %d failed, 0 skipped\n' "${#built[@]}" "$failed"
    exit $((failed != 0))
fi

# --- Run -----------------------------------------------------------------------------------------------------

fuzz() {
    local target=$1 status=0 executions per_second input options=()
    local log="$out/$target.log" crashes="$out/$target.crashes"
    mkdir -p "$out/$target.corpus" "$crashes"
    rm -f "$crashes"/*
    if [[ -f tests/fuzz/dictionaries/$target.dict ]]; then
        options+=("-dict=tests/fuzz/dictionaries/$target.dict")
    fi
    ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1} UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1} \
        timeout --kill-after=10 $((seconds + 120)) \
        "$out/$target" "${options[@]}" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=25 -max_len=400 -len_control=20 \
        -print_final_stats=1 -artifact_prefix="$crashes/" "$out/$target.corpus" "tests/fuzz/corpus/$target" \
        >"$log" 2>&1 || status=$?
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    per_second=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
    if ((status == 0)); then
        printf '  passed: %s, %s executions, %s per second\n' "$target" "$executions" "$per_second"
        return 0
    fi
    grep -aE '^This does not hold|^The (bus|model):|ERROR: |runtime error: |^SUMMARY: |what\(\): ' "$log" | head -n 8 || tail -n 20 "$log"
    printf '  FAILED: %s, exit status %d, after %s executions; all of it is in %s\n' \
        "$target" "$status" "${executions:-no}" "$log"
    for input in "$crashes"/*; do
        if [[ ! -f $input ]]; then continue; fi
        printf '  to replay: %s %s\n' "$out/$target" "$input"
        # Where the folder does not outlive this run.
        printf '  in base64: %s\n' "$(base64 -w 0 "$input")"
    done
    return 1
}
export -f fuzz

# Each worker writes its lines at once, and one line for each target that failed.
: >"$out/failures"
work() {
    local text
    text=$(fuzz "$1") || printf '%s\n' "$1" >>"$out/failures"
    printf '%s\n' "$text"
}
export -f work
# shellcheck disable=SC2016
printf '%s\0' "${built[@]}" | xargs -0 -n 1 -P "$jobs" bash -c 'work "$1"' worker
broken=$(wc -l <"$out/failures")

if [[ $minimise == yes ]]; then
    for target in "${built[@]}"; do
        if grep -qx "$target" "$out/failures"; then continue; fi
        "$out/$target" -merge=1 -set_cover_merge=1 -use_counters=0 -max_len=400 "tests/fuzz/corpus/$target" "$out/$target.corpus" >"$out/$target.merge.log" 2>&1
    done
fi

printf '%d passed, %d failed, 0 skipped\n' $((${#built[@]} - broken)) $((failed + broken))
((failed + broken == 0))
