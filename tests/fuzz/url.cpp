// SPDX-License-Identifier: BSL-1.0
//
// Any text as a URL: either it is refused by the one exception that is promised, or its parts are those that
// stand in it.
#include "script.hpp"

#include <heartbeat/options.hpp>
#include <heartbeat/url.hpp>

#include <arpa/inet.h>

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace hb = heartbeat;

namespace {

std::optional<hb::url> parsed(std::string_view text) {
    try {
        return hb::parse_url(text);
    } catch (hb::url_error const& error) {
        require(!error.expected().empty(), "a refusal says what was expected");
        std::string_view const what = error.what();
        require(what.find(error.expected()) != std::string_view::npos, "what() says it as well");
        for (char const c : what)
            require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "what() is one line of text");
        return std::nullopt;
    }
}

bool take(std::string_view& from, std::string_view what) {
    if (!from.starts_with(what)) return false;
    from.remove_prefix(what.size());
    return true;
}

/// The value of a decimal number that may have leading zeros; nothing for other text.
std::optional<unsigned> value_of(std::string_view digits) {
    unsigned value = 0;
    auto const [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (failure != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

bool is_ipv6_to_the_system(std::string const& text) {
    in6_addr address{};
    return inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

/// What stands between an address and the bracket: nothing, or a percent sign and the zone.
void check_zone(std::string_view& rest, std::string_view zone) {
    auto const written = rest.substr(0, rest.find(']'));
    rest.remove_prefix(written.size() + 1);
    require(written.empty() == zone.empty(), "there is a zone where one was written");
    if (zone.empty()) return;
    auto const decoded = hb::detail::percent_decoded(written.substr(written.starts_with("%25") ? 3 : 1));
    require(decoded == zone.substr(1), "the zone is the one that was written, decoded");
    require(decoded->size() >= 1 && decoded->size() <= 15, "a zone can be the name of an interface");
}

/// What was written, read from the left with the parts in hand.
void check_as_written(std::string_view text, hb::url const& parts) {
    auto const scheme = text.find("://");
    require(scheme == (parts.secure ? 3U : 2U), "the scheme decides whether it is secure");
    auto rest = text.substr(scheme + 3);
    auto const authority = rest.substr(0, rest.find_first_of("/?"));
    auto const at = authority.find('@');
    require(at != std::string_view::npos || (parts.user.empty() && parts.password.empty()),
            "user and password are those that were written");
    if (at != std::string_view::npos) rest.remove_prefix(at + 1);
    bool const address = rest.starts_with('[');
    std::string const host(hb::detail::without_zone(parts.host));
    require(take(rest, address ? '[' + host : host), "the host is as it was written");
    if (address) check_zone(rest, std::string_view(parts.host).substr(host.size()));
    auto const port = rest.substr(0, rest.find_first_of("/?"));
    rest.remove_prefix(port.size());
    if (port.size() < 2) {
        require(port.empty() || port == ":", "nothing but a port follows the host");
        require(parts.port == (parts.secure ? "443" : "80"), "without a port it is the scheme's");
    } else {
        require(port.front() == ':' && value_of(port.substr(1)) == value_of(parts.port),
                "the port is the one that was written");
    }
    require(parts.target == (rest.starts_with('/') ? "" : "/") + std::string(rest),
            "path and query are as they were written");
}

void check_in_range(hb::url const& parts) {
    require(!parts.host.empty(), "there is a host");
    std::string const host(hb::detail::without_zone(parts.host));
    bool const address = host.find(':') != std::string::npos;
    require(address || host == parts.host, "a host with a zone is an IPv6 address");
    require(!address || is_ipv6_to_the_system(host), "a host with colons is an IPv6 address");
    require(host.find_first_of("[]/?#@ ") == std::string::npos, "the host ends where others begin");
    require(hb::host_header(parts).find('%') == std::string::npos, "Host has no zone");
    auto const port = value_of(parts.port);
    require(port && *port >= 1 && *port <= 65535, "the port is from 1 to 65535");
    require(parts.port == std::to_string(*port), "the port is written in one way only");
    require(parts.target.starts_with('/'), "the target begins with a slash");
    for (char const c : parts.host)
        require(static_cast<unsigned char>(c) > 0x20 && c != 0x7f, "no zone breaks a line");
    for (auto const* const part : {&host, &parts.target})
        for (char const c : *part) require(c > 0x20 && c < 0x7f && c != '#', "all is visible ASCII");
}

void check_round_trip(hb::url const& parts) {
    auto shown = parts;
    shown.user.clear();
    shown.password.clear();
    require(parsed(hb::to_string(parts)) == shown, "the parts put together are the same URL");
}

void check_options(std::string_view text, std::optional<hb::url> const& parts) {
    bool refused = false;
    try {
        hb::validate({.url = std::string(text)});
    } catch (hb::options_error const& error) {
        refused = true;
        require(error.field() == "url", "the refusal names the field");
    }
    require(refused == (!parts || parts->secure), "options take exactly the URLs that can be dialled");
}

/// The text as an address between brackets.
void check_address(std::string const& text) {
    if (text.find_first_not_of("0123456789abcdefABCDEF:.") != std::string::npos) return;
    auto const parts = parsed("ws://[" + text + "]");
    require(parts.has_value() == is_ipv6_to_the_system(text), "the system agrees on what an IPv6 address is");
    require(!parts || parts->host == text, "the brackets are not part of the host");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    auto const text = script(data, size).rest();
    auto const parts = parsed(text);
    if (parts) {
        check_as_written(text, *parts);
        check_in_range(*parts);
        check_round_trip(*parts);
    }
    check_options(text, parts);
    check_address(std::string(text));
    return 0;
}
