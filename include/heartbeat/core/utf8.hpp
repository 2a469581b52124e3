// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace heartbeat::detail {

/// The first byte from `at` on that may not be ASCII; `end` if all are.
constexpr char const* skip_ascii(char const* at, char const* end) noexcept {
    if (!std::is_constant_evaluated()) {
        constexpr std::uint64_t high_bits = 0x8080808080808080u;
        while (end - at >= 8) {
            std::uint64_t eight = 0;
            std::memcpy(&eight, at, 8);
            if ((eight & high_bits) != 0) break;
            at += 8;
        }
    }
    while (at != end && static_cast<unsigned char>(*at) < 0x80) ++at;
    return at;
}

constexpr bool is_between(char byte, unsigned low, unsigned high) noexcept {
    unsigned const value = static_cast<unsigned char>(byte);
    return value >= low && value <= high;
}

/// The length of the well-formed sequence of two or more bytes at `at`, 0 if there is none (Unicode, table
/// 3-7). Only the second byte has a range that depends on the first: that is what rules out longer forms than
/// needed, surrogates, and code points above U+10FFFF.
constexpr std::size_t sequence_length(char const* at, char const* end) noexcept {
    unsigned const lead = static_cast<unsigned char>(*at);
    if (lead < 0xc2 || lead > 0xf4) return 0;
    std::size_t const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    unsigned const low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned const high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (static_cast<std::size_t>(end - at) < length || !is_between(at[1], low, high)) return 0;
    for (std::size_t index = 2; index < length; ++index)
        if (!is_between(at[index], 0x80, 0xbf)) return 0;
    return length;
}

/// Whether `text` is valid UTF-8 as RFC 3629 has it, which a text message has to be (RFC 6455 section 5.6):
/// no sequence longer than needed, no surrogates, nothing above U+10FFFF, nothing cut off. ASCII is checked
/// eight bytes at a time. Thread-safe.
constexpr bool is_valid_utf8(std::string_view text) noexcept {
    char const* at = text.data();
    char const* const end = at + text.size();
    while ((at = skip_ascii(at, end)) != end) {
        std::size_t const length = sequence_length(at, end);
        if (length == 0) return false;
        at += length;
    }
    return true;
}

}  // namespace heartbeat::detail
