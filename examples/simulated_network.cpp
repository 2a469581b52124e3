// SPDX-License-Identifier: BSL-1.0
//
// An application tested in a simulated network: an hour of a bad day, played in an instant, the same each
// time.
#include <heartbeat/heartbeat.hpp>
#include <heartbeat/testing/echo_server.hpp>
#include <heartbeat/testing/simulated_network.hpp>

#include <boost/asio/io_context.hpp>

#include <iostream>

namespace hb = heartbeat;
using namespace std::chrono_literals;

// [quote]
int main() {
    boost::asio::io_context io;
    hb::manual_clock clock{io};
    hb::simulated_network network{io, 42};
    hb::basic_echo_server<hb::simulated_stream, hb::manual_clock> server{io.get_executor()};
    network.listen("feed", "8002", io.get_executor(),
                   [&](hb::simulated_stream stream) { server.serve(std::move(stream)); });
    network.set({.latency = 40ms, .jitter = 20ms, .largest_segment = 100});

    hb::options const options{
        .url = "ws://feed:8002", .heartbeat = {.interval = 4s, .timeout = 2s}, .seed = 42};
    hb::heartbeat_socket<hb::mode_code, hb::simulated_stream, hb::manual_clock> socket{io, options};
    auto const began = clock.now();
    auto const seconds = [&] { return std::chrono::duration<double>(clock.now() - began).count(); };
    socket.on<hb::opened>([&](auto const&) { std::cout << seconds() << " s: open\n"; });
    socket.on<hb::closed>(
        [&](auto const& event) { std::cout << seconds() << " s: " << to_string(event.reason) << '\n'; });

    socket.start();
    hb::run_for(io, clock, 10min);
    network.cut();  // silence in both directions
    hb::run_for(io, clock, 20min);
    network.restore();
    hb::run_for(io, clock, 10min);
    network.forget_connections(hb::network_end::server);  // the server's host was restarted
    hb::run_for(io, clock, 20min);

    bool const well = socket.state() == hb::state::open && socket.stats().sessions == 3;
    std::cout << (well ? "open again after each fault\n" : "it did not recover\n");
    return well ? 0 : 1;
}
// [/quote]
