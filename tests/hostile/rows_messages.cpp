// SPDX-License-Identifier: BSL-1.0
//
// Servers whose messages are too large, never end, or mean nothing.
#include "frames.hpp"
#include "scenario.hpp"

namespace {

using namespace frames;

constexpr std::size_t message_limit = 256 * 1024;
/// Input moves the verdict on, to 4 timeouts after the beat.
constexpr hb::duration busy_silence = 12s;
constexpr std::size_t small = expectation{}.peak_bytes;

void limit_messages(hb::options& options) { options.limits.message_bytes = message_limit; }

/// Sends the same again and again, a hundred at a time, and answers heartbeats.
script repeats(std::string first, std::string what) {
    return [first, what](peer& client) -> asio::awaitable<void> {
        co_await client.upgrade();
        co_await client.send(first);
        for (;;) {
            co_await client.send(repeated(what, 100));
            co_await client.pause(500ms);
        }
    };
}

scenario too_big(std::string name, script server, std::size_t peak) {
    return {std::move(name),
            std::move(server),
            {.cause = hb::errc::message_too_big, .told = 1009, .peak_bytes = peak},
            limit_messages};
}

scenario unfinished(std::string name, std::string bytes) {
    return {std::move(name), sends(std::move(bytes)), {.cause = hb::errc::heartbeat_timeout, .attempts = 5}};
}

}  // namespace

std::vector<scenario> message_scenarios() {
    using hb::errc;
    auto const more = bits{.last = false};
    auto const fragment = frame(continuation, std::string(1000, 'x'), more);
    return {
        too_big("announces a message of 10 GB", sends(header(binary, 10'737'418'240)), small),
        too_big("announces a byte more than the limit", sends(header(binary, message_limit + 1)), small),
        too_big("announces a length with the highest bit set", sends(start(binary, 127) + number(~0ULL, 8)),
                small),
        too_big("announces a byte more than the limit, and resets when it is told",
                sends_and_resets_when_told(header(binary, message_limit + 1)), small),
        {"announces a byte more than the limit (`close` 20 s)",
         sends(header(binary, message_limit + 1)),
         {.cause = errc::message_too_big, .told = 1009, .attempts = 5},
         [](hb::options& options) {
             limit_messages(options);
             options.deadlines.close = 20s;
         }},
        too_big("announces a byte more than the limit, and closes when it is told",
                sends_until_told(header(binary, message_limit + 1)), small),
        too_big("sends fragments without end (limit 256 KiB)", repeats(frame(binary, "", more), fragment),
                3 * message_limit),
        {"sends fragments of one byte without end (limit 500 bytes)",
         repeats(frame(binary, "", more), frame(continuation, "x", more)),
         {.cause = errc::message_too_big, .told = 1009},
         [](hb::options& options) { options.limits.message_bytes = 500; }},
        {"sends empty fragments without end",
         repeats(frame(binary, "", more), frame(continuation, "", more)),
         {.cause = errc::heartbeat_timeout, .attempts = 5, .silence = busy_silence}},
        unfinished("announces 16 MiB and sends nothing", header(binary, 16 * 1024 * 1024)),
        unfinished("announces 16 MiB and sends a byte", header(binary, 16 * 1024 * 1024) + "x"),
        {"announces 10 GB and sends a byte (no limit)",
         sends(header(binary, 10'737'418'240) + "x"),
         {.cause = errc::heartbeat_timeout, .attempts = 5},
         [](hb::options& options) { options.limits.message_bytes = ~std::size_t{0}; }},
        unfinished("cuts a frame in its length", start(text, 127) + number(0, 2)),
        unfinished("cuts a frame in its payload", header(text, 100) + "{\"ModeCode\":"),
        unfinished("begins a message and never ends it", frame(text, "[", more)),
        {"sends a frame a byte every 900 ms",
         [](peer& client) -> asio::awaitable<void> {
             co_await client.upgrade();
             co_await client.trickle(header(text, 60'000), 900ms);
             for (;;) co_await client.trickle("x", 900ms);
         },
         {.cause = errc::heartbeat_timeout, .attempts = 5, .silence = busy_silence}},
        {"sends no JSON", sends(frame(text, "oops")), {.cause = errc::heartbeat_timeout, .attempts = 5}},
        {"sends 100,000 opening brackets",
         sends(frame(text, std::string(100'000, '['))),
         {.cause = errc::heartbeat_timeout, .attempts = 5, .peak_bytes = 640 * 1024}},
        {"answers beats that were never sent",
         repeats("", frame(text, R"({"ModeCode":"heart_beat","msg":18446744073709551615})")),
         {.cause = errc::heartbeat_timeout, .attempts = 5, .silence = busy_silence}},
        {"answers heartbeats with numbers that are none",
         repeats("", frame(text, R"({"ModeCode":"heart_beat","msg":1e999})")),
         {.cause = errc::heartbeat_timeout, .attempts = 5, .silence = busy_silence}},
    };
}
