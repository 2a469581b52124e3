// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/http_text.hpp>
#include <heartbeat/request_options.hpp>
#include <heartbeat/url.hpp>

#include <string>

namespace heartbeat::detail {

/// The value of `Authorization` that follows from the options and the URL, empty for none. A header of that
/// name of the user's own is not looked at.
inline std::string authorization(request_options const& request, url const& where) {
    if (!request.bearer.empty()) return "Bearer " + request.bearer;
    auto const basic = [](std::string const& user, std::string const& password) {
        return user.empty() && password.empty() ? std::string() : "Basic " + base64(user + ':' + password);
    };
    auto const value = basic(request.user, request.password);
    return value.empty() ? basic(where.user, where.password) : value;
}

/// The value of `Host`.
inline std::string host_to_ask(request_options const& request, url const& where) {
    return request.host.empty() ? host_header(where) : request.host;
}

/// All headers of an upgrade request that the handshake does not write itself. The options are valid.
inline http_headers upgrade_headers(request_options const& request, url const& where) {
    http_headers all;
    auto const add = [&all](char const* name, std::string value) {
        if (!value.empty()) all.push_back({name, std::move(value)});
    };
    add("User-Agent", request.user_agent);
    add("Origin", request.origin);
    std::string offered;
    for (auto const& name : request.subprotocols) offered += (offered.empty() ? "" : ", ") + name;
    add("Sec-WebSocket-Protocol", offered);
    add("Authorization", authorization(request, where));
    all.insert(all.end(), request.headers.begin(), request.headers.end());
    return all;
}

}  // namespace heartbeat::detail
