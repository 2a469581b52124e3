#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Frequent mistakes give one error with one sentence each, and what is right gives none.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

compiler=${1:?Usage: tests/headers/errors.sh COMPILER}
boost=()
if [[ -n ${BOOST_ROOT:-} ]]; then boost=(-isystem "$BOOST_ROOT/include" -isystem "$BOOST_ROOT"); fi

broken=0
# Compiles the standard input. Its errors have to be as many as there are arguments, each with one of the sentences.
expect() {
    local name=$1 output count sentence
    shift
    output=$("$compiler" -std=c++20 -fsyntax-only -I include "${boost[@]}" -x c++ - 2>&1) || true
    count=$(grep -c ' error: ' <<<"$output") || true
    printf '%s: %d errors in %d lines\n' "$name" "$count" "$(grep -c . <<<"$output")"
    if ((count != $#)); then
        printf '%s: expected %d errors\n%s\n' "$name" "$#" "$output"
        broken=1
    fi
    for sentence in "$@"; do
        grep -F ' error: ' <<<"$output" | grep -qF "$sentence" && continue
        printf '%s: no error says: %s\n' "$name" "$sentence"
        broken=1
    done
}

expect 'handlers that cannot be called' \
    'async_next takes a completion token, such as a handler to be called with (boost::system::error_code, Event)' \
    'async_run takes a completion token, such as a handler to be called with (boost::system::error_code)' \
    'async_close takes a completion token, such as a handler to be called with (boost::system::error_code)' \
    'async_wait takes a completion token, such as a handler to be called with (boost::system::error_code)' \
    'async_send takes a completion token, such as a handler to be called with (heartbeat::outcome)' \
    'async_receive takes a completion token, such as a handler to be called with (boost::system::error_code, heartbeat::message)' \
    <<'TEXT'
#include <heartbeat/heartbeat.hpp>
namespace hb = heartbeat;
void use(hb::heartbeat_socket<>& socket) {
    socket.async_next<hb::opened>([](boost::system::error_code) {});
    socket.async_run([] {});
    socket.async_close([](int*) {});
    socket.async_wait(hb::state::open, 1);
    socket.async_send("text", [](boost::system::error_code) {});
    socket.async_receive([](hb::message) {});
}
TEXT

expect 'completion tokens' <<'TEXT'
#include <heartbeat/heartbeat.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/as_tuple.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <memory>
namespace hb = heartbeat;
namespace asio = boost::asio;
asio::awaitable<void> use(hb::heartbeat_socket<>& socket) {
    boost::system::error_code error;
    co_await socket.async_run(asio::use_awaitable);
    co_await socket.async_run(asio::redirect_error(asio::use_awaitable, error));
    co_await socket.async_close();
    auto const [failed, event] = co_await socket.async_next<hb::opened>(asio::experimental::as_tuple(asio::use_awaitable));
    hb::outcome const sent = co_await socket.async_send("text", asio::use_awaitable);
    hb::message const got = co_await socket.async_receive(asio::use_awaitable);
    socket.async_send("text", asio::use_future).get();
    socket.async_receive(asio::use_future([](boost::system::error_code, hb::message) { return 1; })).get();
    socket.async_run(asio::detached);
    socket.async_run(asio::bind_executor(asio::system_executor(), [](boost::system::error_code) {}));
    socket.async_run([owned = std::make_unique<int>()](boost::system::error_code) mutable {});
    socket.async_run([](auto...) {});
    socket.async_next<hb::opened>([](boost::system::error_code, hb::opened const&) {});
    asio::cancellation_signal signal;
    auto const handler = [](boost::system::error_code, hb::message) {};
    socket.async_receive(asio::bind_cancellation_slot(signal.slot(), handler));
    socket.async_receive(handler);
}
TEXT

uses=$(
    cat <<'TEXT'
namespace hb = heartbeat;
hb::options one() { return {.url = "wss://h", .tls = hb::tls()}; }
hb::options two() { return {.url = "wss://h", .tls = hb::tls({.ca_file = "ca.pem", .verify = false})}; }
hb::options three() {
    hb::tls_options const options{.ca_file = "ca.pem"};
    return {.url = "wss://h", .tls = hb::tls(options)};
}
hb::options four(hb::tls_options options) { return {.url = "wss://h", .tls = hb::tls(options)}; }
TEXT
)
expect 'TLS without its header' 'heartbeat::tls needs #include <heartbeat/tls.hpp>, and OpenSSL to link' \
    <<<"#include <heartbeat/options.hpp>"$'\n'"$uses"
expect 'TLS with its header' <<<"#include <heartbeat/tls.hpp>"$'\n'"$uses"
exit "$broken"
