// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/http_text.hpp>
#include <heartbeat/error.hpp>
#include <heartbeat/request_options.hpp>
#include <heartbeat/url.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace heartbeat::detail {

/// Whether a status says that what was asked for is elsewhere, to be asked for in the same way (RFC 9110
/// section 15.4; an upgrade request is a GET).
constexpr bool is_redirect(unsigned status) noexcept {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// An absolute path without its segments "." and ".." (RFC 3986 section 5.2.4).
inline std::string without_dot_segments(std::string_view path) {
    std::string result;
    while (!path.empty()) {
        auto const segment = path.substr(0, std::min(path.find('/', 1), path.size()));
        path.remove_prefix(segment.size());
        bool const up = segment == "/..";
        if (up) result.erase(std::min(result.rfind('/'), result.size()));
        if (up || segment == "/.")
            result += path.empty() ? "/" : "";
        else
            result += segment;
    }
    return result;
}

/// What `location`, a reference in the answer to a request for `base`, refers to (RFC 3986 section 5.2), with
/// the schemes of HTTP taken for ours. The zone of an IPv6 address is kept where the address is the same.
/// Nothing if that is no websocket URL.
inline std::optional<url> resolve_location(url const& base, std::string_view location) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 4> schemes = {
        {{"ws", "ws:"}, {"wss", "wss:"}, {"http", "ws:"}, {"https", "wss:"}}};
    auto reference = location.substr(0, location.find('#'));
    std::string scheme = base.secure ? "wss:" : "ws:";
    if (auto const end = reference.find_first_of(":/?"); end < reference.size() && reference[end] == ':') {
        auto const known = std::ranges::find_if(
            schemes, [&](auto const& one) { return is_same_name(one.first, reference.substr(0, end)); });
        if (known == schemes.end()) return {};
        scheme = known->second;
        reference.remove_prefix(end + 1);
        if (!reference.starts_with("//")) return {};
    }
    bool const elsewhere = reference.starts_with("//");
    std::string_view const target = base.target;
    std::string_view const path = target.substr(0, target.find('?'));
    std::string text = scheme + (elsewhere ? "" : "//" + authority(base, true));
    if (reference.empty())
        text += target;
    else if (reference.starts_with('?'))
        text += path;
    else if (!reference.starts_with('/'))
        text += path.substr(0, path.rfind('/') + 1);
    text += reference;
    try {
        auto found = parse_url(text);
        // The server was not told of the zone, so its references to itself have none.
        if (found.host == without_zone(base.host)) found.host = base.host;
        if (reference.empty() || reference.starts_with('?')) return found;
        auto const query = std::min(found.target.find('?'), found.target.size());
        found.target = without_dot_segments(std::string_view(found.target).substr(0, query)) +
                       found.target.substr(query);
        return found;
    } catch (url_error const&) {
        return {};
    }
}

/// Where an attempt goes and what it says there: the URL, and whatever redirects make of it.
class itinerary {
public:
    itinerary() = default;
    itinerary(url start, request_options request) : where_(std::move(start)), request_(std::move(request)) {}

    url const& where() const noexcept { return where_; }
    request_options const& request() const noexcept { return request_; }
    /// Whether redirects are followed at all.
    bool follows() const noexcept { return request_.most_redirects != 0; }

    /// Whether a redirect led to another scheme, host or port: what is proof of an identity stays behind.
    bool crossed() const noexcept { return crossed_; }

    /// Goes on to where an answer refers. To another scheme, host or port neither authentication nor headers
    /// of the user's come along, which may hold keys, nor a header `Host` of its own; nor do they come back.
    /// Zero, or why not, in which case nothing has changed.
    ///
    /// \param tls whether `wss` is possible
    errc follow(std::string_view location, bool tls) {
        auto next = resolve_location(where_, location);
        if (location.empty() || !next || !next->user.empty() || !next->password.empty() ||
            (next->secure && !tls))
            return errc::redirect_invalid;
        if (where_.secure && !next->secure) return errc::redirect_insecure;
        auto const same = [&](url const& known) {
            return known.target == next->target && is_same_origin(known, *next);
        };
        if (same(where_) || std::ranges::any_of(visited_, same)) return errc::redirect_loop;
        if (visited_.size() >= request_.most_redirects) return errc::too_many_redirects;

        if (is_same_origin(where_, *next)) {
            next->user = std::move(where_.user);
            next->password = std::move(where_.password);
        } else {
            request_.headers.clear();
            request_.host.clear();
            request_.user.clear();
            request_.password.clear();
            request_.bearer.clear();
            crossed_ = true;
        }
        visited_.push_back(std::exchange(where_, std::move(*next)));
        return {};
    }

private:
    static bool is_same_origin(url const& one, url const& other) noexcept {
        // Zones are names of interfaces, whose case matters.
        std::string_view const address = without_zone(one.host);
        std::string_view const other_address = without_zone(other.host);
        return one.secure == other.secure && one.port == other.port && is_same_name(address, other_address) &&
               one.host.substr(address.size()) == other.host.substr(other_address.size());
    }

    url where_ = {};
    request_options request_ = {};
    std::vector<url> visited_ = {};
    bool crossed_ = false;
};

}  // namespace heartbeat::detail
