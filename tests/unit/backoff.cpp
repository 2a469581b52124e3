// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/core/backoff.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

namespace {

using heartbeat::duration;
using heartbeat::reconnect_options;
using heartbeat::detail::backoff;
using namespace std::chrono_literals;

/// Gives the same bits each time.
struct constant_bits {
    using result_type = std::uint64_t;
    static constexpr result_type min() { return 0; }
    static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
    result_type operator()() { return ++calls, bits; }
    result_type bits = 0;
    unsigned calls = 0;
};

/// Gives each number from `Least` to `Most` equally often.
template <unsigned Least, unsigned Most>
struct die {
    using result_type = unsigned;
    static constexpr result_type min() { return Least; }
    static constexpr result_type max() { return Most; }
    result_type operator()() { return static_cast<result_type>(Least + random() % (Most - Least + 1)); }
    std::mt19937 random{7};
};

struct broken {
    using result_type = std::uint64_t;
    static constexpr result_type min() { return 0; }
    static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
    result_type operator()() { throw std::runtime_error("no entropy"); }
};

TEST_CASE("the nominal delay grows by its factor up to the cap") {
    struct row {
        duration delay;
        double growth;
        duration max_delay;
        std::vector<duration> nominal;
    };
    row const table[] = {
        {1s, 2.0, 30s, {1s, 2s, 4s, 8s, 16s, 30s, 30s, 30s}},
        {1s, 2.0, 16s, {1s, 2s, 4s, 8s, 16s, 16s}},
        {3s, 1.0, 30s, {3s, 3s, 3s, 3s}},
        {1s, 1.5, 30s, {1s, 1500ms, 2250ms, 3375ms}},
        {1s, 1.1, 30s, {1s, 1100ms, 1210ms, 1331ms, 1464100us}},
        {1s, 1.7, 30s, {1s, 1700ms, 2890ms, 4913ms, 8352100us}},
        {1s, 1000.0, 1h, {1s, 1000s, 1h, 1h}},
        {5s, 2.0, 3s, {5s, 5s, 5s}},
        {5s, 2.0, 5s, {5s, 5s}},
        {1ns, 3.0, 10ns, {1ns, 3ns, 9ns, 10ns, 10ns}},
        {8784h, 2.0, 8784h, {8784h, 8784h}},
        {8783h + 1ns, 1.0, 8784h, {8783h + 1ns, 8783h + 1ns}},
    };
    for (auto const& row : table) {
        for (bool const jitter : {true, false}) {
            backoff delays(
                {.delay = row.delay, .growth = row.growth, .max_delay = row.max_delay, .jitter = jitter});
            constant_bits random;
            for (unsigned retry = 0; retry < row.nominal.size(); ++retry) {
                CAPTURE(row.delay.count(), row.growth, retry);
                CHECK(delays.attempts() == retry);
                CHECK(delays.nominal() == row.nominal[retry]);
                CHECK(delays.next(random) == row.nominal[retry]);
            }
        }
    }
}

TEST_CASE("a reset starts the delays again") {
    backoff delays({.delay = 1s, .growth = 2.0, .max_delay = 30s, .jitter = false});
    constant_bits random;
    for (int run = 0; run < 3; ++run) {
        CHECK(delays.attempts() == 0);
        for (duration const expected : {1s, 2s, 4s, 8s, 16s, 30s, 30s})
            CHECK(delays.next(random) == expected);
        CHECK(delays.attempts() == 7);
        delays.reset();
    }
}

TEST_CASE("without jitter no random number is drawn") {
    backoff delays({.jitter = false});
    constant_bits random;
    static_cast<void>(delays.next(random));
    CHECK(random.calls == 0);
}

TEST_CASE("jitter reaches from half the nominal delay to all of it, and never below half") {
    for (duration const delay : {duration{1ns}, duration{2ns}, duration{3ns}, duration{1s},
                                 duration{1s} + 1ns, duration{8784h}, duration::max()}) {
        for (double const growth : {1.0, 2.0}) {
            CAPTURE(delay.count(), growth);
            backoff delays({.delay = delay, .growth = growth, .max_delay = delay});
            constant_bits least{0};
            constant_bits most{constant_bits::max()};
            duration const lower_half = delay / 2;
            CHECK(delays.next(least) == delay);
            CHECK(delays.next(most) == delay - lower_half);
            CHECK(delays.nominal() == delay);
        }
    }
}

TEST_CASE("a delay is never less than what is drawn above the least one") {
    constant_bits low{0};
    constant_bits high{constant_bits::max()};
    auto const made = [] { return backoff({.delay = 4s, .growth = 1.0}); };
    struct row {
        duration least, spread, earliest, latest;
    };
    row const table[] = {
        {0s, 0s, 4s, 2s},  // the lowest bits save nothing of the nominal delay
        {3s, 0s, 4s, 3s},  // where half the nominal delay would be less
        {5s, 25s, 5s, 30s}, {4s, 4s, 4s, 8s}, {1s, 9s, 4s, 10s}, {8784h, 8784h, 8784h, 17568h},
    };
    for (auto const& row : table) {
        CAPTURE(row.least.count(), row.spread.count());
        CHECK(made().next(low, row.least, row.spread) == row.earliest);
        CHECK(made().next(high, row.least, row.spread) == row.latest);
        backoff exact({.delay = 4s, .growth = 1.0, .jitter = false});
        CHECK(exact.next(high, row.least, row.spread) == std::max<duration>(4s, row.least));
    }
}

TEST_CASE("a slow retry has a longer nominal delay, for this once, and is jittered as every delay") {
    constant_bits low{0};
    constant_bits high{constant_bits::max()};
    backoff delays({.delay = 1s, .growth = 2.0, .max_delay = 8s});
    CHECK(delays.next(low, 0s, 0s, 60s) == 60s);
    CHECK(delays.next(high, 0s, 0s, 60s) == 30s);
    // The back-off has gone on meanwhile.
    CHECK(delays.nominal() == 4s);
    CHECK(delays.next(low, 0s, 0s, 3s) == 4s);
    CHECK(delays.next(high) == 4s);
    CHECK(delays.next(high, 40s, 20s, 60s) == 60s);
    backoff exact({.delay = 1s, .jitter = false});
    CHECK(exact.next(high, 0s, 0s, 60s) == 60s);
    CHECK(exact.next(high) == 2s);
}

TEST_CASE("a delay that need not be that of the back-off is drawn above the least one, and is no retry") {
    constant_bits low{0};
    constant_bits high{constant_bits::max()};
    backoff const delays({.delay = 4s});
    CHECK(delays.at_least(high, 0s, 0s) == 0s);
    CHECK(delays.at_least(high, 3s, 0s) == 3s);
    CHECK(delays.at_least(low, 5s, 25s) == 5s);
    CHECK(delays.at_least(high, 5s, 25s) == 30s);
    CHECK(backoff({.delay = 4s, .jitter = false}).at_least(high, 5s, 25s) == 5s);
    CHECK(delays.attempts() == 0);
}

TEST_CASE("the least delay does not change how the nominal one grows") {
    backoff delays({.delay = 1s, .growth = 2.0, .max_delay = 30s});
    constant_bits random;
    CHECK(delays.next(random, 60s, 30s) == 60s);
    CHECK(delays.nominal() == 2s);
    CHECK(delays.attempts() == 1);
    CHECK(delays.next(random) == 2s);
}

TEST_CASE("what is drawn above the least delay is uniform") {
    backoff delays({.delay = 1s, .growth = 1.0});
    std::mt19937_64 random(8);
    std::array<int, 16> bins{};
    for (int draw = 0; draw < 16000; ++draw) {
        auto const above = delays.next(random, 5s, 16s) - 5s;
        ++bins[static_cast<std::size_t>(std::min<duration::rep>(above / 1s, 15))];
    }
    for (int const bin : bins) {
        CHECK(bin > 800);
        CHECK(bin < 1200);
    }
}

TEST_CASE("jitter is drawn after the cap, anew for each attempt") {
    backoff delays({.delay = 1s, .growth = 2.0, .max_delay = 30s});
    std::mt19937_64 random(1);
    duration previous{};
    for (int retry = 0; retry < 1000; ++retry) {
        duration const nominal = delays.nominal();
        duration const drawn = delays.next(random);
        if (drawn > nominal || drawn < nominal / 2) FAIL("outside of its range");
        if (drawn == previous) FAIL("not drawn anew");
        previous = drawn;
    }
    CHECK(delays.nominal() == 30s);
}

TEST_CASE("jitter is uniform") {
    // 16 bins of 1,000 expected draws each: a uniform source leaves 800 to 1,200 by more than six deviations.
    auto const check = [](auto random) {
        backoff delays({.delay = 32s, .growth = 1.0});
        std::array<int, 16> bins{};
        for (int draw = 0; draw < 16000; ++draw) {
            auto const above_half = delays.next(random) - 16s;
            ++bins[static_cast<std::size_t>(std::min<duration::rep>(above_half / 1s, 15))];
        }
        for (int const bin : bins) {
            CHECK(bin > 800);
            CHECK(bin < 1200);
        }
    };
    check(std::mt19937_64(2));
    check(std::mt19937(3));
    check(std::minstd_rand(4));
    check(die<1, 6>{});
    check(die<5, 8>{});
    check(die<0, 1>{});
    check(die<9, 11>{});
}

TEST_CASE("every value of a small range of jitter is drawn equally often") {
    backoff delays({.delay = 8ns, .growth = 1.0, .max_delay = 8ns});
    std::mt19937_64 random(5);
    std::array<int, 5> drawn{};
    for (int draw = 0; draw < 5000; ++draw)
        ++drawn.at(static_cast<std::size_t>(delays.next(random).count() - 4));
    for (int const count : drawn) {
        CHECK(count > 800);
        CHECK(count < 1200);
    }
}

TEST_CASE("the same generator gives the same delays on every platform") {
    backoff delays({.delay = 1s, .growth = 2.0, .max_delay = 30s});
    std::mt19937_64 wide(42);
    CHECK(delays.next(wide) == 622'422'233ns);
    CHECK(delays.next(wide) == 1'360'968'606ns);
    CHECK(delays.next(wide) == 2'495'709'598ns);
    std::mt19937 narrow(42);
    CHECK(delays.next(narrow) == 6'501'839'542ns);
    std::minstd_rand odd(42);
    CHECK(delays.next(odd) == 13'243'190'577ns);
}

TEST_CASE("the nominal delay stays at the cap however often it is drawn") {
    constant_bits random;
    for (double const growth : {1.0, 1.0000001, 2.0, 1000.0}) {
        backoff delays({.delay = 1s, .growth = growth, .max_delay = 8784h, .jitter = false});
        duration previous{};
        for (unsigned retry = 0; retry < 100000; ++retry) {
            duration const drawn = delays.next(random);
            if (drawn < previous || drawn > 8784h) FAIL("shrank, or left its range");
            previous = drawn;
        }
        CHECK(delays.attempts() == 100000);
        if (growth == 1.0) CHECK(previous == 1s);
        if (growth >= 2.0) CHECK(previous == 8784h);
    }
    backoff longest(
        {.delay = duration::max() - 1ns, .growth = 1.5, .max_delay = duration::max(), .jitter = false});
    CHECK(longest.next(random) == duration::max() - 1ns);
    CHECK(longest.next(random) == duration::max());
}

TEST_CASE("a generator that throws leaves the back-off as it was") {
    backoff delays({.delay = 1s});
    broken random;
    CHECK_THROWS_AS(delays.next(random), std::runtime_error);
    CHECK(delays.attempts() == 0);
    CHECK(delays.nominal() == 1s);
}

TEST_CASE("the high half of a product of 64 bits is exact") {
    using heartbeat::detail::scaled;
    constexpr std::uint64_t all = std::numeric_limits<std::uint64_t>::max();
    static_assert(scaled(0, all) == 0);
    static_assert(scaled(all, 0) == 0);
    static_assert(scaled(all, 1) == 0);
    static_assert(scaled(all, all) == all - 1);
    static_assert(scaled(1ull << 63, 6) == 3);
    static_assert(scaled(all, 1ull << 32) == 0xffffffffull);
    static_assert(scaled(0xffffffffull, 1ull << 32) == 0);
    static_assert(scaled(0x123456789abcdef0ull, 0xfedcba9876543210ull) == 0x121fa00ad77d7422ull);
    std::mt19937_64 random(6);
    for (int round = 0; round < 10000; ++round) {
        // By long multiplication in bytes, an independent way.
        std::uint64_t const left = random();
        std::uint64_t const right = random();
        std::array<std::uint64_t, 17> digits{};
        for (unsigned i = 0; i < 8; ++i)
            for (unsigned j = 0; j < 8; ++j)
                digits[i + j] += ((left >> 8 * i) & 255) * ((right >> 8 * j) & 255);
        for (unsigned i = 0; i < 16; ++i) digits[i + 1] += digits[i] >> 8;
        std::uint64_t high = 0;
        for (unsigned i = 16; i-- > 8;) high = high << 8 | (digits[i] & 255);
        if (scaled(left, right) != high) FAIL("wrong product");
    }
}

}  // namespace
