// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>

#include <cstdint>
#include <limits>

namespace exploration {

using heartbeat::duration;
using heartbeat::time_point;

/// A fast generator (SplitMix64) whose numbers are the same on every platform. A schedule is drawn from one
/// seed.
class random_source {
public:
    using result_type = std::uint64_t;

    explicit random_source(std::uint64_t seed) noexcept : state_(seed) { (*this)(); }

    static constexpr result_type min() noexcept { return 0; }
    static constexpr result_type max() noexcept { return std::numeric_limits<result_type>::max(); }

    result_type operator()() noexcept {
        std::uint64_t bits = state_ += 0x9e3779b97f4a7c15u;
        bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
        bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
        return bits ^ (bits >> 31);
    }

    /// Uniform in [0, count).
    std::uint32_t below(std::uint32_t count) noexcept {
        return static_cast<std::uint32_t>(((*this)() >> 32) * count >> 32);
    }

    /// Uniform in [least, most].
    int between(int least, int most) noexcept {
        return least + static_cast<int>(below(static_cast<std::uint32_t>(most - least + 1)));
    }

    bool chance(int percent) noexcept { return below(100) < static_cast<std::uint32_t>(percent); }

    /// Uniform in [least, most], which differ by less than four seconds.
    duration between(duration least, duration most) noexcept {
        return least + duration{below(static_cast<std::uint32_t>((most - least).count() + 1))};
    }

private:
    std::uint64_t state_;
};

}  // namespace exploration
