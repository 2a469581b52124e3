#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# shellcheck disable=SC2094,SC2317
set -uo pipefail

usage() {
    cat <<'TEXT'
Usage: tests/netns/run.sh [DIRECTORY]

Tests the programs console and echo_server, which are in DIRECTORY (default: build/debug/examples), in two network
namespaces of their own, whose network breaks: how long until the console notices, and until it is connected again.
It needs root, and ip from the package iproute2; what cannot be tested here is skipped. At its end it prints what was
measured as a table. The last line of output counts the tests.
TEXT
}

if [[ ${1:-} == --help ]]; then
    usage
    exit 0
fi
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
programs=$(realpath -m "${1:-$here/../../build/debug/examples}")
if [[ ! -x $programs/console || ! -x $programs/echo_server ]]; then
    printf 'There are no programs console and echo_server in %s.\n' "$programs" >&2
    usage >&2
    exit 2
fi

columns=' detection | bound | told as | recovery | bound | lateness |'
# shellcheck source-path=SCRIPTDIR source=networks.sh
source "$here/networks.sh"

cause=-
detection=-
detection_bound=-
recovery=-
recovery_bound=-

cells() {
    printf " %s | %s | \`%s\` | %s | %s | %s |" "$(seconds "$detection")" "$(seconds "$detection_bound")" "$cause" \
        "$(seconds "$recovery")" "$(seconds "$recovery_bound")" "$(seconds "$lateness")"
}

# What the console is told, in milliseconds. An attempt and a delay may take that long; one dial takes no time where
# packets take none.
interval=500
timeout=1000
connect_timeout=1000
attempt_timeout=1000
delay=200
longest_delay=400
dial=0

# Waits until the link is declared dead, in at most so many milliseconds (default: as promised).
expect_detection() {
    local promised=${2:-$((interval + timeout))}
    patience=$((promised + 10000))
    if [[ $1 == heartbeat_timeout ]]; then
        expect_event suspected
        measure_lateness
        hold suspicion $((moment - broken)) $((promised - timeout / 2 + breaking + margin))
    fi
    expect_event closed "\"cause\":\"$1\""
    closed=$moment
    measure_lateness
    cause=$1
    detection=$((closed - broken))
    detection_bound=$((promised + breaking + margin))
    hold detection "$detection" "$detection_bound"
}

# Waits until the link is open again, and proved. The argument is from when on that was possible.
expect_recovery() {
    local promised=$((attempt_timeout + longest_delay + dial))
    patience=$((promised + 10000))
    expect_event opened
    measure_lateness
    recovery=$((moment - $1))
    recovery_bound=$((promised + mending + margin))
    hold recovery "$recovery" "$recovery_bound"
    expect_beats 1
}

# A link that loses and delays packets as wire.pl is told. Both interfaces are called wire0.
make_wire() {
    make_namespaces
    [[ -c /dev/net/tun ]] || skip 'there is no /dev/net/tun'
    perl -M'Time::HiRes=CLOCK_MONOTONIC' -e 1 2>/dev/null || skip 'there is no perl with Time::HiRes (package perl)'
    mkfifo wire_pipe
    exec {wire_input}<>wire_pipe
    exec {wire_output}< <(exec ip netns exec "$client" perl "$here/wire.pl" "$server" <wire_pipe 2>&1)
    children+=($!)
    expect "$wire_output" '*' wire
    if [[ $line == @(/dev/net/tun|wire0):* ]]; then skip "a TUN interface cannot be made: $line"; fi
    if [[ $line != ready ]]; then fail "wire.pl: $line"; fi
    must ip -n "$client" address add $client_address peer $server_address dev wire0
    must ip -n "$server" address add $server_address peer $client_address dev wire0
    must ip -n "$client" link set wire0 up
    must ip -n "$server" link set wire0 up
    must ip -n "$client" route add 127.0.0.1 dev wire0 src $client_address
}

# Leaves the answer in `line`.
tell_wire() {
    printf '%s\n' "$1" >&"$wire_input"
    expect "$wire_output" 'ok: *' wire
}

start_console() {
    run_console --url ws://127.0.0.1:8002 --interval "${interval}ms" --timeout "${timeout}ms" \
        --connect-timeout "${connect_timeout}ms" --upgrade-timeout "${attempt_timeout}ms" \
        --attempt-timeout "${attempt_timeout}ms" \
        --reconnect "${delay}ms" --growth 2 --max-delay "${longest_delay}ms"
}

# An open link that has been proved.
connect() {
    make_link
    start_control
    start_server
    start_console
    expect_event opened
    expect_beats 1
}

# Breaks the network under an open link, and mends it when an attempt to connect has failed.
expect_detection_and_recovery() {
    connect
    break_network "$1"
    expect_detection heartbeat_timeout
    expect_event attempt_failed
    mend_network "$2"
    expect_recovery "$mended"
}

# --- Tests -----------------------------------------------------------------------------------------------------

# First, since it takes longest.
test_10_loss_of_30_percent_of_the_packets() {
    # A packet that is lost six times in a row takes TCP 13 s.
    interval=200 timeout=14000 connect_timeout=6000 attempt_timeout=6000 dial=6000 patience=30000
    make_wire
    start_control
    start_server
    start_console
    expect_event opened
    tell_wire 'loss 30'
    expect_beats 10
    tell_wire count
    if [[ $line == *' 0 lost' ]]; then fail "No packets were lost: $line"; fi

    break_network tell_wire 'loss 100'
    expect_detection heartbeat_timeout
    mend_network tell_wire 'loss 30'
    expect_recovery "$mended"
}

test_11_delay_of_500_ms_each_way() {
    # A round trip for TCP, and one for the upgrade.
    timeout=3000 connect_timeout=5000 attempt_timeout=5000 dial=2000
    make_wire
    start_control
    start_server
    tell_wire 'delay 500'
    start_console
    expect_event opened
    expect_beats 4 '"round_trip":[1-9]*.'

    break_network tell_wire 'loss 100'
    expect_detection heartbeat_timeout
    mend_network tell_wire 'loss 0'
    expect_recovery "$mended"
}

test_20_packets_dropped_both_ways() { expect_detection_and_recovery lose_both carry_both; }

test_21_packets_to_the_server_dropped() {
    expect_detection_and_recovery lose_what_the_client_sends carry_what_the_client_sends
}

test_22_packets_to_the_client_dropped() {
    expect_detection_and_recovery lose_what_the_server_sends carry_what_the_server_sends
}

test_30_interface_of_the_client_down_and_up() {
    take_down() { ip -n "$client" link set link0 down; }
    # Its routes went with it.
    put_up() { ip -n "$client" link set link0 up && add_route; }
    expect_detection_and_recovery take_down put_up
}

test_31_interface_of_the_server_down_and_up() {
    # The client's host asks once a second who has the server's address, and drops what waits for the answer after three
    # questions: it may notice that much later that the server can be reached.
    dial=1000
    take_down() { ip -n "$server" link set link0 down; }
    put_up() { ip -n "$server" link set link0 up; }
    expect_detection_and_recovery take_down put_up
}

test_40_address_of_the_server_gone_and_back() {
    remove() { ip -n "$server" address delete 127.0.0.1/8 dev lo; }
    add() { ip -n "$server" address add 127.0.0.1/8 dev lo; }
    expect_detection_and_recovery remove add
}

test_41_address_of_the_client_changed() {
    connect
    client_address=10.9.0.3
    change() {
        # The route goes with the first address.
        ip -n "$client" address delete 10.9.0.1/24 dev link0 &&
            ip -n "$client" address add "$client_address"/24 dev link0 && add_route
    }
    break_network change
    expect_detection heartbeat_timeout
    # The server could be reached all the time, but not through this link.
    mending=0
    expect_recovery "$closed"
}

test_50_server_killed_and_restarted() {
    connect
    break_network kill -KILL "$server_process"
    # The host of a process that dies tells at once.
    expect_detection connection_lost 0
    expect_event attempt_failed '"cause":"connect_failed"'
    mend_network start_server
    expect_recovery "$mended"
}

test_60_cable_pulled_before_the_dial() {
    attempt_timeout=3000
    make_link
    start_control
    start_server
    must lose_both
    now
    broken=$milliseconds
    start_console
    expect_event state_changed '"to":"connecting"'
    breaking=$((moment - broken))
    expect_event attempt_failed '"cause":"connect_timeout"'
    measure_lateness
    cause=connect_timeout
    detection=$((moment - broken))
    detection_bound=$((connect_timeout + breaking + margin))
    hold detection "$detection" "$detection_bound"
    mend_network carry_both
    expect_recovery "$mended"
}

run_tests
