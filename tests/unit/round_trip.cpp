// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/core/round_trip.hpp>

#include <chrono>
#include <limits>

namespace {

using heartbeat::duration;
using heartbeat::detail::round_trip;
using namespace std::chrono_literals;

TEST_CASE("round-trip times are zero without samples") {
    round_trip const times;
    CHECK(times.count() == 0);
    CHECK(times.last() == 0s);
    CHECK(times.smoothed() == 0s);
    CHECK(times.minimum() == 0s);
    for (double const percent : {0.0, 50.0, 100.0}) CHECK(times.percentile(percent) == 0s);
}

TEST_CASE("the first round-trip time is taken whole") {
    round_trip times;
    times.add(80ms);
    CHECK(times.count() == 1);
    CHECK(times.last() == 80ms);
    CHECK(times.smoothed() == 80ms);
    CHECK(times.minimum() == 80ms);
    for (double const percent : {0.0, 1.0, 50.0, 100.0}) CHECK(times.percentile(percent) == 80ms);
}

TEST_CASE("a first round-trip time of zero is a sample like any other") {
    round_trip times;
    times.add(0ms);
    times.add(80ms);
    CHECK(times.count() == 2);
    CHECK(times.minimum() == 0ms);
    CHECK(times.smoothed() == 10ms);
}

TEST_CASE("each further round-trip time moves the smoothed one by an eighth of the difference") {
    round_trip times;
    struct row {
        duration sample;
        duration smoothed;
        duration minimum;
    };
    row const table[] = {
        {800ms, 800ms, 800ms}, {1600ms, 900ms, 800ms}, {100ms, 800ms, 100ms},
        {0ms, 700ms, 0ms},     {700ms, 700ms, 0ms},
    };
    for (auto const& row : table) {
        times.add(row.sample);
        CHECK(times.last() == row.sample);
        CHECK(times.smoothed() == row.smoothed);
        CHECK(times.minimum() == row.minimum);
    }
}

TEST_CASE("a percentile of round-trip times is a sample, by nearest rank") {
    round_trip times;
    for (duration const sample : {50ms, 15ms, 40ms, 20ms, 35ms}) times.add(sample);
    struct row {
        double percent;
        duration expected;
    };
    row const table[] = {{0, 15ms},  {5, 15ms},   {20, 15ms}, {20.1, 20ms}, {30, 20ms},
                         {40, 20ms}, {50, 35ms},  {60, 35ms}, {80, 40ms},   {80.1, 50ms},
                         {99, 50ms}, {100, 50ms}, {-1, 15ms}, {101, 50ms}};
    for (auto const& row : table) {
        CAPTURE(row.percent);
        CHECK(times.percentile(row.percent) == row.expected);
    }
    CHECK(times.percentile(std::numeric_limits<double>::quiet_NaN()) == 15ms);
}

TEST_CASE("percentiles look at the last 64 round-trip times, the minimum at all") {
    round_trip times;
    for (int sample = 1; sample <= 64; ++sample) times.add(1ms * sample);
    CHECK(times.percentile(0) == 1ms);
    CHECK(times.percentile(50) == 32ms);
    CHECK(times.percentile(99) == 64ms);
    CHECK(times.percentile(100) == 64ms);
    for (int sample = 65; sample <= 100; ++sample) times.add(1ms * sample);
    CHECK(times.count() == 100);
    CHECK(times.percentile(0) == 37ms);
    CHECK(times.percentile(50) == 68ms);
    CHECK(times.percentile(100) == 100ms);
    CHECK(times.minimum() == 1ms);
    for (int sample = 0; sample < 64; ++sample) times.add(5ms);
    CHECK(times.percentile(100) == 5ms);
    CHECK(times.percentile(0) == 5ms);
}

TEST_CASE("every whole percentile of 1 to n milliseconds is its nearest rank") {
    for (int size = 1; size <= 64; ++size) {
        round_trip times;
        for (int sample = size; sample >= 1; --sample) times.add(1ms * sample);
        for (int percent = 0; percent <= 100; ++percent) {
            int rank = 1;
            while (rank * 100 < percent * size) ++rank;
            CAPTURE(size, percent);
            CHECK(times.percentile(percent) == 1ms * rank);
        }
    }
}

}  // namespace
