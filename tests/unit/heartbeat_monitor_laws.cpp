// SPDX-License-Identifier: BSL-1.0

// What the heartbeat promises, when the strand does not run in time: a dead peer is declared dead at the
// latest `interval + timeout + L` after the last proof of life was read, where L is how long the strand did
// not run, and a peer whose proof reached this host before the deadline is not.

#include "catch.hpp"

#include <heartbeat/core/heartbeat_monitor.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>

namespace {

using heartbeat::duration;
using heartbeat::heartbeat_options;
using heartbeat::liveness;
using heartbeat::time_point;
using heartbeat::detail::heartbeat_monitor;
using enum heartbeat_monitor::action;
using namespace std::chrono_literals;

constexpr heartbeat_options usual{.interval = 4s, .timeout = 2s};
constexpr time_point at(duration since_start) { return time_point{} + 1h + since_start; }

TEST_CASE("a silent peer is dead in time, however late the strand runs at each step") {
    duration const lateness[] = {0s, 1ns, 999ms, 1s, 2s, 3s, 1h};
    for (auto const late_beat : lateness)
        for (auto const late_suspicion : lateness)
            for (auto const late_deadline : lateness)
                for (auto const late_look : lateness) {
                    heartbeat_monitor monitor(usual);
                    monitor.start(at(0s));
                    auto now = at(0s);
                    duration lost{};
                    auto const expect = [&](duration late, heartbeat_monitor::action expected) {
                        now = std::max(now, monitor.due()) + late;
                        lost += late;
                        if (monitor.resume(now) != expected) FAIL("another action");
                    };
                    expect(late_beat, send_beat);
                    expect(late_suspicion, suspect);
                    expect(late_deadline, look_again);
                    expect(late_look, declare_dead);
                    if (now > at(4s + 2s) + lost) FAIL("dead too late");
                    if (now < at(4s + 2s)) FAIL("dead too early");
                }
}

TEST_CASE("a deadline that is handled late gives one turn to read what has come") {
    for (duration const late : {duration{1ns}, duration{2s}, duration{1h}}) {
        heartbeat_monitor monitor(usual);
        monitor.start(at(0s));
        REQUIRE(monitor.resume(at(4s)) == send_beat);
        monitor.sent(1, at(4s));
        REQUIRE(monitor.resume(at(5s)) == suspect);
        auto const now = at(6s) + late;
        REQUIRE(monitor.resume(now) == look_again);
        CHECK(monitor.due() <= now);
        CHECK(monitor.answered(1, now) == 2s + late);
        CHECK(monitor.due() == now + 4s);
    }
}

TEST_CASE("what the last look found may be read before the verdict, however late that is") {
    auto monitor = heartbeat_monitor(usual);
    monitor.start(at(0s));
    REQUIRE(monitor.resume(at(4s)) == send_beat);
    monitor.sent(1, at(4s));
    REQUIRE(monitor.resume(at(5s)) == suspect);
    REQUIRE(monitor.resume(at(6s)) == look_again);
    monitor.unread(100, at(6s));
    // A slow slot: what was found could not be read.
    REQUIRE(monitor.resume(at(9s)) == look_again);
    SECTION("it was the answer") { CHECK(monitor.answered(1, at(9s)) == 5s); }
    SECTION("it was not") {
        monitor.unread(100, at(9s));
        CHECK(monitor.resume(at(9s)) == declare_dead);
    }
}

TEST_CASE("each deadline that is handled late gives a fresh timeout to read an answer behind other input") {
    heartbeat_monitor monitor(usual);
    monitor.start(at(0s));
    REQUIRE(monitor.resume(at(4s)) == send_beat);
    monitor.sent(1, at(4s));
    REQUIRE(monitor.resume(at(5s)) == suspect);
    auto now = at(6s);
    for (int stall = 0; stall < 3; ++stall) {
        now += 1h;
        if (stall == 1) monitor.input(now);  // some of the input is read before the deadline is handled
        if (stall != 1) {
            REQUIRE(monitor.resume(now) == look_again);
            monitor.input(now);
        }
        CHECK(monitor.resume(now) == sleep);
        CHECK(monitor.due() == now + 2s);
        now += 2s;
    }
    CHECK(monitor.answered(1, now) == now - at(4s));
}

/// A link in a world of its own. Its peer answers or not, talks or not, and dies. The host buffers what
/// arrives, the event loop picks up one piece of it at a time, and the strand handles that and the heart's
/// timer, sometimes late.
class world {
public:
    explicit world(unsigned seed)
        : random_(seed),
          options_{.interval = 1us * draw(1, 20'000'000),
                   .timeout = 1us * draw(2, 10'000'000),
                   .proof = seed % 5 == 0 ? liveness::any_input : liveness::round_trip},
          monitor_(options_) {
        open();
    }

    void run(int rounds) {
        while (rounds_ < rounds) step();
    }

    int proved = 0;
    int dead = 0;
    int proved_after_a_look = 0;
    int dead_despite_input = 0;
    int late_echoes = 0;

private:
    std::int64_t draw(std::int64_t least, std::int64_t most) {
        return least + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most - least + 1));
    }
    duration part_of_timeout(int percent) { return options_.timeout * draw(0, percent) / 100; }
    bool chance(int percent) { return draw(1, 100) <= percent; }

    void open() {
        host_.clear();
        in_hand_.reset();
        sent_.clear();
        monitor_.start(now_);
        round_over();
    }

    void step() {
        auto wake = monitor_.due();
        if (in_hand_) wake = now_;
        if (!host_.empty()) wake = std::min(wake, host_.begin()->first);
        now_ = std::max(now_, wake);
        if (chance(10)) stall();
        if (!in_hand_ && !host_.empty() && host_.begin()->first <= now_) {
            in_hand_ = host_.begin()->second;
            reached_ = host_.begin()->first;
            host_.erase(host_.begin());
        }
        bool const read_first = looked_ || chance(50);
        if (read_first) read();
        if (monitor_.due() <= now_) heart();
        if (!read_first) read();
    }

    void stall() {
        if (stalls_left_ == 0) return;
        --stalls_left_;
        auto const length = chance(50) ? part_of_timeout(100) : part_of_timeout(900);
        now_ += length;
        stalled_ += length;
    }

    void read() {
        if (!in_hand_) return;
        auto const id = *std::exchange(in_hand_, std::nullopt);
        input();
        if (id == 0) return;
        auto const due = monitor_.due();
        auto const round_trip = monitor_.answered(id, now_);
        auto const beat = sent_.find(id);
        if (beat == sent_.end()) {
            ++late_echoes;
            if (round_trip || monitor_.due() != due) fail("an answer to an earlier beat was taken for proof");
            return;
        }
        if (round_trip != now_ - beat->second) fail("a wrong round-trip time");
        sent_.clear();
        round_over();
    }

    void input() {
        had_input_ = true;
        last_input_ = now_;
        monitor_.input(now_);
        if (options_.proof == liveness::any_input) round_over();
    }

    void heart() {
        for (;;) {
            switch (monitor_.resume(now_)) {
                case sleep:
                    if (monitor_.due() <= now_) fail("it sleeps through what is due");
                    if (monitor_.due() > latest()) fail("it sleeps for too long");
                    return;
                case send_beat: begin_round(); break;
                case suspect:
                    if (++suspicions_ != 1) fail("suspected twice");
                    if (now_ > began_ + options_.timeout / 2 + stalled_) fail("suspected late");
                    hand_over();
                    if (chance(10)) stall();  // a slow slot
                    break;
                case look_again:
                    looked_ = true;
                    if (!host_.empty() && host_.begin()->first <= now_) input();
                    return;
                case declare_dead: return bury();
            }
        }
    }

    void begin_round() {
        began_ = now_;
        asking_ = true;
        suspicions_ = 0;
        stalls_left_ = draw(0, 3);
        answers_ = chance(75);
        blocked_ = chance(10);
        sent_.clear();
        if (chance(30)) {
            for (auto pieces = draw(1, 12); pieces != 0; --pieces) arrive(part_of_timeout(600), 0);
        }
        hand_over();
    }

    void hand_over() {
        if (blocked_) return;
        sent_.emplace(++last_id_, now_);
        monitor_.sent(last_id_, now_);
        if (answers_) arrive(chance(80) ? part_of_timeout(50) : part_of_timeout(300), last_id_);
    }

    void arrive(duration later, std::uint64_t id) { host_.emplace(now_ + later, id); }

    /// The last moment at which a peer that gives no more proof may be declared dead.
    time_point latest() const {
        auto const deadline = last_proof_ + options_.interval + options_.timeout;
        if (!asking_ || !had_input_) return deadline + stalled_;
        auto const most = last_proof_ + options_.interval + 4 * options_.timeout;
        return std::min(std::max(deadline, last_input_ + options_.timeout), most) + stalled_;
    }

    void bury() {
        if (now_ > latest()) fail("dead too late");
        auto const deadline = began_ + options_.timeout;
        if (now_ < deadline) fail("dead before the deadline");
        bool const in_hand_in_time = in_hand_ && reached_ <= deadline && sent_.contains(*in_hand_);
        auto const in_time = std::ranges::any_of(host_, [&](auto const& piece) {
            return piece.first <= deadline && sent_.contains(piece.second);
        });
        if (in_time || in_hand_in_time) fail("dead although an answer had reached this host in time");
        ++dead;
        if (had_input_) ++dead_despite_input;
        open();
    }

    /// Life is proved.
    void round_over() {
        if (asking_) ++rounds_, ++proved;
        if (asking_ && looked_) ++proved_after_a_look;
        last_proof_ = now_;
        stalled_ = {};
        asking_ = had_input_ = looked_ = false;
        if (monitor_.due() != now_ + options_.interval) fail("the next round begins at another time");
    }

    void fail(std::string const& what) const {
        FAIL(what << ", round " << rounds_ << ", interval " << options_.interval.count() << " ns, timeout "
                  << options_.timeout.count() << " ns");
    }

    std::mt19937_64 random_;
    heartbeat_options options_;
    heartbeat_monitor monitor_;
    time_point now_ = at(0s);
    int rounds_ = 0;

    /// What has reached the host or will, by time: the beat that it answers, or 0.
    std::multimap<time_point, std::uint64_t> host_;
    /// What the event loop has picked up and the strand has not handled.
    std::optional<std::uint64_t> in_hand_;
    time_point reached_;
    std::map<std::uint64_t, time_point> sent_;
    std::uint64_t last_id_ = 0;

    time_point last_proof_ = at(0s);
    time_point last_input_ = at(0s);
    time_point began_ = at(0s);
    duration stalled_ = {};
    std::int64_t stalls_left_ = 0;
    int suspicions_ = 0;
    bool answers_ = false;
    bool blocked_ = false;
    bool asking_ = false;
    bool had_input_ = false;
    bool looked_ = false;
};

TEST_CASE("dead peers are found in time and live ones spared, in every world") {
    int proved = 0;
    int dead = 0;
    for (unsigned seed = 1; seed <= 200; ++seed) {
        CAPTURE(seed);
        world explored(seed);
        explored.run(1000);
        proved += explored.proved;
        dead += explored.dead;
        if (seed % 5 != 0) {
            CHECK(explored.proved_after_a_look > 0);
            CHECK(explored.dead_despite_input > 0);
            CHECK(explored.late_echoes > 0);
        }
    }
    CHECK(proved >= 200'000);
    CHECK(dead > 20'000);
}

}  // namespace
