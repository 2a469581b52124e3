// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/answer_handler.hpp>
#include <heartbeat/endpoint.hpp>
#include <heartbeat/reason.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace heartbeat {

/// Takes the answer to `dial_options::resolve`: the addresses, in the order of preference, or an error, with
/// which the attempt fails as `errc::resolve_failed`. So does an answer without addresses, or with a text
/// that is none. See `answer_handler` for when and from where it may be called.
using resolve_handler = answer_handler<std::vector<endpoint>>;

/// Finds the addresses of a host instead of the system's resolver: `resolve(host, handler)`, called on the
/// socket's strand in each attempt, under `deadlines.resolve`. Not called for a host that is an address. What
/// it throws fails the attempt.
using resolve_function = std::function<void(std::string, resolve_handler)>;

/// How the server is reached: which addresses are tried, from where, and in which order.
struct dial_options {
    /// A name or an address that is dialled instead of the URL's host; an IPv6 address without brackets.
    /// `Host`, SNI and the name that the certificate has to be for remain those of the URL. Empty: the URL's.
    /// Not used after a redirect to another scheme, host or port.
    std::string host = {};
    /// The port that is dialled instead of the URL's; 0: the URL's.
    std::uint16_t port = 0;
    /// The address of this host that connections come from, an IPv4 or IPv6 address; addresses of the other
    /// family are then not tried. Empty: the system chooses.
    std::string local_address = {};
    /// The network interface that connections leave through, like "eth0", up to 15 characters. Linux, macOS;
    /// elsewhere connecting fails with `operation_not_supported` as evidence. Empty: the routes decide.
    std::string network_interface = {};
    /// How long an address is tried alone before the next one is tried beside it, 10 ms or more (RFC 8305
    /// section 8 recommends 250 ms).
    duration stagger = std::chrono::milliseconds{250};
    /// How many addresses one attempt tries, 1 to 64.
    unsigned max_addresses = 8;
    /// The application's own resolver; none: the system's.
    resolve_function resolve = {};
};

}  // namespace heartbeat
