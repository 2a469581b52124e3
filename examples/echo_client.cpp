// SPDX-License-Identifier: BSL-1.0
// Sends back all that arrives until the server, which must not echo, closes: what conformance suites drive.
#include <heartbeat/heartbeat.hpp>
#include <heartbeat/tls.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <iostream>

namespace hb = heartbeat;
namespace asio = boost::asio;

asio::awaitable<void> echo(hb::heartbeat_socket<>& socket) {
    for (;;) {
        auto [ended, message] = co_await socket.async_receive(asio::as_tuple(asio::use_awaitable));
        if (ended) co_return;
        // One at a time: while the server does not read, neither do we, and nothing is lost.
        co_await socket.async_send(std::move(message), asio::use_awaitable);
    }
}

int main(int argument_count, char** arguments) try {
    hb::tls_options trust;
    hb::options options{.heartbeat = {.interval = {}}, .reconnect = {.enabled = false}};
    for (int i = 1; i < argument_count; ++i) {
        std::string const argument = arguments[i];
        if (argument == "--ca" && i + 1 < argument_count)
            trust.ca_file = arguments[++i];
        else if (argument == "--insecure")
            trust.verify = false;
        else if (argument == "--deflate")
            options.deflate.enabled = true;
        else if (argument.starts_with('-') || !options.url.empty())
            throw std::invalid_argument("usage: echo_client URL [--ca FILE | --insecure] [--deflate]");
        else
            options.url = argument;
    }
    options.tls = hb::tls(trust);
    options.limits.message_bytes = options.limits.outbox_bytes = 64U << 20U;
    options.limits.mailbox_overflow = hb::overflow::pause;
    asio::io_context io;
    hb::heartbeat_socket socket{io, options};
    hb::reason why;
    socket.on<hb::stopped>([&](hb::stopped const& event) { why = event.reason; });
    asio::co_spawn(io, echo(socket), asio::detached);
    socket.start();
    io.run();
    bool const ended = why.close_code == 1000 || why.close_code == 1001 || why.close_code == 1005;
    if (!ended) std::cerr << "echo_client: " << to_string(why) << '\n';
    return ended ? 0 : 1;
} catch (std::exception const& error) {
    std::cerr << "echo_client: " << error.what() << '\n';
    return 2;
}
