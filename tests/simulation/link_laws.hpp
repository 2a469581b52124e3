// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "verdict.hpp"

#include <heartbeat/error.hpp>
#include <heartbeat/options.hpp>
#include <heartbeat/verdict.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

/// What a socket does about links, judged from its lookups, its connections and its events (laws 1, 3, 4, 9,
/// 10). One object per socket.
class link_laws {
public:
    link_laws(verdict& laws, heartbeat::options const& settings, lateness const& late)
        : laws_(laws), settings_(settings), late_(late) {}

    /// The application asks for a run: in vain while one is in progress, unless that one ends before it is
    /// looked at. Gives a number, for `start_refused`.
    std::uint64_t asks_to_start(bool in_progress) {
        ++starts_;
        if (in_progress) {
            starts_pending_.insert(starts_);
        } else {
            start();
        }
        return starts_;
    }
    void start_refused(std::uint64_t number) { starts_pending_.erase(number); }
    bool has_started() const noexcept { return started_; }
    /// The number of the run that was started last.
    std::uint64_t run() const noexcept { return run_; }
    /// What was to complete with the end of that run has completed.
    void close_completed(std::uint64_t run) {
        if (run != run_) return;
        laws_.arose(4);
        final_ = true;
    }
    /// The application ends the run that is in progress.
    void has_to_end(heartbeat::time_point now, heartbeat::duration limit) {
        auto const due = now + limit;
        if (end_due_ && end_due_->at <= due) return;
        end_due_ = {due, late_.total()};
    }
    /// The application asks for a dial, which counts until nothing is left to run but a wait for a turn.
    void connect_now() noexcept { ++credits_; }
    void idle(bool connecting) noexcept {
        if (!connecting || attempting_) credits_ = 0;
    }
    /// Any event of the socket's.
    void event() { laws_.require(4, !final_, "there was an event after async_close had completed"); }

    /// An attempt begins with a question to the application.
    void prepare(heartbeat::time_point now, std::size_t open_connections) {
        begin_attempt(now, open_connections);
        prepared_ = true;
    }
    /// A name is looked up: an attempt begins or goes on, there or where it was redirected to. True if it
    /// begins.
    bool lookup(heartbeat::time_point now, std::size_t open_connections) {
        bool const goes_on = std::exchange(prepared_, false);
        bool const redirected = attempting_ && !goes_on && hops_ < settings_.request.most_redirects;
        if (redirected) ++hops_;
        if (!goes_on && !redirected) {
            begin_attempt(now, open_connections);
            return true;
        }
        laws_.require(4, !final_, "there was a dial after async_close had completed");
        laws_.judge(1, open_connections == 0, "a dial began while a connection was open");
        return false;
    }
    void connected(std::size_t open_connections) {
        laws_.judge(1, open_connections == 1, "two connections were open");
    }

    /// The state says that the link is open; `opened` follows.
    void upgraded(heartbeat::time_point now) noexcept { opened_at_ = now; }
    void opened(heartbeat::time_point now) {
        laws_.judge(3, !open_, "opened twice");
        laws_.require(3, attempting_, "opened without an attempt");
        open_ = true;
        if (well_ && !was_open_) {
            auto const late = late_.total() - well_since_.late;
            worst_recovery_.keep_worse({now - well_since_.at, recovery_limit() + late});
            laws_.arose(9);
        }
        was_open_ = true;
        asked_most_ = {};
        renewed_ = refreshed_ = false;
    }
    /// With what the library promises to do next.
    void closed(heartbeat::time_point now, heartbeat::verdict const& next) {
        laws_.judge(3, open_, "closed without opened");
        open_ = false;
        if (now - opened_at_ >= settings_.reconnect.stable_after) failures_ = 0;
        note_delay(next);
        renewed_ = asks_anew(next);
        if (well_) {
            well_since_ = {now, late_.total()};
            was_open_ = false;
        }
        end_attempt(now);
    }
    void attempt_failed(heartbeat::time_point now, heartbeat::verdict const& next) {
        laws_.require(3, attempting_ && !open_, "an attempt failed that was not in progress");
        // New credentials are tried at once, once for each open link.
        refreshes_ = note_verdict(next);
        end_attempt(now);
    }
    /// Others have their turns to dial until then.
    void turn_by(heartbeat::time_point latest) noexcept { turn_by_ = latest; }
    void waiting() {
        laws_.judge(3, wait_owed_, "one loss started two waits");
        wait_owed_ = false;
    }
    void stopped() {
        laws_.require(3, !open_, "the run ended without closed");
        attempting_ = false;
        prepared_ = false;
        wait_owed_ = false;
        end_due_.reset();
        if (starts_pending_.empty()) return;
        starts_pending_.clear();
        start();
    }

    /// The network and the server are well, from now on or no more.
    void well(heartbeat::time_point now, bool is_well) noexcept {
        well_ = is_well;
        well_since_ = {now, late_.total()};
        was_open_ = open_;
    }
    measured const& worst_recovery() const noexcept { return worst_recovery_; }

    /// Where nothing else happens now.
    void check(heartbeat::time_point now, bool may_retry) {
        auto const late = [&](moment const& since) { return late_.total() - since.late; };
        if (attempting_ && !open_) {
            auto const limit = settings_.deadlines.attempt + late(attempt_began_);
            laws_.require(9, now - attempt_began_.at <= limit, "an attempt took longer than its deadline");
        }
        if (end_due_) {
            laws_.require(5, now <= end_due_->at + late(*end_due_), "a run did not end when it was told to");
        }
        if (!may_retry) well_since_ = {now, late_.total()};
        if (!well_ || was_open_ || !may_retry) return;
        laws_.require(9, now - well_since_.at <= recovery_limit() + late(well_since_),
                      "the link did not come back in time");
    }

    bool is_open() const noexcept { return open_; }

private:
    void begin_attempt(heartbeat::time_point now, std::size_t open_connections) {
        laws_.require(4, !final_, "there was a dial after async_close had completed");
        laws_.judge(1, open_connections == 0, "a dial began while a connection was open");
        laws_.require(1, !attempting_, "a dial began while another was in progress");
        attempting_ = true;
        hops_ = 0;
        attempt_began_ = {now, late_.total()};
        bool const exempt = std::exchange(refreshes_, false);
        if (std::exchange(first_, false)) return;
        laws_.require(3, !wait_owed_, "a dial began without a wait after the loss");
        auto const longest = std::max(nominal(), asked_nominal_);
        auto const usual = exempt                       ? heartbeat::duration()
                           : settings_.reconnect.jitter ? longest / 2
                                                        : longest;
        auto const least = std::max(usual, std::exchange(asked_least_, {}));
        bool const early = now - ended_ < least - std::chrono::microseconds(1);
        laws_.judge(10, !early || credits_ != 0, "a dial came before its delay was over");
        if (early && credits_ != 0) --credits_;
    }

    void start() noexcept {
        started_ = true;
        ++run_;
        end_due_.reset();
        final_ = false;
        first_ = true;
        failures_ = 0;
        asked_least_ = {};
        asked_most_ = {};
        asked_nominal_ = {};
        renewed_ = refreshed_ = refreshes_ = false;
    }

    void note_delay(heartbeat::verdict const& next) noexcept {
        asked_least_ = next.least;
        asked_most_ = next.least + next.spread;
        asked_nominal_ = next.nominal;
    }

    bool asks_anew(heartbeat::verdict const& next) const noexcept {
        return next.what == heartbeat::verdict::refresh && settings_.prepare;
    }

    /// Whether new credentials are tried at once.
    bool note_verdict(heartbeat::verdict const& next) noexcept {
        note_delay(next);
        bool const anew = asks_anew(next);
        bool const in_vain = anew && renewed_ && !prepared_;
        bool const at_once = anew && !in_vain && !refreshed_;
        renewed_ = anew || (renewed_ && prepared_);
        refreshed_ = refreshed_ || at_once;
        return at_once;
    }

    void end_attempt(heartbeat::time_point now) noexcept {
        attempting_ = false;
        prepared_ = false;
        ended_ = now;
        wait_owed_ = true;
        ++failures_;
    }

    /// An attempt that was under way, the longest delay, a turn to dial, and a dial.
    heartbeat::duration recovery_limit() const noexcept {
        auto const& retry = settings_.reconnect;
        auto const turn = std::max(turn_by_ - well_since_.at, heartbeat::duration());
        return 2 * settings_.deadlines.attempt +
               std::max({retry.delay, retry.max_delay, asked_most_, asked_nominal_}) + turn;
    }

    heartbeat::duration nominal() const noexcept {
        auto const& retry = settings_.reconnect;
        double delay = static_cast<double>(retry.delay.count());
        auto const most = static_cast<double>(std::max(retry.delay, retry.max_delay).count());
        for (std::size_t failure = 1; failure < failures_ && delay < most; ++failure) delay *= retry.growth;
        return heartbeat::duration(static_cast<heartbeat::duration::rep>(std::min(delay, most)));
    }

    verdict& laws_;
    heartbeat::options const& settings_;
    lateness const& late_;

    std::uint64_t run_ = 0;
    /// When the run has to have ended, if it was told to.
    std::optional<moment> end_due_ = {};
    bool started_ = false;
    bool final_ = false;
    bool first_ = true;
    bool attempting_ = false;
    bool open_ = false;
    bool wait_owed_ = false;
    /// The application was asked where to connect; a lookup follows.
    bool prepared_ = false;
    /// The coming or present attempt has new credentials.
    bool renewed_ = false;
    /// New credentials were tried at once since the last open link.
    bool refreshed_ = false;
    /// The next dial is the one with them.
    bool refreshes_ = false;
    /// Redirects that the attempt has followed.
    std::size_t hops_ = 0;
    heartbeat::time_point turn_by_ = {};
    std::size_t credits_ = 0;
    std::uint64_t starts_ = 0;
    std::set<std::uint64_t> starts_pending_ = {};
    /// Attempts and links that ended since the last stable link, which counts as one.
    std::size_t failures_ = 0;
    /// How long the server asked to stay away: until the dial at least, until the link is back at most.
    heartbeat::duration asked_least_ = {};
    heartbeat::duration asked_most_ = {};
    /// The nominal delay that the verdict asks for.
    heartbeat::duration asked_nominal_ = {};
    moment attempt_began_ = {};
    heartbeat::time_point opened_at_ = {};
    heartbeat::time_point ended_ = {};
    bool well_ = false;
    moment well_since_ = {};
    /// Since the world became well.
    bool was_open_ = false;
    measured worst_recovery_ = {};
};
