// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/core/adaptive_timeout.hpp>
#include <heartbeat/core/heartbeat_monitor.hpp>

#include <chrono>
#include <cstdint>

namespace {

using heartbeat::duration;
using heartbeat::time_point;
using heartbeat::detail::adaptive_timeout;
using heartbeat::detail::heartbeat_monitor;
using enum heartbeat_monitor::action;
using namespace std::chrono_literals;

TEST_CASE("the timeout is that of RFC 6298, between its bounds") {
    adaptive_timeout timer;
    CHECK(timer.within(50ms, 5s) == 5s);
    struct row {
        duration sample;
        duration expected;
    };
    row const table[] = {
        {800ms, 2400ms},   // smoothed 800, deviation 400
        {800ms, 2000ms},   // 800, 300
        {1600ms, 2600ms},  // 900, 425
        {900ms, 2175ms},   // 900, 318.75
        {0ms, 2643750us},  // 787.5, 464.0625
    };
    for (auto const& row : table) {
        timer.add(row.sample);
        CHECK(timer.within(50ms, 5s) == row.expected);
    }
    CHECK(timer.within(3s, 5s) == 3787500us);
    CHECK(timer.within(50ms, 2s) == 2s);
    CHECK(timer.within(5s, 3s) == 3s);
}

TEST_CASE("a first round-trip time of 0 is one") {
    adaptive_timeout timer;
    timer.add(0s);
    CHECK(timer.within(50ms, 5s) == 50ms);
    CHECK(timer.within(1ns, 5s) == 1ns);
}

TEST_CASE("times that the options allow do not overflow") {
    adaptive_timeout timer;
    for (int count = 0; count < 1000; ++count) timer.add(count % 2 == 0 ? duration(8784h) : duration{});
    CHECK(timer.within(50ms, 8784h) == 8784h);
}

constexpr time_point at(duration since_start) { return time_point{} + 1h + since_start; }

/// Plays rounds that are answered after this time, then lets the peer fall silent. Gives the time from the
/// last proof of life to its death.
duration detection(heartbeat::heartbeat_options const& options, duration round_trip, int rounds) {
    heartbeat_monitor monitor(options);
    auto now = at(0s);
    monitor.start(now);
    std::uint64_t id = 0;
    for (int round = 0; round < rounds; ++round) {
        now = monitor.due();
        REQUIRE(monitor.resume(now) == send_beat);
        monitor.sent(++id, now);
        now += round_trip;
        REQUIRE(monitor.answered(id, now) == round_trip);
    }
    auto const proof = now;
    for (int turn = 0; turn < 100; ++turn) {
        now = monitor.due();
        auto const what = monitor.resume(now);
        if (what == declare_dead) return now - proof;
    }
    return duration::max();
}

TEST_CASE("a silent peer on a fast link is noticed after the interval and the least timeout") {
    CHECK(detection({.interval = 1s, .timeout = 5s, .adaptive = true}, 100us, 1) == 1050100us);
    CHECK(detection({.interval = 1s, .timeout = 5s, .adaptive = true}, 100us, 100) == 1050100us);
    CHECK(detection({.interval = 1s, .timeout = 5s, .adaptive = false}, 100us, 100) == 6s);
}

TEST_CASE("before the first answer of a link the timeout is that of the options") {
    CHECK(detection({.interval = 1s, .timeout = 5s, .adaptive = true}, 100us, 0) == 6s);
}

TEST_CASE("the timeout follows the link and stays under that of the options") {
    // Constant round-trip times: the deviation fades.
    CHECK(detection({.interval = 1s, .timeout = 5s, .adaptive = true}, 200ms, 1) == 1600ms);
    CHECK(detection({.interval = 1s, .timeout = 5s, .adaptive = true}, 200ms, 100) == 1250ms);
    CHECK(detection({.interval = 1s, .timeout = 300ms, .adaptive = true}, 200ms, 1) == 1300ms);
}

TEST_CASE("law 7: input in an adaptive round moves the deadline, as far as it would without") {
    heartbeat_monitor monitor({.interval = 1s, .timeout = 1s, .adaptive = true, .least_timeout = 100ms});
    monitor.start(at(0s));
    REQUIRE(monitor.resume(at(1s)) == send_beat);
    monitor.sent(1, at(1s));
    REQUIRE(monitor.answered(1, at(1s)));
    auto now = at(2s);
    REQUIRE(monitor.resume(now) == send_beat);
    for (;;) {
        now += 50ms;
        monitor.input(now);
        auto what = monitor.resume(now);
        // A look that finds more looks again.
        while (what == suspect || (what == look_again && now < at(6s))) what = monitor.resume(now);
        if (what == look_again) {
            CHECK(monitor.resume(now) == declare_dead);
            break;
        }
        REQUIRE(now < at(7s));
    }
    CHECK(now >= at(6s));
    CHECK(now <= at(6s) + 100ms);
}

TEST_CASE("law 8: behind bulk on its way an answer has the whole timeout") {
    heartbeat_monitor monitor({.interval = 1s, .timeout = 5s, .adaptive = true});
    monitor.start(at(0s));
    REQUIRE(monitor.resume(at(1s)) == send_beat);
    monitor.sent(1, at(1s));
    REQUIRE(monitor.answered(1, at(1s)));
    SECTION("that was handed over before the round") {
        monitor.output(20'000);
        REQUIRE(monitor.resume(at(2s)) == send_beat);
        monitor.sent(2, at(2s));
        CHECK(monitor.due() == at(2s) + 2500ms);
        // Once it is answered, all that was before it has arrived.
        REQUIRE(monitor.answered(2, at(3s)));
        auto const due = monitor.due();
        REQUIRE(monitor.resume(due) == send_beat);
        CHECK(monitor.due() < due + 2500ms);
    }
    SECTION("that is handed over before the beat") {
        REQUIRE(monitor.resume(at(2s)) == send_beat);
        REQUIRE(monitor.resume(at(2s) + 25ms) == suspect);
        CHECK(monitor.due() == at(2s) + 50ms);
        monitor.output(20'000);
        CHECK(monitor.due() == at(7s));
        monitor.output(20'000);
        CHECK(monitor.due() == at(7s));
        CHECK(monitor.resume(at(7s)) == look_again);
        CHECK(monitor.resume(at(7s)) == declare_dead);
    }
    SECTION("which a few messages are not") {
        monitor.output(16'000);
        REQUIRE(monitor.resume(at(2s)) == send_beat);
        CHECK(monitor.due() == at(2s) + 25ms);
    }
}

TEST_CASE("a link that has become slow is declared dead before the options say so") {
    // What the option costs: after quick answers a slow one is a false alarm.
    heartbeat_monitor monitor({.interval = 1s, .timeout = 5s, .adaptive = true});
    monitor.start(at(0s));
    REQUIRE(monitor.resume(at(1s)) == send_beat);
    monitor.sent(1, at(1s));
    REQUIRE(monitor.answered(1, at(1s) + 1ms));
    auto const due = monitor.due();
    REQUIRE(monitor.resume(due) == send_beat);
    REQUIRE(monitor.resume(due + 25500us) == suspect);
    REQUIRE(monitor.resume(due + 51ms) == look_again);
    CHECK(monitor.resume(due + 51ms) == declare_dead);
}

}  // namespace
