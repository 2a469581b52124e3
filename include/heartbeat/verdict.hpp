// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/http_text.hpp>
#include <heartbeat/reason.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace heartbeat {

/// What follows a lost link or a failed attempt.
struct verdict {
    enum class action {
        /// Wait, then dial again.
        retry,
        /// Ask the application for new credentials, then dial again: after a failed attempt at once, but for
        /// `least` and `spread`, once since the last open link, and otherwise once the wait is over. Where
        /// nothing can make new ones, or the ones just made were refused, the run ends, unless the answer
        /// has a `Retry-After`: then it is a plain wait.
        refresh,
        /// The run ends with the reason.
        stop,
    };
    // Short names. Not by `using enum`, at which g++ 12 breaks down inside templates.
    static constexpr action retry = action::retry;
    static constexpr action refresh = action::refresh;
    static constexpr action stop = action::stop;

    action what = retry;
    /// The wait is at least so long, whatever the back-off says.
    duration least = {};
    /// How far above `least` the wait is drawn, uniformly, so that clients that were sent away together do
    /// not come back together. Not used without `reconnect.jitter`.
    duration spread = {};
    /// The back-off's nominal delay is at least so long for this wait; jittered as it is. Not used for an
    /// attempt that does not wait for the back-off.
    duration nominal = {};

    friend bool operator==(verdict const&, verdict const&) = default;
};

/// The name of an action as written in the enumeration.
constexpr char const* to_string(verdict::action value) noexcept {
    switch (value) {
        case verdict::retry: return "retry";
        case verdict::refresh: return "refresh";
        case verdict::stop: return "stop";
    }
    return "unknown";
}

/// The nominal delay of a slow retry, at least; see `standard_verdict`. Long enough not to burden a server
/// that will most likely say the same again, short enough to be back soon after its operator, the network or
/// the clock has changed.
inline constexpr duration slow_delay = std::chrono::seconds{60};

namespace detail {

/// A retry where hurry is useless.
constexpr verdict slow_retry(duration longest) noexcept { return {.nominal = std::max(slow_delay, longest)}; }

/// What a Close frame of the peer's asks for, by its code: RFC 6455 section 7.4 and the registry of IANA,
/// "WebSocket Close Code Number Registry".
constexpr verdict verdict_on_close(std::uint16_t code, duration longest) noexcept {
    switch (code) {
        // The peer rejects what this client is or says: until the peer changes, it will say the same.
        case 1002:  // protocol error
        case 1003:  // unacceptable kind of data
        case 1007:  // inconsistent data
        case 1008:  // policy violation
        case 1009:  // message too big
        case 1010:  // an extension is missing
        case 1015:  // TLS handshake; never on the wire
        case 3003:  // forbidden
            return slow_retry(longest);
        // Service restart: its registration asks for a reconnect after a random delay of 5 to 30 seconds.
        case 1012: return {.least = std::chrono::seconds{5}, .spread = std::chrono::seconds{25}};
        // Try again later: overloaded, so the usual first delay would be too short.
        case 1013: return {.least = longest, .spread = longest / 2};
        // Unauthorized: as HTTP status 401.
        case 3000: return {.what = verdict::refresh};
        // 1000, 1001 going away, 1005 no code, 1006 no Close frame, 1011 internal error, 1014 bad gateway,
        // codes without a definition, and those of applications (4000 to 4999).
        default: return {};
    }
}

/// What the HTTP status of a refused upgrade asks for: RFC 9110 section 15, RFC 6585, RFC 8470.
constexpr verdict verdict_on_status(unsigned status, duration longest) noexcept {
    switch (status) {
        // Credentials of the application are missing, wrong or out of date.
        case 401: return {.what = verdict::refresh};
        // Gone: the one status that says that it is for good (RFC 9110 section 15.5.11).
        case 410: return {.what = verdict::stop};
        // Moved, and said to be so for good. A portal may say that as well, so it is not final.
        case 301:
        case 308: return slow_retry(longest);
        // Not found: a service that is being deployed answers so.
        case 404:
        // Request timeout, misdirected request, too early, too many requests: each may succeed later, or on
        // another connection.
        case 408:
        case 421:
        case 425:
        case 429: return {};
        // Not implemented, HTTP version not supported: an update of the server may add it.
        case 501:
        case 505: return slow_retry(longest);
        default: break;
    }
    // The server, or a proxy of this network, rejects the request; 407 is one that wants credentials for
    // itself, of which this library has none. The other errors of a server pass, and so do the redirections
    // and the 2xx of captive portals and maintenance pages; 511 is a portal that says that it is one.
    return status >= 400 && status < 500 ? slow_retry(longest) : verdict{};
}

/// A certificate is not accepted, the server's or ours.
constexpr bool is_rejected_certificate(errc cause) noexcept {
    switch (cause) {
        case errc::tls_certificate_expired:
        case errc::tls_certificate_not_yet_valid:
        case errc::tls_certificate_self_signed:
        case errc::tls_wrong_host:
        case errc::tls_unknown_ca:
        case errc::tls_certificate_rejected:
        case errc::tls_pin_mismatch:
        case errc::tls_client_certificate_required: return true;
        default: return false;
    }
}

/// The answer has a `Retry-After` (RFC 9110 section 10.2.3), of whatever value: the server expects the client
/// again.
constexpr bool has_retry_after(reason const& why) noexcept {
    auto const is_it = [](http_header const& field) { return is_same_name(field.name, "Retry-After"); };
    return why.retry_after > duration{} || std::ranges::any_of(why.http_headers, is_it);
}

}  // namespace detail

/// The verdict of the library on a reason: the one place where the defaults are.
///
/// The rule behind them: stop only where neither time nor place can change the answer, since what answers
/// today may be a portal or a proxy of this network, a deployment that is half done, or a clock that is
/// wrong; else retry, and slowly where hurry is useless.
///
/// | cause | verdict |
/// |---|---|
/// | `closed`, `close_timeout`, `cancelled` | stop |
/// | `closed_by_peer` with 1002, 1003, 1007, 1008, 1009, 1010, 1015, 3003 | retry slowly |
/// | `closed_by_peer` with 1012 | retry after 5 to 30 s |
/// | `closed_by_peer` with 1013 | retry after `longest` or up to half as much again |
/// | `closed_by_peer` with 3000 | refresh |
/// | `closed_by_peer` with another code | retry |
/// | `upgrade_refused` with 401 | refresh |
/// | `upgrade_refused` with 410 | stop |
/// | `upgrade_refused` with 404, 408, 421, 425, 429 | retry |
/// | `upgrade_refused` with another 4xx, 301, 308, 501, 505 | retry slowly |
/// | `upgrade_refused` with another status: 1xx, 2xx, other 3xx and 5xx, 600 and above | retry |
/// | a certificate that is not accepted, the server's or ours | retry slowly |
/// | all others: errors of the transport, timeouts, errors of the peer's | retry |
///
/// *Slowly*: the nominal delay is at least `slow_delay` and at least `longest`; jittered as every delay.
///
/// An answer with `Retry-After` is retried, also with 410, and not slowly: the server has said when. The wait
/// is at least that long, and up to half as long again, but not more than `longest` above it.
///
/// \param longest  the longest of the usual delays, `reconnect.max_delay`
constexpr verdict standard_verdict(reason const& why, duration longest = std::chrono::seconds{15}) noexcept {
    verdict result;
    switch (why.cause) {
        case errc::closed:
        case errc::close_timeout:
        case errc::cancelled: return {.what = verdict::stop};
        case errc::closed_by_peer: result = detail::verdict_on_close(why.close_code, longest); break;
        case errc::upgrade_refused: result = detail::verdict_on_status(why.http_status, longest); break;
        default: break;
    }
    // The chain may be renewed, the clock be set, the network be another one. Nothing of the application was
    // sent before the verification, and `attempt_failed` tells each attempt.
    if (detail::is_rejected_certificate(why.cause)) return detail::slow_retry(longest);
    if (detail::has_retry_after(why)) {
        if (result.what == verdict::stop) result.what = verdict::retry;
        result.nominal = {};
    }
    if (why.retry_after > result.least) {
        result.least = why.retry_after;
        result.spread = std::max(result.spread, std::min(why.retry_after / 2, longest));
    }
    return result;
}

}  // namespace heartbeat
