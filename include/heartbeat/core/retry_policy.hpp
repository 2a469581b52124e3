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

    friend bool operator==(retry_decision const&, retry_decision const&) = default;
};

/// What will not be better the next time. A server's certificate that is not accepted may be an attack, and
/// dialling on would only hide it.
constexpr bool is_final(errc cause) noexcept {
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
    /// says; with `enabled` false, when `retry_if` returns false, or without `retry_if` when the cause is
    /// final, it ends with the cause in `why`; with
    /// `attempts` at `max_attempts`, or `elapsed` above `max_elapsed`, it ends with
    /// `errc::retries_exhausted`. Otherwise there is a retry. Throws what `retry_if` throws.
    retry_decision decide(reason const& why, unsigned attempts, duration elapsed) const {
        if (why.cause == errc::closed || why.cause == errc::cancelled || !options_.enabled)
            return {false, why.cause};
        bool const refused = options_.retry_if ? !options_.retry_if(why) : is_final(why.cause);
        if (refused) return {false, why.cause};
        bool const too_many = options_.max_attempts != 0 && attempts >= options_.max_attempts;
        bool const too_late = options_.max_elapsed != duration{} && elapsed > options_.max_elapsed;
        if (too_many || too_late) return {false, errc::retries_exhausted};
        return {true, errc{}};
    }

private:
    reconnect_options options_;
};

}  // namespace heartbeat::detail
