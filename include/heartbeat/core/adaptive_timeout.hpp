// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>

#include <algorithm>

namespace heartbeat::detail {

/// How long to wait for an answer, from the round-trip times of earlier ones: the retransmission timer of TCP
/// (RFC 6298 section 2). The least time stands for the granularity G there, as in Linux: on a link whose
/// answers always take as long, the deviation fades, and without it the next answer would be on the edge. One
/// object per link. There is no backing off: a round that fails ends its link.
class adaptive_timeout {
public:
    /// Adds a measured round-trip time, 0 or more. Each answer names its beat, so that none is ambiguous.
    constexpr void add(duration sample) noexcept {
        if (known_) {
            deviation_ = (3 * deviation_ + std::max(smoothed_ - sample, sample - smoothed_)) / 4;
            smoothed_ = (7 * smoothed_ + sample) / 8;
        } else {
            smoothed_ = sample;
            deviation_ = sample / 2;
        }
        known_ = true;
    }

    /// The smoothed round-trip time and above it four deviations, or `least` if that is more; at most `most`,
    /// and this without a sample.
    constexpr duration within(duration least, duration most) const noexcept {
        return known_ ? std::min(smoothed_ + std::max(4 * deviation_, least), most) : most;
    }

private:
    duration smoothed_{};
    duration deviation_{};
    bool known_ = false;
};

}  // namespace heartbeat::detail
