// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/options.hpp>

namespace heartbeat::detail {

/// The steps from nothing to an open websocket, in their order.
enum class attempt_step {
    /// The application says where to connect and what to say there. Only if it wants to be asked.
    prepare,
    /// The addresses are being looked up.
    resolve,
    /// They are being tried.
    connect,
    /// The TLS handshake is being made. Only for `wss`.
    secure,
    /// The upgrade request was sent or is being sent.
    upgrade,
    /// There is nothing more to do: open, redirected, or failed.
    over,
};

/// How a step can end that does not work.
struct attempt_rules {
    errc failed = {};
    errc timed_out = {};
    duration deadline_options::*limit = nullptr;
};

constexpr attempt_rules rules_of(attempt_step step) noexcept {
    switch (step) {
        case attempt_step::prepare:
            return {errc::prepare_failed, errc::prepare_timeout, &deadline_options::prepare};
        case attempt_step::resolve:
            return {errc::resolve_failed, errc::resolve_timeout, &deadline_options::resolve};
        case attempt_step::connect:
            return {errc::connect_failed, errc::connect_timeout, &deadline_options::connect};
        case attempt_step::secure: return {errc::tls_failed, errc::tls_timeout, &deadline_options::tls};
        case attempt_step::upgrade:
            return {errc::upgrade_failed, errc::upgrade_timeout, &deadline_options::upgrade};
        case attempt_step::over: break;
    }
    return {};
}

/// Whether a cause is that of a TLS handshake.
constexpr bool is_of_tls(errc cause) noexcept {
    return cause >= errc::tls_failed && cause <= errc::tls_client_certificate_required;
}

/// The state machine of an attempt, or of the part of it that one connection serves: each redirect begins
/// another, with a lookup.
class attempt {
public:
    enum class event {
        /// The step is done.
        succeeded,
        /// The step failed, or took too long.
        failed,
        /// The upgrade was answered with a redirect that may be followed.
        redirected,
    };

    enum class action {
        /// Nothing; the event means nothing in this step.
        none,
        /// Ask the application.
        prepare,
        resolve,
        connect,
        secure,
        upgrade,
        /// End this connection, then begin anew at the place that the answer tells.
        follow,
        /// The websocket is open.
        open,
        /// End the attempt.
        fail,
    };

    constexpr action begin(bool asks) noexcept {
        return asks ? go(attempt_step::prepare, action::prepare) : go(attempt_step::resolve, action::resolve);
    }

    constexpr action resume(event happened) noexcept {
        if (now_ == attempt_step::over) return action::none;
        if (happened == event::failed) return go(attempt_step::over, action::fail);
        if (happened == event::redirected)
            return now_ == attempt_step::upgrade ? go(attempt_step::over, action::follow) : action::none;
        switch (now_) {
            case attempt_step::prepare: return go(attempt_step::resolve, action::resolve);
            case attempt_step::resolve: return go(attempt_step::connect, action::connect);
            case attempt_step::connect:
                return tls_ ? go(attempt_step::secure, action::secure)
                            : go(attempt_step::upgrade, action::upgrade);
            case attempt_step::secure: return go(attempt_step::upgrade, action::upgrade);
            case attempt_step::upgrade: return go(attempt_step::over, action::open);
            case attempt_step::over: break;
        }
        return action::none;
    }

    /// Whether this connection gets TLS; before it is made.
    constexpr void use_tls(bool wanted) noexcept { tls_ = wanted; }

    constexpr attempt_step now() const noexcept { return now_; }

private:
    constexpr action go(attempt_step next, action what) noexcept {
        now_ = next;
        return what;
    }

    attempt_step now_ = attempt_step::over;
    bool tls_ = false;
};

}  // namespace heartbeat::detail
