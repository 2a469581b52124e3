// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "agenda.hpp"
#include "tally.hpp"

#include <heartbeat/options.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace exploration {

/// Laws 7 and 8: what proves life, when a peer is suspected and declared dead, and which one must not be.
/// Knows about the heartbeat only what is promised of it.
class laws_of_life {
public:
    laws_of_life(tally& counts, heartbeat::heartbeat_options const& options) noexcept
        : counts_(counts), options_(options) {}

    /// The strand did not run for so long.
    void stalled(duration length) noexcept {
        stalled_ += length;
        round_stalled_ += length;
        ++round_stalls_;
        longest_stall_ = std::max(longest_stall_, length);
    }

    void started(time_point now) {
        note(heart_event::start);
        if (fresh_) set_times(options_.interval, options_.timeout);
        fresh_ = false;
        known_ = seen_ = 0;
        phase_ = heart_phase::resting;
        last_input_ = now;
        proof(now);
    }
    void new_link() noexcept {
        fresh_ = true;
        phase_ = heart_phase::stopped;
        known_ = 0;
        timeout_ = {};
        samples_ = 0;
    }
    void stopped() {
        note(heart_event::stop);
        phase_ = heart_phase::stopped;
    }

    void negotiated(duration interval, duration timeout) {
        note(interval == duration{} ? heart_event::negotiate_off : heart_event::negotiate);
        set_times(interval, timeout);
        if (interval_ == duration{} && phase_ != heart_phase::stopped) phase_ = heart_phase::resting;
    }

    void resumed(bool due) { note(due ? heart_event::resume_due : heart_event::resume_early); }

    void round_begins(time_point now) {
        if (phase_ != heart_phase::resting || interval_ == duration{})
            throw violation{7, "a beat out of turn"};
        if (now < last_proof_ + interval_) throw violation{7, "a beat before the interval has passed"};
        counts_.count(premise::rounds);
        phase_ = heart_phase::asking;
        began_ = now;
        round_interval_ = interval_;
        round_timeout_ = options_.adaptive ? adapted() : timeout_;
        round_longest_ = 4 * timeout_;
        if (options_.adaptive && round_timeout_ < timeout_) counts_.count(premise::adapted);
        round_stalled_ = {};
        round_stalls_ = 0;
        had_input_ = looked_ = sent_ = false;
        known_ = 0;
    }

    void suspected(time_point now) {
        if (phase_ != heart_phase::asking) throw violation{7, "suspected twice, or without a beat"};
        if (now < began_ + round_timeout_ / 2) throw violation{7, "suspected too early"};
        if (now > began_ + round_timeout_ / 2 + round_stalled_) throw violation{7, "suspected too late"};
        counts_.count(premise::suspicions);
        phase_ = heart_phase::suspecting;
    }

    /// It looks how much input waits in the host. What was not there the last time may hold the answer, but
    /// proves nothing until it is read.
    void looks(time_point now, std::size_t available) {
        if (phase_ != heart_phase::suspecting && phase_ != heart_phase::doubting)
            throw violation{8, "it looks for input out of turn"};
        phase_ = heart_phase::doubting;
        looked_ = true;
        if (available > seen_) had_input_ = true, last_input_ = now;
        seen_ = available;
    }

    /// It sleeps on after it had come to a verdict.
    void sleeps() noexcept {
        if (phase_ == heart_phase::doubting) phase_ = heart_phase::suspecting;
    }

    void handed_over(std::uint64_t id, time_point now) {
        note(heart_event::sent);
        sent_ = true;
        if (known_ == beats_.size()) throw violation{7, "more than two beats in a round"};
        beats_[known_++] = {id, now};
    }

    void answered(std::uint64_t id, time_point arrived, time_point now, std::optional<duration> round_trip) {
        beat const* const end = beats_.data() + known_;
        beat const* const found = std::find_if(static_cast<beat const*>(beats_.data()), end,
                                               [id](beat const& one) { return one.id == id; });
        note(found != end ? heart_event::answered : heart_event::answered_late);
        if (found == end) {
            counts_.count(premise::late_echo);
            if (round_trip) throw violation{7, "an answer to an earlier beat is taken for proof of life"};
            return;
        }
        counts_.count(premise::echo);
        if (!round_trip)
            throw violation{8, "an answer to a beat of this round is not taken for proof of life"};
        if (*round_trip != now - found->sent) throw violation{7, "a wrong round-trip time"};
        measure(*round_trip);
        known_ = 0;
        if (is_asking() && arrived <= began_ + round_timeout_ && now > began_ + round_timeout_) {
            counts_.count(premise::spared);
            if (looked_) counts_.count(premise::spared_by_looking);
        }
        proof(now);
    }

    void proved(time_point now) {
        note(heart_event::prove);
        proof(now);
    }

    void input_read(time_point now) {
        note(heart_event::input);
        seen_ = 0;
        input(now);
    }

    /// A message was handled that had been read before; the answer may be behind it.
    void message_handled(time_point now) noexcept { had_input_ = true, last_input_ = now; }

    /// \param in_host  calls its argument with each piece of input that has reached this host and was not
    ///                 handled: when it came, and the beat that it answers or 0
    template <class InHost>
    void declared_dead(time_point now, duration silence, InHost in_host) {
        if (phase_ != heart_phase::suspecting && phase_ != heart_phase::doubting)
            throw violation{7, "declared dead without suspicion"};
        if (silence != now - last_proof_) throw violation{7, "a wrong time of silence"};
        if (now < began_ + round_timeout_) throw violation{8, "declared dead before the timeout has passed"};
        if (now > latest()) throw violation{7, "declared dead too late"};
        bool const heard = had_input_ && last_input_ > began_;
        if (heard && now < std::min(last_input_ + round_timeout_, began_ + round_longest_))
            throw violation{8, "declared dead while its bytes kept arriving"};
        in_host([&](time_point arrived, std::uint64_t id) {
            bool const proves = options_.proof == heartbeat::liveness::any_input || is_known(id);
            if (!proves || arrived >= began_ + round_timeout_) return;
            // Each slot can be fast enough not to delay the deadline, and all together be too slow.
            if (round_stalls_ <= 3 || round_stalled_ < 3 * round_timeout_)
                throw violation{8, "declared dead although proof had reached the host in time"};
            ++counts_.unread_behind_slow_slots;
        });
        counts_.count(premise::dead);
        if (had_input_) counts_.count(premise::dead_despite_input);
        if (!sent_) counts_.count(premise::dead_unsent);
        auto const bound = round_interval_ + (had_input_ ? round_longest_ : round_timeout_);
        auto& worst = had_input_ ? counts_.worst_detection_with_input : counts_.worst_detection;
        worst = std::max(worst, ratio(now - last_proof_, bound + stalled_));
        if (now - last_proof_ > bound + longest_stall_) ++counts_.over_longest_stall;
        counts_.worst_with_longest_stall =
            std::max(counts_.worst_with_longest_stall, ratio(now - last_proof_, bound + longest_stall_));
    }

    /// Nothing will run on the strand before `until`.
    void idle(time_point until) const {
        if (phase_ == heart_phase::stopped || interval_ == duration{}) return;
        auto const by = phase_ == heart_phase::resting  ? last_proof_ + interval_ + stalled_
                        : phase_ == heart_phase::asking ? began_ + round_timeout_ / 2 + round_stalled_
                                                        : latest();
        if (until > by)
            throw violation{7, phase_ == heart_phase::resting ? "no beat in time" : "no verdict in time"};
    }

private:
    struct beat {
        std::uint64_t id;
        time_point sent;
    };

    static double ratio(duration part, duration whole) noexcept {
        return static_cast<double>(part.count()) / static_cast<double>(whole.count());
    }

    bool is_asking() const noexcept {
        return phase_ != heart_phase::stopped && phase_ != heart_phase::resting;
    }
    bool is_known(std::uint64_t id) const noexcept {
        return std::any_of(beats_.data(), beats_.data() + known_,
                           [id](beat const& one) { return one.id == id; });
    }
    void note(heart_event what) noexcept { counts_.count(phase_, what); }

    void set_times(duration interval, duration timeout) noexcept {
        interval_ = interval;
        if (timeout > duration{}) timeout_ = timeout;
        if (timeout_ == duration{}) timeout_ = heartbeat::heartbeat_options{}.timeout;
    }

    /// RFC 6298 section 2: alpha is 1/8, beta is 1/4.
    void measure(duration sample) noexcept {
        if (samples_++ == 0) {
            smoothed_ = sample;
            variation_ = sample / 2;
            return;
        }
        auto const apart = sample > smoothed_ ? sample - smoothed_ : smoothed_ - sample;
        variation_ = (variation_ * 3 + apart) / 4;
        smoothed_ = (smoothed_ * 7 + sample) / 8;
    }
    duration adapted() const noexcept {
        if (samples_ == 0) return timeout_;
        return std::min(timeout_, smoothed_ + std::max(options_.least_timeout, 4 * variation_));
    }

    void input(time_point now) {
        had_input_ = true;
        last_input_ = now;
        if (options_.proof == heartbeat::liveness::any_input) proof(now);
    }

    void proof(time_point now) noexcept {
        if (phase_ == heart_phase::stopped) return;
        phase_ = heart_phase::resting;
        last_proof_ = now;
        stalled_ = longest_stall_ = {};
    }

    /// The last moment at which the peer may be declared dead if it gives no more proof.
    time_point latest() const noexcept {
        auto const deadline = last_proof_ + round_interval_ + round_timeout_;
        if (!had_input_) return deadline + stalled_;
        auto const most = last_proof_ + round_interval_ + round_longest_;
        return std::min(std::max(deadline, last_input_ + round_timeout_), most) + stalled_;
    }

    tally& counts_;
    heartbeat::heartbeat_options const& options_;
    heart_phase phase_ = heart_phase::stopped;
    bool fresh_ = true;
    duration interval_{};
    duration timeout_{};
    time_point last_proof_{};
    time_point last_input_{};
    time_point began_{};
    /// The times with which the round began.
    duration round_interval_{};
    duration round_timeout_{};
    duration round_longest_{};
    /// RFC 6298, for the timeout that follows the round trips of this link.
    duration smoothed_{};
    duration variation_{};
    std::uint64_t samples_ = 0;
    /// How much waited in the host at the last look, if nothing was read since.
    std::size_t seen_ = 0;
    bool had_input_ = false;
    bool looked_ = false;
    bool sent_ = false;
    std::array<beat, 2> beats_{};
    std::size_t known_ = 0;
    /// How long the strand did not run since the last proof, in total and at most, and since the round began.
    duration stalled_{};
    duration longest_stall_{};
    duration round_stalled_{};
    int round_stalls_ = 0;
};

}  // namespace exploration
