// SPDX-License-Identifier: BSL-1.0
// The library in one look: connect, send, get the echo, close. Takes the URL of an echo server as its
// argument.

// [quote]
#include <heartbeat/heartbeat.hpp>

#include <boost/asio/io_context.hpp>

#include <iostream>

namespace hb = heartbeat;
using namespace std::chrono_literals;

int main(int argument_count, char** arguments) {
    boost::asio::io_context io;
    hb::heartbeat_socket socket{io,
                                {
                                    .url = argument_count > 1 ? arguments[1] : "ws://127.0.0.1:8002",
                                    .heartbeat = {.interval = 4s, .timeout = 2s},
                                    .reconnect = {.delay = 3s},
                                },
                                hb::mode_code{}};

    socket.on<hb::opened>(
        [](hb::opened const& event) { std::cout << "open, session " << event.session << '\n'; });
    socket.on<hb::closed>([](hb::closed const& event) { std::cout << to_string(event.reason) << '\n'; });
    socket.on<hb::message>([&](hb::message const& message) {
        std::cout << message.text() << '\n';
        socket.close();  // from anywhere; without it the socket stays connected for ever
    });

    socket.start();
    socket.send(hb::mode_code::message("hello world"));  // queued until there is a link
    io.run();
}
// [/quote]
