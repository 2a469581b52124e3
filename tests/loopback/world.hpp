// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "catch.hpp"
#include "diary.hpp"

#include <heartbeat/heartbeat.hpp>
#include <heartbeat/testing/echo_server.hpp>
#include <heartbeat/testing/manual_clock.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace hb = heartbeat;
namespace asio = boost::asio;
using namespace std::chrono_literals;

// One file instantiates what all of them use.
extern template class hb::detail::connection<hb::mode_code, hb::any_stream, hb::manual_clock>;
extern template class hb::basic_echo_server<>;

/// The socket under test: real connections, simulated time.
using test_socket = hb::heartbeat_socket<hb::mode_code, hb::any_stream, hb::manual_clock>;

/// A client's surroundings: an event loop, a clock that the test moves, and an echo server on a loopback
/// address.
class world {
public:
    world() : clock(io), server(io.get_executor()) { port = server.listen(); }

    /// Options whose times are far apart, so that a test moves the clock to one at a time.
    hb::options options() const {
        return {
            .url = "ws://127.0.0.1:" + std::to_string(port),
            .heartbeat = {.interval = 4s, .timeout = 2s},
            .reconnect = {.delay = 3s, .growth = 1, .jitter = false},
            .deadlines = {.resolve = 5s, .connect = 5s, .upgrade = 5s, .attempt = 12s, .close = 1s},
        };
    }

    test_socket make_socket(hb::options options) {
        return test_socket(io, std::move(options), hb::mode_code([this] { return wall_clock_++; }));
    }

    test_socket make_socket() { return make_socket(options()); }

    /// Runs the event loop until something is so. Real time passes only until the kernel has done its part;
    /// the limit is there to end a test that fails.
    template <class Predicate>
    void until(Predicate reached) {
        io.restart();
        auto const limit = std::chrono::steady_clock::now() + 120s;  // for hangs only
        while (!reached()) {
            io.run_one_for(100ms);
            if (io.stopped()) io.restart();
            if (std::chrono::steady_clock::now() > limit) FAIL("what was waited for did not happen");
        }
    }

    /// Runs what is ready, and no more.
    void settle() {
        io.restart();
        io.poll();
    }

    /// Lets simulated time pass, from one timer to the next. What is on its way through the kernel may arrive
    /// later.
    void pass(hb::duration time) { hb::run_for(io, clock, time); }

    asio::io_context io;
    hb::manual_clock clock;
    hb::basic_echo_server<> server;
    std::uint16_t port = 0;

private:
    std::int64_t wall_clock_ = 1'690'000'000'000;
};

/// A client that is connected, with options that a test may adjust.
struct connected_world : world {
    template <class Adjust>
    explicit connected_world(Adjust adjust) : socket(make_socket(adjusted(adjust))), told(socket) {
        socket.start();
        until([this] { return told.opened.size() == 1; });
    }
    connected_world() : connected_world([](hb::options&) {}) {}

    template <class Adjust>
    hb::options adjusted(Adjust adjust) const {
        auto settings = options();
        adjust(settings);
        return settings;
    }

    test_socket socket;
    diary told;
};
