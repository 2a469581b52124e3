// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace heartbeat::detail {

/// Round-trip times: last, smoothed, smallest, and percentiles of the most recent ones. Everything is zero as
/// long as there is no sample. Never allocates. Not thread-safe.
class round_trip {
public:
    /// How many of the last samples `percentile` looks at.
    static constexpr std::size_t window = 64;

    /// Adds a measured round-trip time, 0 or more.
    void add(duration sample) noexcept {
        recent_[static_cast<std::size_t>(count_ % window)] = sample;
        last_ = sample;
        smoothed_ = count_ == 0 ? sample : smoothed_ + (sample - smoothed_) / 8;
        minimum_ = count_ == 0 ? sample : std::min(minimum_, sample);
        ++count_;
    }

    /// The last sample.
    duration last() const noexcept { return last_; }

    /// The smoothed round-trip time SRTT of RFC 6298 section 2: the first sample whole, each further one with
    /// a weight of 1/8.
    duration smoothed() const noexcept { return smoothed_; }

    /// The smallest of all samples.
    duration minimum() const noexcept { return minimum_; }

    /// The smallest sample of the last 64 that at least `percent` of them do not exceed (nearest rank).
    /// \param percent from 0, which gives the smallest, to 100, which gives the largest
    duration percentile(double percent) const noexcept {
        if (count_ == 0) return {};
        auto const size = static_cast<std::size_t>(std::min<std::uint64_t>(count_, window));
        auto sorted = recent_;
        double const rank = std::ceil(std::clamp(percent, 0.0, 100.0) * static_cast<double>(size) / 100.0);
        auto const wanted = sorted.begin() + (rank > 1.0 ? static_cast<std::ptrdiff_t>(rank) - 1 : 0);
        std::nth_element(sorted.begin(), wanted, sorted.begin() + static_cast<std::ptrdiff_t>(size));
        return *wanted;
    }

    /// How many samples were added.
    std::uint64_t count() const noexcept { return count_; }

private:
    std::array<duration, window> recent_{};
    duration last_{};
    duration smoothed_{};
    duration minimum_{};
    std::uint64_t count_ = 0;
};

}  // namespace heartbeat::detail
