// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>

/// All chance of a schedule comes from here, so that a seed gives the same schedule everywhere.
class dice {
public:
    explicit dice(std::uint64_t seed) : random_(seed) {}

    std::uint64_t next() { return random_(); }
    /// 0 to `count` - 1.
    std::size_t below(std::size_t count) { return static_cast<std::size_t>(next() % count); }
    /// True in `percent` of a hundred cases.
    bool chance(std::size_t percent) { return below(100) < percent; }
    /// In steps of a millisecond.
    heartbeat::duration between(heartbeat::duration least, heartbeat::duration most) {
        auto const steps = (most - least) / std::chrono::milliseconds(1);
        return least + std::chrono::milliseconds(below(static_cast<std::size_t>(steps) + 1));
    }
    template <class Value>
    Value one_of(std::initializer_list<Value> values) {
        return values.begin()[below(values.size())];
    }

private:
    std::mt19937_64 random_;
};
