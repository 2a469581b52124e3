// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "verdict.hpp"

#include <heartbeat/options.hpp>
#include <heartbeat/reason.hpp>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>

/// Whether a dead peer is noticed in time and a living one left alone (laws 7 and 8), judged from the bytes
/// that arrive and are read. One object per link.
class life_laws {
public:
    life_laws(verdict& laws, heartbeat::options const& settings, lateness const& late,
              heartbeat::time_point now)
        : laws_(laws),
          settings_(settings),
          late_(late),
          proof_{now, late.total()},
          read_at_(now),
          in_time_(now) {}

    /// Bytes reached the client's host.
    void arrived(std::size_t count, heartbeat::time_point now) { unread_.push_back({count, now}); }
    /// The client has read some of them.
    void read(std::size_t count, heartbeat::time_point now) {
        read_at_ = now;
        // What comes at the deadline or later is too late to count, though the client may do so.
        if (now < least_deadline(in_time_)) in_time_ = now;
        if (settings_.heartbeat.proof == heartbeat::liveness::any_input) prove(now);
        while (count != 0 && !unread_.empty()) {
            auto const taken = std::min(count, unread_.front().count);
            count -= taken;
            unread_.front().count -= taken;
            if (unread_.front().count == 0) unread_.pop_front();
        }
    }
    /// The client has asked with this identity.
    void asked(std::uint64_t id) { asked_.insert(id); }
    /// Among what was read was an answer with this identity.
    void answer(std::uint64_t id, heartbeat::time_point now) {
        if (asked_.contains(id)) answers_[id] = {now, late_.total()};
    }
    /// The client takes an answer for proof of life.
    void beat(std::uint64_t id, heartbeat::duration round_trip, heartbeat::time_point now) {
        auto const found = answers_.find(id);
        bool const genuine = found != answers_.end();
        laws_.judge(7, genuine, "a heartbeat was told as answered that was not");
        bool const any = settings_.heartbeat.proof == heartbeat::liveness::any_input;
        laws_.require(7, any || now - round_trip >= proof_.at,
                      "a late answer to an earlier heartbeat counted as proof");
        if (genuine && found->second.at >= proof_.at) proof_ = found->second;
    }
    /// Nothing is read, by the choice of the application.
    void pause(heartbeat::time_point now) {
        prove(now);
        read_at_ = now;
    }

    /// The link is open and should have been declared dead if it is.
    void check(heartbeat::time_point now) {
        if (settings_.heartbeat.interval == heartbeat::duration{}) return;
        laws_.require(7, now <= deadline(read_at_) + lateness_since_proof(),
                      "a dead peer was not noticed in time");
    }

    /// The link was declared dead. Returns how long that took since the last proof or input, as the network
    /// saw it.
    measured declared_dead(heartbeat::time_point now) {
        auto const& times = settings_.heartbeat;
        auto const silence = now - proof_.at;
        laws_.arose(7);
        laws_.require(7, now <= deadline(read_at_) + lateness_since_proof(),
                      "a dead peer was noticed too late");
        laws_.judge(8, silence >= times.interval + least_timeout(),
                    "a peer was declared dead before its time");
        bool const last_call = silence >= times.interval + most_timeouts * times.timeout;
        laws_.require(8, last_call || now >= least_deadline(in_time_),
                      "a peer was declared dead while its bytes kept arriving");
        bool const heard =
            !unread_.empty() && unread_.front().at < proof_.at + times.interval + least_timeout();
        laws_.require(8, last_call || !heard, "a peer was declared dead with its answer unread");
        auto const bound = times.interval + times.timeout + lateness_since_proof();
        auto const latest = std::max(proof_.at, std::min(read_at_, now));
        return {now - latest, bound};
    }

private:
    static constexpr int most_timeouts = 4;

    struct arrival {
        std::size_t count;
        heartbeat::time_point at;
    };

    void prove(heartbeat::time_point now) noexcept { proof_ = {now, late_.total()}; }
    heartbeat::duration lateness_since_proof() const noexcept { return late_.total() - proof_.late; }

    /// How short the timeout of a round can be.
    heartbeat::duration least_timeout() const noexcept {
        auto const& times = settings_.heartbeat;
        return times.adaptive ? std::min(times.least_timeout, times.timeout) : times.timeout;
    }

    /// No verdict comes before.
    heartbeat::time_point least_deadline(heartbeat::time_point last_input) const noexcept {
        if (!settings_.heartbeat.adaptive) return deadline(last_input);
        return proof_.at + settings_.heartbeat.interval + least_timeout();
    }

    /// A verdict comes no later.
    heartbeat::time_point deadline(heartbeat::time_point last_input) const noexcept {
        auto const& times = settings_.heartbeat;
        auto const beat_at = proof_.at + times.interval;
        auto const usual = beat_at + times.timeout;
        if (last_input <= beat_at) return usual;
        return std::max(usual, std::min(last_input + times.timeout, beat_at + most_timeouts * times.timeout));
    }

    verdict& laws_;
    heartbeat::options const& settings_;
    lateness const& late_;
    moment proof_;
    heartbeat::time_point read_at_;
    heartbeat::time_point in_time_;
    std::deque<arrival> unread_;
    std::set<std::uint64_t> asked_;
    std::map<std::uint64_t, moment> answers_;
};
