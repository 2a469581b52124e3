// SPDX-License-Identifier: BSL-1.0
// For programs without an event loop: the library brings a thread with one, and futures wait for results.
#include <heartbeat/heartbeat.hpp>

#include <boost/asio/use_future.hpp>

#include <iostream>

namespace hb = heartbeat;
namespace asio = boost::asio;

int main(int argument_count, char** arguments) {
    // [quote]
    hb::io_thread loop;  // declared before the sockets that run on it
    hb::heartbeat_socket socket{loop.get_executor(),
                                {.url = argument_count > 1 ? arguments[1] : "ws://127.0.0.1:8002"}};
    socket.start();
    socket.async_wait(hb::state::open, asio::use_future).get();
    socket.send(R"({"ModeCode":"message","msg":"hello"})");
    std::cout << socket.async_receive(asio::use_future).get().text() << '\n';
    socket.async_close(asio::use_future).get();
    // [/quote]
}
