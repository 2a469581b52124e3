// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/adaptive_timeout.hpp>
#include <heartbeat/options.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace heartbeat::detail {

/// Decides when to beat, what proves life, and when a silent peer is suspected and declared dead. Pure: the
/// time comes in. One object per link.
///
/// A round begins `interval` after the last proof of life with a beat, is doubted after half of `timeout`,
/// when a second beat goes out as a probe, and ends with proof or, after `timeout`, with the death of the
/// link. With `adaptive` the timeout of a round follows the round-trip times of the earlier ones, while
/// nothing in bulk is being sent.
class heartbeat_monitor {
public:
    enum class action {
        /// Nothing is due; come back at `due()`.
        sleep,
        /// Send a beat, then call `resume` again.
        send_beat,
        /// Tell that the peer is suspected and send another beat, then call `resume` again.
        suspect,
        /// The deadline has passed, but what has reached this host may not have been read yet. Tell by
        /// `unread`
        /// how much there is. Give the event loop one turn for what was read and not handled,
        /// then call `resume`.
        look_again,
        /// No proof came in time: end the link.
        declare_dead,
    };

    /// A timeout of 0, which makes sense only without a heartbeat, becomes the default one: a protocol may
    /// yet negotiate an interval.
    explicit heartbeat_monitor(heartbeat_options const& options) noexcept
        : interval_(options.interval),
          timeout_(options.timeout > duration{} ? options.timeout : heartbeat_options{}.timeout),
          least_timeout_(options.least_timeout),
          adaptive_(options.adaptive),
          proof_(options.proof) {}

    /// The link is open: its handshake was a proof of life.
    void start(time_point now) noexcept {
        last_proof_ = last_input_ = now;
        phase_ = phase::resting;
        beat_count_ = 0;
        unread_ = 0;
    }

    /// No verdicts from now on: the link ends on purpose, or nothing is read from it. `start` begins anew.
    void stop() noexcept { phase_ = phase::stopped; }

    /// The protocol has agreed with the peer on other times: the interval, 0 for no heartbeat, and the
    /// timeout, 0 to keep the present one. A round in progress ends by the times with which it began, or at
    /// once without a heartbeat.
    void negotiate(duration interval, duration timeout) noexcept {
        interval_ = std::clamp(interval, duration{}, longest_duration);
        if (timeout > duration{}) timeout_ = std::min(timeout, longest_duration);
        if (interval_ == duration{} && phase_ != phase::stopped) phase_ = phase::resting;
    }

    /// What is due at `now`.
    action resume(time_point now) noexcept {
        if (now < due()) return action::sleep;
        switch (phase_) {
            case phase::stopped: break;
            case phase::resting: return begin_round(now);
            case phase::asking: phase_ = phase::suspecting; return action::suspect;
            case phase::suspecting:
            case phase::doubting: return judge(now);
        }
        return action::sleep;
    }

    /// When `resume` has something to do; `time_point::max()` for never.
    time_point due() const noexcept {
        switch (phase_) {
            case phase::stopped: break;
            case phase::resting: return interval_ > duration{} ? last_proof_ + interval_ : time_point::max();
            case phase::asking: return round_began_ + round_timeout_ / 2;
            case phase::suspecting: return deadline_;
            case phase::doubting: return last_doubt_;
        }
        return time_point::max();
    }

    /// A beat was handed to the link.
    void sent(std::uint64_t id, time_point now) noexcept {
        beats_[beat_count_ % beats_.size()] = {id, now, written_};
        ++beat_count_;
    }

    /// The answer to a beat was read. Returns the round-trip time if the beat belongs to the current round; a
    /// late answer to an earlier beat proves nothing and gives nothing.
    std::optional<duration> answered(std::uint64_t id, time_point now) noexcept {
        auto const known = std::min(beat_count_, beats_.size());
        for (std::size_t index = 0; index < known; ++index) {
            if (beats_[index].id != id) continue;
            auto const round_trip = now - beats_[index].sent;
            beat_count_ = 0;
            delivered_ = beats_[index].written;
            measured_.add(round_trip);
            prove(now);
            return round_trip;
        }
        return std::nullopt;
    }

    /// Something else has proved life, such as a beat of the peer's own. An answer to a beat that is out
    /// still gives its round-trip time until the next round begins.
    void prove(time_point now) noexcept {
        if (phase_ == phase::stopped) return;
        last_proof_ = now;
        phase_ = phase::resting;
    }

    /// So many bytes were handed over. A beat behind many of them takes as long as they do, which the
    /// round-trip times of a quiet link do not tell.
    void output(std::size_t bytes) noexcept {
        written_ += bytes;
        bool const asks = phase_ == phase::asking || phase_ == phase::suspecting;
        if (!asks || !has_backlog() || round_timeout_ == timeout_) return;
        round_timeout_ = timeout_;
        deadline_ = std::max(deadline_, round_began_ + timeout_);
    }

    /// Bytes arrived, of whatever kind.
    void input(time_point now) noexcept {
        last_input_ = now;
        unread_ = 0;
        if (proof_ == liveness::any_input) prove(now);
    }

    /// A message that had arrived earlier was handled now; the answer may be among those that are still to
    /// come.
    void progress(time_point now) noexcept { last_input_ = now; }

    /// So many bytes have arrived and could not be read. They move the deadline as input does, since the
    /// answer may be among them, but only where they have become more; and only what is read proves life. So
    /// a link that reads nothing is not kept alive by what lies there.
    void unread(std::size_t bytes, time_point now) noexcept {
        if (bytes > unread_) last_input_ = now;
        unread_ = bytes;
    }

    /// Time since the last proof of life was read.
    duration silence(time_point now) const noexcept { return now - last_proof_; }

private:
    enum class phase {
        stopped,
        /// Life is proved until `interval` has passed.
        resting,
        /// A beat is out, or waits to go out.
        asking,
        /// So is a probe.
        suspecting,
        /// The deadline has passed, the last look is due.
        doubting,
    };

    struct sent_beat {
        std::uint64_t id = 0;
        time_point sent = {};
        /// What had been handed over before.
        std::uint64_t written = 0;
    };

    // While input keeps arriving, the answer may be queued behind it; but not for ever.
    static constexpr int most_timeouts = 4;
    // So much on its way delays an answer by 13 ms on a link with 10 Mbit/s.
    static constexpr std::uint64_t bulk = 16 * 1024;

    /// As far as an answer has shown, more is on its way than a quiet link has.
    bool has_backlog() const noexcept { return written_ - delivered_ > bulk; }

    action begin_round(time_point now) noexcept {
        phase_ = phase::asking;
        beat_count_ = 0;
        round_began_ = now;
        bool const follows = adaptive_ && !has_backlog();
        round_timeout_ = follows ? measured_.within(least_timeout_, timeout_) : timeout_;
        deadline_ = now + round_timeout_;
        // Input in bulk delays an answer by far more than a quiet link has taught.
        last_call_ = now + most_timeouts * timeout_;
        return action::send_beat;
    }

    action judge(time_point now) noexcept {
        // A strand that came late could not read either, so that time does not count.
        last_call_ += now - due();
        if (last_input_ > round_began_) {
            deadline_ = std::min(last_input_ + round_timeout_, last_call_);
            if (now < deadline_) {
                phase_ = phase::suspecting;
                return action::sleep;
            }
        }
        // What the last look found, or was read since, may have kept the strand busy beyond a whole timeout:
        // then what lies behind it was not read, and there is another look.
        bool const found_input = phase_ == phase::doubting && last_input_ >= last_doubt_;
        if (phase_ == phase::doubting && !(found_input && now < last_call_)) return action::declare_dead;
        phase_ = phase::doubting;
        last_doubt_ = now;
        return action::look_again;
    }

    duration interval_;
    duration timeout_;
    duration least_timeout_;
    bool adaptive_;
    liveness proof_;
    adaptive_timeout measured_ = {};
    /// Bytes handed over, and those of them that are known to have arrived, since a later beat was answered.
    std::uint64_t written_ = 0;
    std::uint64_t delivered_ = 0;
    phase phase_ = phase::stopped;
    time_point last_proof_ = {};
    time_point last_input_ = {};
    /// Bytes that had arrived and were not read at the last look, if none were read since.
    std::size_t unread_ = 0;
    time_point round_began_ = {};
    duration round_timeout_ = {};
    time_point deadline_ = {};
    /// How far input can move the deadline of this round.
    time_point last_call_ = {};
    time_point last_doubt_ = {};
    std::array<sent_beat, 2> beats_ = {};
    std::size_t beat_count_ = 0;
};

}  // namespace heartbeat::detail
