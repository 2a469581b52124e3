// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

/// The input of a fuzzer, taken byte by byte. At its end everything that is taken is zero or empty.
class script {
public:
    script(std::uint8_t const* data, std::size_t size) noexcept
        : rest_(reinterpret_cast<char const*>(data), size) {}

    bool done() const noexcept { return rest_.empty(); }

    unsigned byte() noexcept {
        if (rest_.empty()) return 0;
        auto const taken = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        return taken;
    }
    /// The last byte, for what is decided first and would stand in the way there.
    unsigned last_byte() noexcept {
        if (rest_.empty()) return 0;
        auto const taken = static_cast<unsigned char>(rest_.back());
        rest_.remove_suffix(1);
        return taken;
    }
    bool flag() noexcept { return (byte() & 1U) != 0; }
    /// A number from 0 to `count - 1`, for a count up to 256.
    unsigned below(unsigned count) noexcept { return byte() % count; }
    /// As many bytes as there are, at most `size`.
    std::string_view text(std::size_t size) noexcept {
        auto const taken = rest_.substr(0, std::min(size, rest_.size()));
        rest_.remove_prefix(taken.size());
        return taken;
    }
    std::string_view rest() noexcept { return text(rest_.size()); }

private:
    std::string_view rest_;
};

/// Ends the process, so that the fuzzer keeps the input, unless a property holds.
inline void require(bool holds, char const* property) {
    if (holds) return;
    std::fprintf(stderr, "This does not hold: %s\n", property);
    std::abort();
}
