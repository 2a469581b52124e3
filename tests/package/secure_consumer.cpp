// SPDX-License-Identifier: BSL-1.0
#include <heartbeat/heartbeat.hpp>
#include <heartbeat/tls.hpp>

#include <boost/asio/io_context.hpp>

int main() {
    boost::asio::io_context io;
    heartbeat::heartbeat_socket socket{io, {.url = "wss://127.0.0.1:8002", .tls = heartbeat::tls()}};
    return socket.state() == heartbeat::state::stopped ? 0 : 1;
}
