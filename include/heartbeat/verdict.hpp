// SPDX-License-Identifier: BSL-1.0
#pragma once

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
        /// nothing can make new ones, or the ones just made were refused, the run ends.
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

namespace detail {

/// What a Close frame of the peer's asks for, by its code: RFC 6455 section 7.4 and the registry of IANA,
/// "WebSocket Close Code Number Registry".
constexpr verdict verdict_on_close(std::uint16_t code, duration longest) noexcept {
    switch (code) {
        // The peer rejects what this client is or says; another dial would bring the same.
        case 1002:  // protocol error
        case 1003:  // unacceptable kind of data
        case 1007:  // inconsistent data
        case 1008:  // policy violation
        case 1009:  // message too big
        case 1010:  // an extension is missing
        case 1015:  // TLS handshake; never on the wire
        case 3003:  // forbidden
            return {.what = verdict::stop};
        // Service restart: its registration asks for a reconnect after a random delay of 5 to 30 seconds.
        case 1012: return {.least = std::chrono::seconds{5}, .spread = std::chrono::seconds{25}};
        // Try again later: overloaded, so the usual first delay would be too short.
        case 1013: return {.least = longest, .spread = longest / 2};
        // Unauthorized: as HTTP status 401.
        case 3000: return {.what = verdict::refresh};
        // 1000, 1001 going away, 1005 no code, 1006 no Close frame, 1011 internal error, 1014 bad gateway,
        // and what nobody has defined or the application has (4000 to 4999).
        default: return {};
    }
}

/// What the HTTP status of a refused upgrade asks for: RFC 9110 section 15, RFC 6585, RFC 8470.
constexpr verdict verdict_on_status(unsigned status) noexcept {
    switch (status) {
        // Credentials are missing, wrong or out of date, at the server or at a proxy.
        case 401:
        case 407: return {.what = verdict::refresh};
        // Nothing there: a service that is being deployed answers so.
        case 404:
        // Request timeout, misdirected request, too early, too many requests: each may succeed later, or on
        // another connection.
        case 408:
        case 421:
        case 425:
        case 429: return {};
        // Not implemented, HTTP version not supported: the server will not learn it meanwhile.
        case 501:
        case 505: return {.what = verdict::stop};
        default: break;
    }
    // A redirection that is not followed and a request that is wrong stay so. Errors of the server pass; an
    // answer that is none to an upgrade (2xx) is that of a maintenance page or of a captive portal.
    return {.what = status >= 300 && status < 500 ? verdict::stop : verdict::retry};
}

}  // namespace detail

/// The verdict of the library on a reason: the one place where the defaults are.
///
/// | cause | verdict |
/// |---|---|
/// | `closed`, `close_timeout`, `cancelled` | stop |
/// | `closed_by_peer` | by close code, see `detail::verdict_on_close` |
/// | `upgrade_refused` | by HTTP status, see `detail::verdict_on_status` |
/// | a certificate that is not accepted, the server's or ours | stop |
/// | all others: errors of the transport, timeouts, errors of the peer's | retry |
///
/// Where the server said `Retry-After`, the wait is at least that long, and up to half as long again, but
/// not more than `longest` above it.
///
/// \param longest  the longest of the usual delays, `reconnect.max_delay`
constexpr verdict standard_verdict(reason const& why, duration longest = std::chrono::seconds{15}) noexcept {
    verdict result;
    switch (why.cause) {
        case errc::closed:
        case errc::close_timeout:
        case errc::cancelled: return {.what = verdict::stop};
        case errc::closed_by_peer: result = detail::verdict_on_close(why.close_code, longest); break;
        case errc::upgrade_refused: result = detail::verdict_on_status(why.http_status); break;
        // A certificate that is not accepted may be an attack, which dialling on would only hide.
        case errc::tls_certificate_expired:
        case errc::tls_certificate_not_yet_valid:
        case errc::tls_certificate_self_signed:
        case errc::tls_wrong_host:
        case errc::tls_unknown_ca:
        case errc::tls_certificate_rejected:
        case errc::tls_pin_mismatch:
        case errc::tls_client_certificate_required: return {.what = verdict::stop};
        default: break;
    }
    if (why.retry_after > result.least) {
        result.least = why.retry_after;
        result.spread = std::max(result.spread, std::min(why.retry_after / 2, longest));
    }
    return result;
}

}  // namespace heartbeat
