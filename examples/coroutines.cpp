// SPDX-License-Identifier: BSL-1.0
// The same with coroutines, where errors are exceptions and a wait has a time limit.
#include <heartbeat/heartbeat.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <iostream>

namespace hb = heartbeat;
namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;

// [quote]
asio::awaitable<void> converse(std::string url) {
    // In a statement of its own: g++ 12 destroys temporaries of a co_await expression twice.
    auto const executor = co_await asio::this_coro::executor;
    hb::options options{.url = std::move(url), .heartbeat = {.interval = 200ms, .timeout = 2s}};
    hb::heartbeat_socket socket{executor, options, hb::mode_code{}};
    socket.start();

    co_await socket.async_wait(hb::state::open, asio::use_awaitable);
    hb::outcome const outcome =
        co_await socket.async_send(hb::mode_code::message("hello"), asio::use_awaitable);
    std::cout << to_string(outcome.result) << '\n';

    // Whichever comes first; the other one is cancelled.
    asio::steady_timer limit(executor, 5s);
    auto const first =
        co_await (socket.async_receive(asio::use_awaitable) || limit.async_wait(asio::use_awaitable));
    if (first.index() == 0) std::cout << std::get<0>(first).text() << '\n';

    auto const beat = co_await socket.async_next<hb::beat>(asio::use_awaitable);
    std::cout << "a heartbeat took " << std::chrono::duration<double, std::milli>(beat.round_trip).count()
              << " ms\n";
    co_await socket.async_close(asio::use_awaitable);
}
// [/quote]

int main(int argument_count, char** arguments) {
    asio::io_context io;
    int status = 0;
    asio::co_spawn(io, converse(argument_count > 1 ? arguments[1] : "ws://127.0.0.1:8002"),
                   [&](std::exception_ptr failure) {
                       if (failure) status = 1;
                   });
    io.run();
    return status;
}
