// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/options.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace heartbeat::detail {

/// 64 uniform bits from a uniform random bit generator of any range. What is too large for whole bits is
/// drawn again. The distributions of the standard library would give other numbers on other platforms.
template <class UniformRandomBitGenerator>
std::uint64_t random_bits(UniformRandomBitGenerator& generator) {
    constexpr std::uint64_t least = UniformRandomBitGenerator::min();
    constexpr std::uint64_t range = UniformRandomBitGenerator::max() - least;
    static_assert(range > 0, "a generator of one number is not random");
    if constexpr (range == std::numeric_limits<std::uint64_t>::max()) {
        return generator();
    } else {
        constexpr int width = static_cast<int>(std::bit_width(range + 1)) - 1;
        std::uint64_t bits = 0;
        for (int have = 0; have < 64; have += width) {
            std::uint64_t drawn = generator() - least;
            while (drawn >> width != 0) drawn = generator() - least;
            bits = bits << width | drawn;
        }
        return bits;
    }
}

/// Maps 64 uniform bits to [0, count): the upper half of the 128-bit product.
constexpr std::uint64_t scaled(std::uint64_t bits, std::uint64_t count) noexcept {
    constexpr std::uint64_t low_half = 0xffffffffu;
    std::uint64_t const low = (bits & low_half) * (count & low_half);
    std::uint64_t const middle = (bits >> 32) * (count & low_half) + (low >> 32);
    std::uint64_t const other_middle = (bits & low_half) * (count >> 32) + (middle & low_half);
    return (bits >> 32) * (count >> 32) + (middle >> 32) + (other_middle >> 32);
}

/// How long to wait before each retry. Retry n after a reset has the nominal delay
/// min(delay * growth^n, max(delay, max_delay)), n counted from 0. Not thread-safe.
class backoff {
public:
    /// Takes `delay`, `growth`, `max_delay` and `jitter`, which have passed `validate`.
    explicit backoff(reconnect_options const& options) noexcept
        : delay_(options.delay),
          cap_(std::max(options.delay, options.max_delay)),
          growth_(options.growth),
          jitter_(options.jitter) {}

    /// The delay before the coming retry, which then counts as drawn: uniform in [nominal / 2, nominal],
    /// never less, or exactly nominal without jitter; and never less than what is drawn in
    /// [least, least + spread], without jitter `least`. The same generator in the same state gives the same
    /// delay on every platform; without jitter it is not called. Throws what the generator throws; nothing is
    /// drawn then.
    /// \param least, spread  0 to `longest_duration`
    /// \param slow  the nominal delay is at least this, for this retry alone; 0 to `longest_duration`
    template <class UniformRandomBitGenerator>
    duration next(UniformRandomBitGenerator& generator, duration least = {}, duration spread = {},
                  duration slow = {}) {
        duration const usual = nominal();
        duration const longest = std::max(usual, slow);
        duration const saved = jitter_ ? drawn(generator, longest / 2) : duration{};
        duration const asked = at_least(generator, least, spread);
        if (attempts_ < std::numeric_limits<unsigned>::max()) ++attempts_;
        if (usual < cap_) factor_ *= growth_;  // Stops at the cap, so it stays finite.
        return std::max(longest - saved, asked);
    }

    /// A delay for an attempt that need not wait for the back-off: drawn in [least, least + spread], without
    /// jitter `least`. Throws what the generator throws.
    template <class UniformRandomBitGenerator>
    duration at_least(UniformRandomBitGenerator& generator, duration least, duration spread) const {
        return least + (jitter_ && spread > duration{} ? drawn(generator, spread) : duration{});
    }

    /// The delay before the coming retry, before jitter.
    duration nominal() const noexcept {
        if (factor_ <= 1.0) return delay_;  // Exact also where a double would not be.
        double const grown = static_cast<double>(delay_.count()) * factor_;
        if (!(grown < static_cast<double>(cap_.count()))) return cap_;
        return std::min(cap_, duration{std::llround(grown)});
    }

    /// How many delays were drawn since construction or the last reset.
    unsigned attempts() const noexcept { return attempts_; }

    /// Starts again at `delay`: the link has been stable.
    void reset() noexcept {
        factor_ = 1.0;
        attempts_ = 0;
    }

private:
    /// Uniform in [0, most].
    template <class UniformRandomBitGenerator>
    static duration drawn(UniformRandomBitGenerator& generator, duration most) {
        auto const count = static_cast<std::uint64_t>(most.count()) + 1;
        return duration{static_cast<duration::rep>(scaled(random_bits(generator), count))};
    }

    duration delay_;
    duration cap_;
    double growth_;
    double factor_ = 1.0;
    unsigned attempts_ = 0;
    bool jitter_;
};

}  // namespace heartbeat::detail
