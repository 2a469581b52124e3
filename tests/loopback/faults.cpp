// SPDX-License-Identifier: BSL-1.0
//
// The faults that hand-written clients have and this one must not.
#include "world.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <memory>
#include <set>

using tcp = asio::ip::tcp;

TEST_CASE("fault 1: an error and the close that follows it dial once, not twice") {
    connected_world here;
    auto const loss = GENERATE(0, 1, 2);
    CAPTURE(loss);
    if (loss == 0) here.server.drop_all();
    if (loss == 1) here.server.close_all(1001, "going away");
    if (loss == 2) {
        // Writing fails, and so does reading.
        here.server.drop_all();
        here.socket.send("meets a broken connection");
    }
    here.until([&] { return !here.told.waits.empty(); });
    CHECK(here.told.closed.size() == 1);
    CHECK(here.told.waits.size() == 1);

    here.pass(3s);
    here.until([&] { return here.told.opened.size() == 2; });
    here.pass(3s);
    CHECK(here.told.waits.size() == 1);
    CHECK(here.socket.stats().attempts == 2);
    CHECK(here.server.connections() == 2);
}

TEST_CASE("fault 2: the answer that an old link still waits for does not close the new one") {
    connected_world here;
    here.server.swallow_answers(true);
    here.pass(4s);
    here.until([&] { return here.server.heartbeats() == 1; });

    // The answer is due in two seconds. The link is lost before, and the next one opens before, too.
    here.server.drop_all();
    here.until([&] { return here.told.waits.size() == 1; });
    here.server.swallow_answers(false);
    here.socket.connect_now();
    here.until([&] { return here.told.opened.size() == 2; });

    here.pass(2s);
    CHECK(here.told.suspicions.empty());
    CHECK(here.told.closed.size() == 1);
    here.pass(2s);
    here.until([&] { return here.told.beats.size() == 1; });
    CHECK(here.socket.state() == hb::state::open);
}

TEST_CASE("fault 3: a deliberate close does not reconnect") {
    connected_world here;
    here.socket.close();
    here.until([&] { return here.told.stopped.size() == 1; });
    CHECK(here.told.closed.size() == 1);
    CHECK(here.told.closed[0].reason.cause == hb::errc::closed);
    CHECK(here.told.closed[0].reason.close_code == 1000);
    CHECK(here.told.stopped[0].reason.cause == hb::errc::closed);

    auto const entries = here.told.entries;
    here.pass(24h);
    CHECK(here.clock.pending() == 0);
    CHECK(here.told.entries == entries);
    CHECK(here.server.connections() == 1);
    CHECK(here.socket.state() == hb::state::stopped);
}

TEST_CASE("fault 4: a late echo of an earlier heartbeat does not answer the current one") {
    connected_world here;
    here.server.answer_wrong_id(true);
    here.pass(4s);
    here.until([&] { return here.server.heartbeats() == 1; });
    here.pass(1s);
    here.until([&] { return here.told.suspicions.size() == 1 && here.server.heartbeats() == 2; });
    // Wait until what the server answered has been read, so that only its content can be what is refused.
    auto const heard = here.socket.stats().bytes_received;
    here.server.broadcast(R"({"ModeCode":"other"})");
    here.until([&] {
        return here.socket.stats().bytes_received > heard && here.socket.stats().messages_received == 1;
    });
    CHECK(here.told.beats.empty());

    // Input extends the verdict by one timeout, but answers nothing.
    here.pass(1s);
    CHECK(here.told.closed.empty());
    here.pass(1s);
    here.until([&] { return here.told.closed.size() == 1; });
    CHECK(here.told.closed[0].reason.cause == hb::errc::heartbeat_timeout);
}

TEST_CASE("fault 5: a malformed message is reported and the link lives on") {
    connected_world here;
    here.server.broadcast(R"({"ModeCode": oops})");
    here.until([&] { return here.told.malformed.size() == 1; });
    CHECK(here.told.malformed[0].text == R"({"ModeCode": oops})");
    CHECK(here.told.malformed[0].position == 13);
    CHECK_FALSE(here.told.malformed[0].what.empty());

    std::string echo;
    here.socket.on<hb::message>([&](hb::message const& received) { echo = received.text(); });
    here.socket.send(hb::mode_code::message("still here"));
    here.until([&] { return !echo.empty(); });
    CHECK(echo == R"({"ModeCode":"message","msg":"still here"})");
    CHECK(here.told.closed.empty());
}

TEST_CASE("fault 6: an attempt that never completes has a time limit") {
    world here;
    auto options = here.options();

    SECTION("the upgrade is never answered") {
        here.server.freeze();
        auto socket = here.make_socket(options);
        diary told(socket);
        socket.start();
        here.until([&] { return socket.stats().bytes_sent > 0; });
        here.pass(5s - 1ms);
        CHECK(told.failures.empty());
        here.pass(1ms);
        here.until([&] { return told.failures.size() == 1; });
        CHECK(told.failures[0].reason.cause == hb::errc::upgrade_timeout);
        CHECK(told.waits.size() == 1);
    }

    SECTION("the attempt as a whole is too long, however its steps are") {
        here.server.freeze();
        options.deadlines.attempt = 4s;
        auto socket = here.make_socket(options);
        diary told(socket);
        socket.start();
        here.until([&] { return socket.stats().bytes_sent > 0; });
        here.pass(4s);
        here.until([&] { return told.failures.size() == 1; });
        CHECK(told.failures[0].reason.cause == hb::errc::attempt_timeout);
    }

    SECTION("the connection is never accepted") {
        // A listener whose queue is full drops what would come after.
        tcp::acceptor full(here.io, {asio::ip::address_v4::loopback(), 0}, false);
        full.listen(0);
        std::vector<tcp::socket> queue;
        for (int waiting = 0; waiting < 4; ++waiting) {
            queue.emplace_back(here.io);
            queue.back().async_connect(full.local_endpoint(), [](hb::error_code) {});
        }
        options.url = "ws://127.0.0.1:" + std::to_string(full.local_endpoint().port());
        auto socket = here.make_socket(options);
        diary told(socket);
        socket.start();
        here.until([&] { return here.clock.pending() == 1; });
        here.settle();
        here.pass(5s);
        here.until([&] { return told.failures.size() == 1; });
        CHECK(told.failures[0].reason.cause == hb::errc::connect_timeout);
    }
}

TEST_CASE("fault 7: a message sent while disconnected is kept, or its sender learns what became of it") {
    world here;
    auto options = here.options();
    options.limits.outbox_messages = 2;
    here.server.refuse(true);
    here.settle();
    auto socket = here.make_socket(options);
    diary told(socket);
    std::vector<std::string> echoes;
    socket.on<hb::message>([&](hb::message const& echo) { echoes.emplace_back(echo.text()); });
    auto const first = hb::mode_code::message("first").dump();
    auto const second = hb::mode_code::message("second").dump();

    socket.start();
    here.until([&] { return told.waits.size() == 1; });
    CHECK(socket.send(first));
    CHECK(socket.send(second));
    CHECK_FALSE(socket.send("one too many"));

    SECTION("it is kept") {
        here.server.refuse(false);
        here.settle();
        socket.connect_now();
        here.until([&] { return echoes.size() == 2; });
        CHECK(echoes == std::vector{first, second});
        CHECK(told.undelivered.empty());
    }
    SECTION("its sender learns") {
        hb::outcome refused;
        socket.async_send("one too many", [&](hb::outcome end) { refused = end; });
        socket.close();
        here.until([&] { return told.stopped.size() == 1; });
        CHECK(refused == hb::outcome{hb::delivery::dropped, hb::errc::outbox_full});
        REQUIRE(told.undelivered.size() == 2);
        CHECK(told.undelivered[0].message.text() == first);
        CHECK(told.undelivered[1].outcome == hb::outcome{hb::delivery::dropped, hb::errc::closed});
        CHECK_FALSE(socket.send("after the end"));
    }
}

TEST_CASE("fault 8: clients do not come back all at the same moment") {
    constexpr std::size_t clients = 20;
    world here;
    auto options = here.options();
    options.reconnect.jitter = true;
    std::vector<test_socket> sockets;
    std::vector<std::unique_ptr<diary>> told;
    for (std::size_t client = 0; client < clients; ++client) {
        options.seed = client + 1;
        sockets.push_back(here.make_socket(options));
        told.push_back(std::make_unique<diary>(sockets.back()));
        sockets.back().start();
    }
    here.until(
        [&] { return std::ranges::all_of(told, [](auto& each) { return each->opened.size() == 1; }); });
    here.server.drop_all();
    here.until([&] { return std::ranges::all_of(told, [](auto& each) { return each->waits.size() == 1; }); });
    std::set<hb::duration> delays;
    for (auto const& each : told) delays.insert(each->waits[0].delay);
    CHECK(delays.size() == clients);
    CHECK(*delays.begin() >= 1500ms);
    CHECK(*delays.rbegin() <= 3s);
    CHECK(*delays.rbegin() - *delays.begin() > 750ms);
}
