// SPDX-License-Identifier: BSL-1.0
//
// The simulated network itself, where it is easy to get wrong.
#include "unused_tls.hpp"
#include "world.hpp"

#include <array>

namespace {

/// Both ends of a connection, without a websocket.
struct connection_under_test {
    connection_under_test() {
        network.listen("there", "1", io.get_executor(),
                       [this](hb::simulated_stream stream) { server.emplace(std::move(stream)); });
        client.async_connect({.remote = {"there", 1}}, [this](hb::error_code) { client.adopt(0); });
        pass(0s);
        REQUIRE(server);
        network.set({.latency = 100ms});
    }

    void pass(hb::duration time) { hb::run_for(io, clock, time); }
    void write(hb::simulated_stream& from, std::string const& text) {
        from.async_write_some(asio::buffer(text), [](hb::error_code, std::size_t) {});
    }

    asio::io_context io;
    hb::manual_clock clock{io};
    hb::simulated_network network{io};
    hb::simulated_stream client{io.get_executor()};
    std::optional<hb::simulated_stream> server;
};

}  // namespace

TEST_CASE("what arrives in the instant in which its sender resets the connection is still read") {
    connection_under_test here;
    // Comes to an end that is gone, which answers with a reset when the text arrives.
    here.write(here.client, "stray");
    here.write(*here.server, "text");
    here.pass(50ms);
    here.server->close();
    std::array<char, 10> space{};
    std::size_t count = 0;
    here.client.async_read_some(asio::buffer(space), [&](hb::error_code, std::size_t read) { count = read; });
    here.pass(50ms);
    CHECK(std::string(space.data(), count) == "text");
    hb::error_code end;
    here.client.async_read_some(asio::buffer(space), [&](hb::error_code error, std::size_t) { end = error; });
    here.pass(99ms);
    CHECK_FALSE(end);
    here.pass(1ms);
    CHECK(end == asio::error::connection_reset);
}

TEST_CASE("what waits for room in the window is not sent any more once the connection was reset") {
    connection_under_test here;
    here.network.set({.latency = 100ms, .window = 4});
    here.write(here.client, "sent");
    here.write(here.client, "held");
    here.pass(100ms);
    here.network.reset_connections();
    here.network.set({.latency = 10ms, .window = 4});
    std::array<char, 10> space{};
    std::size_t count = 0;
    here.server->async_read_some(asio::buffer(space),
                                 [&](hb::error_code, std::size_t read) { count = read; });
    here.pass(0s);
    CHECK(std::string(space.data(), count) == "sent");
    hb::error_code end;
    here.server->async_read_some(asio::buffer(space),
                                 [&](hb::error_code error, std::size_t) { end = error; });
    here.pass(100ms);
    CHECK(end == asio::error::connection_reset);
}

TEST_CASE("a wss URL is greeted once it is connected, and the server answers when it reads") {
    simulated_world here;
    here.network.set({.latency = 10ms});
    auto settings = here.options();
    settings.url = "wss://server:8002";
    settings.tls = std::make_shared<unused_tls>();
    settings.deadlines.tls = 2s;
    SECTION("from one end to the other, and back, three times") {
        auto socket = here.make_socket(settings);
        diary told(socket);
        socket.start();
        here.pass(59ms);
        CHECK(told.opened.empty());
        here.pass(1ms);
        CHECK(told.opened.size() == 1);
    }
    SECTION("which a frozen one does not") {
        here.server.freeze();
        auto socket = here.make_socket(settings);
        diary told(socket);
        socket.start();
        // A round trip to connect, then the deadline of the handshake.
        here.pass(20ms + 2s - 1ms);
        CHECK(told.failures.empty());
        here.pass(1ms);
        REQUIRE(told.failures.size() == 1);
        CHECK(told.failures[0].reason.cause == hb::errc::tls_timeout);
        here.server.resume();
        here.pass(3s + 60ms);
        CHECK(told.opened.size() == 1);
    }
}
