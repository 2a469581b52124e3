#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Runs each small example against the server that it needs: small_examples.sh DIRECTORY, where the programs are.
set -euo pipefail
programs=$1
scratch=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null || true; rm -rf "$scratch"' EXIT

# Starts a server and sets `url` to where it listens; the rest of its log is in the file `said`.
start() {
    local log="$scratch/log${#servers[@]}" line reader
    mkfifo "$log"
    "$@" >"$log" </dev/null &
    servers+=("$!")
    exec {reader}<"$log"
    read -r line <&"$reader"
    # Whoever writes a log wants it read.
    said=$log.said
    cat <&"$reader" >"$said" &
    url=${line##* }
}

start "$programs/echo_server" --port 0
for example in quick_start coroutines io_thread json_routing custom_protocol simulated_network; do
    printf '%s\n' "$example"
    timeout 60 "$programs/$example" "$url"
done

printf 'simulated_network, the same each time\n'
diff <("$programs/simulated_network") <("$programs/simulated_network")

start "$programs/token_server" 0
printf 'token\n'
diff <(timeout 60 "$programs/token" "$url") - <<'TEXT'
the server refused the upgrade to websocket (HTTP status 401, "this token has expired")
open
ended: Success
TEXT

printf 'echo_client\n'
start "$programs/../tests/console_server"
timeout 120 "$programs/echo_client" "$url/judge"
# The server has said so before it closed; the rest of its log ends with it.
kill "${servers[-1]}"
wait "$!" || true
grep -q '^all [0-9]* messages came back$' "$said"
