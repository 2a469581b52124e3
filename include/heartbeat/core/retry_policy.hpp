// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/options.hpp>

#include <utility>

namespace heartbeat::detail {

/// Whether to dial again.
struct retry_decision {
    /// True: wait, then dial. False: the run ends.
    bool retry = false;
    /// With which code the run ends; zero if it does not.
    errc cause = {};
    /// Dial at once, with new credentials.
    bool refresh = false;

    friend bool operator==(retry_decision const&, retry_decision const&) = default;
};

/// What can be done, and was done, about credentials that are not accepted.
struct credential_history {
    /// There is something that can make new ones.
    bool renewable = false;
    /// It was asked for them since the last open link.
    bool renewed = false;
};

/// Whether a server refused for want of credentials, at its door or at a proxy's (RFC 9110 section 15.5).
constexpr bool wants_credentials(unsigned http_status) noexcept {
    return http_status == 401 || http_status == 407;
}

/// Decides after each loss and each failed attempt whether to dial again. Keeps a copy of the options.
class retry_policy {
public:
    explicit retry_policy(reconnect_options options) : options_(std::move(options)) {}

    /// Decides what follows `why`.
    ///
    /// \param attempts how many times was dialled since the last stable link
    /// \param elapsed  for how long there will have been no link by the coming dial, since the last stable
    /// one
    ///
    /// The first of these that applies decides: `closed` and `cancelled` end the run, whatever `retry_if`
    /// says; with `enabled` false, or when `retry_if` returns false, it ends with the cause in `why`; so it
    /// does, unless there is a `retry_if`, when renewed credentials are refused, too; with
    /// `attempts` at `max_attempts`, or `elapsed` above `max_elapsed`, it ends with
    /// `errc::retries_exhausted`. Otherwise there is a retry, at once if credentials were refused that can be
    /// renewed. Throws what `retry_if` throws.
    retry_decision decide(reason const& why, unsigned attempts, duration elapsed,
                          credential_history past = {}) const {
        if (why.cause == errc::closed || why.cause == errc::cancelled || !options_.enabled)
            return {false, why.cause};
        if (options_.retry_if && !options_.retry_if(why)) return {false, why.cause};
        bool const refused = past.renewable && wants_credentials(why.http_status);
        if (refused && past.renewed && !options_.retry_if) return {false, why.cause};
        bool const too_many = options_.max_attempts != 0 && attempts >= options_.max_attempts;
        bool const too_late = options_.max_elapsed != duration{} && elapsed > options_.max_elapsed;
        if (too_many || too_late) return {false, errc::retries_exhausted};
        return {true, errc{}, refused && !past.renewed};
    }

private:
    reconnect_options options_;
};

}  // namespace heartbeat::detail
