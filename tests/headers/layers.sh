#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# The directories are the architecture: core and protocols do no I/O, and neither includes what is above it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

boost=()
if [[ -n ${BOOST_ROOT:-} ]]; then boost=(-isystem "$BOOST_ROOT/include" -isystem "$BOOST_ROOT"); fi

broken=0
# The headers of a directory, or those that are named, must not include, themselves or through others, what matches the pattern.
forbid() {
    local directory=$1 pattern=$2 header included found
    for header in "include/heartbeat/$directory"/${3:-*.hpp}; do
        if ! included=$(g++ -std=c++20 -x c++ -M -I include "${boost[@]}" "$header"); then
            broken=1
            continue
        fi
        found=$(tr ' ' '\n' <<<"$included" | grep -E "$pattern") || continue
        printf '%s includes %s\n' "$header" "${found%%$'\n'*}"
        broken=1
    done
}

forbid core '/boost/(asio|beast)/|/heartbeat/(net|protocols|testing)/|/heartbeat/heartbeat_socket\.hpp$'
forbid protocols '/boost/(asio|beast)/|/heartbeat/(net|core|testing)/|/heartbeat/heartbeat_socket\.hpp$'
# Whoever includes everything needs neither OpenSSL nor its development files.
forbid . '/openssl/|/boost/asio/ssl' heartbeat.hpp
exit "$broken"
