#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: examples/run.sh [--demo | console ARGUMENT... | server ARGUMENT...]

Installs what is missing (with apt), builds the examples, and then
  without arguments   starts an echo server and a console client that is connected to it
  --demo              shows by itself what the library does; also when there is no terminal
  console ARGUMENT... runs the console client alone; --help shows its arguments
  server ARGUMENT...  runs the echo server alone; --help shows its arguments

BOOST_ROOT and CMAKE_PREFIX_PATH are honoured.
TEXT
}

caller=$PWD
if [[ -n ${BOOST_ROOT:-} ]]; then BOOST_ROOT=$(realpath -m "$BOOST_ROOT"); fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=$PWD/build/examples
# shellcheck source-path=SCRIPTDIR source=../cmake/install_packages.sh
source cmake/install_packages.sh

install_prerequisites() {
    need_command c++ g++
    need_command cmake cmake
    need_command ninja ninja-build
    need_header nlohmann/json.hpp nlohmann-json3-dev
    need_header CLI/CLI.hpp libcli11-dev
    need_boost
    need_header openssl/ssl.h libssl-dev
    install_missing
}

# Silent when there is nothing to do.
build_targets() {
    local log=build/examples-configure.log
    mkdir -p build
    if ! configure examples >"$log" 2>&1; then
        cat "$log" >&2
        die "The build could not be configured."
    fi
    if [[ ! -e $build/$1 ]]; then printf 'Building, which takes about a minute the first time.\n' >&2; fi
    cmake --build "$build" --target "$@" | sed -u -e '/Re-checking globbed/d' -e '/no work to do/d' >&2
}

run_demo() {
    build_targets tour console echo_server
    exec "$build/tour" --server "$build/echo_server" --console "$build/console"
}

run_interactive() {
    local log=$build/echo_server.log line server_pid server_output
    build_targets console echo_server

    # In a session of its own and without input, so that Ctrl-C and what is typed reach the console alone.
    exec {server_output}< <(exec setsid "$build/echo_server" --port 0 </dev/null 2>"$log")
    server_pid=$!
    # shellcheck disable=SC2064
    trap "kill $server_pid 2>/dev/null || true" EXIT
    if ! read -r -t 30 line <&"$server_output" || [[ $line != 'listening on '* ]]; then
        cat "$log" >&2
        die "The echo server did not start. ${line:-}"
    fi
    cat <&"$server_output" >>"$log" &
    exec {server_output}<&-
    printf 'The echo server is %s; its log is %s\n' "$line" "$log"
    "$build/console" --url "${line#listening on }"
}

case ${1:-} in
    -h | --help) usage ;;
    console)
        install_prerequisites
        build_targets console
        cd "$caller"
        exec "$build/console" "${@:2}"
        ;;
    server)
        install_prerequisites
        build_targets echo_server
        cd "$caller"
        exec "$build/echo_server" "${@:2}"
        ;;
    --demo)
        if (($# > 1)); then
            usage >&2
            exit 2
        fi
        install_prerequisites
        run_demo
        ;;
    '')
        install_prerequisites
        if [[ -t 0 && -t 1 ]]; then run_interactive; else run_demo; fi
        ;;
    *)
        usage >&2
        exit 2
        ;;
esac
