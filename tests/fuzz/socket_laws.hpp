// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../hostile/frames.hpp"
#include "script.hpp"

#include <heartbeat/core/utf8.hpp>
#include <heartbeat/events.hpp>
#include <heartbeat/options.hpp>
#include <heartbeat/stats.hpp>
#include <heartbeat/testing/manual_clock.hpp>
#include <heartbeat/testing/network_conditions.hpp>
#include <heartbeat/verdict.hpp>

#include <boost/system/error_code.hpp>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>

/// What a socket promises whatever its server, its network and its application do.
class laws {
public:
    laws(heartbeat::options const& settings, heartbeat::manual_clock const& clock)
        : settings_(settings), clock_(clock) {}

    // ---- Runs.

    void run_begins() {
        ++runs_;
        excused = true;
    }
    void run_ended(boost::system::error_code) { --runs_; }
    void destroyed() { destroyed_ = true; }

    // ---- Events.

    void note(heartbeat::opened const& event) {
        note_event();
        require(!open_, "a link is closed before another is opened");
        require(event.session == ++session_, "sessions are counted");
        open_ = true;
        heard_ = clock_.now();
    }
    void note(heartbeat::closed const& event) {
        note_event();
        require(std::exchange(open_, false), "what is closed was open");
        require(event.session == session_, "the open link is the one that is closed");
        attempt_ended_ = clock_.now();
    }
    void note(heartbeat::attempt_failed const&) {
        note_event();
        require(!open_, "nothing is attempted while a link is open");
        attempt_ended_ = clock_.now();
    }
    void note(heartbeat::state_changed const& event) {
        note_event();
        require(event.from == state_, "each state begins where the last ended");
        require(event.from != event.to, "a change changes something");
        state_ = event.to;
    }
    void note(heartbeat::waiting const& event) {
        note_event();
        auto const& retry = settings_.reconnect;
        auto const asked = heartbeat::standard_verdict(event.cause, retry.max_delay);
        auto const longest = std::max({retry.max_delay, asked.least + asked.spread, asked.nominal});
        auto const shortest = std::max({retry.delay / 2, asked.least, asked.nominal / 2});
        require(event.delay >= shortest && event.delay <= longest, "delays are in range");
    }
    void note(heartbeat::stopped const&) {
        note_event();
        require(!open_, "no link is open when a run has ended");
    }
    void note(heartbeat::message const& content) {
        note_event();
        require(open_, "messages come from an open link");
        require(content.size() <= settings_.limits.message_bytes, "messages are within the limit");
        require(content.is_binary() || heartbeat::detail::is_valid_utf8(content.text()), "text is UTF-8");
    }
    void note(heartbeat::beat const& event) {
        note_event();
        heard_ = clock_.now();
        require(open_ && event.round_trip >= heartbeat::duration{}, "beats are answered on an open link");
    }
    void note(heartbeat::undelivered const& event) {
        require(!destroyed_, "no slot starts after destruction");
        require(!event.outcome, "what was written is not reported");
    }
    template <class Event>
    void note(Event const&) {
        require(!destroyed_, "no slot starts after destruction");
    }

    // ---- The network.

    void note(heartbeat::network_event const& event) {
        using kind = heartbeat::network_event::kind;
        auto const now = clock_.now();
        bool const here = event.end == heartbeat::network_end::client;
        if (here && (event.what == kind::arrived || event.what == kind::read)) heard_ = now;
        if (here && event.what == kind::arrived) said_ += event.bytes;
        if (event.what != kind::dial) return;
        said_.clear();
        require(std::exchange(excused, false) || now - attempt_ended_ >= settings_.reconnect.delay / 2,
                "there is a delay before each dial");
    }
    void note(frames::received const& frame) {
        if (frame.operation != frames::text && frame.operation != frames::binary) return;
        if (!frame.payload.starts_with('#')) return;
        auto const number = frame.payload.substr(0, frame.payload.find('#', 1));
        require(arrived_.insert(number).second, "no message is sent twice");
    }

    // ---- States.

    void check(heartbeat::state state, heartbeat::stats const& figures) {
        auto const& limits = settings_.limits;
        require(
            figures.outbox_messages <= limits.outbox_messages && figures.outbox_bytes <= limits.outbox_bytes,
            "the outbox is bounded");
        auto const now = clock_.now();
        auto const& heart = settings_.heartbeat;
        if (figures.reading_paused) heard_ = now;
        if (state != heartbeat::state::open || heart.interval == heartbeat::duration{}) return;
        // What has arrived, and is read or handled late, may move the deadline, to at most four timeouts.
        bool const only_upgrades = said_.find("\r\n\r\n") + 4 == said_.size();
        auto const patience = only_upgrades ? heart.timeout : 4 * heart.timeout;
        require(now <= heard_ + heart.interval + patience, "a silent peer is noticed in time");
    }
    void check_stopped() const {
        require(runs_ == 0, "each run that began has completed");
        require(!open_, "each link that was opened is closed");
    }

    /// The next dial was asked for.
    bool excused = false;

private:
    void note_event() const {
        require(!destroyed_, "no slot starts after destruction");
        require(runs_ > 0, "nothing happens outside of a run");
    }

    heartbeat::options const& settings_;
    heartbeat::manual_clock const& clock_;
    int runs_ = 0;
    bool destroyed_ = false;
    bool open_ = false;
    std::uint64_t session_ = 0;
    heartbeat::state state_ = heartbeat::state::stopped;
    heartbeat::time_point heard_ = {};
    /// What has arrived since the dial.
    std::string said_ = {};
    heartbeat::time_point attempt_ended_ = {};
    std::set<std::string> arrived_ = {};
};
