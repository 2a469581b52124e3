// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "script.hpp"

#include <heartbeat/options.hpp>
#include <heartbeat/testing/network_conditions.hpp>

#include <boost/asio/cancellation_signal.hpp>

#include <chrono>

/// An asynchronous operation of the application's.
struct operation {
    boost::asio::cancellation_signal stop = {};
    bool initiated = false;
    int completions = 0;
};

inline heartbeat::options draw_options(script& input) {
    using namespace std::chrono_literals;
    static constexpr heartbeat::duration intervals[] = {500ms, 2s, 0s};
    unsigned const chosen = input.byte();
    return {
        .url = "ws://server:8002",
        .heartbeat = {.interval = intervals[chosen % 3],
                      .timeout = 1s,
                      .proof = (chosen & 4U) != 0 ? heartbeat::liveness::any_input
                                                  : heartbeat::liveness::round_trip},
        .reconnect = {.delay = 400ms,
                      .max_delay = 2s,
                      .stable_after = 1s,
                      .max_attempts = (chosen & 8U) != 0 ? 3U : 0U},
        .deadlines = {.resolve = 1s, .connect = 1s, .upgrade = 1s, .attempt = 2s, .close = 500ms},
        .limits = {.message_bytes = (chosen & 16U) != 0 ? 64U : 1000U,
                   .outbox_messages = 8,
                   .outbox_bytes = 2000,
                   .mailbox_messages = 2,
                   .mailbox_bytes = 200,
                   .mailbox_overflow = static_cast<heartbeat::overflow>(chosen >> 5U & 3U),
                   .fragment_bytes = 128},
        .seed = 1,
    };
}

inline heartbeat::network_conditions conditions_from(unsigned drawn) {
    using namespace std::chrono_literals;
    return {.latency = (drawn & 3U) * 30ms,
            .jitter = (drawn >> 2U & 3U) * 10ms,
            .largest_segment = drawn >> 4U & 3U,
            .window = (drawn & 64U) != 0 ? 200U : 64U * 1024U,
            .lookup = (drawn & 128U) != 0 ? 100ms : 0ms};
}
