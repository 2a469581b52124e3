// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>

namespace heartbeat {

/// Where a TCP connection can be made: an IP address and a port.
struct endpoint {
    /// As text: "192.0.2.1", "2001:db8::1", with a zone "fe80::1%eth0" (RFC 4007 section 11). No brackets.
    std::string address = {};
    /// 0 in an answer of `dial_options::resolve`: the port that is dialled otherwise.
    std::uint16_t port = 0;

    friend bool operator==(endpoint const&, endpoint const&) = default;

    bool is_ipv6() const noexcept { return address.find(':') != std::string::npos; }
};

/// As in a URL: "192.0.2.1:443", "[2001:db8::1]:443".
inline std::string to_string(endpoint const& where) {
    return (where.is_ipv6() ? '[' + where.address + ']' : where.address) + ':' + std::to_string(where.port);
}

}  // namespace heartbeat
