// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/dial_budget.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

using heartbeat::dial_budget;
using heartbeat::duration;
using heartbeat::time_point;
using namespace std::chrono_literals;

constexpr time_point at(duration since_start) { return time_point{} + 1h + since_start; }

TEST_CASE("turns come one after the other at the rate of the budget") {
    dial_budget budget(10);
    for (int turn = 0; turn < 50; ++turn) CHECK(budget.take(at(0s)) == at(turn * 100ms));
}

TEST_CASE("after a time without dials a burst may come at once") {
    dial_budget budget(10, 3);
    for (duration const expected : {0ms, 0ms, 0ms, 100ms, 200ms}) CHECK(budget.take(at(0s)) == at(expected));
    // All has come back, and no more than a burst.
    for (duration const expected : {0ms, 0ms, 0ms, 100ms}) CHECK(budget.take(at(1h)) == at(1h + expected));
    // One turn has come back.
    CHECK(budget.take(at(1h + 200ms)) == at(1h + 200ms));
    CHECK(budget.take(at(1h + 200ms)) == at(1h + 300ms));
}

TEST_CASE("a budget that is asked seldom enough never makes anybody wait") {
    dial_budget budget(10);
    for (int turn = 0; turn < 100; ++turn) {
        auto const now = at(turn * 100ms);
        CHECK(budget.take(now) == now);
    }
}

TEST_CASE("a turn that was given back is the next one, if it still lies ahead") {
    dial_budget budget(10);
    for (int turn = 0; turn < 5; ++turn) static_cast<void>(budget.take(at(0s)));
    budget.give_back(at(300ms));
    budget.give_back(at(200ms));
    CHECK(budget.take(at(0s)) == at(200ms));
    CHECK(budget.take(at(300ms)) == at(300ms));
    budget.give_back(at(400ms));
    CHECK(budget.take(at(401ms)) == at(501ms) - 1ms);
}

TEST_CASE("no time has more turns than the budget, whatever is asked and given back") {
    dial_budget budget(100, 5);
    std::vector<time_point> used;
    std::vector<time_point> ahead;
    auto now = at(0s);
    unsigned dice = 1;
    for (int step = 0; step < 3000; ++step) {
        dice = dice * 1664525 + 1013904223;
        now += (dice >> 28) * 1ms;
        std::erase_if(ahead, [&](time_point turn) {
            if (turn <= now) used.push_back(turn);
            return turn <= now;
        });
        if ((dice >> 20 & 7) == 0 && !ahead.empty()) {
            budget.give_back(ahead.back());
            ahead.pop_back();
        } else {
            auto const turn = budget.take(now);
            if (turn < now) FAIL("a turn in the past");
            (turn == now ? used : ahead).push_back(turn);
        }
    }
    std::sort(used.begin(), used.end());
    CHECK(used.size() > 1000);
    for (std::size_t first = 0; first < used.size(); ++first)
        for (std::size_t last = first; last < std::min(used.size(), first + 50); ++last)
            if (static_cast<duration::rep>(last - first + 1) > 5 + (used[last] - used[first]) / 10ms)
                FAIL("too many turns");
}

TEST_CASE("several threads share a budget") {
    dial_budget budget(1000);
    std::vector<std::vector<time_point>> turns(4);
    {
        std::vector<std::jthread> threads;
        for (auto& mine : turns)
            threads.emplace_back([&budget, &mine] {
                for (int turn = 0; turn < 250; ++turn) mine.push_back(budget.take(at(0s)));
            });
    }
    std::vector<time_point> all;
    for (auto const& mine : turns) all.insert(all.end(), mine.begin(), mine.end());
    std::sort(all.begin(), all.end());
    for (std::size_t index = 0; index < all.size(); ++index)
        if (all[index] != at(static_cast<int>(index) * 1ms)) FAIL("not one turn each millisecond");
}

TEST_CASE("rates are exact, or slower by less than a nanosecond for each dial") {
    auto const spacing = [](double rate) {
        dial_budget budget(rate);
        static_cast<void>(budget.take(at(0s)));
        return budget.take(at(0s)) - at(0s);
    };
    CHECK(spacing(1) == 1s);
    CHECK(spacing(0.1) == 10s);
    CHECK(spacing(3) == 333333334ns);
    CHECK(spacing(500000) == 2000ns);
    CHECK(spacing(1e9) == 1ns);
    CHECK(spacing(7e8) == 2ns);
}

TEST_CASE("a budget that makes no sense is refused, one that is extreme is not") {
    for (double const rate : {0.0, -1.0, 1e-9, 2e9, std::numeric_limits<double>::infinity(),
                              std::numeric_limits<double>::quiet_NaN()})
        CHECK_THROWS_AS(dial_budget(rate), std::invalid_argument);
    CHECK_THROWS_AS(dial_budget(1, 0), std::invalid_argument);
    dial_budget slow(4e-8, std::numeric_limits<unsigned>::max());
    for (int turn = 0; turn < 10; ++turn) CHECK(slow.take(at(0s)) == at(0s));
    dial_budget generous(1, std::numeric_limits<unsigned>::max());
    for (int turn = 0; turn < 100; ++turn) CHECK(generous.take(at(0s)) == at(0s));
}

}  // namespace
