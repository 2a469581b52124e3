// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "catch.hpp"
#include "diary.hpp"

#include <heartbeat/heartbeat.hpp>
#include <heartbeat/testing/echo_server.hpp>
#include <heartbeat/testing/simulated_network.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hb = heartbeat;
namespace asio = boost::asio;
namespace beast = boost::beast;
using namespace std::chrono_literals;

// One file instantiates what all of them use.
extern template class hb::detail::connection<hb::mode_code, hb::simulated_stream, hb::manual_clock>;
extern template class hb::detail::echo_session<hb::simulated_stream, hb::manual_clock>;

/// The socket under test: a simulated network, simulated time.
using simulated_socket = hb::heartbeat_socket<hb::mode_code, hb::simulated_stream, hb::manual_clock>;

/// A client's surroundings: an event loop, time that the test lets pass, a network without latency, and an
/// echo server.
class simulated_world {
public:
    simulated_world() {
        network.listen("server", "8002", io.get_executor(),
                       [this](hb::simulated_stream stream) { server.serve(std::move(stream)); });
    }

    static hb::options options() {
        return {
            .url = "ws://server:8002",
            .heartbeat = {.interval = 4s, .timeout = 2s},
            .reconnect = {.delay = 3s, .growth = 1, .jitter = false},
            .deadlines = {.resolve = 5s, .connect = 5s, .upgrade = 5s, .attempt = 12s, .close = 1s},
        };
    }

    simulated_socket make_socket(hb::options settings = options()) {
        return simulated_socket(io, std::move(settings), hb::mode_code([this] { return wall_clock_++; }));
    }

    /// Lets time pass. With 0: runs what is ready.
    void pass(hb::duration time) { hb::run_for(io, clock, time); }
    void settle() { pass(0s); }

    asio::io_context io;
    hb::manual_clock clock{io};
    hb::simulated_network network{io};
    hb::basic_echo_server<hb::simulated_stream, hb::manual_clock> server{
        io.get_executor(), [this](std::string const& line) { log.push_back(line); }};
    std::vector<std::string> log;

private:
    std::int64_t wall_clock_ = 1'690'000'000'000;
};

/// A client that is connected, with options that a test may adjust.
struct connected_simulation : simulated_world {
    template <class Adjust>
    explicit connected_simulation(Adjust adjust) : socket(make_socket(adjusted(adjust))), told(socket) {
        socket.start();
        settle();
        REQUIRE(told.opened.size() == 1);
    }
    connected_simulation() : connected_simulation([](hb::options&) {}) {}

    template <class Adjust>
    static hb::options adjusted(Adjust adjust) {
        auto settings = options();
        adjust(settings);
        return settings;
    }

    simulated_socket socket;
    diary told;
};
