// SPDX-License-Identifier: BSL-1.0
//
// Servers that open the websocket as they should and end it as they should not.
#include "frames.hpp"
#include "scenario.hpp"

namespace {

using namespace frames;

/// Opens, does something, and is closed by its return.
template <class Ending>
script opens_and(Ending ending) {
    return [ending](peer& client) -> asio::awaitable<void> {
        co_await client.upgrade();
        co_await client.pause(1ms);
        ending(client);
    };
}

script sends_and_resets(std::string bytes) {
    return [bytes](peer& client) -> asio::awaitable<void> {
        co_await client.upgrade();
        co_await client.send(bytes);
        co_await client.pause(1ms);
        client.reset();
    };
}

script silent() {
    return [](peer& client) -> asio::awaitable<void> {
        co_await client.upgrade();
        co_await client.stay();
    };
}

}  // namespace

std::vector<scenario> ending_scenarios() {
    using hb::errc;
    expectation const lost{.cause = errc::connection_lost};
    expectation const stops{.cause = errc::close_timeout, .told = 1000, .then = verdict::stop, .attempts = 1};
    return {
        {"opens, then closes without a Close frame", opens_and([](peer&) {}), lost},
        {"opens, then resets", opens_and([](peer& client) { client.reset(); }), lost},
        {"opens, ends its side and stays",
         [](peer& client) -> asio::awaitable<void> {
             co_await client.upgrade();
             client.shut_down_sending();
             co_await client.stay();
         },
         lost},
        {"resets inside a frame", sends_and_resets(header(text, 100) + "x"), lost},
        {"resets inside a message", sends_and_resets(frame(text, "[", {.last = false})), lost},
        {"resets behind its Close frame",
         sends_and_resets(close_frame(1001)),
         {.cause = errc::closed_by_peer, .close_code = 1001, .told = 1001}},
        {"resets when the first heartbeat comes",
         [](peer& client) -> asio::awaitable<void> {
             co_await client.upgrade();
             while (client.echoes().empty()) co_await client.pause(100ms);
             client.reset();
         },
         lost},
        {"opens and is silent", silent(), {.cause = errc::heartbeat_timeout, .attempts = 5}},
        {"is silent while the application closes", silent(), stops, {}, {.closes_after = 1s}},
        {"resets while the application closes",
         [](peer& client) -> asio::awaitable<void> {
             co_await client.upgrade();
             while (client.close_code() == 0) co_await client.pause(100ms);
             client.reset();
         },
         {.cause = errc::connection_lost, .told = 1000, .then = verdict::stop, .attempts = 1},
         {},
         {.closes_after = 1s}},
        {"answers the Close frame and never closes",
         [](peer& client) -> asio::awaitable<void> {
             co_await client.upgrade();
             while (client.close_code() == 0) co_await client.pause(100ms);
             co_await client.send(close_frame(1000));
             co_await client.stay();
         },
         stops,
         {},
         {.closes_after = 1s}},
        {"answers the Close frame with garbage",
         [](peer& client) -> asio::awaitable<void> {
             co_await client.upgrade();
             while (client.close_code() == 0) co_await client.pause(100ms);
             co_await client.send(start(3, 0) + std::string(100, '\xff'));
             co_await client.stay();
         },
         stops,
         {},
         {.closes_after = 1s}},
    };
}
