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

# Milliseconds and seconds of a clock that nobody sets. It ticks each 10 ms, and reading it starts no process.
now() {
    local uptime rest
    read -r uptime rest </proc/uptime
    milliseconds=$((10#${uptime/./} * 10))
}

now
started=$milliseconds
# After it nothing is waited for any more.
time_limit=$((started + 80000))
# How many tests run at once: they wait most of the time.
lanes=3
prefix=heartbeat-$$
scratch=$(mktemp -d)

# Removes the namespaces whose names begin like the argument, and ends what runs in them.
remove_namespaces() {
    local namespace process
    while read -r namespace; do
        for process in $(ip netns pids "$namespace"); do kill -KILL "$process"; done
        ip netns delete "$namespace"
    done < <(ip netns list | awk -v prefix="$1" 'index($1, prefix) == 1 { print $1 }')
} 2>/dev/null

cleanup() {
    # A test that is running removes what it made.
    local tests
    mapfile -t tests < <(jobs -rp)
    if ((${#tests[@]} > 0)); then
        kill -TERM "${tests[@]}" 2>/dev/null
        wait
    fi
    remove_namespaces "$prefix-"
    rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- What the tests are made of: each runs in a subshell and a directory of its own, between namespaces of its own ---

children=()
problems=()
line=
moment=
cause=-
detection=-
detection_bound=-
recovery=-
recovery_bound=-
# For a line that never comes, in milliseconds. Each test makes it longer than what it expects.
patience=10000

# What the console is told, in milliseconds. An attempt and a delay may take that long; one dial takes no time where
# packets take none.
interval=500
timeout=1000
connect_timeout=1000
attempt_timeout=1000
delay=200
longest_delay=400
dial=0

leave() {
    local child
    for child in "${children[@]}"; do kill -KILL "$child"; done
    remove_namespaces "$prefix-$number-"
} 2>/dev/null

# Ends this test.
fail() {
    printf '    %s\n' "$@" >&3
    exit 1
}

# Ends this test as one that cannot be run here.
skip() {
    printf '%s\n' "$1" >skipped
    exit 77
}

# Runs a command that has to succeed.
must() { "$@" >said_by_command 2>&1 || fail "$*: $(<said_by_command)"; }

# Reads lines until one is like the pattern (in which a backslash is written twice), and leaves that in `line`, and
# the moment in which it was read in `moment`. Keeps all of them in a file.
expect() {
    local from=$1 pattern=$2 file=$3 due left
    now
    due=$((milliseconds + patience))
    if ((due > time_limit)); then due=$time_limit; fi
    while left=$((due - milliseconds)) && ((left > 0)); do
        IFS= read -r -t "$((left / 1000)).$(printf %03d $((left % 1000)))" -u "$from" line || break
        now
        moment=$milliseconds
        printf '%s\n' "$moment $line" >>"$file"
        # shellcheck disable=SC2053
        if [[ $line == $pattern ]]; then return 0; fi
    done
    fail "$file: there was no line like $pattern. The last ones were:" "$(tail -n 5 "$file" 2>/dev/null)"
}

# The second argument is looked for in the rest of the line.
expect_event() { expect "$console_output" "{\"event\":\"$1\",\"time\":*${2:-}*" console; }

# Of a link that has to live on. The second argument is looked for in each.
expect_beats() {
    local count
    for ((count = 0; count < $1; ++count)); do
        expect_event '@(beat|closed)'
        if [[ $line == *'"event":"closed"'* ]]; then fail "The link was declared dead: $line"; fi
        # shellcheck disable=SC2053
        if [[ $line != *${2:-}* ]]; then fail "The heartbeat is not like ${2:-}: $line"; fi
    done
}

# Notes by how much a timer is late at most: how late everything else may be on this machine, too.
start_control() {
    mkfifo control_pipe
    (
        exec {never}<>control_pipe
        worst=-1
        while now; do
            due=$((milliseconds + 20))
            read -r -t 0.020 -u "$never"
            now
            if ((milliseconds - due > worst)); then
                worst=$((milliseconds - due))
                printf '%d\n' $((worst > 0 ? worst : 0)) >>lateness
            fi
        done
    ) &
    children+=($!)
}

# Leaves in `lateness` by how much the control timer was late, and in `margin` what a bound may be exceeded by: several
# processes in a row have to get their turn, and a clock that ticks each 10 ms is read twice.
measure_lateness() {
    local all
    mapfile -t all <lateness
    lateness=${all[-1]}
    margin=$((300 + 4 * lateness))
}

# Runs a command that breaks the network, or mends it. It counts as broken from before the command; bounds count from
# after it, and so does its time.
break_network() {
    now
    broken=$milliseconds
    must "$@"
    now
    breaking=$((milliseconds - broken))
}
mend_network() {
    now
    mended=$milliseconds
    must "$@"
    now
    mending=$((milliseconds - mended))
}

# Holds a duration to its bound, which gets the margin added.
hold() {
    local what=$1 measured=$2 bound=$3
    if ((measured > bound)); then
        problems+=("The $what took $measured ms; at most $bound ms were expected, $margin ms of them for lateness.")
    fi
}

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

# Client and server have a namespace each.
make_namespaces() {
    if ((EUID != 0)); then skip 'it takes root'; fi
    command -v ip >/dev/null || skip 'there is no ip (package iproute2)'
    client=$prefix-$number-client
    server=$prefix-$number-server
    local namespace said
    for namespace in "$client" "$server"; do
        said=$(ip netns add "$namespace" 2>&1) || skip "network namespaces cannot be made: $said"
        # The server listens at 127.0.0.1. The client's namespace gives up its own address of that kind, and looks for it
        # beyond the link; the server's lets it in there.
        # shellcheck disable=SC2016
        said=$(ip netns exec "$namespace" sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet' 2>&1) ||
            skip "route_localnet cannot be set: $said"
        must ip -n "$namespace" link set lo up
    done
    must ip -n "$client" address delete 127.0.0.1/8 dev lo
}

client_address=10.9.0.1
server_address=10.9.0.2

# Both interfaces are called link0.
make_link() {
    make_namespaces
    local said
    said=$(ip -n "$client" link add link0 type veth peer name link0 netns "$server" 2>&1) ||
        skip "veth interfaces cannot be made: $said"
    must ip -n "$client" address add "$client_address"/24 dev link0
    must ip -n "$server" address add $server_address/24 dev link0
    must ip -n "$client" link set link0 up
    must ip -n "$server" link set link0 up
    must add_route
}

add_route() { ip -n "$client" route add 127.0.0.1 via $server_address; }

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

start_server() {
    exec {server_output}< <(exec ip netns exec "$server" "$programs/echo_server" --port 8002 </dev/null)
    server_process=$!
    children+=("$server_process")
    expect "$server_output" 'listening on *' server
}

start_console() {
    mkfifo console_pipe
    # Its input does not end.
    # shellcheck disable=SC2034
    exec {console_input}<>console_pipe
    exec {console_output}< <(
        exec ip netns exec "$client" "$programs/console" --url ws://127.0.0.1:8002 --json \
            --interval "${interval}ms" --timeout "${timeout}ms" \
            --connect-timeout "${connect_timeout}ms" --upgrade-timeout "${attempt_timeout}ms" \
            --attempt-timeout "${attempt_timeout}ms" \
            --reconnect "${delay}ms" --growth 2 --max-delay "${longest_delay}ms" <console_pipe 2>&1
    )
    children+=($!)
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

# Packets leave, and reach an interface that takes them for somebody else's: neither side is told anything.
lose_what_the_client_sends() { lose_what_is_sent "$client" $server_address; }
lose_what_the_server_sends() { lose_what_is_sent "$server" $client_address; }
lose_both() { lose_what_the_client_sends && lose_what_the_server_sends; }
lose_what_is_sent() { ip -n "$1" neighbour replace "$2" lladdr 02:00:00:00:00:01 nud permanent dev link0; }
carry_what_the_client_sends() { ip -n "$client" neighbour delete $server_address dev link0; }
carry_what_the_server_sends() { ip -n "$server" neighbour delete $client_address dev link0; }
carry_both() { carry_what_the_client_sends && carry_what_the_server_sends; }

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

# --- All of them -----------------------------------------------------------------------------------------------

run_test() {
    exec 3>&1
    trap leave EXIT
    trap 'exit 1' INT TERM
    cd "$scratch/$1" || exit 1
    number=${1%%_*}
    "test_$1"
    printf '%s ' "$cause" "$detection" "$detection_bound" "$recovery" "$recovery_bound" "$lateness" >measured
    if ((${#problems[@]} > 0)); then fail "${problems[@]}"; fi
}

mapfile -t tests < <(compgen -A function test_ | sort)
processes=()
for test in "${tests[@]#test_}"; do
    while (($(jobs -rp | wc -l) >= lanes)); do wait -n; done
    mkdir "$scratch/$test"
    run_test "$test" >"$scratch/$test/said" 2>&1 &
    processes+=($!)
done

passed=0
failed=0
skipped=0
rows=()

# Seconds, of milliseconds.
seconds() {
    if [[ $1 == - ]]; then printf -- '-'; else printf '%d.%02d s' $(($1 / 1000)) $(($1 % 1000 / 10)); fi
}

for index in "${!tests[@]}"; do
    test=${tests[index]#test_}
    name=${test#*_}
    name=${name//_/ }
    status=0
    wait "${processes[index]}" || status=$?
    row="| $name |"
    if [[ -s $scratch/$test/measured ]]; then
        read -r cause detection detection_bound recovery recovery_bound lateness <"$scratch/$test/measured"
        row+=" $(seconds "$detection") | $(seconds "$detection_bound") | \`$cause\` |"
        row+=" $(seconds "$recovery") | $(seconds "$recovery_bound") | $(seconds "$lateness") |"
    else
        row+=' - | - | - | - | - | - |'
    fi
    case $status in
        0) passed=$((passed + 1)) ;;
        77)
            skipped=$((skipped + 1))
            printf '  skipped: %s: %s\n' "$name" "$(<"$scratch/$test/skipped")"
            ;;
        *)
            failed=$((failed + 1))
            printf '  FAILED: %s\n' "$name"
            cat "$scratch/$test/said"
            ;;
    esac
    rows+=("$row")
done
cat <<'TEXT'

| case | detection | bound | told as | recovery | bound | lateness |
|---|---|---|---|---|---|---|
TEXT
printf '%s\n' "${rows[@]}" ''
now
printf 'It took %s.\n' "$(seconds $((milliseconds - started)))"
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
((failed == 0))
