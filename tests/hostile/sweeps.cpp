// SPDX-License-Identifier: BSL-1.0
//
// Servers that fail at every place in turn, or send what chance gives.
#include "catch.hpp"
#include "frames.hpp"
#include "trial.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace {

/// One attempt after the other, each against the next of the server's moods.
void in_a_row(hb::options& options) { options.reconnect = {.delay = 1ms, .growth = 1, .jitter = false}; }

std::string some_frames() {
    using namespace frames;
    return message() + frame(ping, "are you there?") + frame(text, "[1,", {.last = false}) +
           frame(continuation, "2]") + frame(binary, std::string(200, 'x'));
}

std::string random_bytes(std::mt19937_64& random) {
    std::string bytes(1 + random() % 400, '\0');
    std::ranges::generate(bytes, [&random] { return static_cast<char>(random() & 0xffU); });
    return bytes;
}

void flip_a_bit(std::string& bytes, std::mt19937_64& random) {
    auto& byte = bytes[random() % bytes.size()];
    byte = static_cast<char>(static_cast<unsigned char>(byte) ^ 1U << random() % 8);
}

}  // namespace

TEST_CASE("a connection that ends after any byte is reported, and the next attempt is made") {
    bool const resets = GENERATE(false, true);
    CAPTURE(resets);
    std::size_t upgrade = 0;
    std::size_t whole = 0;
    script const cuts = [&](peer& client) -> asio::awaitable<void> {
        co_await client.request();
        client.hear();
        auto bytes = client.answer();
        upgrade = bytes.size();
        bytes += some_frames();
        whole = bytes.size();
        bytes.resize(std::min(client.number() - 1, whole));
        co_await client.send(bytes);
        co_await client.pause(1ms);
        if (resets) client.reset();
    };
    scenario const row{"cuts after each byte in turn", cuts, {}, in_a_row};
    trial attempt(row);
    attempt.run(900ms);
    auto const& found = attempt.found();
    // What comes after the last byte was sent is all the same.
    REQUIRE(whole > upgrade);
    REQUIRE(found.dials.size() > whole);
    for (std::size_t sent = 0; sent <= whole; ++sent) {
        CAPTURE(sent, upgrade);
        auto const& dial = found.dials[sent];
        CHECK(dial.opened == (sent >= upgrade));
        CHECK(dial.why.cause == (dial.opened ? hb::errc::connection_lost : hb::errc::upgrade_failed));
    }
    CHECK(found.dials[whole].delivered == 3);
    CHECK(found.peak_bytes <= expectation{}.peak_bytes);
}

TEST_CASE("random bytes after the upgrade end the link and nothing else") {
    script const babbles = [](peer& client) -> asio::awaitable<void> {
        std::mt19937_64 random(client.number());
        co_await client.upgrade();
        co_await client.send(random_bytes(random));
        co_await client.stay();
    };
    scenario const row{"sends random bytes", babbles, {}, in_a_row};
    trial attempt(row);
    attempt.run(20min);
    auto const& found = attempt.found();
    CHECK(found.dials.size() > 200);
    for (std::size_t index = 0; index + 1 < found.dials.size(); ++index) {
        CAPTURE(index, to_string(found.dials[index].why));
        auto const cause = found.dials[index].why.cause;
        CHECK((cause == hb::errc::protocol_violation || cause == hb::errc::heartbeat_timeout ||
               cause == hb::errc::message_too_big || cause == hb::errc::closed_by_peer));
        CHECK(found.dials[index].opened);
    }
    CHECK(found.state != hb::state::stopped);
    CHECK(found.peak_bytes <= 2 * usual_options().limits.message_bytes);
}

TEST_CASE("one wrong bit anywhere in the answer or the frames ends at most the link") {
    script const errs = [](peer& client) -> asio::awaitable<void> {
        std::mt19937_64 random(client.number());
        co_await client.request();
        client.hear();
        auto bytes = client.answer() + some_frames();
        flip_a_bit(bytes, random);
        co_await client.send(std::move(bytes));
        co_await client.stay();
    };
    scenario const row{"errs in one bit", errs, {}, in_a_row};
    trial attempt(row);
    attempt.run(20min);
    auto const& found = attempt.found();
    CHECK(found.dials.size() > 200);
    for (std::size_t index = 0; index + 1 < found.dials.size(); ++index) {
        auto const& dial = found.dials[index];
        CAPTURE(index, to_string(dial.why));
        auto const cause = dial.why.cause;
        if (dial.opened) {
            CHECK((cause == hb::errc::protocol_violation || cause == hb::errc::heartbeat_timeout ||
                   cause == hb::errc::message_too_big || cause == hb::errc::closed_by_peer));
        } else {
            CHECK((cause == hb::errc::upgrade_failed || cause == hb::errc::upgrade_refused ||
                   cause == hb::errc::upgrade_timeout));
        }
    }
    CHECK(found.state != hb::state::stopped);
    CHECK(found.peak_bytes <= 2 * usual_options().limits.message_bytes);
}
