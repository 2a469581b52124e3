# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=bash
# Sourced by tests/run.sh: how a step builds, runs and counts its checks, and what is told at the end.

# For the output of what is run.
logs=build/logs
# Seconds for one program.
time_limit=300
# What runs each program of tests, with its arguments.
runner=()

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

# Builds a preset and runs its tests in the given directories.
build_and_test() {
    local preset=$1 directory directories=("${@:2}")
    build "$preset" --target "${directories[@]/%/_tests}" || return 0
    for directory in "${directories[@]}"; do run_tests "build/$preset/tests/${directory}_tests"; done
}

# Runs a script that counts by itself, in its last line, and shows what it says.
adopt() {
    local log="$logs/$1.log" counts status=0
    timeout --kill-after=10 "$time_limit" "${@:2}" >"$log" 2>&1 || status=$?
    counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$log" | tail -n 1)
    if [[ -z $counts ]]; then
        cat "$log"
        printf '  FAILED: %s did not finish\n' "$1"
        counts='0 1 0'
    else
        sed '$d; /^$/d; s/^\( *\)/  \1/' "$log"
    fi
    local good bad ignored
    read -r good bad ignored <<<"$counts"
    if ((status != 0 && bad == 0)); then
        bad=1
        printf '  FAILED: %s ended with status %d\n' "$1" "$status"
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
    skipped=$((skipped + ignored))
}

# --- What was tried ------------------------------------------------------------------------------------------

tried=''

# Adds a line to what is told at the end: what was tried, and how much of it. Without an amount it says nothing.
tell() {
    local line
    if [[ -z $2 ]]; then return; fi
    printf -v line '%-34s %s\n' "$1" "$2"
    tried+=$line
}

# The rest of the first line of a file that matches a basic regular expression, behind the match.
behind() {
    if [[ -e $2 ]]; then sed -n "s/^ *$1//p" "$2" | head -n 1; fi
}
