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
  --soak N     how many seconds the step soak takes
  --fuzz N     how many seconds each target of the step fuzz takes
  --tidy       clang-tidy over the sources of tests and examples, which takes long, not over the headers without
               I/O alone
  --help

Steps:
  format    the sources look as clang-format-14 makes them
  debug     tests, built with g++, those against hostile servers among them
  simulate  2,000,000 schedules of the decisions alone, and 20,000 of a socket in a simulated network, with the laws
            checked at each step; a fixed session, disturbed in each way at each step; asan plays 500 schedules more
  mutants   faults are put back into the decisions, one at a time, and their exploration or a test catches each
  interop   tests against a Node server and through nginx; skipped where there is no Node
  examples  the demonstration and the examples run through, the console does as it should, the README quotes truly
  headers   each public header compiles alone; core and protocols include no I/O,
            and heartbeat.hpp no OpenSSL; frequent mistakes give one error each, with g++ and clang++
  clang     the examples compile with clang++, too
  asan      tests, built with clang++, with address, leak and undefined behaviour sanitizers
  tsan      the tests that have threads, built with clang++, with the thread sanitizer
  soak      200 sockets under constant faults for a minute, whose memory stays flat
  netns     the programs in two network namespaces: the network breaks, or names and addresses do not answer;
            skipped where there are none
  fuzz      inputs that break a promise are looked for, half a minute for each of seven targets
  package   a project can use the library in each of the usual ways
  tidy      clang-tidy-14 finds nothing

The faults of the operations take too long to be put back in each run: tests/mutants.sh does it.

BOOST_ROOT and CMAKE_PREFIX_PATH are honoured. CMAKE_BUILD_PARALLEL_LEVEL sets how many compilers run at once.
TEXT
}

if [[ -n ${BOOST_ROOT:-} ]]; then BOOST_ROOT=$(realpath -m "$BOOST_ROOT"); fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
# shellcheck source-path=SCRIPTDIR source=../cmake/install_packages.sh
source cmake/install_packages.sh
# shellcheck source-path=SCRIPTDIR source=counting.sh
source tests/counting.sh

all_steps=(format debug simulate mutants interop examples headers clang asan tsan soak netns fuzz package tidy)
steps=()
repeat=1
simulated_seeds=20000
simulated_from=1
soak_seconds=60
fuzz_seconds=30
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
        --seeds | --from | --soak | --fuzz)
            if [[ ! ${2:-} =~ ^[1-9][0-9]*$ ]]; then die "$1 takes a number"; fi
            case $1 in
                --seeds) simulated_seeds=$2 ;;
                --from) simulated_from=$2 ;;
                --soak) soak_seconds=$2 ;;
                --fuzz) fuzz_seconds=$2 ;;
            esac
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

# --- Steps ---------------------------------------------------------------------------------------------------

test_directories=(unit simulated loopback request tls deflate hostile)
# Those whose tests have more than one thread.
threaded_directories=(unit loopback request tls)

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
        build_and_test debug "${test_directories[@]}"
        if ((failed == 0)); then tell 'hostile servers' "$(awk '/^\|---/ { rows = 0; next } /^\| / { ++rows } END { print rows }' tests/hostile/README.md)"; fi
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
    local program=$1 preset=$2 status=0
    local log="$logs/$program-$preset-${3#--}.log"
    timeout --kill-after=10 "$time_limit" "${runner[@]}" "build/$preset/tests/$program" "${@:3}" >"$log" 2>&1 || status=$?
    sed 's/^/  /' "$log"
    if ((status == 0)); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf '  FAILED: %s %s, exit status %d, after at most %s s\n' "$program" "${*:3}" "$status" "$time_limit"
    fi
}

# A seed gives the same timeline each time, byte for byte.
replays() {
    local number
    for number in 1 2; do
        timeout --kill-after=10 "$time_limit" "$1" --seed 4711 --trace >"$logs/timeline-$number" || return
        test -s "$logs/timeline-$number" || return
    done
    cmp "$logs/timeline-1" "$logs/timeline-2"
}

step_simulate() {
    build release --target simulation core_exploration || return 0
    explore core_exploration release --schedules 2000000 --threads "$(nproc)"
    local least=()
    # Fewer cannot have so much to judge.
    if ((simulated_seeds >= 20000)); then least=(--minimum-premises 1000); fi
    time_limit=$((300 + simulated_seeds / 50)) \
        explore simulation release --seeds "$simulated_seeds" --from "$simulated_from" "${least[@]}"
    time_limit=900 explore simulation release --systematic
    check replay replays build/release/tests/simulation

    local decisions="$logs/core_exploration-release-schedules.log" sockets="$logs/simulation-release-seeds.log"
    tell 'schedules of the decisions' "$(behind 'schedules ' "$decisions")"
    tell 'schedules of whole sockets' "$(behind 'schedules ' "$sockets")"
    tell 'worst detection since input, by the network' "$(behind 'worst detection ' "$sockets")"
    tell 'worst recovery, by the network' "$(behind 'worst recovery ' "$sockets")"
    tell 'disturbed sessions' "$(behind 'a fixed session of ' "$logs/simulation-release-systematic.log")"
}

step_mutants() { adopt_mutants --core; }

# Counts each fault that is put back as one check.
adopt_mutants() {
    local log="$logs/mutants.log" caught missed
    tests/mutants.sh "$@" >"$log" 2>&1 || true
    read -r caught missed < <(sed -n 's/^\([0-9]*\) caught, \([0-9]*\) not caught$/\1 \2/p' "$log") || true
    if [[ -z ${caught:-} || $missed != 0 ]]; then grep -v ' caught: ' "$log" || true; fi
    passed=$((passed + ${caught:-0}))
    failed=$((failed + ${missed:-1}))
    tell 'mutants of the decisions' "${caught:-0} caught, ${missed:-?} not caught"
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
    if ! command -v nginx >/dev/null; then skip "there is no nginx"; fi
    build debug --target interop_tests || return 0
    HEARTBEAT_NODE_SERVER=$root/$server run_tests build/debug/tests/interop_tests
}

step_examples() {
    # The programs of tests/bench, too, so that they go on being compiled.
    build debug --target examples/all console_server fleet_bench adaptive_bench deflate_bench || return 0
    check demonstration timeout --kill-after=10 "$time_limit" build/debug/examples/tour \
        --server build/debug/examples/echo_server --console build/debug/examples/console
    check console timeout --kill-after=10 "$time_limit" tests/console/run.sh build/debug/examples
    check small-examples timeout --kill-after=10 "$time_limit" tests/console/small_examples.sh build/debug/examples
    check quotes tests/console/quotes.sh
}

step_headers() {
    local compiler log bad=0 total
    check layers tests/headers/layers.sh
    for compiler in g++ clang++; do check "errors-$compiler" tests/headers/errors.sh "$compiler"; done
    total=$(find include -name '*.hpp' | wc -l)
    log="$logs/headers.log"
    printf '  building debug ...\n'
    if ! { configure debug && cmake --build build/debug --target header_tests -- -k 0; } >"$log" 2>&1; then
        show_build_log "$log"
        bad=$(grep -c '^FAILED: ' "$log" || true)
        # Nothing was compiled.
        if ((bad == 0)); then bad=$((total + 1)); fi
    fi
    failed=$((failed + bad))
    # One more for the program in which they all meet.
    if ((bad <= total)); then passed=$((passed + total + 1 - bad)); fi
    printf '  %d headers, %d failed\n' "$total" "$bad"
}

# The sanitizers build the tests with it; the headers are in all of them.
step_clang() {
    local source flags=(-std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -Iinclude -Iexamples)
    if [[ -n ${BOOST_ROOT:-} ]]; then flags+=(-isystem "$BOOST_ROOT/include" -isystem "$BOOST_ROOT"); fi
    find examples -maxdepth 1 -name '*.cpp' -print0 | sort -z |
        xargs -0 -P "$CMAKE_BUILD_PARALLEL_LEVEL" -I '{}' bash -c '
            source=$1 && shift && rm -f "build/logs/clang-$(basename "$source").passed"
            "$@" "$source" >"build/logs/clang-$(basename "$source").log" 2>&1 && touch "build/logs/clang-$(basename "$source").passed"
        ' worker '{}' clang++ "${flags[@]}" || true
    for source in examples/*.cpp; do
        check "clang-$(basename "$source" .cpp)" compiled_with_clang "$(basename "$source")"
    done
}

compiled_with_clang() {
    cat "build/logs/clang-$1.log"
    test -e "build/logs/clang-$1.passed"
}

# Both directions of TLS are saturated, for 15 s with each version.
stress_tls() {
    if [[ ! -x build/$1/tests/tls_tests ]]; then return; fi
    HEARTBEAT_TLS_STRESS_SECONDS=15 explore tls_tests "$1" '[stress]'
    tell "TLS both ways, $1" "$(behind 'TLS 1.3 in both directions for ' "$logs/tls_tests-$1-[stress].log")"
}

step_asan() {
    ASAN_OPTIONS=detect_stack_use_after_return=1:check_initialization_order=1:strict_init_order=1 \
        UBSAN_OPTIONS=print_stacktrace=1 build_and_test asan "${test_directories[@]}"
    build asan --target simulation soak || return 0
    stress_tls asan
    ASAN_OPTIONS=detect_stack_use_after_return=1 explore simulation asan --seeds 500 --from 1000000
    ASAN_OPTIONS=detect_stack_use_after_return=1 explore soak asan --seconds 10 --sockets 64
}

step_tsan() {
    # The thread sanitizer of some compilers cannot cope with the address layout of some kernels.
    if setarch "$(uname -m)" -R true 2>/dev/null; then runner=(setarch "$(uname -m)" -R); fi
    local -x TSAN_OPTIONS="second_deadlock_stack=1:report_signal_unsafe=0:suppressions='$root/tests/tsan.supp'"
    build_and_test tsan "${threaded_directories[@]}"
    build tsan --target soak || return 0
    stress_tls tsan
    # Threads send, close, connect slots and destroy, in each way at once.
    explore soak tsan --seconds 10 --sockets 32 --threads 4
    runner=()
}

step_soak() {
    build release --target soak || return 0
    time_limit=$((soak_seconds + 240)) explore soak release --seconds "$soak_seconds"
    tell soak "$(behind 'soak: ' "$logs/soak-release-seconds.log")"
}

step_netns() {
    build debug --target console echo_server lookups || return 0
    adopt netns tests/netns/run.sh build/debug/examples
    adopt reaching tests/netns/reaching.sh build/debug
    if ((passed > 0)); then
        tell 'real networks' "$passed cases, worst detection $(worst netns 3 4), worst recovery $(worst netns 6 7)"
        tell 'what stands in the way' "worst $(worst reaching 4 5)"
    fi
}

# The row of a table of real networks that comes closest to its bound, by the columns of both.
worst() {
    awk -F '|' -v took="$2" -v bound="$3" '
        /^\|.* s \|/ {
            if ($bound + 0 > 0 && $took / $bound > most) { most = $took / $bound; shown = $took " of" $bound }
        }
        END { gsub(/  +/, " ", shown); sub(/^ /, "", shown); sub(/ $/, "", shown); print shown }' "$logs/$1.log"
}

step_fuzz() {
    time_limit=$((300 + 7 * (fuzz_seconds + 60))) adopt fuzz tests/fuzz/run.sh --seconds "$fuzz_seconds"
    tell 'fuzz executions' "$(fuzz_executions)"
}

fuzz_executions() {
    sed -n 's/^ *passed: \([a-z_]*\), \([0-9]*\) executions.*/\1 \2/p' "$logs/fuzz.log" | paste -s -d , | sed 's/,/, /g'
}

step_package() {
    local log="$logs/package.log"
    local status=0 good bad
    timeout --kill-after=10 900 tests/package/run.sh "$root/build/package" >"$log" 2>&1 || status=$?
    good=$(grep -c '^ok ' "$log" || true)
    bad=$(grep -c '^not ok ' "$log" || true)
    if ((status != 0 && bad == 0)); then bad=1; fi
    if ((bad > 0)); then cat "$log"; else sed 's/^ok /  passed: /' "$log"; fi
    passed=$((passed + good))
    failed=$((failed + bad))
}

step_tidy() {
    local sources
    if ! command -v clang-tidy-14 >/dev/null; then
        skip "there is no clang-tidy-14, and others find other things"
        return
    fi
    configure clang >"$logs/configure-clang.log" 2>&1 || cat "$logs/configure-clang.log"
    if [[ $tidy_all == yes ]]; then
        # It looks for how each source is compiled.
        cmake -D HEARTBEAT_JOIN_TEST_SOURCES=OFF build/clang >>"$logs/configure-clang.log"
        mapfile -t sources < <(find tests/unit tests/simulated tests/simulation tests/loopback tests/request tests/tls tests/deflate tests/hostile tests/stress tests/interop examples -name node_modules -prune -o \
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
    need_header openssl/ssl.h libssl-dev
    need_command patch patch
    if chosen netns; then want_command ip iproute2; fi
    if chosen headers clang asan tsan fuzz tidy; then
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
        want_command nginx nginx-light
    fi
    install_missing
}

# Where nginx is, for those who are not root.
PATH+=:/usr/sbin
install_prerequisites
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}
# What one checkout has compiled, another one need not.
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$root} CCACHE_NOHASHDIR=${CCACHE_NOHASHDIR:-1}
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
if [[ -n $tried ]]; then printf 'What was tried:\n%s\n' "$tried"; fi
printf '%d passed, %d failed, %d skipped\n' "$total_passed" "$total_failed" "$total_skipped"
((total_failed == 0))
