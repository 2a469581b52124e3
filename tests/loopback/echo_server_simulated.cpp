// SPDX-License-Identifier: BSL-1.0

// The echo server on a stream in memory and in simulated time, so that it can be said that nothing happens.
#include <heartbeat/testing/echo_server.hpp>
#include <heartbeat/testing/manual_clock.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/beast/_experimental/test/stream.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "loopback/websocket_client.hpp"

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using namespace std::chrono_literals;

namespace {

using stream = beast::test::basic_stream<asio::any_io_executor>;
using simulated_client = websocket_client<stream>;

struct simulation {
    asio::io_context io = {};
    heartbeat::manual_clock clock{io};
    std::vector<std::string> log = {};
    heartbeat::basic_echo_server<stream, heartbeat::manual_clock> server{
        io.get_executor(), [this](std::string const& line) { log.push_back(line); }};
    std::vector<std::unique_ptr<simulated_client>> clients = {};

    void run_for(heartbeat::duration span) { heartbeat::run_for(io, clock, span); }
    void run() { run_for(0s); }

    simulated_client& dial() {
        stream near{io.get_executor()};
        stream far{io.get_executor()};
        near.connect(far);
        server.serve(std::move(far));
        auto& one = *clients.emplace_back(std::make_unique<simulated_client>(std::move(near)));
        one.upgrade();
        run();
        return one;
    }

    simulated_client& open() {
        auto& one = dial();
        REQUIRE(one.opened);
        REQUIRE_FALSE(*one.opened);
        return one;
    }

    void write(simulated_client& one, std::string text) {
        one.write(std::move(text));
        run();
        REQUIRE(one.written);
    }
};

}  // namespace

TEST_CASE("the echo server serves a stream that is connected already, whatever it is") {
    simulation test;
    auto& one = test.open();
    test.write(one, heartbeat_text);
    CHECK(one.received == std::vector{heartbeat_text});
    CHECK(test.server.connections() == 1);
    CHECK(test.log.front() == "#1 connection");

    test.server.drop_all();
    test.run();
    CHECK(one.ended);
    CHECK(test.log.back() == "#1 closed: reset by the server");
}

TEST_CASE("from a frozen server comes no echo, no pong, no text and no Close frame") {
    simulation test;
    auto& one = test.open();
    bool frozen = false;
    test.server.freeze([&frozen] { frozen = true; });
    CHECK_FALSE(frozen);
    test.run();
    CHECK(frozen);
    test.write(one, heartbeat_text);
    one.ping("ping");
    test.server.broadcast("news");
    test.run_for(24h);
    CHECK(one.received.empty());
    CHECK(one.pongs.empty());
    CHECK_FALSE(one.ended);
    CHECK(test.server.heartbeats() == 0);
    CHECK(test.server.open_sessions() == 1);

    test.server.resume();
    test.run();
    CHECK(one.received == std::vector<std::string>{"news", heartbeat_text});
    CHECK(one.pongs == std::vector<std::string>{"ping"});

    test.server.freeze();
    test.server.close_all(1001, "bye");
    test.run_for(24h);
    CHECK_FALSE(one.ended);
    test.server.resume();
    test.run();
    CHECK(one.ended == beast::websocket::error::closed);
    CHECK(one.websocket.reason().code == 1001);
    CHECK(test.server.open_sessions() == 0);
}

TEST_CASE("a frozen server does not answer the upgrade, and does so when it is resumed") {
    simulation test;
    test.server.freeze();
    auto& one = test.dial();
    test.run_for(24h);
    CHECK(test.server.connections() == 1);
    CHECK_FALSE(one.opened);
    test.server.resume();
    test.run();
    REQUIRE(one.opened);
    CHECK_FALSE(*one.opened);
    test.open();
}

TEST_CASE("a frozen server does not notice that its client is gone") {
    simulation test;
    auto& one = test.open();
    test.server.freeze();
    test.run();
    one.websocket.next_layer().close();
    test.run_for(24h);
    CHECK(test.server.open_sessions() == 1);
    test.server.resume();
    test.run();
    CHECK(test.server.open_sessions() == 0);
}

TEST_CASE("freezing and resuming again before anything could happen loses nothing") {
    simulation test;
    auto& one = test.open();
    test.server.freeze();
    test.write(one, heartbeat_text);
    test.server.resume();
    test.server.freeze();
    test.run_for(24h);
    CHECK(one.received.empty());
    test.server.resume();
    test.server.freeze();
    test.server.resume();
    test.run();
    CHECK(one.received == std::vector{heartbeat_text});
}

TEST_CASE("what is held ends when the server stops, also the upgrade") {
    simulation test;
    test.open();
    test.server.freeze();
    test.write(*test.clients.front(), heartbeat_text);
    auto& late = test.dial();
    test.server.stop();
    test.run();
    CHECK(test.clients.front()->ended);
    CHECK(late.opened);
    CHECK(*late.opened);
    CHECK(test.server.open_sessions() == 0);
    // Nothing is held any more.
    CHECK(test.io.stopped());
}

TEST_CASE("answers are delayed by exactly that, in their order, and pings and texts are not") {
    simulation test;
    auto& one = test.open();
    test.server.delay_answers(2s);
    test.write(one, heartbeat_text);
    test.run_for(500ms);
    test.server.delay_answers(100ms);
    test.write(one, message_text);
    one.ping("ping");
    test.server.broadcast("news");
    test.run_for(1499ms);
    CHECK(one.received == std::vector<std::string>{"news"});
    CHECK(one.pongs.size() == 1);
    test.run_for(1ms);
    CHECK(one.received == std::vector<std::string>{"news", heartbeat_text, message_text});

    test.server.delay_answers(heartbeat::duration::min());
    test.write(one, message_text);
    CHECK(one.received.size() == 4);
    test.server.delay_answers(heartbeat::duration::max());
    test.write(one, message_text);
    test.run_for(24h);
    CHECK(one.received.size() == 4);
}

TEST_CASE("answers that are being delayed when the connection ends are dropped") {
    simulation test;
    auto& one = test.open();
    test.server.delay_answers(2s);
    test.write(one, heartbeat_text);
    CHECK(test.clock.pending() == 1);
    SECTION("by the server") {
        test.server.close_all();
        test.run();
        CHECK(one.ended == beast::websocket::error::closed);
    }
    SECTION("by the client") {
        one.close();
        test.run();
    }
    CHECK(test.clock.pending() == 0);
    CHECK(test.server.open_sessions() == 0);
    test.run_for(24h);
    CHECK(one.received.empty());
}

TEST_CASE("a swallowed heartbeat is not answered later either") {
    simulation test;
    auto& one = test.open();
    test.server.swallow_answers(true);
    test.write(one, heartbeat_text);
    test.server.swallow_answers(false);
    test.run_for(24h);
    CHECK(one.received.empty());
    CHECK(test.server.heartbeats() == 1);
}
