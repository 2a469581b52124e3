// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/ipv6_zone.hpp>
#include <heartbeat/core/user_info.hpp>
#include <heartbeat/error.hpp>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace heartbeat {

/// The parts of a websocket URL (RFC 6455 section 3). Made by `parse_url`.
struct url {
    /// True for `wss`.
    bool secure = false;
    /// A name or an address as it was written; an IPv6 address without its brackets, and with its decoded
    /// zone after a % if it has one (RFC 4007 section 11), like "fe80::1%eth0".
    std::string host = {};
    /// A decimal number from 1 to 65535; 80 for `ws` and 443 for `wss` if the URL has none.
    std::string port = {};
    /// Path and query as they were written, for the request line; at least "/".
    std::string target = {};
    /// User and password, percent-decoded (RFC 3986 section 3.2.1); both are empty if the URL has none.
    std::string user = {};
    std::string password = {};

    friend bool operator==(url const&, url const&) = default;
};

/// A text that is not a websocket URL. `what()` names the text, without user, password and query, and what
/// was expected.
class url_error : public std::invalid_argument {
public:
    url_error(std::string_view text, std::string expected)
        : std::invalid_argument(detail::quoted(detail::without_secrets(text)) +
                                " is not a websocket URL: expected " + expected),
          expected_(std::move(expected)) {}

    /// What was expected, like "a URL that begins with ws:// or wss://".
    std::string const& expected() const noexcept { return expected_; }

private:
    std::string expected_;
};

namespace detail {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

constexpr char to_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool is_hex_digit(char c) noexcept {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f');
}

/// Visible ASCII; everything else has to be percent-encoded (RFC 3986 section 2).
constexpr bool is_visible(char c) noexcept { return c > 0x20 && c < 0x7f; }

/// The characters of a host name (`reg-name` in RFC 3986 section 3.2.2). Percent-encoding is left out, since
/// no resolver decodes it.
constexpr bool is_host_character(char c) noexcept {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') ||
           std::string_view{"-._~!$&'()*+,;="}.find(c) != std::string_view::npos;
}

/// The value of a decimal number of any length, or `most + 1` for one above `most` and for other text.
constexpr unsigned decimal_up_to(unsigned most, std::string_view text) noexcept {
    unsigned value = 0;
    for (char const c : text) {
        if (!is_digit(c)) return most + 1;
        value = value * 10 + static_cast<unsigned>(c - '0');
        if (value > most) return most + 1;
    }
    return text.empty() ? most + 1 : value;
}

/// Four octets without leading zeros (`IPv4address` in RFC 3986 section 3.2.2).
constexpr bool is_ipv4_address(std::string_view text) noexcept {
    for (int octets = 1;; ++octets) {
        std::string_view const octet = text.substr(0, text.find('.'));
        bool const leading_zero = octet.size() > 1 && octet.front() == '0';
        if (leading_zero || decimal_up_to(255, octet) > 255) return false;
        if (octet.size() == text.size()) return octets == 4;
        text.remove_prefix(octet.size() + 1);
    }
}

/// `IPv6address` in RFC 3986 section 3.2.2, without brackets; no zone.
constexpr bool is_ipv6_address(std::string_view text) noexcept {
    int groups = 0;
    bool compressed = text.starts_with("::");
    if (compressed) text.remove_prefix(2);
    while (!text.empty()) {
        std::size_t digits = 0;
        while (digits < text.size() && is_hex_digit(text[digits])) ++digits;
        if (digits < text.size() && text[digits] == '.') {
            if (!is_ipv4_address(text)) return false;
            groups += 2;
            break;
        }
        if (digits == 0 || digits > 4) return false;
        ++groups;
        text.remove_prefix(digits);
        if (text.empty()) break;
        if (text.front() != ':' || text.size() == 1) return false;
        text.remove_prefix(1);
        if (text.front() == ':') {
            if (compressed) return false;
            compressed = true;
            text.remove_prefix(1);
        }
    }
    return compressed ? groups <= 7 : groups == 8;
}

/// An IPv4 or IPv6 address, without brackets; the latter may have a zone.
constexpr bool is_address(std::string_view host) noexcept {
    auto const address = without_zone(host);
    bool const zone_fits = address.size() == host.size() || is_zone(host.substr(address.size() + 1));
    return is_ipv4_address(host) || (is_ipv6_address(address) && zone_fits);
}

constexpr char const* default_port(bool secure) noexcept { return secure ? "443" : "80"; }

/// Takes the scheme with its "://" off the front of `rest`. False if there is none of ours.
constexpr bool take_scheme(std::string_view& rest, bool& secure) noexcept {
    for (std::string_view const scheme : {"ws://", "wss://"}) {
        std::size_t same = 0;
        while (same < scheme.size() && same < rest.size() && to_lower(rest[same]) == scheme[same]) ++same;
        if (same < scheme.size()) continue;
        rest.remove_prefix(scheme.size());
        secure = scheme.size() == 6;
        return true;
    }
    return false;
}

}  // namespace detail

/// Takes a websocket URL apart: `ws://[user[:password]@]host[:port][/path][?query]`, or the same with
/// `wss` (RFC 6455 section 3). The scheme may be in upper case; an IPv6 address stands in brackets, and may
/// have a zone (RFC 6874): `[fe80::1%25eth0]`, or `[fe80::1%eth0]` where the name of the interface does not
/// begin with "25". An empty port means the scheme's default (RFC 3986 section 3.2.3). Path and query are
/// kept as they are. All characters have to be visible ASCII.
///
/// Throws `url_error` for anything else; also for a fragment, which a websocket URL must not have, and for a
/// user or password that Basic authentication cannot carry (RFC 7617 section 2). Thread-safe.
inline url parse_url(std::string_view text) {
    auto const require = [text](bool holds, char const* expected) {
        if (!holds) throw url_error(text, expected);
    };
    url parts;
    std::string_view rest = text;
    require(detail::take_scheme(rest, parts.secure), "a URL that begins with ws:// or wss://");
    for (char const c : rest)
        require(detail::is_visible(c), "visible ASCII characters only, others percent-encoded");
    require(rest.find('#') == std::string_view::npos, "no fragment: # has to be written as %23");

    std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
    rest.remove_prefix(authority.size());
    if (std::size_t const at = authority.find('@'); at != std::string_view::npos) {
        require(detail::take_user_info(authority.substr(0, at), parts.user, parts.password),
                "user and password before the host to be percent-encoded UTF-8 without control characters, "
                "and no colon in the user");
        authority.remove_prefix(at + 1);
    }

    if (authority.starts_with('[')) {
        std::size_t const end = authority.find(']');
        require(end != std::string_view::npos, "an IPv6 address between the brackets");
        std::string_view const inside = authority.substr(1, end - 1);
        std::string_view const address = detail::without_zone(inside);
        require(detail::is_ipv6_address(address), "an IPv6 address between the brackets");
        parts.host = address;
        if (address.size() < inside.size()) {
            std::string zone;
            require(detail::take_zone(inside.substr(address.size()), zone),
                    "after the IPv6 address %25 and a zone of 1 to 15 letters, digits or -._~, others "
                    "percent-encoded, like [fe80::1%25eth0]");
            parts.host += '%' + zone;
        }
        authority.remove_prefix(end + 1);
        require(authority.empty() || authority.front() == ':', "a port or a path after the brackets");
    } else {
        std::string_view const host = authority.substr(0, authority.find(':'));
        authority.remove_prefix(host.size());
        require(authority.find(':', 1) == std::string_view::npos, "one port, or an IPv6 address in brackets");
        require(!host.empty(), "a host after the scheme");
        // RFC 1035 section 2.3.4, with the dot of the root.
        require(host.size() <= 254, "a host of up to 254 characters");
        for (char const c : host)
            require(detail::is_host_character(c), "a host of letters, digits, hyphens and dots");
        parts.host = host;
    }

    if (authority.size() > 1) {
        unsigned const port = detail::decimal_up_to(65535, authority.substr(1));
        require(port >= 1 && port <= 65535, "a port from 1 to 65535");
        parts.port = std::to_string(port);
    } else {
        parts.port = detail::default_port(parts.secure);
    }

    parts.target = rest.starts_with('/') ? "" : "/";
    parts.target += rest;
    return parts;
}

namespace detail {

/// Host and port as they stand in a URL: an IPv6 address in brackets, and the port unless it is the scheme's
/// default.
inline std::string authority(url const& parts, bool with_zone) {
    std::string_view const host = parts.host;
    std::string_view const address = without_zone(host);
    std::string text(address);
    if (with_zone && address.size() < host.size()) text += zone_text(host.substr(address.size() + 1));
    if (address.find(':') != std::string_view::npos) text = '[' + text + ']';
    if (parts.port != default_port(parts.secure)) text += ':' + parts.port;
    return text;
}

}  // namespace detail

/// The value of the header `Host` (RFC 6455 section 4.1): the host, an IPv6 address in brackets and without a
/// zone (RFC 6874 section 4), and the port unless it is the scheme's default.
inline std::string host_header(url const& parts) { return detail::authority(parts, false); }

/// The URL as a text, without user and password.
inline std::string to_string(url const& parts) {
    return (parts.secure ? "wss://" : "ws://") + detail::authority(parts, true) + parts.target;
}

}  // namespace heartbeat
