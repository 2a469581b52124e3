// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "agenda.hpp"
#include "laws_of_life.hpp"
#include "tally.hpp"

#include <cstdint>

namespace exploration {

/// All that can happen to a heartbeat on a coarse grid of time: in each unit the strand runs or not, and
/// before it, input, an answer to the last beat or to an old one, or another proof is read, or the times
/// change.
class every_heartbeat {
public:
    every_heartbeat(heartbeat::heartbeat_options const& options, int depth) : options_(options) {
        heartbeat_monitor monitor(options_);
        laws_of_life laws(seen, options_);
        laws.new_link();
        monitor.start(time_point{});
        laws.started(time_point{});
        follow(monitor, laws, time_point{}, 1, 1, depth);
    }

    std::uint64_t sequences = 0;
    tally seen;

private:
    static constexpr duration unit{1000};
    enum class act : int {
        nothing,
        input,
        answer,
        earlier_answer,
        prove,
        slow_down,
        switch_off,
        pause,
        number_of
    };

    /// How the strand deals with what is due: at once, one unit late, or one unit late after the last look;
    /// and whether that look finds something.
    enum class pace : int { prompt, late, late_after_look, look_finds, number_of };

    void follow(heartbeat_monitor const& monitor, laws_of_life const& laws, time_point now,
                std::uint64_t next_beat, std::uint64_t first_beat, int depth) {
        ++sequences;
        if (depth == 0) return;
        for (int choice = 0; choice < static_cast<int>(act::number_of); ++choice)
            for (int speed = 0; speed < static_cast<int>(pace::number_of); ++speed) {
                auto heart = monitor;
                auto promises = laws;
                auto const at = now + unit;
                auto beat = next_beat;
                auto first = first_beat;
                // What is due between two points of the grid is late at the second.
                if (heart.due() > now && heart.due() < at) promises.stalled(at - heart.due());
                perform(static_cast<act>(choice), heart, promises, at, beat, first);
                if (speed == static_cast<int>(pace::late)) {
                    if (heart.due() > at) continue;
                    promises.stalled(unit);
                } else if (!resume(static_cast<pace>(speed), heart, promises, at, beat, first)) {
                    continue;
                }
                follow(heart, promises, at, beat, first, depth - 1);
            }
    }

    static void perform(act what, heartbeat_monitor& heart, laws_of_life& laws, time_point at,
                        std::uint64_t beat, std::uint64_t first) {
        auto const answer = [&](std::uint64_t id) { laws.answered(id, at, at, heart.answered(id, at)); };
        switch (what) {
            case act::nothing:
            case act::number_of: break;
            case act::input: heart.input(at), laws.input_read(at); break;
            case act::answer: answer(beat - 1); break;
            case act::earlier_answer: answer(first > 1 ? first - 1 : 999); break;
            case act::prove: heart.prove(at), laws.proved(at); break;
            case act::slow_down: {
                bool const was_off = heart.due() == never;
                heart.negotiate(3 * unit, 4 * unit);
                laws.negotiated(3 * unit, 4 * unit);
                if (was_off) heart.prove(at), laws.proved(at);
                break;
            }
            case act::switch_off:
                heart.negotiate({}, {});
                laws.negotiated({}, {});
                break;
            case act::pause:
                heart.stop(), laws.stopped();
                heart.start(at), laws.started(at);
                break;
        }
    }

    /// False if the peer was declared dead, or if the pace makes no difference.
    static bool resume(pace speed, heartbeat_monitor& heart, laws_of_life& laws, time_point at,
                       std::uint64_t& beat, std::uint64_t& first) {
        int looks = 0;
        for (;;) {
            laws.resumed(at >= heart.due());
            switch (heart.resume(at)) {
                case heartbeat_monitor::action::sleep:
                    laws.sleeps();
                    if (heart.due() <= at) throw violation{7, "it sleeps through what is due"};
                    laws.idle(heart.due());
                    return looks != 0 || speed == pace::prompt;
                case heartbeat_monitor::action::send_beat:
                    laws.round_begins(at);
                    first = beat;
                    heart.sent(beat, at), laws.handed_over(beat++, at);
                    break;
                case heartbeat_monitor::action::suspect:
                    laws.suspected(at);
                    heart.sent(beat, at), laws.handed_over(beat++, at);
                    break;
                case heartbeat_monitor::action::look_again:
                    if (++looks > 3) throw violation{7, "it looks for input for ever"};
                    laws.looks(at, speed == pace::look_finds ? 1 : 0);
                    heart.unread(speed == pace::look_finds ? 1 : 0, at);
                    if (speed != pace::late_after_look) break;
                    laws.stalled(unit);
                    return true;
                case heartbeat_monitor::action::declare_dead:
                    laws.declared_dead(at, heart.silence(at), [](auto const&) {});
                    return false;
            }
        }
    }

    heartbeat::heartbeat_options options_;
};

}  // namespace exploration
