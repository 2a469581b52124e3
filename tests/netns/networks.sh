# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2094,SC2154,SC2317
# Sourced by run.sh and reaching.sh: two network namespaces for each test, the programs in them, how long things take,
# and how tests are run, counted and told. Who sources it sets `here`, `programs` and `columns`, the columns of its table
# after the first, as in " took | bound |", and defines `cells`, which prints what a test has measured in that form.
shopt -s extglob

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
        # What its programs find in /etc.
        rm -rf "/etc/netns/$namespace"
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
    # Others may use it, too.
    rmdir /etc/netns 2>/dev/null
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- What the tests are made of: each runs in a subshell and a directory of its own, between namespaces of its own ---

children=()
problems=()
line=
moment=
# For a line that never comes, in milliseconds. Each test makes it longer than what it expects.
patience=10000

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

start_server() {
    exec {server_output}< <(exec ip netns exec "$server" "$programs/echo_server" --port 8002 </dev/null)
    server_process=$!
    children+=("$server_process")
    expect "$server_output" 'listening on *' server
}

# Runs the console in the client's namespace, with these options and what it tells as JSON.
run_console() {
    mkfifo console_pipe
    # Its input does not end.
    # shellcheck disable=SC2034
    exec {console_input}<>console_pipe
    exec {console_output}< <(
        exec ip netns exec "$client" "$programs/console" --json "$@" <console_pipe 2>&1
    )
    children+=($!)
}

# Packets leave, and reach an interface that takes them for somebody else's: neither side is told anything.
lose_what_the_client_sends() { lose_what_is_sent "$client" $server_address; }
lose_what_the_server_sends() { lose_what_is_sent "$server" $client_address; }
lose_both() { lose_what_the_client_sends && lose_what_the_server_sends; }
lose_what_is_sent() { ip -n "$1" neighbour replace "$2" lladdr 02:00:00:00:00:01 nud permanent dev link0; }
carry_what_the_client_sends() { ip -n "$client" neighbour delete $server_address dev link0; }
carry_what_the_server_sends() { ip -n "$server" neighbour delete $client_address dev link0; }
carry_both() { carry_what_the_client_sends && carry_what_the_server_sends; }

# --- All of them -----------------------------------------------------------------------------------------------

# Seconds, of milliseconds.
seconds() {
    if [[ $1 == - ]]; then printf -- '-'; else printf '%d.%02d s' $(($1 / 1000)) $(($1 % 1000 / 10)); fi
}

run_test() {
    exec 3>&1
    trap leave EXIT
    trap 'exit 1' INT TERM
    cd "$scratch/$1" || exit 1
    number=${1%%_*}
    "test_$1"
    cells >measured
    if ((${#problems[@]} > 0)); then fail "${problems[@]}"; fi
}

# Runs each function test_NUMBER_NAME, in the order of the numbers; prints the table and the counts.
run_tests() {
    local test name index status row
    local tests=() processes=() rows=() passed=0 failed=0 skipped=0
    mapfile -t tests < <(compgen -A function test_ | sort)
    for test in "${tests[@]#test_}"; do
        while (($(jobs -rp | wc -l) >= lanes)); do wait -n; done
        mkdir "$scratch/$test"
        run_test "$test" >"$scratch/$test/said" 2>&1 &
        processes+=($!)
    done

    for index in "${!tests[@]}"; do
        test=${tests[index]#test_}
        name=${test#*_}
        name=${name//_/ }
        status=0
        wait "${processes[index]}" || status=$?
        row="| $name |"
        if [[ -s $scratch/$test/measured ]]; then
            row+=$(<"$scratch/$test/measured")
        else
            row+=${columns//+([^|])/ - }
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
    printf '\n| case |%s\n|---|%s\n' "$columns" "${columns//+([^|])/---}"
    printf '%s\n' "${rows[@]}" ''
    now
    printf 'It took %s.\n' "$(seconds $((milliseconds - started)))"
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    ((failed == 0))
}
