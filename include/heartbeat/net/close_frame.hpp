// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace heartbeat::detail {

/// A client's Close frame without a text (RFC 6455 sections 5.2 and 5.5.1): two bytes, the mask, the code.
using close_frame_bytes = std::array<unsigned char, 8>;

/// The code in it; 0 if this is another frame.
constexpr std::uint16_t close_code_in(close_frame_bytes const& frame) noexcept {
    if (frame[0] != 0x88 || frame[1] != 0x82) return 0;
    auto const unmasked = [&frame](std::size_t index) { return frame[6 + index] ^ frame[2 + index]; };
    return static_cast<std::uint16_t>(unmasked(0) << 8 | unmasked(1));
}

}  // namespace heartbeat::detail
