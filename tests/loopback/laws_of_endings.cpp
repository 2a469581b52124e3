// SPDX-License-Identifier: BSL-1.0
//
// What the library promises about ends: bounded from anywhere, final, and every operation completes once.
#include "world.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <functional>
#include <memory>
#include <optional>

namespace {

/// Counts how often a handler ran, and with what.
struct completion_count {
    int count = 0;
    hb::error_code error;

    auto handler() {
        return [this](hb::error_code with, auto&&...) {
            ++count;
            error = with;
        };
    }
};

}  // namespace

TEST_CASE("law 4: a close is final from every state, and async_run completes last") {
    world here;
    auto socket = here.make_socket();
    diary told(socket);
    std::string order;
    socket.on<hb::stopped>([&](hb::stopped const&) { order += "stopped "; });
    socket.async_run([&](hb::error_code error) { order += error ? "run failed" : "run"; });
    SECTION("connecting") {
        here.server.freeze();
        here.until([&] { return socket.stats().bytes_sent > 0; });
        REQUIRE(socket.state() == hb::state::connecting);
    }
    SECTION("connecting, not yet begun") {}
    SECTION("open") {
        here.until([&] { return told.opened.size() == 1; });
    }
    SECTION("waiting") {
        here.server.refuse(true);
        here.until([&] { return told.opened.size() == 1 || told.waits.size() == 1; });
        here.server.drop_all();
        here.until([&] { return told.waits.size() == 1; });
    }
    SECTION("closing") {
        here.until([&] { return told.opened.size() == 1; });
        socket.close();
        here.until([&] { return socket.state() == hb::state::closing; });
    }
    socket.async_close([&](hb::error_code error) { order += error ? "close failed " : "close "; });
    here.until([&] { return order.find("run") != std::string::npos; });
    CHECK(order == "stopped close run");
    CHECK(told.opened.size() == told.closed.size());
    CHECK(told.stopped.size() == 1);

    auto const entries = told.entries;
    here.pass(24h);
    CHECK(told.entries == entries);
    CHECK(here.clock.pending() == 0);

    // Another run is a new one in all respects.
    here.server.refuse(false);
    here.server.resume();
    here.settle();
    auto const before = told.opened.size();
    socket.start();
    here.until([&] { return told.opened.size() == before + 1; });
    CHECK_FALSE(told.opened.back().reconnected);
}

TEST_CASE("law 5: a close ends within its deadline when the peer does not answer") {
    connected_world here;
    bool frozen = false;
    here.server.freeze([&] { frozen = true; });
    here.until([&] { return frozen; });
    completion_count close;
    here.socket.async_close(close.handler());
    here.until([&] { return here.socket.state() == hb::state::closing; });
    here.settle();
    here.pass(1s - 1ns);
    CHECK(close.count == 0);
    here.pass(1ns);
    here.until([&] { return close.count == 1; });
    CHECK_FALSE(close.error);
    CHECK(here.told.closed[0].reason.cause == hb::errc::close_timeout);
    CHECK(here.told.stopped[0].reason.cause == hb::errc::closed);
}

TEST_CASE("law 5: cancel ends a run at once in every state") {
    world here;
    auto socket = here.make_socket();
    diary told(socket);
    completion_count run, receive, next, wait;
    socket.async_run(run.handler());
    socket.async_receive(receive.handler());
    socket.async_next<hb::malformed>(next.handler());
    socket.async_wait(hb::state::closing, wait.handler());
    SECTION("connecting") {
        here.server.freeze();
        here.until([&] { return socket.stats().bytes_sent > 0; });
    }
    SECTION("open") {
        here.until([&] { return told.opened.size() == 1; });
    }
    SECTION("waiting") {
        here.server.refuse(true);
        here.until([&] { return told.opened.size() == 1 || told.waits.size() == 1; });
        here.server.drop_all();
        here.until([&] { return told.waits.size() == 1; });
    }
    socket.cancel();
    here.until([&] { return run.count == 1; });
    CHECK(run.error == asio::error::operation_aborted);
    CHECK(receive.error == asio::error::operation_aborted);
    CHECK(next.error == asio::error::operation_aborted);
    CHECK(wait.count == 1);
    CHECK(told.stopped.at(0).reason.cause == hb::errc::cancelled);
    CHECK(here.clock.pending() == 0);
}

TEST_CASE("law 5: a slot of any event may close, cancel or destroy the socket") {
    world here;
    auto socket = std::make_unique<test_socket>(here.make_socket());
    auto& alive = *socket;
    std::size_t after = 0;
    std::size_t stops = 0;
    alive.on<hb::stopped>([&](hb::stopped const&) { ++stops; });
    auto const how = GENERATE(0, 1, 2);
    auto const act = [&] {
        if (how == 0) alive.close();
        if (how == 1) alive.cancel();
        if (how == 2) socket.reset();
        after = 0;
    };
    auto const count = [&] { ++after; };
    bool acted = false;
    auto const once = [&](auto const&) {
        if (!std::exchange(acted, true)) act();
    };
    auto const event = GENERATE(0, 1, 2, 3, 4, 5);
    CAPTURE(how, event);
    switch (event) {
        case 0: alive.on<hb::opened>(once); break;
        case 1: alive.on<hb::closed>(once); break;
        case 2: alive.on<hb::waiting>(once); break;
        case 3: alive.on<hb::state_changed>(once); break;
        case 4: alive.on<hb::suspected>(once); break;
        case 5: alive.on<hb::message>(once); break;
    }
    alive.on<hb::opened>([&](auto const&) { count(); });
    alive.on<hb::closed>([&](auto const&) { count(); });
    alive.on<hb::waiting>([&](auto const&) { count(); });
    alive.on<hb::state_changed>([&](auto const&) { count(); });
    completion_count run;
    alive.async_run(run.handler());
    if (event != 3) {
        here.until(
            [&] { return here.server.open_sessions() == 1 && (acted || alive.state() == hb::state::open); });
        if (event == 1 || event == 2) here.server.drop_all();
        if (event == 4) {
            here.server.swallow_answers(true);
            here.pass(4s);
            here.pass(1s);
        }
        if (event == 5) here.server.broadcast("{}");
    }
    here.until([&] { return acted; });
    here.until([&] {
        // A close handshake may still be under way.
        return run.count == 1;
    });
    CHECK(run.count == 1);
    if (how == 2) CHECK(after == 0);
    CHECK(stops == (how == 2 ? 0 : 1));
    here.pass(24h);
    CHECK(here.clock.pending() == 0);
}

TEST_CASE("law 5: destroying the socket ends what waits, and nothing follows") {
    world here;
    auto socket = std::make_unique<test_socket>(here.make_socket());
    completion_count run, receive, next, wait, close;
    int slots = 0;
    socket->on<hb::state_changed>([&](hb::state_changed const&) { ++slots; });
    bool const running = GENERATE(false, true);
    if (running) {
        socket->async_run(run.handler());
        here.until([&] { return socket->state() == hb::state::open; });
    }
    socket->async_receive(receive.handler());
    socket->async_next<hb::closed>(next.handler());
    socket->async_wait(hb::state::waiting, wait.handler());
    here.settle();
    if (running) socket->async_close(close.handler());
    slots = 0;
    socket.reset();
    here.until([&] {
        return receive.count == 1 && next.count == 1 && wait.count == 1 && run.count == int{running};
    });
    CHECK(receive.error == asio::error::operation_aborted);
    CHECK(next.error == asio::error::operation_aborted);
    CHECK(wait.error == asio::error::operation_aborted);
    if (running) CHECK(run.error == asio::error::operation_aborted);
    CHECK(close.count == int{running});
    CHECK(slots == 0);
    here.until([&] { return here.server.open_sessions() == 0; });
}

TEST_CASE(
    "law 12: operations never complete inside their initiating function, and on the handler's executor") {
    world here;
    asio::io_context elsewhere;
    auto socket = here.make_socket();
    int completions = 0;
    auto const handler = [&](auto&&...) { ++completions; };
    auto const bound = [&] { return asio::bind_executor(elsewhere.get_executor(), handler); };
    socket.async_close(bound());
    socket.async_wait(hb::state::stopped, bound());
    socket.async_run(bound());
    socket.async_send("\xff is not UTF-8", bound());
    socket.async_receive(bound());
    socket.async_next<hb::opened>(bound());
    CHECK(completions == 0);
    here.until([&] { return socket.state() == hb::state::open; });
    CHECK(completions == 0);
    elsewhere.run_for(10s);  // returns as soon as no operation is outstanding there, or never
    CHECK(completions == 4);
    socket.cancel();
    here.until([&] { return socket.state() == hb::state::stopped; });
    here.settle();
    elsewhere.restart();
    elsewhere.poll();
    CHECK(completions == 6);
}

TEST_CASE("law 12: each operation can be cancelled by itself") {
    connected_world here;
    struct attempt {
        asio::cancellation_signal signal;
        completion_count end;
    };
    attempt receive, next, wait, run, close;
    here.socket.async_receive(asio::bind_cancellation_slot(receive.signal.slot(), receive.end.handler()));
    here.socket.async_next<hb::closed>(asio::bind_cancellation_slot(next.signal.slot(), next.end.handler()));
    here.socket.async_wait(hb::state::waiting,
                           asio::bind_cancellation_slot(wait.signal.slot(), wait.end.handler()));
    here.settle();
    for (auto* each : {&receive, &next, &wait}) {
        each->signal.emit(asio::cancellation_type::total);
        here.until([&] { return each->end.count == 1; });
        CHECK(each->end.error == asio::error::operation_aborted);
    }
    CHECK(here.socket.state() == hb::state::open);

    SECTION("a message that is queued") {
        here.server.refuse(true);
        here.server.drop_all();
        here.until([&] { return here.told.waits.size() == 1; });
        asio::cancellation_signal signal;
        std::optional<hb::outcome> end;
        here.socket.async_send(
            "queued", asio::bind_cancellation_slot(signal.slot(), [&](hb::outcome as) { end = as; }));
        here.settle();
        CHECK_FALSE(end);
        signal.emit(asio::cancellation_type::partial);
        here.until([&] { return end.has_value(); });
        CHECK(*end == hb::outcome{hb::delivery::dropped, hb::errc::cancelled});
        CHECK(here.socket.stats().outbox_messages == 0);
    }
    SECTION("a close that takes too long") {
        here.server.freeze();
        here.socket.async_close(asio::bind_cancellation_slot(close.signal.slot(), close.end.handler()));
        here.settle();
        close.signal.emit(asio::cancellation_type::terminal);
        here.until([&] { return close.end.count == 1; });
        CHECK(here.told.stopped.size() == 1);
    }
    SECTION("a second run, which does not touch the first") {
        here.socket.async_run(asio::bind_cancellation_slot(run.signal.slot(), run.end.handler()));
        here.until([&] { return run.end.count == 1; });
        CHECK(run.end.error == hb::errc::already_running);
        CHECK(here.socket.state() == hb::state::open);
    }
}

TEST_CASE("law 12: a coroutine that owns its socket is destroyed with its execution context") {
    auto const witness = std::make_shared<int>();
    {
        world here;
        asio::co_spawn(
            here.io,
            [&here, witness]() -> asio::awaitable<void> {
                auto const kept = witness;
                auto socket = here.make_socket();
                socket.start();
                co_await socket.async_wait(hb::state::open, asio::use_awaitable);
                co_await socket.async_receive(asio::use_awaitable);
            },
            asio::detached);
        here.until([&] { return here.server.open_sessions() == 1; });
        here.settle();
        CHECK(witness.use_count() > 1);
    }
    CHECK(witness.use_count() == 1);
}

TEST_CASE("an exception in a slot is told, or leaves through the event loop; the link lives on either way") {
    connected_world here;
    bool const handled = GENERATE(true, false);
    int told = 0;
    if (handled) here.socket.on<hb::slot_failed>([&](hb::slot_failed const&) { ++told; });
    here.socket.on<hb::message>([](hb::message const&) { throw std::runtime_error("from a slot"); });
    int after = 0;
    here.socket.on<hb::message>([&](hb::message const&) { ++after; });
    here.server.broadcast("{}");
    int thrown = 0;
    here.until([&] {
        try {
            here.io.restart();
            here.io.poll();
        } catch (std::runtime_error const&) {
            ++thrown;
        }
        return after == 1 && told + thrown == 1;
    });
    CHECK(told == (handled ? 1 : 0));
    here.server.broadcast("{}");
    here.until([&] {
        try {
            here.io.restart();
            here.io.poll();
        } catch (std::runtime_error const&) {
            ++thrown;
        }
        return after == 2 && told + thrown == 2;
    });
    CHECK(here.socket.state() == hb::state::open);
}

TEST_CASE("errc::stopped ends what waits when a run ends, and what starts to wait afterwards") {
    connected_world here;
    completion_count receive, next, wait;
    here.socket.async_receive(receive.handler());
    here.socket.async_next<hb::waiting>(next.handler());
    here.socket.async_wait(hb::state::waiting, wait.handler());
    here.socket.close();
    here.until([&] { return receive.count + next.count + wait.count == 3; });
    here.socket.async_receive(receive.handler());
    here.socket.async_next<hb::waiting>(next.handler());
    here.socket.async_wait(hb::state::open, wait.handler());
    here.until([&] { return receive.count + next.count + wait.count == 6; });
    CHECK(receive.error == hb::errc::stopped);
    CHECK(next.error == hb::errc::stopped);
    CHECK(wait.error == hb::errc::stopped);
}
