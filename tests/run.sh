#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# shellcheck disable=SC2317
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: tests/run.sh [OPTION...]

Installs what is missing (with apt), builds, and runs all tests. The last line of output counts them.

  --quick      the steps format and debug only
  --only STEP  this step only; may be given several times
  --repeat N   run the tests of the step debug N times in a row, in random order
  --seeds N    how many schedules the step simulate explores
  --from S     from which seed on
  --tidy       clang-tidy over all sources, which takes long, not over the headers without I/O alone
  --help

Steps:
  format    the sources look as clang-format-14 makes them
  debug     tests, built with g++
  interop   tests against a Node server; skipped where there is no Node
  examples  the demonstration and the examples run through, the console does as it should, the README quotes truly
  headers   each public header compiles alone, with g++ and clang++; core and protocols include no I/O
  simulate  2,000,000 schedules of the decisions alone, and 20,000 of a socket in a simulated network, with the laws
            checked at each step; a fixed session, disturbed in each way at each step; asan plays 500 schedules more
  clang     tests, built with clang++
  asan      tests, with address, leak and undefined behaviour sanitizers
  tsan      tests, with the thread sanitizer
  package   a project can use the library in each of the usual ways
  tidy      clang-tidy-14 finds nothing

BOOST_ROOT and CMAKE_PREFIX_PATH are honoured. CMAKE_BUILD_PARALLEL_LEVEL sets how many compilers run at once.
TEXT
}

if [[ -n ${BOOST_ROOT:-} ]]; then BOOST_ROOT=$(realpath -m "$BOOST_ROOT"); fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
# shellcheck source-path=SCRIPTDIR source=../cmake/install_packages.sh
source cmake/install_packages.sh

all_steps=(format debug simulate interop examples headers clang asan tsan package tidy)
steps=()
repeat=1
simulated_seeds=20000
simulated_from=1
tidy_all=no
while (($# > 0)); do
    case $1 in
        --quick) steps+=(format debug) ;;
        --only)
            if [[ $# -lt 2 || " ${all_steps[*]} " != *" $2 "* ]]; then die "--only takes one of: ${all_steps[*]}"; fi
            steps+=("$2")
            shift
            ;;
        --repeat)
            if [[ ! ${2:-} =~ ^[1-9][0-9]*$ ]]; then die "--repeat takes a number"; fi
            repeat=$2
            steps+=(debug)
            shift
            ;;
        --seeds | --from)
            if [[ ! ${2:-} =~ ^[1-9][0-9]*$ ]]; then die "$1 takes a number"; fi
            if [[ $1 == --seeds ]]; then simulated_seeds=$2; else simulated_from=$2; fi
            shift
            ;;
        --tidy)
            tidy_all=yes
            steps+=(tidy)
            ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            usage >&2
            exit 2
            ;;
    esac
    shift
done
if ((${#steps[@]} == 0)); then steps=("${all_steps[@]}"); fi

chosen() {
    local step
    for step in "$@"; do
        if [[ " ${steps[*]} " == *" $step "* ]]; then return 0; fi
    done
    return 1
}

# --- What the steps report -----------------------------------------------------------------------------------

passed=0
failed=0
skipped=0

milliseconds() { date +%s%3N; }

seconds_since() {
    local elapsed=$(($(milliseconds) - $1))
    printf '%d.%d s' $((elapsed / 1000)) $((elapsed % 1000 / 100))
}

skip() {
    skipped=$((skipped + 1))
    printf '  skipped: %s\n' "$1"
}

# Shows a log of a failed build from its first failure on; what follows a hundred lines is seldom of use.
show_build_log() {
    awk '/^FAILED: |CMake Error|fatal error:/ { shown = 1 } shown' "$1" | head -n 100
    printf '  All of it is in %s\n' "$1"
}

# Counts one check: runs a command, and shows its output if it fails.
check() {
    local name=$1 log="$logs/$1.log"
    if "${@:2}" >"$log" 2>&1; then
        passed=$((passed + 1))
        printf '  passed: %s\n' "$name"
    else
        failed=$((failed + 1))
        cat "$log"
        printf '  FAILED: %s\n' "$name"
    fi
}

# Configures a preset if that was not done, and builds targets, or everything. Counts only if it fails.
build() {
    local preset=$1 log="$logs/build-$1.log" start
    start=$(milliseconds)
    printf '  building %s ...\n' "$preset"
    if configure "$preset" >"$log" 2>&1 && cmake --build "build/$preset" "${@:2}" >>"$log" 2>&1; then
        printf '  built in %s\n' "$(seconds_since "$start")"
    else
        failed=$((failed + 1))
        show_build_log "$log"
        printf '  FAILED: the build of %s\n' "$preset"
        return 1
    fi
}

# Runs a test executable, and counts its test cases as its summary does; shows the output if one fails. To one that
# does not end, SIGABRT is sent: Catch2 then tells which test case it is in.
run_tests() {
    local program=$1 log status=0 start counts good bad ignored
    log="$logs/${program//\//-}.log"
    start=$(milliseconds)
    timeout --signal=ABRT --kill-after=10 "$time_limit" "${runner[@]}" "$program" "${@:2}" >"$log" 2>&1 || status=$?

    counts=$(awk '
        /^All tests passed \(.* in [0-9]+ test cases?\)/ {
            match($0, /in [0-9]+ test/); good = substr($0, RSTART + 3) + 0; bad = 0; ignored = 0; found = 1
        }
        /^test cases: / {
            good = 0; bad = 0; ignored = 0; found = 1
            parts = split($0, part, "|")
            for (i = 2; i <= parts; ++i) {
                if (part[i] ~ /passed|failed as expected/) good += part[i]
                else if (part[i] ~ /failed/) bad += part[i]
                else if (part[i] ~ /skipped/) ignored += part[i]
            }
        }
        END { if (found) print good, bad, ignored }' "$log")
    read -r good bad ignored <<<"${counts:-0 0 0}"
    if [[ $status != 0 && $bad == 0 ]] || ((good + bad + ignored == 0)); then bad=$((bad + 1)); fi
    passed=$((passed + good))
    failed=$((failed + bad))
    skipped=$((skipped + ignored))

    if ((bad > 0)); then
        cat "$log"
        if [[ $status == 124 || $status == 137 ]]; then printf '  Not finished after %s s.\n' "$time_limit"; fi
        printf '  FAILED: %s, exit status %d\n' "$program" "$status"
    fi
    printf '  %s: %d passed, %d failed, %d skipped, %s\n' \
        "$program" "$good" "$bad" "$ignored" "$(seconds_since "$start")"
}

# Builds a preset and runs its tests.
build_and_test() {
    local preset=$1
    build "$preset" || return 0
    local directory
    for directory in "${test_directories[@]}"; do run_tests "build/$preset/tests/${directory}_tests"; done
}

# --- Steps ---------------------------------------------------------------------------------------------------

time_limit=300
runner=()
test_directories=(unit simulated loopback request)

step_format() {
    if command -v clang-format-14 >/dev/null; then
        check format compare_format
    else
        skip "there is no clang-format-14, and others lay out some lines differently"
    fi
}

# Shows what clang-format would change.
compare_format() {
    local source differ=0
    while IFS= read -r source; do
        clang-format-14 "$source" | diff -u --label "$source" --label "$source, formatted" "$source" - || differ=1
    done < <(find include tests examples -name node_modules -prune -o \( -name '*.hpp' -o -name '*.cpp' \) -print | sort)
    if ((differ == 1)); then printf 'clang-format-14 -i FILE... does this.\n'; fi
    return "$differ"
}

step_debug() {
    local round seed directory
    if ((repeat == 1)); then
        build_and_test debug
        return
    fi
    build debug || return 0
    for ((round = 1; round <= repeat; ++round)); do
        seed=$((RANDOM + 1))
        printf '  round %d of %d, --order rand --rng-seed %d\n' "$round" "$repeat" "$seed"
        for directory in "${test_directories[@]}"; do
            run_tests "build/debug/tests/${directory}_tests" --order rand --rng-seed "$seed"
        done
    done
}

# Explores schedules, shows what was tried, and counts one check.
explore() {
    local program=$1 preset=$2 bad=0
    local log="$logs/$program-$preset-${3#--}.log"
    timeout --kill-after=10 "$time_limit" "build/$preset/tests/$program" "${@:3}" >"$log" 2>&1 || bad=1
    sed 's/^/  /' "$log"
    passed=$((passed + 1 - bad))
    failed=$((failed + bad))
}

# A seed gives the same timeline each time, byte for byte.
replays() {
    cmp <("$1" --seed 4711 --trace) <("$1" --seed 4711 --trace)
}

step_simulate() {
    build release --target simulation core_exploration || return 0
    explore core_exploration release --schedules 2000000 --threads "$(nproc)"
    explore simulation release --seeds "$simulated_seeds" --from "$simulated_from" --minimum-premises 1000
    explore simulation release --systematic
    check replay replays build/release/tests/simulation
}

step_interop() {
    local server=examples/node_server
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        skip "there is no node with npm"
        return
    fi
    if ! at_least "$(node --version)" v18.3; then
        skip "node is $(node --version), and $server needs v18.3"
        return
    fi
    if [[ ! $server/node_modules/.package-lock.json -nt $server/package-lock.json ]] &&
        ! (cd "$server" && npm ci --no-audit --no-fund) >"$logs/npm.log" 2>&1; then
        tail -n 5 "$logs/npm.log"
        skip "npm cannot install what $server needs"
        return
    fi
    build debug --target interop_tests || return 0
    HEARTBEAT_NODE_SERVER=$root/$server run_tests build/debug/tests/interop_tests
}

step_examples() {
    build debug || return 0
    check demonstration timeout --kill-after=10 "$time_limit" build/debug/examples/tour \
        --server build/debug/examples/echo_server --console build/debug/examples/console
    check console timeout --kill-after=10 "$time_limit" tests/console/run.sh build/debug/examples
    check small-examples timeout --kill-after=10 "$time_limit" tests/console/small_examples.sh build/debug/examples
    check quotes tests/console/quotes.sh
}

step_headers() {
    local preset log bad total
    check layers tests/headers/layers.sh
    total=$(find include -name '*.hpp' | wc -l)
    for preset in debug clang; do
        log="$logs/headers-$preset.log"
        printf '  building %s ...\n' "$preset"
        bad=0
        if ! { configure "$preset" && cmake --build "build/$preset" --target header_tests -- -k 0; } >"$log" 2>&1; then
            show_build_log "$log"
            bad=$(grep -c '^FAILED: ' "$log" || true)
            if ((bad == 0)); then bad=1; fi
        fi
        failed=$((failed + bad))
        # One more for the program in which they all meet.
        if ((bad <= total)); then passed=$((passed + total + 1 - bad)); fi
        printf '  %s: %d headers, %d failed\n' "$preset" "$total" "$bad"
    done
}

step_clang() { build_and_test clang; }

step_asan() {
    ASAN_OPTIONS=detect_stack_use_after_return=1:check_initialization_order=1:strict_init_order=1 \
        UBSAN_OPTIONS=print_stacktrace=1 build_and_test asan
    if [[ -x build/asan/tests/simulation ]]; then
        ASAN_OPTIONS=detect_stack_use_after_return=1 explore simulation asan --seeds 500 --from 1000000
    fi
}

step_tsan() {
    # The thread sanitizer of some compilers cannot cope with the address layout of some kernels.
    if setarch "$(uname -m)" -R true 2>/dev/null; then runner=(setarch "$(uname -m)" -R); fi
    TSAN_OPTIONS=second_deadlock_stack=1:report_signal_unsafe=0 build_and_test tsan
    runner=()
}

step_package() {
    local log="$logs/package.log"
    if ! tests/package/run.sh "$root/build/package" >"$log" 2>&1; then
        cat "$log"
    else
        sed 's/^ok /  passed: /' "$log"
    fi
    passed=$((passed + $(grep -c '^ok ' "$log" || true)))
    failed=$((failed + $(grep -c '^not ok ' "$log" || true)))
}

step_tidy() {
    local sources
    if ! command -v clang-tidy-14 >/dev/null; then
        skip "there is no clang-tidy-14, and others find other things"
        return
    fi
    configure clang >"$logs/configure-clang.log" 2>&1 || cat "$logs/configure-clang.log"
    if [[ $tidy_all == yes ]]; then
        mapfile -t sources < <(find tests/unit tests/simulated tests/simulation tests/loopback tests/request tests/interop examples -name node_modules -prune -o \
            -name '*.cpp' -print | sort)
    else
        sources=(build/clang/tests/headers/pure.cpp)
    fi
    check tidy xargs -0 -n 1 -P "$CMAKE_BUILD_PARALLEL_LEVEL" clang-tidy-14 --quiet -p build/clang \
        < <(printf '%s\0' "${sources[@]}")
}

# --- All of it -----------------------------------------------------------------------------------------------

install_prerequisites() {
    need_command g++ g++
    need_command cmake cmake
    need_command ninja ninja-build
    need_command ccache ccache
    need_header catch2 catch2
    need_header nlohmann/json.hpp nlohmann-json3-dev
    need_header CLI/CLI.hpp libcli11-dev
    need_boost
    if chosen headers clang asan tsan tidy; then
        need_command clang++ clang
        need_command llvm-symbolizer llvm
        if ! compgen -G "$(clang++ --print-runtime-dir 2>/dev/null)/libclang_rt.asan*" >/dev/null; then
            missing_packages+=(libclang-rt-dev)
        fi
    fi
    if chosen format; then want_command clang-format-14 clang-format-14; fi
    if chosen tidy; then want_command clang-tidy-14 clang-tidy-14; fi
    if chosen interop; then
        want_command node nodejs
        want_command npm npm
    fi
    install_missing
}

install_prerequisites
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}
# What one checkout has compiled, another one need not.
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$root} CCACHE_NOHASHDIR=${CCACHE_NOHASHDIR:-1}
logs=build/logs
mkdir -p "$logs"

table=''
total_passed=0
total_failed=0
total_skipped=0
all_start=$(milliseconds)
for step in "${all_steps[@]}"; do
    if ! chosen "$step"; then continue; fi
    printf '== %s\n' "$step"
    passed=0
    failed=0
    skipped=0
    start=$(milliseconds)
    "step_$step"
    printf -v row '%-10s %8d %8d %8d %10s\n' "$step" "$passed" "$failed" "$skipped" "$(seconds_since "$start")"
    table+=$row
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
    total_skipped=$((total_skipped + skipped))
done

printf '\n%-10s %8s %8s %8s %10s\n%s%-10s %37s\n\n' step passed failed skipped time "$table" all "$(seconds_since "$all_start")"
printf '%d passed, %d failed, %d skipped\n' "$total_passed" "$total_failed" "$total_skipped"
((total_failed == 0))
