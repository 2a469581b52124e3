// SPDX-License-Identifier: BSL-1.0
//
// Whose silence counts, when the way to the answer is long.
#include "reluctant_server.hpp"

TEST_CASE("law 8: an answer that was read behind messages with slow slots is found before the verdict") {
    connected_simulation here;
    std::size_t messages = 0;
    here.socket.on<hb::message>([&](hb::message const&) {
        ++messages;
        here.clock.advance(300ms);
    });
    here.network.cut(hb::network_end::client);
    for (int number = 0; number < 10; ++number) here.server.broadcast(R"({"ModeCode":"message","msg":1})");
    here.pass(4s);
    CHECK(here.server.heartbeats() == 1);
    // Ten messages and the answer arrive as one; together their slots take longer than the timeout.
    here.network.restore(hb::network_end::client);
    here.settle();
    CHECK(messages == 10);
    CHECK(here.told.beats.size() == 1);
    CHECK(here.told.closed.empty());
}

TEST_CASE("law 7: bytes that arrived and cannot be read do not keep a dead link alive for long") {
    simulated_world here;
    reluctant_server server(here);
    auto settings = here.options();
    settings.heartbeat.proof = GENERATE(hb::liveness::round_trip, hb::liveness::any_input);
    auto socket = here.make_socket(settings);
    diary const told(socket);
    socket.start();
    here.settle();
    REQUIRE(told.opened.size() == 1);
    here.network.set({.window = 4000});
    socket.send(std::string(10'000, 'x'));
    here.settle();
    // The client's answer to this ping cannot leave, so it reads no further.
    server.ping();
    here.settle();
    server.say("unread");
    here.pass(6s);
    CHECK(told.closed.empty());
    here.pass(2s);
    REQUIRE(told.closed.size() == 1);
    CHECK(told.closed[0].reason.cause == hb::errc::heartbeat_timeout);
}

TEST_CASE("each of the pings that stand in for a beat inside a large message counts when it is answered") {
    simulated_world here;
    reluctant_server server(here);
    auto settings = here.options();
    settings.limits.fragment_bytes = 1000;
    auto socket = here.make_socket(settings);
    diary const told(socket);
    socket.start();
    here.settle();
    here.network.set({.window = 4000});
    socket.send(std::string(100'000, 'x'));
    here.pass(4s);
    CHECK(socket.stats().beats_sent == 0);
    // The first ping leaves behind a fragment and is answered; the answer is on its way for long.
    here.network.cut(hb::network_end::client);
    server.read(8'000);
    here.settle();
    CHECK(socket.stats().beats_sent == 1);
    here.pass(1s);
    CHECK(told.suspicions.size() == 1);
    server.read(2'000);
    here.settle();
    CHECK(socket.stats().beats_sent == 2);
    here.network.restore(hb::network_end::client);
    here.settle();
    REQUIRE(told.beats.size() == 1);
    CHECK(told.beats[0].round_trip == 1s);
}
