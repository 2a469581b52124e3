// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/http_text.hpp>
#include <heartbeat/core/user_info.hpp>
#include <heartbeat/core/utf8.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

// The zone of an IPv6 address (RFC 4007 section 11) in a URL (RFC 6874).

namespace heartbeat::detail {

/// A host without the zone of an IPv6 address: what `Host`, a certificate and a server know of it. A zone has
/// no meaning outside of this machine (RFC 6874 section 4).
constexpr std::string_view without_zone(std::string_view host) noexcept {
    return host.substr(0, host.find('%'));
}

/// `unreserved` in RFC 3986 section 2.3.
constexpr bool is_unreserved(char c) noexcept {
    return is_alphanumeric(c) || std::string_view{"-._~"}.find(c) != std::string_view::npos;
}

/// The most bytes in the name of an interface: IF_NAMESIZE without the byte of the end.
inline constexpr std::size_t max_zone_bytes = 15;

/// Whether it can be a zone: UTF-8 without control characters and spaces, of 1 to `max_zone_bytes` bytes.
/// Hosts come from redirects, too, and go into logs. An interface with another name has a number.
constexpr bool is_zone(std::string_view text) noexcept {
    return !text.empty() && text.size() <= max_zone_bytes && is_valid_utf8(text) &&
           std::ranges::none_of(text, [](char c) { return is_control(c) || c == ' '; });
}

/// Decodes what stands behind an IPv6 address in a URL: "%25" and the zone (RFC 6874 section 2), or as that
/// RFC's section 3 allows a plain "%" where "25" does not follow. False if it is no zone.
inline bool take_zone(std::string_view text, std::string& zone) {
    text.remove_prefix(text.starts_with("%25") ? 3 : 1);
    for (char const c : text)
        if (!is_unreserved(c) && c != '%') return false;
    auto decoded = percent_decoded(text);
    if (!decoded || !is_zone(*decoded)) return false;
    zone = std::move(*decoded);
    return true;
}

/// The text of a zone in a URL, with its "%25".
inline std::string zone_text(std::string_view zone) {
    constexpr char const* digits = "0123456789ABCDEF";
    std::string text = "%25";
    for (char const c : zone) {
        auto const byte = static_cast<unsigned char>(c);
        if (is_unreserved(c))
            text += c;
        else
            text.append("%").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
    }
    return text;
}

}  // namespace heartbeat::detail
