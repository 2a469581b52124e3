// SPDX-License-Identifier: BSL-1.0
//
// What compression costs and saves: memory of a connection, bytes on the wire, time of both ends together.
// Prints a table of README.md.
#include "../deflate/deflate_server.hpp"
#include "../hostile/allocations.hpp"

#include <heartbeat/heartbeat_socket.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace hb = heartbeat;
namespace asio = boost::asio;
using namespace std::chrono_literals;

/// A server on a thread of its own, whose memory does not count.
class other_end {
public:
    other_end() : server_(io_.get_executor()), thread_([this] { io_.run(); }) {}
    other_end(other_end const&) = delete;
    other_end& operator=(other_end const&) = delete;
    ~other_end() {
        io_.stop();
        thread_.join();
    }
    std::string url() const { return server_.url(); }

private:
    asio::io_context io_;
    asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
    deflate_server server_;
    std::thread thread_;
};

std::string quotes(std::size_t size) {
    std::mt19937 random(1);
    std::string text;
    while (text.size() < size)
        text += R"({"symbol":"ABC)" + std::to_string(random() % 50) + R"(","bid":)" +
                std::to_string(random() % 100'000) + R"(,"ask":)" + std::to_string(random() % 100'000) + "}";
    text.resize(size);
    return text;
}

struct cost {
    std::size_t memory = 0;
    double wire_of_small = 0;
    double wire_of_large = 0;
    double microseconds = 0;
};

/// Sockets that have had one echo each; then one of them goes on.
cost measure(hb::deflate_options const& deflate) {
    constexpr std::size_t sockets = 50;
    constexpr std::size_t small = 300;
    constexpr std::size_t large = 64 * 1024;
    other_end server;
    cost found;
    allocations::scope const counting(true);
    asio::io_context io;
    std::size_t echoes = 0;
    std::size_t wanted = 0;
    auto const wait = [&] {
        while (echoes < wanted) io.run_one();
    };
    // What belongs to the loop, and to its first connection, is no cost of each.
    std::vector<std::unique_ptr<hb::heartbeat_socket<>>> all;
    auto const text = quotes(2 * small);
    std::size_t first = 0;
    for (std::size_t number = 0; number < sockets; ++number) {
        all.push_back(std::make_unique<hb::heartbeat_socket<>>(
            io, hb::options{.url = server.url(), .heartbeat = {.interval = 0s}, .deflate = deflate}));
        all.back()->on<hb::message>([&](hb::message const&) { ++echoes; });
        all.back()->start();
        all.back()->send(text);
        ++wanted;
        wait();
        io.poll();
        if (number == 0) first = allocations::live();
    }
    found.memory = (allocations::live() - first) / (sockets - 1);

    auto& one = *all.front();
    auto const send = [&](std::string const& content, std::size_t times) {
        auto const sent = one.stats().bytes_sent;
        for (std::size_t number = 0; number < times; ++number) {
            one.send(content);
            ++wanted;
            wait();
        }
        return static_cast<double>(one.stats().bytes_sent - sent) / static_cast<double>(times);
    };
    auto const stream = quotes(1000 * small);
    double wire = 0;
    for (std::size_t number = 0; number < 1000; ++number)
        wire += send(stream.substr(number * small, small), 1);
    found.wire_of_small = wire / 1000;
    auto const start = std::chrono::steady_clock::now();
    found.wire_of_large = send(quotes(large), 200);
    found.microseconds =
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count() / 200;
    return found;
}

}  // namespace

int main() {
    struct row {
        char const* name;
        hb::deflate_options deflate;
    };
    row const table[] = {
        {"off", {}},
        {"on, the defaults: windows 15, memory level 4", {.enabled = true}},
        {"windows 12", {.enabled = true, .client_window_bits = 12, .server_window_bits = 12}},
        {"windows 9, memory level 1",
         {.enabled = true, .client_window_bits = 9, .server_window_bits = 9, .memory_level = 1}},
        {"the same without context takeover",
         {.enabled = true,
          .client_window_bits = 9,
          .server_window_bits = 9,
          .client_context_takeover = false,
          .server_context_takeover = false,
          .memory_level = 1}},
        {"windows 15, memory level 9", {.enabled = true, .memory_level = 9}},
    };
    std::printf(
        "| compression | memory of a connection | 300 bytes of JSON become | 64 KiB become | their echo "
        "takes |\n"
        "|---|---|---|---|---|\n");
    for (auto const& [name, deflate] : table) {
        auto const found = measure(deflate);
        std::printf("| %s | %.1f KB | %.0f | %.1f KB | %.2f ms |\n", name,
                    static_cast<double>(found.memory) / 1000, found.wire_of_small, found.wire_of_large / 1000,
                    found.microseconds / 1000);
    }
}
