#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: tests/core/mutants.sh [OPTION...] [PATCH...]

Puts faults back into a copy of the decisions, one at a time, and tells whether the exploration catches them and by
which law. Without patches it takes all of tests/core/mutants. The last line of output counts them.

  --schedules N  the budget for each (1000000)
  --threads N    for each (as many as there are processors)
  --help

CXX is honoured (g++), and CXXFLAGS, which come last. Exit status: 0 all are caught, 1 some are not.
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
schedules=1000000
threads=$(nproc)
patches=()
while (($# > 0)); do
    case $1 in
        --schedules | --threads)
            if [[ ! ${2:-} =~ ^[1-9][0-9]*$ ]]; then
                printf '%s takes a number\n' "$1" >&2
                exit 2
            fi
            if [[ $1 == --schedules ]]; then schedules=$2; else threads=$2; fi
            shift
            ;;
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
if ((${#patches[@]} == 0)); then patches=("$here"/mutants/*.patch); fi

compiler=("${CXX:-g++}")
if command -v ccache >/dev/null; then compiler=(ccache "${compiler[@]}"); fi
read -ra flags <<<"${CXXFLAGS:-}"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Builds the exploration with the headers in the folder and runs it; its output goes to the folder.
explore() {
    if ! "${compiler[@]}" -std=c++20 -O2 -pthread -I"$folder/include" "$here/explore.cpp" -o "$folder/explore" \
        "${flags[@]}" >"$folder/build.log" 2>&1; then
        cat "$folder/build.log"
        return 3
    fi
    (exec timeout 600 "$folder/explore" --schedules "$schedules" --threads "$threads") >"$folder/output.log" 2>&1
}

cp -r "$root/include" "$folder/original"
cp -r "$folder/original" "$folder/include"
if ! explore; then
    cat "$folder/output.log"
    printf 'Without any fault the laws do not hold, so nothing can be said.\n'
    exit 1
fi

caught=0
missed=0
for patch in "${patches[@]}"; do
    name=$(basename "$patch" .patch)
    rm -rf "$folder/include"
    cp -r "$folder/original" "$folder/include"
    if ! patch --quiet --no-backup-if-mismatch -p1 -d "$folder" <"$patch" >"$folder/patch.log" 2>&1; then
        printf '%-38s DOES NOT APPLY\n' "$name"
        missed=$((missed + 1))
        continue
    fi
    status=0
    explore || status=$?
    # One that aborts on an assertion or does not end is caught as well; 3 is a fault that does not compile.
    if ((status != 0 && status != 3)); then
        caught=$((caught + 1))
        printf '%-38s caught: %s\n' "$name" \
            "$(grep -m 1 -E 'does not hold|never arose|though impossible|Assertion' "$folder/output.log" || echo "status $status")"
    else
        missed=$((missed + 1))
        printf '%-38s NOT CAUGHT, status %d: %s\n' "$name" "$status" "$(head -n 1 "$patch")"
    fi
done
printf '\n%d caught, %d not caught\n' "$caught" "$missed"
((missed == 0))
