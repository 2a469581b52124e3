// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "agenda.hpp"
#include "promised.hpp"
#include "scenario.hpp"
#include "tally.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace exploration {

/// Laws 1, 3, 4, 5, 9 and 10: attempts, links, waits and endings.
class laws_of_runs {
public:
    laws_of_runs(tally& counts, scenario const& world) noexcept : counts_(counts), world_(world) {}

    void stalled(duration length) noexcept {
        stop_by_stalls_ += length;
        down_stalls_ += length;
        attempt_was_slow_ = true;
    }

    void run_starts(time_point now) {
        if (running_) throw violation{3, "two runs at once"};
        running_ = true;
        ending_ = errc{};
        stop_by_ = never;
        outage_began_ = now;
        outages_ = {};
        attempts_ = 0;
        start_delays_again();
        goes_down(now);
        may_dial_at_once_ = true;
    }

    /// It asks for a turn to dial, and is given one.
    void takes_turn(time_point now, time_point turn) {
        happens();
        if (queued_ || attempting_ || open_)
            throw violation{1, "a turn is taken while there is a link or an attempt"};
        if (ending_ != errc{}) throw violation{4, "a turn is taken after the end was asked for"};
        if (waiting_) {
            bool const early = now < delay_over_;
            counts_.count(early ? premise::connected_now : premise::waited);
            if (early && wake_ups_ == 0) throw violation{10, "a dial before the delay is over"};
        } else if (!may_dial_at_once_) {
            throw violation{10, "a dial without a delay"};
        }
        if (turn > now) counts_.count(premise::turns);
        may_dial_at_once_ = waiting_ = false;
        wake_ups_ = 0;
        queued_ = true;
        turn_ = turn;
        queueing_ += turn - now;
    }

    void dials(time_point now) {
        counts_.count(premise::dials);
        happens();
        if (attempting_ || open_) throw violation{1, "a dial while there is a link or an attempt"};
        if (ending_ != errc{}) throw violation{4, "a dial after the end was asked for"};
        if (!queued_ || now < turn_) throw violation{10, "a dial out of turn"};
        queued_ = false;
        attempting_ = true;
        attempt_was_slow_ = false;
        ++attempts_;
    }

    void connect_now() noexcept {
        if (waiting_) ++wake_ups_;
    }

    void opens(time_point now) {
        counts_.count(premise::opens);
        happens();
        if (open_ || !attempting_) throw violation{3, "a link opens out of turn"};
        if (ending_ != errc{}) throw violation{4, "a link opens after the end was asked for"};
        check_recovery(now);
        if (world_.reachable) {
            counts_.count(premise::recovered);
            auto const took = now - std::max(down_since_, world_.reachable_from);
            counts_.worst_recovery = std::max(
                counts_.worst_recovery, static_cast<double>(took.count()) /
                                            static_cast<double>((recovery_bound() + down_stalls_).count()));
        }
        attempting_ = renewed_ = hurried_ = false;
        open_ = true;
        opened_at_ = now;
        outages_ += now - outage_began_;
    }

    /// The application is asked for what the attempt needs.
    void prepares(bool anew) {
        counts_.count(premise::prepares);
        if (anew != renewed_) throw violation{9, "new credentials, or none, in vain"};
    }

    /// An attempt failed, perhaps before it was prepared, or a link ended. `now` is when it is judged; slots
    /// may be slow afterwards.
    void ends(time_point now, bool was_open, bool was_prepared) {
        if (was_open != open_ || attempting_ == open_) throw violation{3, "an end without a beginning"};
        if (was_open) counts_.count(premise::closes);
        // A dial that was in time but for the strand's lateness counts as another loss.
        if (was_open || attempt_was_slow_) goes_down(now);
        if (was_open && now - opened_at_ >= world_.reconnect.stable_after) {
            counts_.count(premise::started_again);
            start_delays_again();
            attempts_ = 0;
            outages_ = {};
        }
        if (was_open) outage_began_ = now;
        attempting_ = open_ = false;
        lost_ = true;
        lost_link_ = was_open;
        was_prepared_ = was_prepared;
    }

    void waits(time_point now, time_point judged, duration delay, heartbeat::reason const& why) {
        counts_.count(premise::waits);
        counts_.count(premise::retried);
        happens();
        if (!lost_ || waiting_ || attempting_ || open_) throw violation{3, "a wait without a loss"};
        if (ending_ != errc{}) throw violation{4, "a wait after the end was asked for"};
        auto const expected = expect(why);
        check_delay(delay, expected);
        if (verdict(why, expected, judged + delay) != errc{})
            throw violation{9, "a retry that was ruled out"};
        if (is_in_vain(expected)) counts_.count(premise::invited);
        bool const refresh = expected.what == heartbeat::verdict::refresh && world_.can_refresh;
        if (refresh != std::exchange(asked_, false)) throw violation{9, "new credentials, or none, in vain"};
        if (refresh) counts_.count(premise::refreshed);
        if (comes_at_once(expected)) {
            counts_.count(premise::renewed_at_once);
            hurried_ = true;
        }
        if (renewed_ && !refresh && !was_prepared_) counts_.count(premise::renewed_later);
        renewed_ = refresh || (renewed_ && !was_prepared_);
        lost_ = false;
        waiting_ = true;
        delay_over_ = now + delay;
        longest_asked_ = std::max(expected.least + expected.spread, expected.nominal);
    }

    /// The retry that follows asks for new credentials.
    void refreshes() noexcept { asked_ = true; }

    /// The policy ends the run.
    /// \param delay  what would have been waited
    void gives_up(time_point now, duration delay, heartbeat::reason const& why, errc cause) {
        counts_.count(premise::given_up);
        auto const expected = expect(why);
        check_delay(delay, expected);
        if (ending_ != errc{}) return;
        if (verdict(why, expected, now + delay) != cause || cause == errc{})
            throw violation{9, "a retry that was allowed is not made"};
        bool const by_word = why.close_code != 0 || why.http_status != 0;
        if (by_word && world_.reconnect.enabled && !world_.has_judge && cause == why.cause)
            counts_.count(premise::refused_for_good);
        ending_ = cause;
        stop_by(now);
    }

    void close_requested(time_point now) {
        counts_.count(premise::close_requested);
        if (ending_ == errc{}) ending_ = errc::closed;
        stop_by(now + (open_ ? world_.deadlines.close : duration{}));
    }
    void cancel_requested(time_point now) {
        counts_.count(premise::cancel_requested);
        ending_ = errc::cancelled;
        stop_by(now);
    }

    void run_ends(time_point now, errc why, bool anything_left) {
        counts_.count(premise::ended);
        if (!running_) throw violation{5, "a run ends twice"};
        if (open_ || attempting_) throw violation{3, "a run ends, and its link does not"};
        if (ending_ == errc{} || why != ending_) throw violation{5, "a run ends for another reason"};
        if (now > stop_by_ + stop_by_stalls_) throw violation{5, "a run ends too late"};
        if (anything_left) throw violation{4, "a run ends, and operations or timers are left"};
        running_ = queued_ = waiting_ = lost_ = may_dial_at_once_ = renewed_ = hurried_ = false;
    }

    /// The application sees something.
    void happens() const {
        if (!running_) throw violation{4, "something happens after the end"};
    }

    void asked_while_stopped() { counts_.count(premise::silence); }

    bool running() const noexcept { return running_; }
    errc ending() const noexcept { return ending_; }

    /// Nothing will run on the strand before `until`.
    void idle(time_point until) const {
        if (!running_) return;
        if (stop_by_ != never && until > stop_by_ + stop_by_stalls_)
            throw violation{5, "the end does not come in time"};
        if (queued_ && ending_ == errc{} && until > turn_) throw violation{9, "a turn is not used"};
        if (!open_ && ending_ == errc{}) check_recovery(until);
    }

private:
    void goes_down(time_point now) noexcept {
        down_since_ = now;
        down_stalls_ = queueing_ = {};
    }

    void stop_by(time_point when) noexcept {
        if (when >= stop_by_) return;
        stop_by_ = when;
        stop_by_stalls_ = {};
    }

    duration recovery_bound() const noexcept {
        auto const& retry = world_.reconnect;
        auto const longest = std::max(retry.delay, retry.growth > 1 ? retry.max_delay : retry.delay);
        return world_.deadlines.attempt + std::max(longest, longest_asked_) + queueing_ + world_.dial_time;
    }

    void check_recovery(time_point now) const {
        if (!world_.reachable || ending_ != errc{}) return;
        auto const since = std::max(down_since_, world_.reachable_from);
        if (now > since + recovery_bound() + down_stalls_) throw violation{9, "no link in time"};
    }

    heartbeat::verdict expect(heartbeat::reason const& why) const {
        auto const standard = promised(why, std::max(world_.reconnect.delay, world_.reconnect.max_delay));
        return world_.has_judge ? world_.judged(why, standard) : standard;
    }

    /// With what the run has to end now, zero if it goes on.
    errc verdict(heartbeat::reason const& why, heartbeat::verdict const& expected,
                 time_point next_dial) const noexcept {
        auto const& retry = world_.reconnect;
        bool const pointless = is_in_vain(expected) && !has_retry_after(why);
        if (!retry.enabled || expected.what == heartbeat::verdict::stop || pointless) return why.cause;
        bool const too_many = retry.max_attempts != 0 && attempts_ >= retry.max_attempts;
        bool const too_late =
            retry.max_elapsed != duration{} && outages_ + (next_dial - outage_began_) > retry.max_elapsed;
        return too_many || too_late ? errc::retries_exhausted : errc{};
    }

    /// New credentials are asked for, which cannot be made, or were just made and refused.
    bool is_in_vain(heartbeat::verdict const& expected) const noexcept {
        return expected.what == heartbeat::verdict::refresh &&
               (!world_.can_refresh || (renewed_ && was_prepared_));
    }

    /// New credentials need no back-off after a failed attempt, but only once between two open links, and if
    /// they are not in vain.
    bool comes_at_once(heartbeat::verdict const& expected) const noexcept {
        return expected.what == heartbeat::verdict::refresh && !lost_link_ && !hurried_ &&
               !is_in_vain(expected);
    }

    void start_delays_again() noexcept {
        nominal_ = static_cast<double>(world_.reconnect.delay.count());
        first_ = true;
    }

    /// The delays since the last stable link are 1, growth, growth^2... times the first, up to the longest;
    /// for this once the nominal one of the verdict, if that is longer; and what the verdict asks for, if
    /// that is more.
    void check_delay(duration delay, heartbeat::verdict const& expected) {
        auto const& retry = world_.reconnect;
        auto const longest = static_cast<double>(std::max(retry.delay, retry.max_delay).count());
        if (!first_) {
            counts_.count(premise::backed_off_further);
            nominal_ = std::min(nominal_ * retry.growth, longest);
        }
        first_ = false;
        bool const stops = expected.what == heartbeat::verdict::stop;
        if (stops || !retry.enabled) return;
        if (comes_at_once(expected)) {
            auto const most = retry.jitter ? expected.spread : duration{};
            if (delay < expected.least) throw violation{10, "a delay under what the server asks for"};
            if (delay > expected.least + most) throw violation{9, "new credentials wait for the back-off"};
            return;
        }
        auto const nominal = std::max(nominal_, static_cast<double>(expected.nominal.count()));
        auto const spread = retry.jitter ? expected.spread : duration{};
        auto const least = static_cast<double>(expected.least.count());
        auto const most = static_cast<double>((expected.least + spread).count());
        auto const drawn = static_cast<double>(delay.count());
        double const rounding = 1.0 + nominal * 1e-12;
        if (drawn * 2 < std::floor(nominal * (1 - 1e-12)))
            throw violation{10, "a delay under half the nominal one"};
        if (delay < expected.least) throw violation{10, "a delay under what the server asks for"};
        if (drawn > std::max(nominal, most) + rounding) throw violation{9, "a delay over the nominal one"};
        if (!retry.jitter && std::abs(drawn - std::max(nominal, least)) > rounding)
            throw violation{10, "a delay that is not the nominal one"};
        if (least > nominal) counts_.count(premise::kept_away);
        if (nominal > nominal_) counts_.count(premise::slowed_down);
        if (!retry.jitter) return;
        if (most == 0 && nominal >= 1000) {
            auto const part = static_cast<std::size_t>(std::max(0.0, (drawn * 2 / nominal - 1) * 8));
            ++counts_.jitter[std::min<std::size_t>(part, 7)];
        } else if (least > nominal && spread.count() >= 1000) {
            auto const part = static_cast<std::size_t>((drawn - least) / (most - least) * 8);
            ++counts_.spread[std::min<std::size_t>(part, 7)];
        }
    }

    tally& counts_;
    scenario const& world_;
    bool running_ = false;
    bool queued_ = false;
    bool attempting_ = false;
    bool open_ = false;
    bool waiting_ = false;
    bool lost_ = false;
    bool may_dial_at_once_ = false;
    bool first_ = true;
    bool attempt_was_slow_ = false;
    errc ending_ = {};
    unsigned attempts_ = 0;
    unsigned wake_ups_ = 0;
    double nominal_ = 0;
    time_point opened_at_{};
    time_point delay_over_{};
    time_point turn_{};
    /// What the verdict before the last wait asks for at most; the time until the turns since the link went
    /// down.
    duration longest_asked_{};
    duration queueing_{};
    /// The coming or present attempt has new credentials; an attempt with new ones came at once since the
    /// last open link; and what was lost last was an open link, or an attempt that was prepared or not.
    bool renewed_ = false;
    bool hurried_ = false;
    bool lost_link_ = false;
    bool was_prepared_ = false;
    /// New credentials are asked for, before the coming dial.
    bool asked_ = false;
    /// How long there was no link since the last stable one, in earlier outages and since when in this one.
    duration outages_{};
    time_point outage_began_{};
    time_point down_since_{};
    duration down_stalls_{};
    time_point stop_by_ = never;
    duration stop_by_stalls_{};
};

}  // namespace exploration
