#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Runs each small example against the echo server: small_examples.sh DIRECTORY, where the programs are.
set -euo pipefail
programs=$1
scratch=$(mktemp -d)
mkfifo "$scratch/log"
"$programs/echo_server" --port 0 >"$scratch/log" </dev/null &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -rf "$scratch"' EXIT
exec 3<"$scratch/log"
read -r line <&3
# Whoever writes a log wants it read.
cat <&3 >/dev/null &
url=${line##* }
for example in quick_start coroutines io_thread json_routing custom_protocol simulated_network; do
    printf '%s\n' "$example"
    timeout 60 "$programs/$example" "$url"
done
