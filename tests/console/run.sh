#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# shellcheck disable=SC2094,SC2317
set -uo pipefail

usage() {
    cat <<'TEXT'
Usage: tests/console/run.sh [DIRECTORY]

Tests the programs console, echo_client and echo_server, which are in DIRECTORY (default: build/debug/examples), by
playing with them: lines go in, and the lines that are expected are waited for. What it needs beside them is
DIRECTORY/../tests/console_server. The last line of output counts the tests.
TEXT
}

if [[ ${1:-} == --help ]]; then
    usage
    exit 0
fi
repository=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
programs=$(realpath -m "${1:-$repository/build/debug/examples}")
other_server=$programs/../tests/console_server
for program in "$programs"/{console,echo_client,echo_server} "$other_server"; do
    if [[ ! -x $program ]]; then
        printf 'There is no program %s.\n' "$program" >&2
        usage >&2
        exit 2
    fi
done

# For a line that never comes; what works does not take nearly as long.
time_limit=30
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# --- What the tests are made of: each runs in a subshell and a directory of its own ----------------------------

children=()
url=
output_end=$'\n'
line=

end_children() {
    local child
    for child in "${children[@]}"; do kill -KILL "$child" 2>/dev/null; done
}

# Ends this test.
fail() {
    printf '    %s\n' "$@"
    exit 1
}

# Ends this test as one that cannot be run here.
skip() {
    printf '    skipped: %s\n' "$1"
    exit 77
}

# Reads lines until one is like the pattern (in which a backslash is written twice), and leaves that in `line`. Keeps all of them in a file.
# A line ends with the character of the last argument.
expect() {
    local from=$1 pattern=$2 file=$3 end=${4:-$'\n'} due=$((SECONDS + time_limit))
    while ((SECONDS < due)) && IFS= read -r -d "$end" -t "$time_limit" -u "$from" line; do
        printf '%s' "$line$end" >>"$file"
        # shellcheck disable=SC2053
        if [[ $line == $pattern ]]; then return 0; fi
    done
    fail "$file: there was no line like $pattern. The last ones were:" "$(tail -n 5 "$file" 2>/dev/null)"
}

expect_server() { expect "$server_output" "$1" server; }
expect_output() { expect "$console_output" "$1" output "$output_end"; }
expect_error() { expect "$console_errors" "$1" errors; }
# With --json. The second argument is looked for in the rest of the line.
expect_event() { expect_output "{\"event\":\"$1\",\"time\":*${2:-}*"; }

tell_server() { printf '%s\n' "$1" >&"$server_input"; }
tell() { printf '%s\n' "$1" >&"$console_input"; }

start_server() {
    mkfifo server_pipe
    exec {server_input}<>server_pipe
    exec {server_output}< <(exec "$programs/echo_server" --port 0 <server_pipe)
    children+=($!)
    expect_server 'listening on *'
    url=${line#listening on }
}

# A server that refuses connections, and whose port nobody else can take.
start_refusing_server() {
    start_server
    tell_server refuse
    expect_server 'ok: refuse'
}

# A server that tells what it is asked for, and has two ports with TLS besides: ca.pem vouches for one.
start_other_server() {
    exec {server_output}< <(exec "$other_server" .)
    children+=($!)
    expect_server 'listening on *'
    url=${line##* }
    expect_server 'with a certificate *'
    vouched_url=${line##* }
    expect_server 'with a certificate of its own *'
    lonely_url=${line##* }
}

# Starts the console with lines from `tell` as its input.
start_console() {
    rm -f console_pipe error_pipe
    mkfifo console_pipe error_pipe
    local both input
    # Opening one end of a pipe waits for the other.
    exec {both}<>console_pipe {console_errors}<>error_pipe
    exec {input}<console_pipe {console_input}>console_pipe {both}>&-
    exec {console_output}< <(
        # Its input ends when the last who could write there closes it.
        exec {console_input}>&-
        exec "$programs/console" "$@" <&"$input" {input}<&- 2>error_pipe
    )
    console=$!
    children+=("$console")
    exec {input}<&-
}

end_input() { exec {console_input}>&-; }

# Reads what the console says until its end, and compares its exit status.
expect_status() {
    local result=0 status due=$((SECONDS + time_limit))
    while ((result == 0 && SECONDS < due)); do
        result=0
        IFS= read -r -d "$output_end" -t "$time_limit" -u "$console_output" line || result=$?
        if ((result == 0)); then printf '%s' "$line$output_end" >>output; fi
    done
    # What has no end.
    printf '%s' "$line" >>output
    if ((result != 1)); then fail "The console does not end." "$(tail -n 5 output)"; fi
    wait "$console"
    status=$?
    if [[ $status != "$1" ]]; then fail "The exit status is $status instead of $1." "$(tail -n 5 output)"; fi
}

# Runs the console by itself, input from the caller, and compares its exit status.
run_console() {
    local expected=$1 status=0
    timeout "$time_limit" "$programs/console" "${@:2}" >output 2>errors || status=$?
    if [[ $status != "$expected" ]]; then
        fail "The exit status of console ${*:2} is $status instead of $expected." "$(tail -n 5 output errors)"
    fi
}

expect_in() { grep -qF -e "$2" "$1" || fail "$1 does not contain: $2" "$(cat "$1")"; }
expect_not_in() { ! grep -qF -e "$2" "$1" || fail "$1 contains: $2" "$(cat "$1")"; }

# --- Tests -----------------------------------------------------------------------------------------------------

test_connects_sends_hello_world_and_closes_on_purpose() {
    start_server
    start_console --url "$url" --json
    expect_event opened '"session":1,"reconnected":false'
    tell /send
    expect_server '*message {"ModeCode":"message","msg":"hello world"}'
    expect_event message '"msg":"hello world"'
    tell /close
    expect_event closed '"cause":"closed"'
    expect_event stopped '"cause":"closed"'
    expect_server '*closed: code 1000'
    tell /quit
    expect_status 0
}

test_sends_plain_text_in_an_envelope() {
    start_server
    start_console --url "$url" --json
    expect_event opened
    tell 'plain "text"'
    expect_server '*message {"ModeCode":"message","msg":"plain \\"text\\""}'
    tell '/send /close'
    expect_server '*message {"ModeCode":"message","msg":"/close"}'
    end_input
    expect_status 0
}

test_sends_plain_text_as_it_is_with_ping_frames() {
    start_server
    start_console --url "$url" --json --protocol ping --interval 50ms
    expect_event opened
    expect_event beat '"id":1'
    tell '{"ModeCode":"message","msg":7}'
    expect_server '*message {"ModeCode":"message","msg":7}'
    expect_event message '"text":"{\\"ModeCode\\":\\"message\\",\\"msg\\":7}"}'
    tell /quit
    expect_status 0
}

test_allows_only_connect_while_disconnected() {
    start_server
    start_console --url "$url" --json --no-connect
    tell /send
    expect_error '/send: not connected. Possible now: /connect /status /help /quit'
    tell text
    expect_error '/send: not connected. *'
    tell /close
    expect_error '/close: not connected. *'
    tell /status
    expect_event status '"state":"stopped"'
    tell /connect
    expect_event opened
    tell /quit
    # Not 0: this was a script with lines that could not be carried out.
    expect_status 1
}

test_allows_send_and_close_only_while_connected() {
    start_server
    start_console --url "$url" --json
    expect_event opened
    tell /connect
    expect_error '/connect: connected already. Possible now: /send /close /status /help /quit'
    tell /status
    expect_event status '"state":"open"'
    tell /close
    expect_event stopped
    tell /close
    expect_error '/close: not connected. Possible now: /connect /status /help /quit'
    tell /connect
    expect_event opened '"session":2,"reconnected":false'
    end_input
    expect_status 1
}

test_connect_dials_at_once_while_waiting() {
    start_refusing_server
    start_console --url "$url" --json --reconnect 100m --max-delay 100m
    expect_event waiting '"cause":"connect_failed"'
    tell text
    expect_error '/send: not connected, the next attempt is being waited for. Possible now: /connect /close *'
    tell_server accept
    expect_server 'ok: accept'
    tell /connect
    expect_event opened
    end_input
    expect_status 1
}

test_close_stops_the_attempts_while_waiting() {
    start_refusing_server
    start_console --url "$url" --json --reconnect 100m --max-delay 100m
    expect_event waiting
    tell /close
    expect_event stopped '"cause":"closed"'
    tell /status
    expect_event status '"state":"stopped"'
    end_input
    expect_status 0
}

test_close_stops_an_attempt_that_is_under_way() {
    start_server
    tell_server freeze
    expect_server 'ok: freeze'
    start_console --url "$url" --json --upgrade-timeout 100m --attempt-timeout 100m
    expect_server '*connection from*'
    tell /connect
    expect_error '/connect: an attempt to connect is under way. Possible now: /close /status /help /quit'
    tell /close
    expect_event stopped '"cause":"closed"'
    tell /quit
    expect_status 1
}

test_beats_notices_a_frozen_server_and_connects_again() {
    start_server
    start_console --url "$url" --json --interval 100ms --timeout 1s --reconnect 50ms
    expect_event beat '"round_trip":'
    tell_server freeze
    expect_server 'ok: freeze'
    expect_event suspected '"session":1,"silence":'
    expect_event closed '"cause":"heartbeat_timeout"'
    expect_event waiting '"delay":0.0'
    tell_server resume
    expect_event opened '"reconnected":true'
    expect_event beat
    tell /quit
    expect_status 0
}

test_tells_a_message_that_is_not_json_as_malformed() {
    start_server
    start_console --url "$url" --json
    expect_event opened
    tell_server 'say nonsense'
    expect_event malformed '"text":"nonsense","position":1,'
    tell_server 'say {"ModeCode":"other"}'
    expect_event message '"text":"{\\"ModeCode\\":\\"other\\"}"}'
    tell /quit
    expect_status 0
}

test_refuses_wrong_commands_and_text_that_is_not_utf8() {
    start_server
    start_console --url "$url" --json
    expect_event opened
    tell /sned
    expect_error '/sned is no command; */help*'
    tell '/close now'
    expect_error '/close takes no text.'
    tell $'\xff'
    expect_error 'The message was refused: *'
    tell ''
    tell /help
    expect_error '  /status *'
    tell /quit
    expect_status 1
}

test_carries_out_a_file_and_closes_at_its_end() {
    start_server
    # While it connects and closes, lines wait. The last one has no end.
    printf '/send first\r\n/close\n/connect\n\nsecond' >script
    run_console 0 --url "$url" --json <script
    expect_server '*message {"ModeCode":"message","msg":"first"}'
    expect_server '*closed: code 1000'
    expect_server '*message {"ModeCode":"message","msg":"second"}'
    expect_server '*closed: code 1000'
    run_console 0 --url "$url" </dev/null
    expect_in output opened
    run_console 0 --url "$url" <&-
    expect_in output opened
    printf 'piped\n' | run_console 0 --url "$url" || exit 1
    expect_server '*message {"ModeCode":"message","msg":"piped"}'
}

test_goes_on_reading_a_file_where_it_stands() {
    start_server
    printf 'for somebody else\nfor the console\n' >script
    {
        read -r line
        run_console 0 --url "$url"
    } <script
    expect_server '*message *'
    [[ $line == *'"for the console"}' ]] || fail "The server got: $line"
}

test_asks_with_headers_subprotocols_and_a_token() {
    start_other_server
    run_console 0 --url "$url/path?query" --header 'X-One: first: a' --header X-Two:b --header 'user-agent:mine' \
        --header ORIGIN:https://example.com --subprotocol chat --subprotocol super --bearer t0ken </dev/null
    expect_server 'request /path?query *'
    local field
    for field in 'X-One: first: a' 'X-Two: b' 'User-Agent: mine' 'Origin: https://example.com' \
        'Sec-WebSocket-Protocol: chat, super' 'Authorization: Bearer t0ken'; do
        expect_in server " $field;"
    done
    expect_in output ' opened       session 1, subprotocol super'

    run_console 0 --url "$url" --header user-agent: --json </dev/null
    expect_server 'request / *'
    [[ $line != *User-Agent* ]] || fail "The server got: $line"
    expect_in output '"subprotocol":""'
}

test_offers_compression_only_if_it_is_told_to() {
    start_other_server
    local option
    for option in '' --deflate; do
        start_console --url "$url/deflate" --json --protocol ping ${option:+"$option"}
        expect_server 'request /deflate *'
        case $option in
            '') [[ $line != *Sec-WebSocket-Extensions* ]] || fail "The server got: $line" ;;
            *) [[ $line == *' Sec-WebSocket-Extensions: permessage-deflate;'* ]] || fail "The server got: $line" ;;
        esac
        expect_event message '"text":"xxxxxxxxxx*'
        tell "$(printf 'x%.0s' {1..100})"
        tell /quit
        expect_status 0
    done
}

test_a_password_in_the_url_is_sent_and_never_shown() {
    start_other_server
    local secret=${url/\/\//\/\/me:pa%73s@} option
    for option in --no-color --json; do
        printf '/status\n' | run_console 0 --url "$secret" "$option" || exit 1
        # base64 of me:pass
        expect_server 'request / *Authorization: Basic bWU6cGFzcw==;*'
        expect_in output "$url"
        cat errors >>output
        expect_not_in output pa%73s
        expect_not_in output me:
        expect_not_in output @
    done
    run_console 5 --url "$secret/login" </dev/null
    expect_in output 'HTTP status 401'
    expect_not_in output pa%73s
}

test_says_on_one_line_why_there_is_no_connection_and_what_follows() {
    start_other_server
    start_console --url "$url/busy"
    expect_output '* failed *attempt 1: the server refused the upgrade to websocket (HTTP status 503, "too much to do", retry after 7 s*); attempt 2 in * s'
    expect_not_in output waiting
    tell /quit
    expect_status 0

    # Who may not come in is not let in by trying again.
    run_console 5 --url "$url/login" </dev/null
    expect_in output 'attempt 1: the server refused the upgrade to websocket (HTTP status 401, "who are you?"'
    expect_in output '; no further attempt'
    [[ $(grep -c failed output) == 1 ]] || fail "$(cat output)"
}

test_speaks_tls_with_a_server_whose_authority_is_trusted() {
    start_other_server
    printf 'hello\n/status\n' | run_console 0 --url "$vouched_url" --ca ca.pem --protocol ping || exit 1
    expect_in output opened
    expect_in output '1 TLS handshake, 0 of them short'
    [[ ! -s errors ]] || fail "$(cat errors)"
}

test_refuses_a_server_that_nobody_trusted_vouches_for() {
    start_other_server
    run_console 11 --url "$vouched_url" </dev/null
    expect_in output "attempt 1: the server's certificate is from an unknown authority ("
    expect_in output '; attempt 2 in '
    expect_not_in output opened
    run_console 11 --url "$lonely_url" --ca ca.pem </dev/null
    expect_in output "attempt 1: the server's certificate is self-signed ("
    expect_in output '; attempt 2 in '
}

test_insecure_warns_and_accepts_any_certificate() {
    start_other_server
    run_console 0 --url "$lonely_url" --insecure </dev/null
    expect_in output opened
    expect_in errors 'warning: --insecure: the server is not verified'
}

test_exit_status_tells_the_cause() {
    start_server
    run_console 3 --url ws://a..b --no-reconnect </dev/null

    tell_server refuse
    expect_server 'ok: refuse'
    run_console 4 --url "$url" --no-reconnect </dev/null
    # At its end the script has no connection.
    run_console 4 --url "$url" --reconnect 100m </dev/null
    tell_server accept
    expect_server 'ok: accept'

    tell_server freeze
    expect_server 'ok: freeze'
    run_console 5 --url "$url" --no-reconnect --upgrade-timeout 10ms </dev/null
    tell_server resume
    expect_server 'ok: resume'
}

test_exit_status_tells_why_the_connection_ended() {
    start_server
    start_console --url "$url" --json --no-reconnect --interval 50ms --timeout 100ms
    expect_event opened
    tell_server freeze
    expect_status 6
    tell_server resume
    expect_server 'ok: resume'

    start_console --url "$url" --json --no-reconnect
    expect_event opened
    tell_server 'close 1001 going away'
    expect_event closed '"cause":"closed_by_peer","text":"*","close_code":1001,"close_text":"going away"'
    expect_status 7

    start_console --url "$url" --json --no-reconnect
    expect_event opened
    tell_server drop
    expect_event closed '"cause":"connection_lost"'
    expect_status 8
}

test_exit_status_tells_the_last_cause_when_no_attempts_are_left() {
    start_refusing_server
    start_console --url "$url" --json --reconnect 1ms --max-attempts 3
    expect_event attempt_failed '"attempt":3'
    expect_event stopped '"cause":"retries_exhausted",*"evidence":"connect_failed"'
    expect_status 4
}

test_a_signal_closes_and_a_second_one_leaves_at_once() {
    start_server
    start_console --url "$url" --json
    expect_event opened
    kill -INT "$console"
    expect_event stopped '"cause":"closed"'
    expect_status 0
    expect_server '*closed: code 1000'

    local signal
    for signal in INT TERM; do
        start_console --url "$url" --json --close-timeout 100m
        expect_event opened
        tell_server freeze
        expect_server 'ok: freeze'
        kill "-$signal" "$console"
        expect_error 'Closing; once more leaves at once.'
        kill "-$signal" "$console"
        expect_status $((128 + $(kill -l "$signal")))
        tell_server resume
        expect_server 'ok: resume'
    done
}

test_wrong_options_are_told_by_name_value_and_what_was_expected() {
    local wrong
    for wrong in '--interval 4x' '--timeout 4' '--reconnect -1s' '--close-timeout 99999999999999999999s' \
        '--connect-timeout 1000000m' '--growth much' '--growth 0.5' '--max-attempts 1.5' '--protocol pong' \
        '--timeout 0' '--url https://127.0.0.1' '--url nowhere' '--header name' '--header :value' \
        '--header Host:a' '--header a(b):c' '--subprotocol a/b' '--subprotocol a --subprotocol a' \
        '--bearer a,b' '--ca nowhere.pem' '--tls-timeout 0'; do
        # shellcheck disable=SC2086
        run_console 2 $wrong </dev/null
        [[ ! -s output ]] || fail "There is output: $(cat output)"
        expect_in errors "console: ${wrong%% *} is "
        expect_in errors ", expected "
    done
    for wrong in --ca --subprotocol --bearer --header; do
        run_console 2 "$wrong" '' </dev/null
        expect_in errors "console: $wrong is \"\", expected "
    done
    run_console 2 --header $'name:two\nlines' </dev/null
    expect_in errors 'console: --header is "name" with a line break '
    run_console 2 --bearer secret --header Authorization:secret --url ws://me:secret@127.0.0.1 </dev/null
    expect_in errors 'console: there are 3 ways of authentication, expected one of --bearer, '
    expect_not_in errors secret
    run_console 2 --header 'Authorization secret' </dev/null
    expect_in errors 'console: --header is "Authorization...", expected NAME:VALUE'
    expect_not_in errors secret
    run_console 2 --ca ca.pem --insecure </dev/null
    expect_in errors '--ca excludes --insecure'
    run_console 2 --interval </dev/null
    run_console 2 --no-such-option </dev/null
    run_console 2 argument </dev/null
}

test_help_tells_commands_and_exit_statuses() {
    run_console 0 --help </dev/null
    expect_in output '/connect'
    expect_in output 'Exit status:'
    expect_in output '500ms'
    expect_in output 'The end of input closes'
    expect_in output 'ModeCode'
    local option
    for option in 'wss://' '--ca FILE' '--insecure' '--header NAME:VALUE' '--subprotocol NAME' '--bearer TOKEN' --deflate; do
        expect_in output "$option"
    done
}

test_output_to_a_pipe_has_no_control_characters_and_one_line_while_waiting() {
    start_refusing_server
    start_console --url "$url" --reconnect 100ms
    expect_output '* failed  *attempt 2: the connection was not accepted (Connection refused); attempt 3 in * ms'
    tell /quit
    expect_status 0
    expect_not_in output $'\r'
    expect_not_in output $'\033'
    [[ $(grep -c 'attempt 2 in' output) == 1 ]] || fail "$(cat output)"
    expect_not_in output 'next attempt'
}

# Runs a command on a terminal of its own, which has 12 rows and as many columns as the first argument says.
start_on_terminal() {
    command -v script >/dev/null || skip "there is no script, which makes terminals"
    terminal_columns=$1
    # The last character of the sequence with which the console ends a row there.
    output_end=B
    mkfifo terminal_pipe
    exec {terminal_input}<>terminal_pipe
    local command
    printf -v command '%q ' "${@:2}"
    exec {console_output}< <(TERM=xterm exec script --quiet --flush --return \
        --command "stty rows 12 columns $terminal_columns; exec $command" /dev/null <terminal_pipe)
    console=$!
    children+=("$console")
}

start_console_on_terminal() { start_on_terminal 100 "$programs/console" "$@"; }

type_keys() { printf '%b' "$1" >&"$terminal_input"; }

# Types keys of which the last one is a %, and waits until the terminal shows that.
type_part() {
    type_keys "$1"
    IFS= read -r -d % -t "$time_limit" -u "$console_output" line || fail "The terminal does not show $1: $line"
    printf '%s%%' "$line" >>output
}

# After the end: leaves what the terminal shows, and then the prompt of a shell, in the file screen.
show_screen() {
    command -v node >/dev/null || skip "there is no node to draw the screen"
    printf '%s' '$ ready' | cat output - | node "$repository/tests/console/screen.js" 12 "$terminal_columns" >screen ||
        fail "The screen cannot be drawn."
}

# One row is exactly this.
expect_row() { grep -qxF -e "$1" screen || fail "There is no row: $1" "$(cat screen)"; }

# The tree that run.sh stands in, with programs that are built already.
make_tree() {
    mkdir -p tree/examples tree/cmake tree/build/examples tree/bin
    cp "$repository/examples/run.sh" tree/examples
    ln -s "$programs/console" "$programs/echo_server" tree/build/examples
    printf '%s() { :; }\n' need_command need_header need_boost install_missing configure >tree/cmake/install_packages.sh
    printf '#!/bin/sh\n' >tree/bin/cmake
    chmod +x tree/bin/cmake
    export PATH=$PWD/tree/bin:$PATH
}

test_run_sh_hands_every_line_that_is_typed_to_the_console() {
    make_tree
    start_on_terminal 100 tree/examples/run.sh
    expect_output '*opened*'
    local number
    for number in {1..10}; do
        type_keys "line $number.\n"
        expect_output "*message *line $number.*"
    done
    type_keys '/quit\n'
    expect_status 0
    expect_not_in tree/build/examples/echo_server.log 'unknown: '
}

test_run_sh_refuses_arguments_that_it_does_not_know() {
    make_tree
    local arguments status
    for arguments in '--demo extra' --nonsense; do
        status=0
        # shellcheck disable=SC2086
        timeout "$time_limit" tree/examples/run.sh $arguments >output 2>errors </dev/null || status=$?
        [[ $status == 2 ]] || fail "The exit status of run.sh $arguments is $status."
        expect_in errors 'Usage: '
    done
}

test_an_event_leaves_what_is_being_typed_as_it_is() {
    start_server
    start_console_on_terminal --url "$url" --no-color --reconnect 20ms
    expect_output '*opened*'
    local number
    for number in {1..15}; do
        type_part "$number, hal%"
        tell_server "say {\"ModeCode\":\"message\",\"msg\":\"event $number.\"}"
        expect_output "* message *event $number.*"
        type_keys 'lo\n'
        expect_output "* message *$number, hal%lo*"
    done
    tell_server refuse
    expect_server 'ok: refuse'
    type_part 'last, hal%'
    tell_server drop
    # The countdown comes and goes.
    expect_output '*attempt 3: *'
    tell_server accept
    expect_output '*opened*'
    type_keys 'lo\n'
    expect_output '* message *last, hal%lo*'
    type_keys '/quit\n'
    expect_status 0
    show_screen
    for number in {1..15}; do expect_row "$number, hal%lo"; done
    expect_row 'last, hal%lo'
    expect_row '$ ready'
    expect_not_in screen 'next attempt'
}

test_a_long_message_takes_as_many_rows_as_it_needs() {
    start_server
    start_on_terminal 40 "$programs/console" --url "$url" --no-color
    expect_output '*opened*'
    local digits=0123456789012345678901234567890123456789
    type_part 'hal%'
    tell_server "say {\"ModeCode\":\"message\",\"msg\":\"$digits$digits.\"}"
    expect_output '*9.*'
    type_keys 'lo\n'
    expect_output '* message *hal%lo*'
    type_keys '/quit\n'
    expect_status 0
    show_screen
    expect_row 'hal%lo'
    [[ $(tr -d '\n' <screen) == *"message      $digits$digits.hal%lo"* ]] || fail "$(cat screen)"
}

test_the_countdown_is_cut_to_the_width_of_the_terminal() {
    start_refusing_server
    start_on_terminal 30 "$programs/console" --url "$url" --reconnect 100m --max-delay 100m
    expect_output $'*\033[31mfailed*'
    # The end of what writes over the row of the countdown.
    IFS= read -r -d K -t "$time_limit" -u "$console_output" line || fail "The countdown does not go on: $line"
    printf '%sK' "$line" >>output
    type_keys '/quit\n'
    expect_status 0
    show_screen
    expect_not_in output 'stop)'
    # It stays where a line was typed.
    [[ $(grep -c 'next attempt in' screen) == 1 ]] || fail "$(cat screen)"
}

test_ctrl_c_leaves_the_cursor_on_a_row_of_its_own() {
    start_server
    start_console_on_terminal --url "$url" --close-timeout 100m
    expect_output '*opened*'
    type_keys '\003'
    expect_status 0
    show_screen
    expect_row '$ ready'

    rm terminal_pipe output
    start_console_on_terminal --url "$url" --close-timeout 100m
    expect_output '*opened*'
    tell_server freeze
    expect_server 'ok: freeze'
    type_keys '\003'
    expect_output '*Closing; once more leaves at once.*'
    type_keys '\003'
    expect_status 130
    show_screen
    expect_row '$ ready'
}

test_status_counts_in_english() {
    start_server
    start_console --url "$url"
    expect_output '*opened*'
    tell /status
    expect_output '* 1 attempt, 1 session, *'
    tell /close
    expect_output '*stopped*'
    tell /connect
    expect_output '*opened*'
    tell /status
    expect_output '* 2 attempts, 2 sessions, *'
    tell /quit
    expect_status 0
}

test_a_terminal_has_colours_and_a_countdown() {
    start_refusing_server
    start_console_on_terminal --url "$url" --reconnect 100m --max-delay 100m
    expect_output $'*\033[31mfailed*\033[0m*'
    expect_output $'*next attempt in*'
    type_keys '/quit\n'
    expect_status 0
}

test_a_terminal_has_no_colours_where_they_are_not_wanted() {
    start_server
    start_console_on_terminal --url "$url" --no-color
    expect_output '*opened*'
    type_keys '/quit\n'
    expect_status 0
    ! grep -q $'\033\\[[0-9]*m' output || fail "There are colours." "$(cat output)"
    rm terminal_pipe
    export NO_COLOR=1
    start_console_on_terminal --url "$url"
    expect_output '*opened*'
    type_keys '/quit\n'
    expect_status 0
    ! grep -q $'\033\\[[0-9]*m' output || fail "There are colours." "$(cat output)"
}

test_json_output_is_one_object_a_line_and_nothing_else() {
    command -v node >/dev/null || skip "there is no node to parse it"
    start_server
    start_console --url "$url" --json --interval 20ms --timeout 10s --reconnect 1ms
    expect_event beat
    tell '/send "quoted"'
    expect_event message
    tell /status
    expect_event status
    tell /help
    tell /connect
    expect_error '/connect: connected already.*'
    tell_server "say $(printf 'not json, \x7f, \xc2\x9b')"
    expect_event malformed
    tell_server drop
    expect_event closed
    expect_event opened
    tell_server refuse
    expect_server 'ok: refuse'
    tell_server drop
    expect_event attempt_failed
    tell /quit
    expect_status 1
    node -e '
        const lines = require("fs").readFileSync("output", "utf8").trimEnd().split("\n");
        let last = 0;
        for (const line of lines) {
            const event = JSON.parse(line);
            if (typeof event.event !== "string" || typeof event.time !== "number" || event.time < last) throw line;
            last = event.time;
        }' || fail "There is a line that is no event."
}

# Starts the echo client; its output goes to a file, and its end is waited for by expect_echo_client.
start_echo_client() {
    "$programs/echo_client" "$@" >output 2>errors </dev/null &
    echo_client=$!
    children+=("$echo_client")
}

# The exit status, and what it says.
expect_echo_client() {
    local status=0
    wait "$echo_client" || status=$?
    [[ $status == "$1" ]] || fail "The exit status is $status instead of $1." "$(cat errors)"
    if [[ -n ${2:-} ]]; then expect_in errors "$2"; else [[ ! -s errors ]] || fail "$(cat errors)"; fi
}

test_the_echo_client_sends_back_until_the_server_closes() {
    start_server
    start_echo_client "$url"
    expect_server '*open'
    tell_server 'say hello'
    expect_server '*message hello'
    tell_server 'say h\u00e9'
    expect_server '*message h\\u00e9'
    tell_server 'close'
    expect_echo_client 0
    start_echo_client "$url"
    expect_server '*open'
    # What it cannot send back any more does not keep it.
    tell_server 'say late'
    tell_server 'close 1001'
    expect_echo_client 0
}

test_the_echo_client_compresses_if_it_is_told_to() {
    start_other_server
    start_echo_client "$url/deflate" --deflate
    expect_server 'request /deflate * Sec-WebSocket-Extensions: permessage-deflate;*'
    expect_server 'it came back'
    expect_echo_client 0
}

test_the_echo_client_tells_why_it_ended_unless_the_server_closed() {
    start_server
    start_echo_client "$url"
    expect_server '*open'
    tell_server 'close 1011 broken'
    expect_echo_client 1 'echo_client: closed by the peer (code 1011, "broken")'
    start_echo_client "$url"
    expect_server '*open'
    tell_server drop
    expect_echo_client 1 'echo_client: the connection was lost ('
    tell_server refuse
    expect_server 'ok: refuse'
    start_echo_client "$url"
    expect_echo_client 1 'echo_client: the connection was not accepted ('
    start_echo_client nowhere
    expect_echo_client 2 'url is "nowhere", expected '
    local wrong
    for wrong in --help "$url --ca" "$url --wrong" "$url $url"; do
        # shellcheck disable=SC2086
        start_echo_client $wrong
        expect_echo_client 2 'usage: echo_client URL '
    done
    start_echo_client "$url" --ca nowhere.pem
    expect_echo_client 2 'tls.ca_file is "nowhere.pem", expected '
}

test_the_echo_client_loses_nothing_with_and_without_tls() {
    # Tens of megabytes, through programs that are not optimised.
    time_limit=120
    start_other_server
    start_echo_client "$url/judge"
    expect_server 'all * messages came back'
    expect_echo_client 0
    start_echo_client "$vouched_url/judge" --ca ca.pem
    expect_server 'all * messages came back'
    expect_echo_client 0
    start_echo_client "$lonely_url" --ca ca.pem
    expect_echo_client 1 "echo_client: the server's certificate is self-signed ("
    start_echo_client "$lonely_url/judge" --insecure
    expect_server 'all * messages came back'
    expect_echo_client 0
}

# --- All of them -----------------------------------------------------------------------------------------------

passed=0
failed=0
skipped=0
for test in $(compgen -A function test_ | sort); do
    name=${test#test_}
    mkdir "$scratch/$name"
    (
        trap end_children EXIT
        cd "$scratch/$name" || exit 1
        "$test"
    )
    case $? in
        0) passed=$((passed + 1)) ;;
        77) skipped=$((skipped + 1)) ;;
        *)
            failed=$((failed + 1))
            printf '  FAILED: %s\n' "${name//_/ }"
            ;;
    esac
done
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
((failed == 0))
