// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/http_text.hpp>
#include <heartbeat/core/upgrade_request.hpp>
#include <heartbeat/options_error.hpp>
#include <heartbeat/request_options.hpp>
#include <heartbeat/url.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

// What can be dialled and asked for. No error shows a value that may be a secret.

namespace heartbeat::detail {

/// Whether the handshake itself writes this header, or would be changed by it.
constexpr bool is_of_handshake(std::string_view name) noexcept {
    for (std::string_view const own :
         {"Host", "Upgrade", "Connection", "Content-Length", "Transfer-Encoding", "TE", "Trailer", "Expect"})
        if (is_same_name(name, own)) return true;
    constexpr std::string_view websocket = "Sec-WebSocket-";
    return is_same_name(name.substr(0, websocket.size()), websocket);
}

inline void require_header(http_header const& header) {
    constexpr char const* field = "request.headers";
    auto const name = detail::quoted(header.name);
    if (!is_http_token(header.name))
        throw options_error(field, name, "a name of letters, digits and hyphens");
    if (is_same_name(header.name, "Host"))
        throw options_error(field, name, "no header that is set by request.host");
    if (is_of_handshake(header.name))
        throw options_error(field, name, "no header that belongs to the handshake");
    if (is_same_name(header.name, "User-Agent"))
        throw options_error(field, name, "no header that is set by request.user_agent");
    if (is_same_name(header.name, "Origin"))
        throw options_error(field, name, "no header that is set by request.origin");
    if (!is_header_value(header.value))
        throw options_error(field, name + " with a line break or a control character in its value",
                            "one line of text");
}

inline void require_one_line(char const* field, std::string_view value) {
    if (!is_header_value(value))
        throw options_error(field, "a text with a line break or a control character", "one line of text");
}

/// What stands between `://` and the path of a URL, without user and password; or nothing.
inline void require_host(std::string const& host) {
    constexpr char const* field = "request.host";
    if (host.empty()) return;
    if (host.find_first_of("/?@%") != std::string::npos)
        throw options_error(field, detail::quoted(host), "a host with an optional port");
    try {
        parse_url("ws://" + host);
    } catch (url_error const& error) {
        throw options_error(field, detail::quoted(host), error.expected());
    }
}

inline void require_authentication(request_options const& request, url const& where) {
    if (!is_credential(request.user) || request.user.find(':') != std::string::npos)
        throw options_error("request.user", "a text with a colon, a control character or invalid UTF-8",
                            "a user as Basic authentication can carry it");
    if (!is_credential(request.password))
        throw options_error("request.password", "a text with a control character or invalid UTF-8",
                            "a password as Basic authentication can carry it");
    if (!request.bearer.empty() && !is_bearer_token(request.bearer))
        throw options_error("request.bearer", "a text with other characters",
                            "a token of letters, digits and -._~+/, with = at its end only");

    auto const is_authorization = [](http_header const& own) {
        return is_same_name(own.name, "Authorization");
    };
    int const ways = int(std::ranges::any_of(request.headers, is_authorization)) +
                     int(!request.user.empty() || !request.password.empty()) + int(!request.bearer.empty()) +
                     int(!where.user.empty() || !where.password.empty());
    if (ways > 1)
        throw options_error("request", std::to_string(ways) + " ways of authentication",
                            "one of bearer, user and password, those of the URL, or a header Authorization");
}

inline void require_subprotocols(std::vector<std::string> const& offered) {
    for (auto name = offered.begin(); name != offered.end(); ++name) {
        if (!is_http_token(*name))
            throw options_error("request.subprotocols", detail::quoted(*name), "a token of RFC 9110");
        if (std::find(offered.begin(), name, *name) != name)
            throw options_error("request.subprotocols", detail::quoted(*name) + " twice", "each name once");
    }
}

/// Beast gives up on a field of 64 KiB, and most servers far earlier.
constexpr std::size_t longest_header = 32 * 1024;

inline void require_short_headers(request_options const& request, url const& where) {
    for (auto const& header : upgrade_headers(request, where)) {
        auto const size = header.name.size() + header.value.size();
        if (size <= longest_header) continue;
        auto const name =
            header.name.size() <= longest_header ? header.name : std::string("with a long name");
        throw options_error("request", "a header " + name + " of " + std::to_string(size) + " bytes",
                            "headers of up to " + std::to_string(longest_header) + " bytes");
    }
}

/// Throws `options_error` if that URL cannot be dialled, or not with that request. Returns the URL's parts.
///
/// \param tls whether `wss` is possible
inline url require_target(std::string const& address, request_options const& request, bool tls) {
    url where;
    try {
        where = parse_url(address);
    } catch (url_error const& error) {
        throw options_error("url", detail::quoted(without_secrets(address)), error.expected());
    }
    if (where.secure && !tls)
        throw options_error("url", detail::quoted(without_secrets(address)),
                            "a ws:// URL: wss:// needs TLS; include <heartbeat/tls.hpp> and set options.tls "
                            "to heartbeat::tls()");
    for (auto const& header : request.headers) require_header(header);
    require_one_line("request.user_agent", request.user_agent);
    require_one_line("request.origin", request.origin);
    require_host(request.host);
    require_subprotocols(request.subprotocols);
    require_authentication(request, where);
    require_short_headers(request, where);
    return where;
}

}  // namespace heartbeat::detail
