// SPDX-License-Identifier: BSL-1.0
//
// What the library promises about messages: one outcome each, in order, within bounds.
#include "world.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>

#include <algorithm>
#include <map>

namespace {

std::string numbered(int number) { return hb::mode_code::message(number).dump(); }

}  // namespace

TEST_CASE("law 6: messages leave in the order of acceptance, and each sender hears `written` once") {
    connected_world here;
    constexpr int messages = 500;
    std::vector<std::string> echoes;
    std::map<int, int> outcomes;
    here.socket.on<hb::message>([&](hb::message const& echo) { echoes.emplace_back(echo.text()); });
    for (int number = 0; number < messages; ++number) {
        here.socket.async_send(numbered(number), [&outcomes, number](hb::outcome end) {
            CHECK(end == hb::outcome{hb::delivery::written});
            ++outcomes[number];
        });
    }
    here.until([&] { return echoes.size() == messages && outcomes.size() == messages; });
    for (int number = 0; number < messages; ++number) {
        CHECK(echoes[static_cast<std::size_t>(number)] == numbered(number));
        CHECK(outcomes[number] == 1);
    }
    CHECK(here.socket.stats().messages_sent == messages);
    CHECK(here.socket.stats().outbox_messages == 0);
    CHECK(here.socket.stats().outbox_bytes == 0);
}

TEST_CASE("law 6: messages are told as written while others are still queued") {
    connected_world here([](hb::options& options) { options.limits.outbox_messages = 3000; });
    std::size_t written = 0;
    for (int number = 0; number < 3000; ++number)
        here.socket.async_send(numbered(number), [&](hb::outcome end) { written += end ? 1 : 0; });
    here.until([&] { return written > 0; });
    CHECK(here.socket.stats().outbox_messages > 1000);
    here.until([&] { return written == 3000; });
}

TEST_CASE("law 6: what a slot of opened sends leaves before what was queued earlier") {
    world here;
    auto socket = here.make_socket();
    std::vector<std::string> echoes;
    socket.on<hb::message>([&](hb::message const& echo) { echoes.emplace_back(echo.text()); });
    CHECK(socket.send(numbered(3)));
    CHECK(socket.send(numbered(4)));
    socket.on<hb::opened>([&](hb::opened const&) {
        CHECK(socket.send(numbered(1)));
        socket.async_send(numbered(2), [](hb::outcome) {});
    });
    socket.start();
    here.until([&] { return echoes.size() == 4; });
    CHECK(echoes == std::vector{numbered(1), numbered(2), numbered(3), numbered(4)});
}

TEST_CASE("law 6: a deliberate close drains the queue first") {
    connected_world here;
    constexpr int messages = 100;
    int written = 0;
    for (int number = 0; number < messages; ++number)
        here.socket.async_send(numbered(number), [&](hb::outcome end) { written += end ? 1 : 0; });
    here.socket.close();
    here.until([&] { return here.told.stopped.size() == 1; });
    CHECK(written == messages);
    here.until([&] { return here.server.messages() == messages; });
    CHECK_FALSE(here.socket.send("too late"));
}

TEST_CASE(
    "law 6: a message that was being written when the link broke is unknown, queued ones leave with the next "
    "link") {
    connected_world here([](hb::options& options) { options.limits.outbox_bytes = 64 * 1024 * 1024; });
    bool frozen = false;
    here.server.freeze([&] { frozen = true; });
    here.until([&] { return frozen; });
    std::vector<hb::outcome> outcomes;
    here.socket.async_send(std::string(32 * 1024 * 1024, 'x'),
                           [&](hb::outcome end) { outcomes.push_back(end); });
    here.socket.async_send(numbered(1), [&](hb::outcome end) { outcomes.push_back(end); });
    here.until([&] { return here.socket.stats().bytes_sent > 100'000; });
    here.server.resume();
    here.server.drop_all();
    here.until([&] { return outcomes.size() == 1; });
    CHECK(outcomes[0] == hb::outcome{hb::delivery::unknown, hb::errc::connection_lost});
    CHECK(here.told.undelivered.empty());
    here.socket.connect_now();
    here.until([&] { return outcomes.size() == 2; });
    CHECK(outcomes[1].result == hb::delivery::written);
    here.until([&] { return here.server.messages() == 1; });
}

TEST_CASE("law 6: what a close cannot drain in time is dropped, and its sender told") {
    connected_world here([](hb::options& options) { options.limits.outbox_bytes = 64 * 1024 * 1024; });
    bool frozen = false;
    here.server.freeze([&] { frozen = true; });
    here.until([&] { return frozen; });
    std::vector<hb::outcome> outcomes;
    here.socket.async_send(std::string(32 * 1024 * 1024, 'x'),
                           [&](hb::outcome end) { outcomes.push_back(end); });
    for (int number = 0; number < 3; ++number)
        here.socket.async_send(numbered(number), [&](hb::outcome end) { outcomes.push_back(end); });
    here.socket.close();
    here.until([&] { return here.socket.stats().bytes_sent > 100'000; });
    here.pass(1s);
    here.until([&] { return here.told.stopped.size() == 1 && outcomes.size() == 4; });
    CHECK(std::ranges::count(outcomes, hb::outcome{hb::delivery::unknown, hb::errc::connection_lost}) == 1);
    CHECK(std::ranges::count(outcomes, hb::outcome{hb::delivery::dropped, hb::errc::closed}) == 3);
}

TEST_CASE("a heartbeat finds a gap between the fragments of a large message, as a ping") {
    connected_world here;
    bool frozen = false;
    here.server.freeze([&] { frozen = true; });
    here.until([&] { return frozen; });
    // Larger than what the kernel takes, so it is still under way when the beat is due.
    std::optional<hb::outcome> end;
    here.socket.async_send(std::string(15 * 1024 * 1024, 'x'), [&](hb::outcome as) { end = as; });
    here.until([&] { return here.socket.stats().bytes_sent > 100'000; });
    here.pass(4s);
    here.server.resume();
    here.until([&] { return here.told.beats.size() == 1; });
    CHECK(here.server.heartbeats() == 0);
    here.until([&] { return end.has_value(); });
    CHECK(end->result == hb::delivery::written);
    CHECK(here.told.closed.empty());
    // Afterwards it is the protocol's own again.
    here.pass(4s);
    here.until([&] { return here.told.beats.size() == 2; });
    CHECK(here.server.heartbeats() == 1);
}

TEST_CASE("text that is not UTF-8 is refused before it is queued; binary is not looked at") {
    connected_world here;
    CHECK_FALSE(here.socket.send("\xc3\x28"));
    std::string const bytes = "\xc3\x28";
    CHECK(here.socket.send(hb::message(hb::message_kind::binary, bytes)));
    here.until([&] { return here.socket.stats().messages_sent == 1; });
}

TEST_CASE("JSON values are sent and received as their text") {
    connected_world here;
    std::vector<std::string> texts;
    std::vector<int> numbers;
    hb::json_router router;
    router.on<int>("message", [&](int number) { numbers.push_back(number); });
    router.attach(here.socket);
    nlohmann::json const value = {{"ModeCode", "message"}, {"msg", 42}};
    CHECK(here.socket.send(value));
    std::optional<hb::outcome> end;
    here.socket.async_send(value, [&](hb::outcome as) { end = as; });
    here.until([&] { return numbers.size() == 2 && end; });
    CHECK(numbers == std::vector{42, 42});

    auto const not_text = hb::mode_code::message("\xc3\x28");
    CHECK_FALSE(here.socket.send(not_text));
    end.reset();
    here.socket.async_send(not_text, [&](hb::outcome as) { end = as; });
    here.until([&] { return end.has_value(); });
    CHECK(*end == hb::outcome{hb::delivery::dropped, hb::errc::invalid_utf8});

    here.socket.send(hb::mode_code::message("not a number"));
    here.until([&] { return here.told.malformed.size() == 1; });
    CHECK(here.told.malformed[0].text == R"({"ModeCode":"message","msg":"not a number"})");
    CHECK(here.told.closed.empty());
}

TEST_CASE("law 11: a mailbox that is full does what its policy says") {
    auto const policy = GENERATE(hb::overflow::drop_oldest, hb::overflow::drop_newest, hb::overflow::close,
                                 hb::overflow::pause);
    CAPTURE(static_cast<int>(policy));
    connected_world here([&](hb::options& options) {
        options.limits.mailbox_messages = 2;
        options.limits.mailbox_overflow = policy;
    });
    std::vector<std::string> received;
    auto const receive = [&] {
        here.socket.async_receive([&](hb::error_code error, hb::message const& message) {
            if (!error) received.emplace_back(message.text());
        });
    };
    for (int number = 1; number <= 3; ++number) here.server.broadcast(numbered(number));
    switch (policy) {
        case hb::overflow::drop_oldest:
        case hb::overflow::drop_newest: {
            here.until([&] { return here.socket.stats().messages_received == 3; });
            CHECK(here.socket.stats().messages_discarded == 1);
            receive();
            receive();
            here.until([&] { return received.size() == 2; });
            bool const oldest = policy == hb::overflow::drop_oldest;
            CHECK(received ==
                  (oldest ? std::vector{numbered(2), numbered(3)} : std::vector{numbered(1), numbered(2)}));
            CHECK(here.told.closed.empty());
            break;
        }
        case hb::overflow::close:
            here.until([&] { return here.told.closed.size() == 1; });
            CHECK(here.told.closed[0].reason.cause == hb::errc::mailbox_full);
            break;
        case hb::overflow::pause:
            here.until([&] { return here.socket.stats().reading_paused; });
            CHECK(here.socket.stats().messages_received == 2);
            // No verdict on a peer that is not listened to.
            here.pass(1h);
            CHECK(here.told.closed.empty());
            for (int count = 0; count < 3; ++count) receive();
            here.until([&] { return received.size() == 3; });
            CHECK(received == std::vector{numbered(1), numbered(2), numbered(3)});
            CHECK_FALSE(here.socket.stats().reading_paused);
            here.pass(4s);
            here.until([&] { return here.told.beats.size() == 1; });
            break;
    }
}

TEST_CASE("law 11: a message over the limit ends the link with its reason") {
    connected_world here([](hb::options& options) { options.limits.message_bytes = 1000; });
    here.server.broadcast(std::string(1001, ' '));
    here.until([&] { return here.told.closed.size() == 1; });
    CHECK(here.told.closed[0].reason.cause == hb::errc::message_too_big);
    CHECK(here.told.waits.size() == 1);
}

TEST_CASE("async_next gives the next event, async_receive messages in order, slots take precedence") {
    connected_world here;
    std::vector<std::string> received;
    here.server.broadcast(numbered(1));
    here.until([&] { return here.socket.stats().messages_received == 1; });
    here.socket.async_receive(
        [&](hb::error_code, hb::message const& message) { received.emplace_back(message.text()); });
    here.socket.async_receive(
        [&](hb::error_code, hb::message const& message) { received.emplace_back(message.text()); });
    here.settle();
    here.server.broadcast(numbered(2));
    here.until([&] { return received.size() == 2; });
    CHECK(received == std::vector{numbered(1), numbered(2)});

    std::optional<hb::message> next;
    here.socket.async_next<hb::message>(
        [&](hb::error_code, hb::message message) { next = std::move(message); });
    here.settle();
    here.server.broadcast(numbered(3));
    here.until([&] { return next.has_value(); });
    CHECK(next->text() == numbered(3));
}
