// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/http_header.hpp>

#include <string>
#include <vector>

namespace heartbeat {

/// What the upgrade request says besides what the handshake needs (RFC 6455 section 4.1). At most one thing
/// authenticates: `bearer`, `user` and `password`, those of the URL, or an own header `Authorization`.
struct request_options {
    /// Headers of your own. Those of the handshake (`Host`, `Upgrade`, `Connection`, `Sec-WebSocket-...`),
    /// those that would announce a body (`Content-Length`, `Transfer-Encoding`, `TE`, `Trailer`, `Expect`)
    /// and those that have a field below are refused; names are tokens, values have no line breaks or control
    /// characters. No header of the request, its name included, is longer than 32 KiB.
    http_headers headers = {};
    /// The header `User-Agent`; empty for none.
    std::string user_agent = "heartbeat_socket";
    /// The header `Origin`, as browsers send it; empty for none.
    std::string origin = {};
    /// The header `Host`, where it is not what the URL says: a host with an optional port, an IPv6 address in
    /// brackets. Empty: the URL's. Which name the server's certificate is for is not changed by it, but by
    /// `tls_options::server_name`.
    std::string host = {};
    /// The subprotocols that are offered, most wanted first. The one that the server chose is told by
    /// `opened`; it may choose none.
    std::vector<std::string> subprotocols = {};
    /// Basic authentication (RFC 7617), UTF-8; no colon in the user.
    std::string user = {};
    std::string password = {};
    /// Authentication with a bearer token (RFC 6750).
    std::string bearer = {};
    /// How many redirects (301, 302, 303, 307, 308) an attempt follows; 0 follows none. They never lead from
    /// `wss` to `ws`. To another scheme, host or port come neither `headers` nor `host` nor authentication
    /// nor the certificate and server name of TLS; `user_agent`, `origin` and `subprotocols` do, so keep keys
    /// out of these.
    unsigned most_redirects = 0;

    friend bool operator==(request_options const&, request_options const&) = default;
};

}  // namespace heartbeat
