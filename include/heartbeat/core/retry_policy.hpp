// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/options.hpp>
#include <heartbeat/verdict.hpp>

#include <algorithm>
#include <utility>

namespace heartbeat::detail {

/// What happened before a verdict.
struct retry_history {
    /// How many times was dialled since the last stable link.
    unsigned attempts = 0;
    /// For how long there will have been no link by the coming dial, since the last stable one.
    duration elapsed = {};
    /// There is something that can make new credentials.
    bool can_refresh = false;
    /// They would be asked for once more, though the attempt that has just failed had been given new ones.
    bool in_vain = false;
};

/// Whether to dial again.
struct retry_decision {
    /// True: wait, then dial. False: the run ends.
    bool retry = false;
    /// With which code the run ends; zero if it does not.
    errc cause = {};
    /// Before the dial the application is asked for new credentials.
    bool refresh = false;

    friend bool operator==(retry_decision const&, retry_decision const&) = default;
};

/// Decides after each loss and each failed attempt whether to dial again. Keeps a copy of the options.
class retry_policy {
public:
    explicit retry_policy(reconnect_options options) : options_(std::move(options)) {}

    /// The verdict on `why` without the user's: `standard_verdict`, or `stop` with `enabled` false, and for a
    /// certificate that is not accepted with `stop_on_rejected_certificate`.
    ///
    /// \param elsewhere the host has other addresses that had no chance: hurry is of use
    verdict standard(reason const& why, bool elsewhere = false) const noexcept {
        bool const rejected = options_.stop_on_rejected_certificate && is_rejected_certificate(why.cause);
        if (!options_.enabled || rejected) return {.what = verdict::stop};
        auto result = standard_verdict(why, std::max(options_.delay, options_.max_delay));
        if (elsewhere) result.nominal = {};
        return result;
    }

    /// The verdict on `why`: the user's if there is a `judge`, but for deliberate ends and with `enabled`
    /// false, whatever it says. Its times are brought into their range. Throws what `judge` throws.
    verdict judge(reason const& why, bool elsewhere = false) const {
        bool const final = why.cause == errc::closed || why.cause == errc::close_timeout ||
                           why.cause == errc::cancelled || !options_.enabled;
        auto result = standard(why, elsewhere);
        if (options_.judge && !final) result = options_.judge(why, result);
        result.least = std::clamp(result.least, duration{}, longest_duration);
        result.spread = std::clamp(result.spread, duration{}, longest_duration);
        result.nominal = std::clamp(result.nominal, duration{}, longest_duration);
        return result;
    }

    /// Decides what follows `why`, given the verdict on it.
    ///
    /// The first of these that applies decides: with `stop`, or with `refresh` where that is not possible or
    /// was of no use and the answer has no `Retry-After`, the run ends with the cause in `why`; with
    /// `attempts` at `max_attempts`, or `elapsed` above `max_elapsed`, it ends with
    /// `errc::retries_exhausted`. Otherwise there is a retry, for which the application is asked for new
    /// credentials where the verdict says so and it can make them.
    retry_decision decide(reason const& why, verdict const& judged,
                          retry_history const& past) const noexcept {
        bool const refresh = judged.what == verdict::refresh;
        bool const in_vain = refresh && (!past.can_refresh || past.in_vain) && !has_retry_after(why);
        if (judged.what == verdict::stop || in_vain) return {false, why.cause};
        bool const too_many = options_.max_attempts != 0 && past.attempts >= options_.max_attempts;
        bool const too_late = options_.max_elapsed != duration{} && past.elapsed > options_.max_elapsed;
        if (too_many || too_late) return {false, errc::retries_exhausted};
        return {true, errc{}, refresh && past.can_refresh};
    }

private:
    reconnect_options options_;
};

}  // namespace heartbeat::detail
