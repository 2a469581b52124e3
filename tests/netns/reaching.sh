#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# shellcheck disable=SC2034,SC2317
set -uo pipefail

usage() {
    cat <<'TEXT'
Usage: tests/netns/reaching.sh [DIRECTORY]

Tests what stands between a client and its server: name servers, addresses and ports that do not answer, and child
processes that hold a connection. The programs examples/console and tests/lookups are in DIRECTORY (default:
build/debug), and run in two network namespaces of their own. It needs root, ip and ss from the package iproute2, and
perl; what cannot be tested here is skipped. At its end it prints what was measured as a table. The last line of output
counts the tests.
TEXT
}

if [[ ${1:-} == --help ]]; then
    usage
    exit 0
fi
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
built=$(realpath -m "${1:-$here/../../build/debug}")
programs=$built/examples
lookups=$built/tests/lookups
if [[ ! -x $programs/console || ! -x $lookups ]]; then
    printf 'There are no programs examples/console and tests/lookups in %s.\n' "$built" >&2
    usage >&2
    exit 2
fi
columns=' until | took | bound | lateness |'
# shellcheck source-path=SCRIPTDIR source=networks.sh
source "$here/networks.sh"
lanes=6
patience=6000

until=-
took=-
bound=-

cells() { printf ' %s | %s | %s | %s |' "$until" "$(seconds "$took")" "$(seconds "$bound")" "$(seconds "$lateness")"; }

# What took from the second argument to `moment`: at most the third, and at least the fourth, in milliseconds. If it took
# less, what had to stand in the way did not.
measure() {
    until=$1
    measure_lateness
    took=$((moment - $2))
    bound=$(($3 + margin))
    hold "time until $until" "$took" "$bound"
    if ((took < ${4:-0})); then problems+=("It took $took ms until $until; at least $4 ms were expected."); fi
}

# --- The server's host has several addresses ---------------------------------------------------------------------

good=10.9.0.2
other=10.9.0.3
dead_name_servers=(10.9.0.4 10.9.0.5)
ipv6_good=2001:db8::2
# What the name servers answer within is nothing; the console has the library's deadlines, and this delay.
delay=200

make_host() {
    command -v perl >/dev/null || skip 'there is no perl'
    make_link
    local address
    for address in "$other" "${dead_name_servers[@]}"; do
        must ip -n "$server" address add "$address/24" dev link0
    done
    start_control
}

# Both have an IPv6 address, too, which can be used at once.
add_ipv6() {
    [[ -e /proc/sys/net/ipv6 ]] || skip 'this kernel has no IPv6'
    must ip -n "$client" address add 2001:db8::1/64 dev link0 nodad
    must ip -n "$server" address add $ipv6_good/64 dev link0 nodad
}

# The name servers that the client's namespace asks, and other lines of its resolv.conf.
use_name_servers() {
    must mkdir -p "/etc/netns/$client"
    printf 'hosts: files dns\n' >"/etc/netns/$client/nsswitch.conf"
    if [[ ! -e /etc/nsswitch.conf ]]; then must rm "/etc/netns/$client/nsswitch.conf"; fi
    printf '%s\n' "$@" >"/etc/netns/$client/resolv.conf"
}

# The arguments are those of names.pl.
start_names() {
    exec {names_output}< <(exec ip netns exec "$server" perl "$here/names.pl" at=$good "$@" 2>&1)
    children+=($!)
    expect "$names_output" ready names
}

# Holds getaddrinfo to beginning with this address.
expect_first() {
    local first
    first=$(ip netns exec "$client" getent ahosts "$2" 2>&1 | awk 'NR == 1 { print $1 }')
    if [[ $first != "$1" ]]; then fail "The first address of $2 is $first, not $1."; fi
}

# At port 8002 of an address (default: of all).
start_server() {
    exec {server_output}< <(exec ip netns exec "$server" "$lookups" server "${1:-::}" 8002 2>&1)
    children+=($!)
    expect "$server_output" listening server
}

# Leaves in `begun` when the console began to connect.
start_console() {
    run_console --protocol ping --reconnect "${delay}ms" --growth 1 "$@"
    expect_event state_changed '"to":"connecting"'
    begun=$moment
}

# The arguments are those of lookups. Its last line is its exit status.
start_lookups() {
    mkfifo lookups_pipe
    exec {lookups_input}<>lookups_pipe
    exec {lookups_output}< <(
        ip netns exec "$client" "$lookups" "$@" <lookups_pipe 2>&1
        printf 'status %s\n' $?
    )
    children+=($!)
}

expect_line() { expect "$lookups_output" "$1" lookups; }

# Leaves in `told` when that was.
tell_lookups() {
    now
    told=$milliseconds
    printf '%s\n' "$1" >&"$lookups_input"
}

# The program ends within this, when there is nothing but a lookup that hangs.
end_bound=100

# --- Addresses ---------------------------------------------------------------------------------------------------

# For getaddrinfo the address comes first that shares more bits with the client's: 10.9.0.3, then 10.9.0.2.
test_10_first_address_swallows_packets() {
    make_host
    use_name_servers "nameserver $good"
    start_names two.test=$other,$good
    expect_first $other two.test
    must lose_what_is_sent "$client" $other
    start_server
    start_console --url ws://two.test:8002
    expect_event opened
    measure open "$begun" 250 200
}

test_11_first_address_is_IPv6_and_swallows_packets() {
    make_host
    add_ipv6
    use_name_servers "nameserver $good"
    start_names two.test=$ipv6_good,$good
    expect_first $ipv6_good two.test
    must lose_what_is_sent "$client" $ipv6_good
    start_server
    start_console --url ws://two.test:8002
    expect_event opened
    measure open "$begun" 250 200
}

test_12_first_address_refuses() {
    make_host
    use_name_servers "nameserver $good"
    # Nothing listens there.
    start_names two.test=$client_address,$good
    expect_first $client_address two.test
    start_server
    start_console --url ws://two.test:8002
    expect_event opened
    measure open "$begun" 0
}

test_13_host_without_IPv6() {
    make_host
    must ip netns exec "$client" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
    use_name_servers "nameserver $good"
    start_names two.test=$ipv6_good,$good
    start_server
    start_console --url ws://two.test:8002
    expect_event opened
    measure open "$begun" 0
    expect "$names_output" 'asked two.test AAAA' names
}

test_14_first_address_accepts_and_is_silent() {
    make_host
    use_name_servers "nameserver $good"
    start_server $good
    start_names two.test=$other,$good tcp=$other:8002
    expect_first $other two.test
    start_console --url ws://two.test:8002 --upgrade-timeout 1000ms
    expect_event '@(attempt_failed|opened)'
    if [[ $line != *'"cause":"upgrade_timeout"'* ]]; then fail "The first address was not tried first: $line"; fi
    expect_event '@(attempt_failed|opened)'
    if [[ $line != *'"event":"opened"'* ]]; then fail "The second attempt failed, too: $line"; fi
    measure open "$begun" $((1000 + delay)) 1000
}

test_15_connection_to_itself() {
    make_host
    must ip -n "$client" route delete 127.0.0.1
    must ip -n "$client" address add 127.0.0.1/8 dev lo
    must ip netns exec "$client" sh -c 'echo 8002 8002 >/proc/sys/net/ipv4/ip_local_port_range'
    start_console --url ws://127.0.0.1:8002
    local count
    for ((count = 0; count < 3; ++count)); do
        expect_event '@(attempt_failed|opened)'
        if [[ $line != *'"cause":"connect_failed"'*itself* ]]; then fail "It was not noticed: $line"; fi
        if ((count == 0)); then measure 'attempt failed' "$begun" 0; fi
    done
}

# --- Names -------------------------------------------------------------------------------------------------------

# glibc asks the next name server after 5 s.
test_01_first_name_server_is_dead() {
    patience=16000
    make_host
    use_name_servers "nameserver ${dead_name_servers[0]}" "nameserver $good"
    start_names good.test=$good udp="${dead_name_servers[0]}:53"
    start_server
    start_console --url ws://good.test:8002
    expect_event opened
    measure open "$begun" 5200 4900
}

# glibc waits 5 s for the first and 3 s for the second, which is longer than the deadline of 6 s; the attempt after it
# gets the answer of that lookup.
test_02_two_of_three_name_servers_are_dead() {
    patience=16000
    make_host
    use_name_servers "nameserver ${dead_name_servers[0]}" "nameserver ${dead_name_servers[1]}" "nameserver $good"
    start_names good.test=$good udp="${dead_name_servers[0]}:53" udp="${dead_name_servers[1]}:53"
    start_server
    start_console --url ws://good.test:8002
    expect_event attempt_failed '"cause":"resolve_timeout"'
    expect_event opened
    measure open "$begun" 8200 7900
}

# The answer comes after 2 s, when the attempt has failed and the next one has not begun.
test_20_answer_between_two_attempts() {
    delay=1500
    make_host
    use_name_servers "nameserver ${dead_name_servers[0]}" "nameserver ${dead_name_servers[1]}" "nameserver $good" \
        'options timeout:1'
    start_names good.test=$good udp="${dead_name_servers[0]}:53" udp="${dead_name_servers[1]}:53"
    start_server
    start_console --url ws://good.test:8002 --resolve-timeout 1500ms
    expect_event attempt_failed '"cause":"resolve_timeout"'
    expect_event '@(attempt_failed|opened)'
    if [[ $line != *'"event":"opened"'* ]]; then fail "The second attempt failed, too: $line"; fi
    measure open "$begun" $((1500 + delay)) $((1500 + delay / 2 - 50))
}

# A name whose lookup takes 10 s, and fails.
make_hanging_lookup() {
    make_host
    use_name_servers "nameserver $good"
    start_names good.test=$good hang.test=never
}

test_21_lookup_of_another_socket_hangs() {
    make_hanging_lookup
    start_server
    start_lookups beside ws://hang.test:8002 ws://good.test:8002
    expect "$names_output" 'asked hang.test *' names
    tell_lookups start
    expect_line opened
    measure open "$told" 0
}

test_22_main_ends_while_a_lookup_hangs() {
    make_hanging_lookup
    start_lookups beside ws://hang.test:8002 ws://good.test:8002
    expect "$names_output" 'asked hang.test *' names
    tell_lookups stop
    expect_line 'end of main'
    local end=$moment
    expect_line 'status 0'
    measure 'end of the process' "$end" $end_bound
}

test_23_io_thread_ends_while_a_lookup_hangs() {
    make_hanging_lookup
    start_lookups thread ws://hang.test:8002
    expect "$names_output" 'asked hang.test *' names
    tell_lookups stop
    expect_line 'end of thread'
    local end=$moment
    expect_line 'end of main'
    measure 'end of the thread' "$end" $end_bound
    end=$moment
    expect_line 'status 0'
    hold 'end of the process' $((moment - end)) $((end_bound + margin))
}

test_24_child_exits_while_a_lookup_hangs() {
    make_hanging_lookup
    start_lookups fork ws://hang.test:8002
    expect "$names_output" 'asked hang.test *' names
    tell_lookups fork
    expect_line 'child starts'
    local end=$moment
    expect_line 'child ended with 0'
    measure 'end of the child' "$end" $end_bound
    expect_line 'end of main'
    end=$moment
    expect_line 'status 0'
    hold 'end of the process' $((moment - end)) $((end_bound + margin))
}

# --- Child processes that inherit a connection ---------------------------------------------------------------------

# What the server sees, which says nothing of heartbeats.
expect_server() { expect "$server_output" "$1" server; }

# How many connections the server's host has.
expect_links() {
    local links
    links=$(ip netns exec "$server" ss -Htn state established sport = :8002 | wc -l)
    if ((links != $1)); then problems+=("The server has $links connections; expected were $1."); fi
}

# An open link, whose program has started a child, unless it is `none`.
connect_with_child() {
    command -v ss >/dev/null || skip 'there is no ss (package iproute2)'
    make_host
    start_server
    start_lookups child ws://$good:8002
    expect_line opened
    expect_server '*open'
    if [[ $1 == none ]]; then return; fi
    tell_lookups "$1"
    expect_line 'child runs'
}

# All packets are lost. The server sends nothing by itself: the client's host has to tell it, when there is a way again.
end_of_a_dead_link() {
    connect_with_child "$1"
    break_network lose_both
    expect_line 'closed: *no sign of life*'
    mend_network carry_both
    expect_line opened
    local open=$moment
    expect_server '#1 closed*'
    measure 'end of the old link' "$open" 0
    expect_links 1
}

end_of_a_cut_link() {
    connect_with_child "$1"
    tell_lookups cancel
    expect_server '*closed*'
    measure 'end of the link' "$told" 0
    expect_links 0
}

test_30_dead_link() { end_of_a_dead_link none; }
test_31_dead_link_that_a_copy_of_the_process_has() { end_of_a_dead_link fork; }
test_32_dead_link_with_another_program_started() { end_of_a_dead_link spawn; }
test_33_cut_link_that_a_copy_of_the_process_has() { end_of_a_cut_link fork; }
test_34_cut_link_with_another_program_started() { end_of_a_cut_link spawn; }

run_tests
