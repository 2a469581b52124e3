// SPDX-License-Identifier: BSL-1.0
//
// Runs that begin and end in unusual places, and what becomes of whatever waits.
#include "reluctant_server.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <stdexcept>

TEST_CASE("law 6: what is sent after a start in the slot that tells the end belongs to the new run") {
    connected_simulation here;
    bool again = false;
    SECTION("of state_changed") {
        here.socket.on<hb::state_changed>([&](hb::state_changed const& change) {
            if (change.to != hb::state::stopped || std::exchange(again, true)) return;
            here.socket.start();
            CHECK(here.socket.send("early"));
        });
    }
    SECTION("of stopped") {
        here.socket.on<hb::stopped>([&](hb::stopped const&) {
            if (std::exchange(again, true)) return;
            here.socket.start();
            CHECK(here.socket.send("early"));
        });
    }
    here.socket.close();
    here.settle();
    REQUIRE(here.told.opened.size() == 2);
    CHECK(here.socket.stats().messages_sent == 1);
    CHECK(here.socket.send("late"));
    here.settle();
    CHECK(here.socket.stats().messages_sent == 2);
    CHECK(here.told.undelivered.empty());
}

TEST_CASE("a start while a run is ending is refused, and so is what is sent afterwards") {
    connected_simulation here;
    here.network.cut();
    here.socket.close();
    here.settle();
    REQUIRE(here.socket.state() == hb::state::closing);
    hb::error_code result;
    here.socket.async_run([&](hb::error_code error) { result = error; });
    here.settle();
    CHECK(result == hb::errc::already_running);
    CHECK_FALSE(here.socket.send("x"));
    here.pass(1s);
    CHECK(here.socket.state() == hb::state::stopped);
}

TEST_CASE("law 6: what was queued without a run is dropped by a close, and by the end of the socket") {
    simulated_world here;
    std::optional<hb::outcome> end;
    {
        auto socket = here.make_socket();
        diary const told(socket);
        CHECK(socket.send("told by the event"));
        socket.async_send("told by its handler", [&](hb::outcome as) { end = as; });
        SECTION("by a close") {
            socket.close();
            here.settle();
            CHECK_FALSE(socket.send("refused"));
            REQUIRE(told.undelivered.size() == 1);
            CHECK(told.undelivered[0].outcome == hb::outcome{hb::delivery::dropped, hb::errc::closed});
            CHECK(end == hb::outcome{hb::delivery::dropped, hb::errc::closed});
        }
        SECTION("by the end of the socket") {}
    }
    here.settle();
    REQUIRE(end);
    CHECK(end->result == hb::delivery::dropped);
}

TEST_CASE("law 5: what begins after its socket has gone completes at once, and nothing is dialled") {
    simulated_world here;
    int completed = 0;
    auto const done = [&](hb::error_code error) {
        CHECK(error == asio::error::operation_aborted);
        ++completed;
    };
    {
        auto socket = here.make_socket();
        // Deferred operations begin when they are called.
        auto run = socket.async_run();
        auto receive = socket.async_receive();
        auto next = socket.async_next<hb::opened>();
        auto wait = socket.async_wait(hb::state::stopped);
        auto send = socket.async_send("x");
        asio::post(here.io, [&, run = std::move(run), receive = std::move(receive), next = std::move(next),
                             wait = std::move(wait), send = std::move(send)]() mutable {
            std::move(run)(done);
            std::move(receive)([&](hb::error_code error, hb::message const&) { done(error); });
            std::move(next)([&](hb::error_code error, hb::opened const&) { done(error); });
            std::move(wait)(done);
            std::move(send)([&](hb::outcome as) {
                CHECK(as.result == hb::delivery::dropped);
                ++completed;
            });
        });
    }
    here.pass(1min);
    CHECK(completed == 5);
    CHECK(here.network.dials() == 0);
    CHECK(here.clock.pending() == 0);
}

TEST_CASE("cancelling an async_close that had nothing to close leaves a later run alone") {
    simulated_world here;
    auto socket = here.make_socket();
    diary const told(socket);
    asio::cancellation_signal cancel;
    bool closed = false;
    socket.async_close(asio::bind_cancellation_slot(cancel.slot(), [&](hb::error_code) { closed = true; }));
    socket.start();
    cancel.emit(asio::cancellation_type::terminal);
    here.settle();
    CHECK(closed);
    CHECK(told.opened.size() == 1);
    CHECK(told.stopped.empty());
}

TEST_CASE("an exception of a slot that destroys the socket is not lost") {
    simulated_world here;
    auto socket = std::make_unique<simulated_socket>(here.make_socket());
    socket->on<hb::slot_failed>(
        [&](hb::slot_failed const&) { FAIL("a slot began after the socket had gone"); });
    socket->on<hb::opened>([&](hb::opened const&) {
        socket.reset();
        throw std::runtime_error("from a slot");
    });
    socket->start();
    CHECK_THROWS_WITH(here.pass(1s), "from a slot");
    here.pass(1min);
    CHECK(here.clock.pending() == 0);
}

TEST_CASE("law 5: a socket that was destroyed dials no more, whatever was on its way to its strand") {
    simulated_world here;
    std::vector<hb::network_event::kind> dials;
    auto const asks_network = [](auto what) {
        return what == hb::network_event::kind::lookup || what == hb::network_event::kind::dial;
    };
    auto socket = std::make_unique<simulated_socket>(here.make_socket());
    bool by_slot = false;
    auto const begin = [&](hb::duration lookup = {}) {
        here.network.set({.lookup = lookup});
        socket->start();
        here.settle();
    };
    SECTION("a start") { socket->start(); }
    SECTION("a start, destroyed by the slot that hears of it") {
        by_slot = true;
        socket->on<hb::state_changed>([&](hb::state_changed const&) { socket.reset(); });
        socket->start();
    }
    SECTION("a lookup") {
        begin(1s);
        here.clock.advance(1s);
    }
    SECTION("a connect_now") {
        here.network.stop_listening("server", "8002");
        begin();
        REQUIRE(socket->state() == hb::state::waiting);
        socket->connect_now();
    }
    SECTION("the end of a wait") {
        here.network.stop_listening("server", "8002");
        begin();
        REQUIRE(socket->state() == hb::state::waiting);
        here.clock.advance(3s);
    }
    here.network.observe([&](hb::network_event const& event) {
        if (asks_network(event.what)) dials.push_back(event.what);
    });
    if (!by_slot) socket.reset();
    here.pass(1min);
    CHECK(dials.empty());
    CHECK(here.clock.pending() == 0);
}

TEST_CASE(
    "law 12: async_run completes after what waits, also when its socket is destroyed before it begins") {
    simulated_world here;
    auto socket = std::make_unique<simulated_socket>(here.make_socket());
    std::string order;
    socket->async_run([&](hb::error_code error) {
        CHECK(error == asio::error::operation_aborted);
        order += "run ";
    });
    socket->async_send("text", [&](hb::outcome const& outcome) {
        CHECK(outcome == hb::outcome{hb::delivery::dropped, hb::errc::cancelled});
        order += "send ";
    });
    socket->async_receive([&](hb::error_code error, hb::message const&) {
        CHECK(error == asio::error::operation_aborted);
        order += "receive ";
    });
    socket.reset();
    here.pass(1min);
    CHECK(order == "send receive run ");
}

TEST_CASE("connect_now leaves no timer behind") {
    connected_simulation here([](hb::options& options) {
        options.heartbeat.interval = 0s;
        options.reconnect.delay = 300s;
        options.reconnect.max_delay = 300s;
    });
    here.network.reset_connections();
    here.settle();
    REQUIRE(here.told.waits.size() == 1);
    here.socket.connect_now();
    here.settle();
    CHECK(here.told.opened.size() == 2);
    CHECK(here.clock.pending() == 0);
}

TEST_CASE(
    "law 12: a coroutine that owns its socket and waits for a message on its way goes with its context") {
    auto alive = std::make_shared<int>();
    std::weak_ptr<int> const watch = alive;
    {
        simulated_world here;
        here.network.set({.window = 1000});
        auto const converse = [](simulated_world& at, std::shared_ptr<int>) -> asio::awaitable<void> {
            auto socket = at.make_socket();
            socket.start();
            co_await socket.async_wait(hb::state::open, asio::use_awaitable);
            at.network.cut();
            auto const large = hb::message(std::string(100'000, 'x'));
            co_await socket.async_send(large, asio::use_awaitable);
        };
        asio::co_spawn(here.io, converse(here, std::move(alive)), asio::detached);
        here.pass(1s);
        CHECK_FALSE(watch.expired());
    }
    CHECK(watch.expired());
}

TEST_CASE("a router serves its socket wherever it is moved, and reports nothing once it is gone") {
    simulated_world here;
    auto first = here.make_socket();
    hb::json_router router;
    std::optional<simulated_socket> socket;
    router.on("end", [&](nlohmann::json const&) { socket.reset(); });
    router.attach(first);
    socket.emplace(std::move(first));
    std::vector<std::string> wrong;
    socket->on<hb::malformed>([&](hb::malformed const& report) { wrong.push_back(report.text); });
    socket->start();
    here.settle();
    here.server.broadcast("[1]");
    here.server.broadcast(R"({"ModeCode":"other","msg":1e999})");
    here.settle();
    CHECK(wrong == std::vector<std::string>{"[1]", R"({"ModeCode":"other","msg":1e999})"});
    here.server.broadcast(R"({"ModeCode":"end","msg":{}})");
    here.server.broadcast("[2]");
    here.settle();
    CHECK_FALSE(socket);
    CHECK(wrong.size() == 2);
}

TEST_CASE("law 5: a close ends in time whatever the peer sends in the middle of the close handshake") {
    std::string const message("\x81\x02hi", 4);
    std::string const close("\x88\x02\x03\xe8", 4);
    // With a reserved bit.
    std::string const broken("\xc1\x02hi", 4);
    std::string const fragments("\x01\x01h\x80\x01i", 6);
    for (auto const& bytes : {message + close, message + message + close, fragments + close,
                              fragments + fragments, broken, message + broken, close + broken}) {
        for (int steps = 0; steps < 12; ++steps) {
            simulated_world here;
            reluctant_server server(here);
            auto socket = here.make_socket();
            diary const told(socket);
            socket.start();
            here.settle();
            REQUIRE(told.opened.size() == 1);
            bool ended = false;
            socket.async_close([&](hb::error_code) { ended = true; });
            here.io.restart();
            for (int step = 0; step < steps; ++step) here.io.poll_one();
            server.send_raw(bytes);
            here.pass(1s);
            INFO("after " << steps << " steps");
            CHECK(ended);
            CHECK(told.closed.size() == 1);
            CHECK(told.stopped.size() == 1);
            CHECK(here.clock.pending() == 0);
        }
    }
}

TEST_CASE("law 5: the end of a socket comes at once, wherever a close handshake and the peer's frames meet") {
    std::string const close("\x88\x02\x03\xe8", 4);
    // With a reserved bit.
    std::string const broken("\xc1\x02hi", 4);
    std::string const ping("\x89\x00", 2);
    auto const advance = [](simulated_world& here, int steps) {
        here.io.restart();
        while (steps-- > 0) here.io.poll_one();
    };
    for (auto const& bytes : {broken, close, ping, ping + broken})
        for (int before = 0; before <= 4; ++before)
            for (int afterwards = 0; afterwards <= 6; ++afterwards)
                for (bool const peer_first : {false, true})
                    for (bool const destroyed : {false, true}) {
                        simulated_world here;
                        reluctant_server server(here);
                        std::optional<simulated_socket> socket(here.make_socket());
                        int ended = 0;
                        socket->async_run([&](hb::error_code) { ++ended; });
                        here.settle();
                        REQUIRE(socket->state() == hb::state::open);
                        if (peer_first) server.send_raw(bytes);
                        if (peer_first) advance(here, before);
                        socket->async_close([&](hb::error_code) { ++ended; });
                        if (!peer_first) advance(here, before);
                        if (!peer_first) server.send_raw(bytes);
                        advance(here, afterwards);
                        destroyed ? socket.reset() : socket->cancel();
                        here.settle();
                        INFO(before << " handlers between, " << afterwards << " before the end");
                        CHECK(ended == 2);
                    }
}

TEST_CASE("a close in the middle of a message that arrives byte by byte ends in time") {
    std::string const fragments("\x01\x03one\x00\x03two\x80\x05three", 17);
    for (int steps = 0; steps < 60; ++steps) {
        simulated_world here;
        reluctant_server server(here);
        auto socket = here.make_socket();
        diary const told(socket);
        socket.start();
        here.settle();
        REQUIRE(told.opened.size() == 1);
        here.network.set({.latency = 1ms, .jitter = 1ms, .largest_segment = 1});
        server.send_raw(fragments);
        for (int step = 0; step < steps;) {
            here.io.restart();
            if (here.io.poll_one() != 0) {
                ++step;
            } else if (auto const next = here.clock.next_expiry(); next) {
                here.clock.advance_to(*next);
            }
        }
        bool ended = false;
        socket.async_close([&](hb::error_code) { ended = true; });
        here.pass(1s);
        INFO("after " << steps << " steps");
        CHECK(ended);
        CHECK(told.stopped.size() == 1);
        here.pass(1s);
        CHECK(here.clock.pending() == 0);
    }
}

TEST_CASE("hooks that own their socket go with its context") {
    struct owner {
        std::optional<simulated_socket> socket;
    };
    std::weak_ptr<owner> left;
    {
        simulated_world here;
        auto const mine = std::make_shared<owner>();
        auto settings = here.options();
        settings.prepare = [mine](hb::preparation const& what, hb::prepare_handler const& done) {
            done(what.current);
        };
        settings.reconnect.judge = [mine](hb::reason const&, hb::verdict standard) { return standard; };
        mine->socket.emplace(here.make_socket(settings));
        mine->socket->start();
        here.settle();
        left = mine;
    }
    CHECK(left.expired());
}
