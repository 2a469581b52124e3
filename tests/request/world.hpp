// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "catch.hpp"
#include "diary.hpp"
#include "http_server.hpp"

#include <heartbeat/heartbeat.hpp>
#include <heartbeat/testing/manual_clock.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace hb = heartbeat;
namespace asio = boost::asio;
using namespace std::chrono_literals;

// One file instantiates what all of them use.
extern template class hb::detail::connection<hb::ping_frame, hb::any_stream, hb::manual_clock>;

/// The socket under test: real connections, simulated time.
using test_socket = hb::heartbeat_socket<hb::ping_frame, hb::any_stream, hb::manual_clock>;

/// A client's surroundings: an event loop, a clock that the test moves, and servers on loopback addresses.
struct world {
    world() : clock(io), server(io.get_executor()), other(io.get_executor()) {}

    hb::options options() const {
        return {
            .url = "ws://" + server.address() + "/start",
            .heartbeat = {.interval = 0s},
            .reconnect = {.delay = 3s, .growth = 1, .jitter = false},
            .deadlines = {.prepare = 4s, .resolve = 5s, .connect = 5s, .upgrade = 5s, .attempt = 12s},
        };
    }

    /// Runs the event loop until something is so. Real time passes only until the kernel has done its part;
    /// the limit is there to end a test that fails.
    template <class Predicate>
    void until(Predicate reached) {
        io.restart();
        auto const limit = std::chrono::steady_clock::now() + 20s;
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

    /// Lets simulated time pass, from one timer to the next.
    void pass(hb::duration time) { hb::run_for(io, clock, time); }

    asio::io_context io;
    hb::manual_clock clock;
    http_server server;
    /// Another port, which is another place to browsers, too.
    http_server other;
};

/// A client in it, with options that a test adjusts.
struct client_world : world {
    /// Starts a run.
    void start(hb::options const& settings) {
        socket.emplace(io, settings);
        told.emplace(*socket);
        socket->async_run([this](hb::error_code error) { end = error; });
    }

    void until_open(std::size_t number = 1) {
        until([&] { return told->opened.size() == number; });
    }
    void until_failed(std::size_t number = 1) {
        until([&] { return told->failures.size() == number; });
    }
    hb::reason const& failure(std::size_t number = 1) const { return told->failures.at(number - 1).reason; }

    std::optional<test_socket> socket;
    std::optional<diary> told;
    std::optional<hb::error_code> end;
};
