// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/core/heartbeat_monitor.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace {

using heartbeat::duration;
using heartbeat::heartbeat_options;
using heartbeat::liveness;
using heartbeat::time_point;
using heartbeat::detail::heartbeat_monitor;
using action = heartbeat_monitor::action;
using enum heartbeat_monitor::action;
using namespace std::chrono_literals;

constexpr heartbeat_options usual{.interval = 4s, .timeout = 2s};
constexpr heartbeat_options any_input{.interval = 4s, .timeout = 2s, .proof = liveness::any_input};
constexpr std::uint64_t first_beat = 71;
constexpr std::uint64_t probe = 72;

constexpr time_point at(duration since_start) { return time_point{} + 1h + since_start; }

heartbeat_monitor started(heartbeat_options const& options) {
    heartbeat_monitor monitor(options);
    monitor.start(at(0s));
    return monitor;
}

/// The stages of a round with the usual times, each reached by a peer that is silent.
enum class stage { resting, asking, suspecting, doubting };
constexpr stage stages[] = {stage::resting, stage::asking, stage::suspecting, stage::doubting};
constexpr duration begin_of[] = {0s, 4s, 5s, 6s};

heartbeat_monitor in(stage wanted, heartbeat_options const& options = usual) {
    auto monitor = started(options);
    if (wanted >= stage::asking) {
        REQUIRE(monitor.resume(at(4s)) == send_beat);
        monitor.sent(first_beat, at(4s));
    }
    if (wanted >= stage::suspecting) {
        REQUIRE(monitor.resume(at(5s)) == suspect);
        monitor.sent(probe, at(5s));
    }
    if (wanted >= stage::doubting) REQUIRE(monitor.resume(at(6s)) == look_again);
    return monitor;
}

/// Resumes the monitor whenever it wants to be, until the peer is dead. Gives the time of death.
time_point death(heartbeat_monitor& monitor) {
    for (int turn = 0; turn < 100; ++turn) {
        auto const now = monitor.due();
        if (monitor.resume(now) == declare_dead) return now;
    }
    return time_point::max();
}

TEST_CASE(
    "a silent peer is asked after the interval, suspected after half the timeout, and dead after all of it") {
    heartbeat_options const table[] = {
        {4s, 2s},  {2s, 4s},    {1ns, 2ns},  {1ns, 1ns},
        {1s, 3ns}, {8784h, 1h}, {1h, 8784h}, {4s, 2s, liveness::any_input},
    };
    for (auto const& options : table) {
        CAPTURE(options.interval.count(), options.timeout.count());
        auto monitor = started(options);
        auto const asked = options.interval;
        auto const suspected = asked + options.timeout / 2;
        auto const dead = asked + options.timeout;
        auto const is_due = [&](duration when, action expected) {
            CHECK(monitor.due() == at(when));
            CHECK(monitor.resume(at(when) - 1ns) == sleep);
            CHECK(monitor.resume(at(when)) == expected);
        };
        is_due(asked, send_beat);
        is_due(suspected, suspect);
        is_due(dead, look_again);
        is_due(dead, declare_dead);
        CHECK(monitor.silence(at(dead)) == dead);
    }
}

TEST_CASE("an answer proves life at every stage of its round, and gives its own beat's round-trip time") {
    struct row {
        stage when;
        std::uint64_t id;
        duration sent;
    };
    row const table[] = {
        {stage::asking, first_beat, 4s}, {stage::suspecting, first_beat, 4s},
        {stage::suspecting, probe, 5s},  {stage::doubting, first_beat, 4s},
        {stage::doubting, probe, 5s},
    };
    for (auto const& row : table) {
        CAPTURE(static_cast<int>(row.when), row.id);
        auto monitor = in(row.when);
        auto const now = begin_of[static_cast<int>(row.when)] + 300ms;
        CHECK(monitor.answered(row.id, at(now)) == now - row.sent);
        CHECK(monitor.silence(at(now)) == 0s);
        CHECK(monitor.due() == at(now + 4s));
        CHECK(monitor.resume(at(now + 4s) - 1ns) == sleep);
        CHECK(monitor.resume(at(now + 4s)) == send_beat);
        CHECK(death(monitor) == at(now + 6s));
    }
}

TEST_CASE("a late echo of an earlier heartbeat does not answer the current one") {
    auto monitor = in(stage::suspecting);
    CHECK(monitor.answered(first_beat, at(5500ms)) == 1500ms);
    SECTION("while no beat is out") {
        CHECK(monitor.answered(probe, at(6s)) == std::nullopt);
        CHECK(monitor.answered(first_beat, at(6s)) == std::nullopt);
        CHECK(monitor.due() == at(9500ms));
    }
    SECTION("while the next beat is out") {
        REQUIRE(monitor.resume(at(9500ms)) == send_beat);
        monitor.sent(first_beat + 2, at(9500ms));
        CHECK(monitor.answered(probe, at(10s)) == std::nullopt);
        CHECK(monitor.answered(first_beat, at(10s)) == std::nullopt);
        CHECK(monitor.due() == at(10500ms));
        CHECK(death(monitor) == at(11500ms));
    }
    SECTION("and the current one still counts") {
        REQUIRE(monitor.resume(at(9500ms)) == send_beat);
        monitor.sent(first_beat + 2, at(9500ms));
        CHECK(monitor.answered(probe, at(9600ms)) == std::nullopt);
        CHECK(monitor.answered(first_beat + 2, at(9700ms)) == 200ms);
        CHECK(monitor.due() == at(13700ms));
    }
}

TEST_CASE("an answer to a beat that was never sent proves nothing") {
    for (auto const when : stages) {
        CAPTURE(static_cast<int>(when));
        auto monitor = in(when);
        auto const due = monitor.due();
        for (std::uint64_t const id : {std::uint64_t{0}, first_beat - 1, probe + 1})
            CHECK(monitor.answered(id, at(6s)) == std::nullopt);
        CHECK(monitor.due() == due);
    }
}

TEST_CASE("a peer is dead in time although no beat could be handed over") {
    auto monitor = started(usual);
    CHECK(monitor.resume(at(4s)) == send_beat);
    CHECK(monitor.resume(at(5s)) == suspect);
    CHECK(death(monitor) == at(6s));
}

TEST_CASE(
    "what proves life otherwise does so at every stage, and keeps the round-trip time of a beat that is "
    "out") {
    for (auto const when : stages) {
        CAPTURE(static_cast<int>(when));
        auto const now = begin_of[static_cast<int>(when)] + 700ms;
        auto by_peer = in(when);
        by_peer.prove(at(now));
        auto by_input = in(when, any_input);
        by_input.input(at(now));
        for (auto* const monitor : {&by_peer, &by_input}) {
            CHECK(monitor->silence(at(now)) == 0s);
            CHECK(monitor->due() == at(now + 4s));
            if (when == stage::resting) continue;
            CHECK(monitor->answered(first_beat, at(now)) == now - 4s);
            CHECK(monitor->answered(first_beat, at(now)) == std::nullopt);
            CHECK(monitor->due() == at(now + 4s));
        }
    }
}

TEST_CASE("while input keeps arriving the deadline moves on, up to four timeouts after the round began") {
    struct row {
        std::vector<duration> input;
        duration dead;
    };
    row const table[] = {
        {{}, 6s},
        {{0s, 3s, 4s}, 6s},
        {{4s + 1ns}, 6s + 1ns},
        {{5s}, 7s},
        {{5999ms}, 7999ms},
        {{5s, 6s, 7s}, 9s},
        {{5s, 6900ms, 8800ms, 9900ms}, 11900ms},
        {{5s, 6900ms, 8800ms, 10100ms}, 12s},
        {{5s, 6s, 7s, 8s, 9s, 10s, 11s, 12s, 13s, 14s}, 12s},
    };
    for (auto const& row : table) {
        CAPTURE(row.input.size(), row.dead.count());
        auto monitor = started(usual);
        auto next = row.input.begin();
        int suspicions = 0;
        auto last = sleep;
        auto now = at(0s);
        while (last != declare_dead && now < at(1h)) {
            for (; next != row.input.end() && at(*next) <= monitor.due(); ++next) monitor.input(at(*next));
            now = monitor.due();
            last = monitor.resume(now);
            if (last == suspect) ++suspicions;
        }
        CHECK(now == at(row.dead));
        CHECK(suspicions == 1);
    }
}

TEST_CASE("a message that is handled late moves the deadline as input does, and proves nothing") {
    for (auto const proof : {liveness::round_trip, liveness::any_input}) {
        heartbeat_monitor monitor({.interval = 4s, .timeout = 2s, .proof = proof});
        monitor.start(at(0s));
        REQUIRE(monitor.resume(at(4s)) == send_beat);
        REQUIRE(monitor.resume(at(5s)) == suspect);
        monitor.progress(at(5500ms));
        CHECK(monitor.resume(at(6s)) == sleep);
        CHECK(monitor.due() == at(7500ms));
        CHECK(monitor.silence(at(6s)) == 6s);
    }
}

TEST_CASE("bytes that lie unread are news only where they have become more") {
    auto monitor = started(usual);
    auto const look = [&](duration when, std::size_t unread) {
        auto last = monitor.resume(at(when));
        if (last == look_again) {
            monitor.unread(unread, at(when));
            last = monitor.resume(at(when));
        }
        return last;
    };
    REQUIRE(monitor.resume(at(4s)) == send_beat);
    REQUIRE(monitor.resume(at(5s)) == suspect);
    SECTION("the same ones give one more timeout") {
        CHECK(look(6s, 100) == sleep);
        CHECK(monitor.due() == at(8s));
        CHECK(look(8s, 100) == declare_dead);
    }
    SECTION("more of them give another") {
        CHECK(look(6s, 100) == sleep);
        CHECK(look(8s, 101) == sleep);
        CHECK(look(10s, 101) == declare_dead);
    }
    SECTION("but not for ever") {
        CHECK(look(6s, 1) == sleep);
        CHECK(look(8s, 2) == sleep);
        CHECK(look(10s, 3) == sleep);
        CHECK(look(12s, 4) == declare_dead);
    }
    SECTION("what is left when some were read is news") {
        CHECK(look(6s, 100) == sleep);
        monitor.input(at(7s));
        CHECK(look(8s, 60) == sleep);
        CHECK(look(9s, 60) == sleep);
        CHECK(look(11s, 60) == declare_dead);
    }
    SECTION("and none are none") { CHECK(look(6s, 0) == declare_dead); }
}

TEST_CASE(
    "law 7: where any input proves life, bytes that lie unread give one more timeout and prove nothing") {
    auto settings = usual;
    settings.proof = heartbeat::liveness::any_input;
    auto monitor = started(settings);
    REQUIRE(monitor.resume(at(4s)) == send_beat);
    REQUIRE(monitor.resume(at(5s)) == suspect);
    REQUIRE(monitor.resume(at(6s)) == look_again);
    monitor.unread(3, at(6s));
    CHECK(monitor.silence(at(6s)) == 6s);
    CHECK(monitor.resume(at(6s)) == sleep);
    CHECK(monitor.due() == at(8s));
    SECTION("none of them is read") {
        REQUIRE(monitor.resume(at(8s)) == look_again);
        monitor.unread(3, at(8s));
        CHECK(monitor.resume(at(8s)) == declare_dead);
    }
    SECTION("they are read") {
        monitor.input(at(7s));
        CHECK(monitor.due() == at(11s));
    }
}

TEST_CASE("bytes that were news in one round are none in the next, unless some were read") {
    auto monitor = started(usual);
    auto const look = [&](duration when, std::size_t unread) {
        REQUIRE(monitor.resume(at(when)) == look_again);
        monitor.unread(unread, at(when));
        return monitor.resume(at(when));
    };
    REQUIRE(monitor.resume(at(4s)) == send_beat);
    REQUIRE(monitor.resume(at(5s)) == suspect);
    REQUIRE(look(6s, 100) == sleep);
    // What had been read before is handled now.
    monitor.prove(at(7s));
    REQUIRE(monitor.resume(at(11s)) == send_beat);
    REQUIRE(monitor.resume(at(12s)) == suspect);
    SECTION("the same ones") { CHECK(look(13s, 100) == declare_dead); }
    SECTION("others") {
        monitor.input(at(12s));
        CHECK(monitor.resume(at(13s)) == sleep);
        CHECK(look(14s, 100) == sleep);
    }
}

TEST_CASE("an interval of zero is never due") {
    auto monitor = started({.interval = 0s, .timeout = 2s});
    CHECK(monitor.due() == time_point::max());
    CHECK(monitor.resume(at(8784h)) == sleep);
    monitor.prove(at(1s));
    monitor.input(at(1s));
    CHECK(monitor.due() == time_point::max());
}

TEST_CASE("a monitor that was stopped, or not started, is never due and takes nothing for proof") {
    for (auto const when : stages) {
        CAPTURE(static_cast<int>(when));
        auto monitor = in(when, any_input);
        monitor.stop();
        CHECK(monitor.due() == time_point::max());
        CHECK(monitor.resume(at(1h)) == sleep);
        monitor.prove(at(1h));
        monitor.input(at(1h));
        static_cast<void>(monitor.answered(first_beat, at(1h)));
        CHECK(monitor.due() == time_point::max());

        monitor.start(at(2h));
        CHECK(monitor.due() == at(2h + 4s));
        CHECK(monitor.answered(probe, at(2h)) == std::nullopt);
        CHECK(death(monitor) == at(2h + 6s));
    }
    heartbeat_monitor idle(usual);
    CHECK(idle.due() == time_point::max());
    CHECK(idle.resume(at(1h)) == sleep);
}

TEST_CASE("negotiated times count from the last proof of life, and from the next round on") {
    auto monitor = started(usual);
    monitor.negotiate(10s, 6s);
    CHECK(monitor.due() == at(10s));
    CHECK(monitor.resume(at(10s)) == send_beat);
    CHECK(monitor.due() == at(13s));
    CHECK(death(monitor) == at(16s));

    monitor = started(usual);
    monitor.negotiate(10s, 0s);
    CHECK(death(monitor) == at(12s));

    monitor = started({.interval = 0s, .timeout = 2s});
    monitor.negotiate(4s, 0s);
    CHECK(death(monitor) == at(6s));
}

TEST_CASE("a round in progress ends by the times with which it began") {
    for (auto const when : {stage::asking, stage::suspecting, stage::doubting}) {
        for (duration const timeout : {duration{1ms}, duration{1h}}) {
            CAPTURE(static_cast<int>(when), timeout.count());
            auto monitor = in(when);
            auto const due = monitor.due();
            monitor.negotiate(10s, timeout);
            CHECK(monitor.due() == due);
            CHECK(death(monitor) == at(6s));
        }
    }
}

TEST_CASE("a heartbeat that is negotiated away ends the round in progress, and may come back") {
    for (auto const when : stages) {
        CAPTURE(static_cast<int>(when));
        auto monitor = in(when);
        monitor.negotiate(0s, 0s);
        CHECK(monitor.due() == time_point::max());
        CHECK(monitor.resume(at(1h)) == sleep);
        monitor.negotiate(2h, 0s);
        CHECK(death(monitor) == at(2h + 2s));
    }
    heartbeat_monitor stopped(usual);
    stopped.negotiate(0s, 0s);
    stopped.negotiate(4s, 2s);
    CHECK(stopped.due() == time_point::max());
}

TEST_CASE("times that no peer can mean are brought into range") {
    auto monitor = started(usual);
    monitor.negotiate(duration::max(), duration::max());
    CHECK(monitor.due() == at(heartbeat::detail::longest_duration));
    CHECK(death(monitor) == at(2 * heartbeat::detail::longest_duration));
    monitor.negotiate(duration::min(), duration::min());
    monitor.start(at(0s));
    CHECK(monitor.due() == time_point::max());
    // Without a heartbeat no timeout has to be set, yet a protocol may negotiate an interval alone.
    monitor = started({.interval = 0s, .timeout = 0s});
    monitor.negotiate(4s, 0s);
    CHECK(death(monitor) == at(4s + heartbeat_options{}.timeout));
}

}  // namespace
