// SPDX-License-Identifier: BSL-1.0
//
// What becomes of messages when links end, writes are stuck and mailboxes are full.
#include "world.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <optional>

namespace {

std::string text_of(std::string const& content) { return hb::mode_code::message(content).dump(); }
/// Too large to leave in one write with others.
std::string large() { return text_of(std::string(20'000, 'x')); }

}  // namespace

TEST_CASE(
    "law 6: what a slot of opened sends leaves before what was next to leave when the last link ended") {
    connected_simulation here;
    here.network.set({.window = 2000});
    std::vector<std::string> received;
    here.socket.on<hb::message>([&](hb::message const& message) { received.emplace_back(message.text()); });
    here.socket.on<hb::opened>([&](hb::opened const& event) {
        here.socket.send(text_of("login " + std::to_string(event.session)));
    });
    here.server.freeze();
    here.settle();
    // Some are small enough to leave in one write with the next one.
    for (int number = 0; number < 20; ++number) here.socket.send(text_of("small " + std::to_string(number)));
    here.socket.send(large());
    here.settle();
    here.socket.send(text_of("last"));
    here.settle();
    SECTION("once") {}
    SECTION("also when the login itself did not leave") {
        here.network.set({.window = 2});
        here.network.reset_connections();
        here.pass(3s);
        here.pass(6s);
    }
    here.server.resume();
    here.network.set({});
    here.network.reset_connections();
    here.pass(20s);
    here.pass(1s);
    REQUIRE_FALSE(received.empty());
    auto const session = std::to_string(here.told.opened.back().session);
    CHECK(received.front() == text_of("login " + session));
    CHECK(received.back() == text_of("last"));
}

TEST_CASE("law 12: a message that waits behind one that is stuck can be cancelled, and never leaves") {
    connected_simulation here;
    here.network.set({.window = 2000});
    here.server.freeze();
    here.settle();
    struct attempt {
        asio::cancellation_signal cancel = {};
        std::optional<hb::outcome> end = {};
    };
    std::vector<std::unique_ptr<attempt>> attempts;
    for (int number = 0; number < 12; ++number) {
        auto& one = *attempts.emplace_back(std::make_unique<attempt>());
        auto const text = number % 3 == 0 ? large() : text_of("small");
        here.socket.async_send(
            hb::message(text),
            asio::bind_cancellation_slot(one.cancel.slot(), [&](hb::outcome as) { one.end = as; }));
    }
    here.settle();
    for (auto const& one : attempts) one->cancel.emit(asio::cancellation_type::terminal);
    here.settle();
    std::size_t pending = 0;
    for (auto const& one : attempts) {
        if (!one->end) ++pending;
        if (one->end) CHECK(*one->end == hb::outcome{hb::delivery::dropped, hb::errc::cancelled});
    }
    // The one that is being written, and nothing else.
    CHECK(pending == 1);

    here.server.resume();
    here.network.reset_connections();
    here.pass(10s);
    CHECK(here.told.opened.size() == 2);
    CHECK(here.server.messages() == 0);
    CHECK(here.socket.stats().messages_sent == 0);
    CHECK(here.socket.stats().outbox_messages == 0);
}

TEST_CASE("a cancelled message that was to leave with the one before does not leave with the next link") {
    for (int steps = 0; steps < 40; ++steps) {
        connected_simulation here;
        here.network.set({.window = 100});
        asio::cancellation_signal cancel;
        std::optional<hb::outcome> end;
        std::vector<std::string> received;
        here.socket.on<hb::message>([&](hb::message const& got) { received.emplace_back(got.text()); });
        here.socket.send(text_of("first"));
        here.socket.async_send(
            hb::message(text_of("second")),
            asio::bind_cancellation_slot(cancel.slot(), [&](hb::outcome as) { end = as; }));
        here.socket.send(text_of("third"));
        here.io.restart();
        for (int step = 0; step < steps; ++step) here.io.poll_one();
        cancel.emit(asio::cancellation_type::terminal);
        here.network.reset_connections();
        here.pass(10s);
        INFO("after " << steps << " steps");
        REQUIRE(end);
        bool const arrived = std::ranges::count(received, text_of("second")) != 0;
        if (end->result == hb::delivery::dropped) CHECK_FALSE(arrived);
        CHECK(here.socket.stats().outbox_messages == 0);
    }
}

TEST_CASE("the peer's Close is answered and ends the link at once, also in the middle of a burst") {
    for (int steps = 0; steps < 60; ++steps) {
        connected_simulation here([](hb::options& options) { options.reconnect.enabled = false; });
        for (int number = 0; number < 200; ++number) here.socket.send(text_of(std::to_string(number)));
        here.io.restart();
        for (int step = 0; step < steps; ++step) here.io.poll_one();
        here.server.close_all(1001, "bye");
        here.settle();
        INFO("after " << steps << " steps");
        REQUIRE(here.told.closed.size() == 1);
        CHECK(here.told.closed[0].reason.close_code == 1001);
        CHECK(here.log.back() == "#1 closed: code 1001");
        // Each has its outcome.
        auto const written = here.socket.stats().messages_sent;
        CHECK(written + here.told.undelivered.size() == 200);
        CHECK(here.clock.pending() == 0);
    }
}

TEST_CASE("law 11: a mailbox that pauses reading stays within its limit over any number of links") {
    connected_simulation here([](hb::options& options) {
        options.limits.mailbox_messages = 2;
        options.limits.mailbox_overflow = hb::overflow::pause;
    });
    for (std::size_t link = 1; link <= 6; ++link) {
        for (int number = 0; number < 5; ++number) here.server.broadcast(text_of("news"));
        here.settle();
        CHECK(here.socket.stats().reading_paused);
        here.network.reset_connections();
        // Nothing is read, so only what is sent shows that the link is gone.
        here.socket.send(text_of("x"));
        here.settle();
        CHECK(here.told.closed.size() == link);
        CHECK_FALSE(here.socket.stats().reading_paused);
        here.pass(3s);
        REQUIRE(here.told.opened.size() == link + 1);
    }
    CHECK(here.socket.stats().messages_received == 2);

    SECTION("taking a message resumes reading") {
        here.server.broadcast(text_of("more"));
        here.settle();
        CHECK(here.socket.stats().messages_received == 2);
        std::size_t taken = 0;
        for (int number = 0; number < 3; ++number)
            here.socket.async_receive(
                [&](hb::error_code error, hb::message const&) { taken += error ? 0 : 1; });
        here.settle();
        CHECK(taken == 3);
        CHECK_FALSE(here.socket.stats().reading_paused);
    }
    SECTION("so does a slot for messages, and a dead peer is noticed again") {
        std::size_t taken = 0;
        here.socket.on<hb::message>([&](hb::message const&) { ++taken; });
        here.server.broadcast(text_of("more"));
        here.settle();
        CHECK(taken == 1);
        auto const losses = here.told.closed.size();
        here.server.freeze();
        here.pass(6s);
        CHECK(here.told.closed.size() == losses + 1);
    }
}

TEST_CASE(
    "law 6: a message of which only some fragments had left when its run was cancelled is not written") {
    std::string const text = text_of(std::string(1000, 'x'));
    std::size_t whole = 0;
    // First undisturbed.
    for (int steps = 1000; steps > 0; steps = steps == 1000 ? 60 : steps - 1) {
        connected_simulation here([](hb::options& options) { options.limits.fragment_bytes = 128; });
        std::size_t left = 0;
        here.network.observe([&left](hb::network_event const& event) {
            if (event.what == hb::network_event::kind::sent && event.end == hb::network_end::client)
                left += event.bytes.size();
        });
        std::optional<hb::delivery> told;
        here.socket.async_send(hb::message(text), [&told](hb::outcome what) { told = what.result; });
        here.io.restart();
        for (int step = 0; step < steps; ++step) here.io.poll_one();
        if (whole == 0) whole = left;
        here.socket.cancel();
        here.settle();
        CAPTURE(steps, left, whole);
        REQUIRE(told);
        CHECK((*told == hb::delivery::written) == (left == whole));
    }
}
