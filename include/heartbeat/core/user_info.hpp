// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/utf8.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace heartbeat::detail {

/// The value of a hexadecimal digit, 16 for other characters.
constexpr unsigned hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
    return 16;
}

/// `text` with each %XX replaced by its byte (RFC 3986 section 2.1); nothing if a percent sign is followed by
/// something else.
inline std::optional<std::string> percent_decoded(std::string_view text) {
    std::string result;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            result += text[at];
            continue;
        }
        if (text.size() - at < 3) return {};
        unsigned const high = hex_value(text[at + 1]);
        unsigned const low = hex_value(text[at + 2]);
        if (high > 15 || low > 15) return {};
        result += static_cast<char>(high * 16 + low);
        at += 2;
    }
    return result;
}

constexpr bool is_control(char c) noexcept { return (c >= 0 && c < 0x20) || c == 0x7f; }

/// Whether Basic authentication can carry it: UTF-8 without control characters (RFC 7617 section 2).
inline bool is_credential(std::string_view text) {
    return is_valid_utf8(text) && std::ranges::none_of(text, is_control);
}

/// Takes `user:password` apart and decodes both; false if Basic authentication cannot carry them.
inline bool take_user_info(std::string_view text, std::string& user, std::string& password) {
    auto const colon = std::min(text.find(':'), text.size());
    auto const first = percent_decoded(text.substr(0, colon));
    auto const second = percent_decoded(text.substr(std::min(colon + 1, text.size())));
    if (!first || !second || !is_credential(*first) || !is_credential(*second)) return false;
    if (first->find(':') != std::string::npos) return false;
    user = *first;
    password = *second;
    return true;
}

/// A URL, or what was meant to be one, for error texts: without what may be user and password, and without
/// its query, which often holds a key. So that a password with a slash is not shown either, user and password
/// are all from the scheme to the last @; and all behind that is left out where a question mark leaves open
/// which of them it belongs to.
inline std::string without_secrets(std::string_view text) {
    auto const at = text.rfind('@');
    std::size_t shown = 0;
    for (std::string_view const scheme : {"ws://", "wss://", "http://", "https://"})
        if (text.starts_with(scheme)) shown = scheme.size();
    bool const has_user = at != std::string_view::npos;
    std::string result = has_user ? std::string(text.substr(0, shown)) + "***" : std::string();
    if (has_user && text.find('?') < at) return result;
    auto const rest = has_user ? text.substr(at) : text;
    auto const query = rest.find('?');
    result += rest.substr(0, query);
    if (query != std::string_view::npos) result += "?***";
    return result;
}

}  // namespace heartbeat::detail
