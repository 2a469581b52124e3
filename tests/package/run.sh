#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Builds and runs a program that uses the library in each of the ways that a project can. Prints "ok WAY" or
# "not ok WAY" for each; exits with 1 if one failed. Takes the directory to build in.
# shellcheck disable=SC2317
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${1:-$root/build/package}
mkdir -p "$build"
build=$(cd "$build" && pwd)

generator=()
if command -v ninja >/dev/null; then generator=(-G Ninja); fi
if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache; fi

# The installed library is moved, to a path with a space, before it is used: nothing in it may name a place.
install_library() {
    rm -rf "$build/stage" "$build/moved prefix"
    cmake -S "$root" -B "$build/library" "${generator[@]}" -D CMAKE_INSTALL_PREFIX="$build/stage" \
        -D HEARTBEAT_BUILD_TESTS=OFF -D HEARTBEAT_BUILD_EXAMPLES=OFF &&
        cmake --install "$build/library" &&
        mv "$build/stage" "$build/moved prefix" &&
        ! grep -rlF -e "$build" -e "$root" "$build/moved prefix"
}

use_library() {
    local way=$1 directory="$build/$1"
    cmake -S "$root/tests/package" -B "$directory" "${generator[@]}" -D CMAKE_BUILD_TYPE=None -D HEARTBEAT_WAY="$way" \
        -D HEARTBEAT_SOURCE_DIR="$root" -D heartbeat_ROOT="$build/moved prefix" &&
        cmake --build "$directory" &&
        timeout 60 "$directory/consumer" &&
        timeout 60 "$directory/secure_consumer"
}

failed=0
check() {
    local name=$1 log=$build/$1.log
    if "${@:2}" >"$log" 2>&1; then
        printf 'ok %s\n' "$name"
    else
        failed=1
        cat "$log"
        printf 'not ok %s\n' "$name"
    fi
}

check install install_library
check find_package use_library find_package
check add_subdirectory use_library add_subdirectory
check FetchContent use_library FetchContent
exit "$failed"
