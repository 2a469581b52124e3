// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/backoff.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace bench {

using heartbeat::duration;
using namespace std::chrono_literals;

using random_source = std::mt19937_64;

/// One client's delays after a loss: each call gives the time from the end of an attempt, or of the link, to
/// the next dial.
using delays = std::function<duration(random_source&)>;

struct strategy {
    std::string name;
    /// Makes a client that has just lost its link.
    std::function<delays()> lost;
};

inline duration seconds(double value) {
    return std::chrono::duration_cast<duration>(std::chrono::duration<double>(value));
}

inline double uniform(random_source& random, double least, double most) {
    return std::uniform_real_distribution<double>(least, most)(random);
}

/// What this library does, with these options.
inline strategy ours(std::string name, heartbeat::reconnect_options const& options) {
    return {std::move(name), [options]() -> delays {
                return [waits = std::make_shared<heartbeat::detail::backoff>(options)](
                           random_source& random) { return waits->next(random); };
            }};
}

/// A delay as a function of how many there were.
template <class Function>
strategy by_number(std::string name, Function delay) {
    return {std::move(name), [delay]() -> delays {
                return [delay, number = 0](random_source& random) mutable {
                    return seconds(delay(number++, random));
                };
            }};
}

// Where the values come from:
// IXWebSocket: ixwebsocket/IXWebSocket.cpp (kDefaultMaxWaitBetweenReconnectionRetries 10 s, the least 1 ms)
// and
//   ixwebsocket/IXExponentialBackoff.cpp (100 ms times 2^n, no jitter), github.com/machinezone/IXWebSocket.
//   The first dial after a loss comes at once.
// Socket.IO: packages/socket.io-client/lib/manager.ts (1 s, 5 s, 0.5) and lib/contrib/backo2.ts,
//   github.com/socketio/socket.io. The cap is applied after the jitter.
// gRPC: doc/connection-backoff.md (1 s, 1.6, 0.2, 120 s), github.com/grpc/grpc. Counted from the beginning of
//   an attempt, which fails at once here; the first dial after a loss comes at once.
// Python's websockets: docs/reference/variables.rst (5 s, 3.1 s, 1.618, 90 s) and the function backoff of
//   src/websockets/client.py, github.com/python-websockets/websockets. `async for` dials at once after a
//   loss.
inline std::vector<strategy> compared() {
    return {
        ours("heartbeat_socket", {}),
        by_number("fixed, 3 s", [](int, random_source&) { return 3.0; }),
        by_number("exponential, no jitter",
                  [](int number, random_source&) { return std::min(std::pow(2.0, number), 30.0); }),
        by_number("IXWebSocket",
                  [](int number, random_source&) {
                      return number == 0 ? 0.0 : std::min(0.1 * std::pow(2.0, number - 1), 10.0);
                  }),
        by_number("Socket.IO",
                  [](int number, random_source& random) {
                      double const delay = std::pow(2.0, std::min(number, 30));
                      double const drawn = uniform(random, 0, 1);
                      bool const shorter = (static_cast<int>(drawn * 10) & 1) == 0;
                      return std::min(delay * (shorter ? 1 - drawn * 0.5 : 1 + drawn * 0.5), 5.0);
                  }),
        by_number("gRPC",
                  [](int number, random_source& random) {
                      if (number < 2) return static_cast<double>(number);
                      double const delay = std::min(std::pow(1.6, number - 1), 120.0);
                      return delay * uniform(random, 0.8, 1.2);
                  }),
        by_number("Python websockets",
                  [](int number, random_source& random) {
                      if (number < 2) return number == 0 ? 0.0 : uniform(random, 0, 5);
                      return std::min(3.1 * std::pow(1.618, number - 2), 90.0);
                  }),
    };
}

/// What else the defaults of this library could be.
inline std::vector<strategy> considered() {
    return {
        ours("1 s, x2, 10 s", {.max_delay = 10s}),
        ours("1 s, x2, 15 s", {.max_delay = 15s}),
        ours("1 s, x2, 20 s", {.max_delay = 20s}),
        ours("1 s, x2, 30 s", {.max_delay = 30s}),
        ours("1 s, x2, 60 s", {.max_delay = 60s}),
        ours("1 s, x1.5, 15 s", {.growth = 1.5, .max_delay = 15s}),
        ours("2 s, x2, 15 s", {.delay = 2s, .max_delay = 15s}),
        ours("5 s, x2, 15 s", {.delay = 5s, .max_delay = 15s}),
        by_number("1 s, x2, 15 s, drawn from [0, nominal]",
                  [](int number, random_source& random) {
                      return uniform(random, 0, std::min(std::pow(2.0, number), 15.0));
                  }),
    };
}

}  // namespace bench
