// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace heartbeat::detail {

/// What a text means to the echo server.
enum class echo_kind {
    /// `ModeCode` is `heart_beat`. Sent back.
    heartbeat,
    /// `ModeCode` is `message`. Sent back.
    message,
    /// Any other JSON. Not answered.
    other,
    /// Not JSON, or a number in it is too large. Reported, and not answered.
    malformed,
};

struct echo_verdict {
    echo_kind kind = echo_kind::other;
    /// For `malformed`: what is wrong, and where.
    std::string error = {};
};

inline echo_verdict classify_echo(std::string_view text) {
    try {
        auto const json = nlohmann::json::parse(text);
        if (!json.is_object()) return {};
        auto const mode = json.find("ModeCode");
        if (mode == json.end()) return {};
        if (*mode == "heart_beat") return {echo_kind::heartbeat};
        if (*mode == "message") return {echo_kind::message};
        return {};
    } catch (nlohmann::json::exception const& error) {
        return {echo_kind::malformed, error.what()};
    }
}

/// The heartbeat with the identity of one that was never sent: far in the future for a time in milliseconds,
/// and far ahead for a count.
inline std::string with_wrong_identity(std::string_view heartbeat) {
    constexpr std::uint64_t ahead = 1'000'000'000;
    auto json = nlohmann::json::parse(heartbeat);
    auto& identity = json["msg"];
    identity = identity.is_number_unsigned() ? identity.get<std::uint64_t>() + ahead : ahead;
    return json.dump();
}

/// The beginning of a text on a single line, for logs.
inline std::string on_one_line(std::string_view text) {
    constexpr std::size_t most = 200;
    auto length = std::min(text.size(), most);
    // Not in the middle of a UTF-8 sequence.
    if (length < text.size()) {
        while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80U) --length;
    }
    std::string line{text.substr(0, length)};
    std::replace_if(
        line.begin(), line.end(),
        [](char letter) {
            auto const code = static_cast<unsigned char>(letter);
            return code < 0x20 || code == 0x7F;
        },
        ' ');
    return length < text.size() ? line + "..." : line;
}

}  // namespace heartbeat::detail
