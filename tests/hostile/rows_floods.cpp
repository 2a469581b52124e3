// SPDX-License-Identifier: BSL-1.0
//
// Servers that send more than anyone asked for, and such as never read.
#include "frames.hpp"
#include "scenario.hpp"

namespace {

using namespace frames;

/// A burst every half a second, with the answers to heartbeats in front if there are to be any.
script floods(std::string burst, bool answers) {
    return [burst, answers](peer& client) -> asio::awaitable<void> {
        co_await client.upgrade();
        for (;;) {
            // In a statement of its own: g++ 12 destroys temporaries of conditions in a co_await twice.
            auto bytes = answers ? client.echoes() : std::string();
            bytes += burst;
            co_await client.send(std::move(bytes));
            co_await client.pause(500ms);
        }
    };
}

/// Reads no pong. When the client cannot write them any more, and so reads nothing either, one ping every
/// half a second goes on: as many as fit into the kernel's buffers, since how these move on when they are
/// full depends on real time.
script pings_deafly() {
    return [](peer& client) -> asio::awaitable<void> {
        auto const one = frame(ping, std::string(125, 'x'));
        co_await client.request();
        co_await client.send(client.answer());
        do {
            co_await client.send(repeated(one, 100));
            co_await client.pause(1ms);
        } while (client.unread() == 0);
        for (;;) {
            co_await client.pause(500ms);
            co_await client.send(one);
        }
    };
}

script reads_nothing(bool resets) {
    return [resets](peer& client) -> asio::awaitable<void> {
        co_await client.request();
        co_await client.send(client.answer());
        if (!resets) co_await client.stay();
        co_await client.pause(1ms);
        client.reset();
    };
}

constexpr expectation survives{.then = verdict::keep, .attempts = 1};

expectation survives_with(std::optional<std::size_t> delivered, std::size_t peak = survives.peak_bytes) {
    auto expected = survives;
    expected.delivered = delivered;
    expected.peak_bytes = peak;
    return expected;
}

}  // namespace

std::vector<scenario> flood_scenarios() {
    using hb::errc;
    auto const pings = repeated(frame(ping, std::string(125, 'x')), 100);
    auto const pongs = repeated(frame(pong, std::string(125, 'x')), 100);
    constexpr std::size_t bursts = 120;
    return {
        {"floods with pings, 200 a second, and answers heartbeats", floods(pings, true), survives},
        {"floods with pongs that nobody asked for, and answers heartbeats", floods(pongs, true), survives},
        {"floods with empty messages, and answers heartbeats", floods(repeated(frame(binary, ""), 100), true),
         survives_with(100 * bursts)},
        {"floods with messages that are not JSON, and answers heartbeats",
         floods(repeated(frame(text, "oops"), 50), true), survives},
        {"floods with messages that nobody takes, and answers heartbeats",
         floods(repeated(frame(binary, std::string(1000, 'x')), 50), true),
         survives_with(0, 400 * 1024),
         [](hb::options& options) { options.limits.mailbox_bytes = 256 * 1024; },
         {.listens = false}},
        {"floods with empty messages that nobody takes, and answers heartbeats",
         floods(repeated(frame(binary, ""), 100), true),
         survives_with(0, 128 * 1024),
         {},
         {.listens = false}},
        {"floods with pings and answers nothing",
         floods(pings, false),
         {.cause = errc::heartbeat_timeout, .attempts = 5, .silence = 12s}},
        {"floods with pongs and answers nothing",
         floods(pongs, false),
         {.cause = errc::heartbeat_timeout, .attempts = 5, .silence = 12s}},
        {"floods with pings and reads no pong",
         pings_deafly(),
         {.cause = errc::heartbeat_timeout, .attempts = 5, .silence = 12s}},
        {"never reads, while 8 messages of 1 MiB are sent",
         reads_nothing(false),
         {.cause = errc::heartbeat_timeout, .attempts = 5, .peak_bytes = 9 * 1024 * 1024},
         {},
         {.messages = 8, .message_bytes = 1024 * 1024}},
        {"resets, while 8 messages of 1 MiB are sent",
         reads_nothing(true),
         {.cause = errc::connection_lost, .peak_bytes = 9 * 1024 * 1024},
         {},
         {.messages = 8, .message_bytes = 1024 * 1024}},
        {"sends for ever while the application closes",
         floods(repeated(message(), 50), false),
         {.cause = errc::close_timeout, .told = 1000, .then = verdict::stop, .attempts = 1, .delivered = {}},
         {},
         {.closes_after = 1s}},
        {"floods with pings while the application closes",
         floods(pings, false),
         {.cause = errc::close_timeout, .told = 1000, .then = verdict::stop, .attempts = 1},
         {},
         {.closes_after = 1s}},
        {"sends a message without end while the application closes",
         [](peer& client) -> asio::awaitable<void> {
             co_await client.upgrade();
             co_await client.send(header(binary, 10'000'000));
             for (;;) {
                 co_await client.send(std::string(1000, 'x'));
                 co_await client.pause(100ms);
             }
         },
         {.cause = errc::close_timeout,
          .told = 1000,
          .then = verdict::stop,
          .attempts = 1,
          .peak_bytes = 128 * 1024},
         {},
         {.closes_after = 1s}},
    };
}
