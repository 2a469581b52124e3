// SPDX-License-Identifier: BSL-1.0
#include <heartbeat/heartbeat.hpp>

#include <boost/asio/io_context.hpp>

int main() {
    boost::asio::io_context io;
    heartbeat::heartbeat_socket socket{io, {.url = "ws://127.0.0.1:8002"}};
    return socket.state() == heartbeat::state::stopped ? 0 : 1;
}
