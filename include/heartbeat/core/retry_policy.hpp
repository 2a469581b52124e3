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
    /// says; with `enabled` false, or when `retry_if` returns false, it ends with the cause in `why`; with
    /// `attempts` at `max_attempts`, or `elapsed` above `max_elapsed`, it ends with
    /// `errc::retries_exhausted`. Otherwise there is a retry. Throws what `retry_if` throws.
    retry_decision decide(reason const& why, unsigned attempts, duration elapsed) const {
        if (why.cause == errc::closed || why.cause == errc::cancelled || !options_.enabled)
            return {false, why.cause};
        if (options_.retry_if && !options_.retry_if(why)) return {false, why.cause};
        bool const too_many = options_.max_attempts != 0 && attempts >= options_.max_attempts;
        bool const too_late = options_.max_elapsed != duration{} && elapsed > options_.max_elapsed;
        if (too_many || too_late) return {false, errc::retries_exhausted};
        return {true, errc{}};
    }

private:
    reconnect_options options_;
};

}  // namespace heartbeat::detail
