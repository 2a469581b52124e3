// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/user_info.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// The small grammars of HTTP that an upgrade request is made of.

namespace heartbeat::detail {

constexpr bool is_alphanumeric(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// A header's name, or a subprotocol's (RFC 9110 section 5.6.2).
constexpr bool is_http_token(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return is_alphanumeric(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

/// A header's value: no line breaks and no control characters but tabs (RFC 9110 section 5.5).
constexpr bool is_header_value(std::string_view text) noexcept {
    return std::ranges::none_of(text, [](char c) { return is_control(c) && c != '\t'; });
}

/// What may follow `Bearer` (`b64token` in RFC 6750 section 2.1).
constexpr bool is_bearer_token(std::string_view text) noexcept {
    text = text.substr(0, text.find_last_not_of('=') + 1);
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return is_alphanumeric(c) || std::string_view("-._~+/").find(c) != std::string_view::npos;
    });
}

/// Whether two names of headers are the same, whatever their case.
constexpr bool is_same_name(std::string_view left, std::string_view right) noexcept {
    auto const lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::ranges::equal(left, right, {}, lower, lower);
}

/// With padding (RFC 4648 section 4).
inline std::string base64(std::string_view bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        auto const three = bytes.substr(at, 3);
        std::uint32_t bits = 0;
        for (std::size_t index = 0; index < 3; ++index)
            bits = bits << 8 | (index < three.size() ? static_cast<unsigned char>(three[index]) : 0u);
        for (std::size_t index = 0; index < 4; ++index)
            text += index <= three.size() ? digits[bits >> (18 - 6 * index) & 63] : '=';
    }
    return text;
}

}  // namespace heartbeat::detail
