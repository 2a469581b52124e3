// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "tally.hpp"

#include <cstddef>
#include <cstdint>

namespace exploration {

/// All sequences of events of the lifecycle, also those that no operation would report. What is carried out
/// is followed by nothing but the meaning of the actions.
class every_run {
public:
    explicit every_run(int depth) { follow({}, {}, depth); }

    std::uint64_t sequences = 0;
    pairs<8, 12> hit{};

private:
    using phase = lifecycle::phase;
    using event = lifecycle::event;
    using action = lifecycle::action;

    /// What an observer of the actions knows.
    struct world {
        bool running = false;
        bool queued = false;
        bool attempting = false;
        bool open = false;
        bool waiting = false;
        bool ending = false;
        bool collecting = false;
    };

    static void require(bool holds, int law, char const* what) {
        if (!holds) throw violation{law, what};
    }

    static bool is_ending(event happened) { return happened == event::close || happened == event::cancel; }

    void follow(lifecycle const& before, world const& seen, int depth) {
        ++sequences;
        if (depth == 0) return;
        for (std::size_t index = 0; index < event_names.size(); ++index) {
            auto const happened = static_cast<event>(index);
            lifecycle after = before;
            ++hit[static_cast<std::size_t>(before.now())][index];
            auto const what = after.resume(happened);
            follow(after, next(seen, happened, what, after), depth - 1);
        }
    }

    static world next(world now, event happened, action what, lifecycle const& after) {
        world const before = now;
        bool const has_link = now.attempting || now.open;
        bool const lost = happened == event::ended_retry || happened == event::ended_stop;
        if (now.running && is_ending(happened)) now.ending = true;
        if (lost) now.attempting = now.open = false;
        if (happened == event::ended_stop && has_link) now.ending = true;
        switch (what) {
            case action::none: break;
            case action::take_turn:
                require(!has_link && !now.queued, 1, "a turn is taken while there is a link or an attempt");
                require(!now.ending, 4, "a turn is taken after the end was asked for");
                require(now.waiting || happened == event::start, 10, "a turn is taken without a delay");
                now.running = now.queued = true;
                now.waiting = false;
                break;
            case action::dial:
                require(!has_link, 1, "a dial while there is a link or an attempt");
                require(!now.ending, 4, "a dial after the end was asked for");
                require(now.queued && happened == event::turn, 10, "a dial out of turn");
                now.attempting = true;
                now.queued = false;
                break;
            case action::announce:
                require(now.attempting && !now.ending, 3, "a link opens out of turn");
                now.attempting = false;
                now.open = true;
                break;
            case action::wait:
                require(lost && has_link && !now.waiting, 3, "a wait without a loss");
                require(!now.ending, 4, "a wait after the end was asked for");
                now.waiting = true;
                break;
            case action::drain:
                require(now.open && happened == event::close, 4, "draining out of turn");
                break;
            case action::send_close:
                require(now.open && happened == event::drained, 4, "a Close frame out of turn");
                break;
            case action::cut:
                require(has_link, 5, "nothing to cut");
                now.attempting = now.open = false;
                now.collecting = now.ending = true;
                break;
            case action::collect:
                require(!now.attempting && !now.open, 5, "a link is left over");
                require(now.ending, 5, "an end that nobody asked for");
                now.waiting = now.queued = false;
                now.collecting = true;
                break;
            case action::finish:
                require(before.running && now.collecting && happened == event::collected, 5,
                        "a run ends out of turn");
                now = {};
                break;
        }
        check(before, now, happened, what, after);
        return now;
    }

    static void check(world const& before, world const& now, event happened, action what,
                      lifecycle const& after) {
        using heartbeat::state;
        require((after.visible() == state::stopped) == !now.running, 5,
                "stopped does not mean that there is no run");
        require((after.visible() == state::waiting) == now.waiting, 3,
                "waiting does not mean that there is a wait");
        require((after.visible() == state::connecting) == (now.attempting || now.queued), 3,
                "connecting does not mean that there is an attempt");
        require(after.visible() != state::open || (now.open && !now.ending), 3, "open without a link");
        // Nothing may swallow an event for which the run waits, or it would wait for ever.
        require(!(before.attempting && happened == event::connected && !before.ending) || now.open, 9,
                "a link is not announced");
        bool const lost = happened == event::ended_retry || happened == event::ended_stop;
        require(!(lost && (before.open || before.attempting)) || now.waiting || now.collecting, 5,
                "a loss is ignored");
        require(!(before.queued && happened == event::turn) || what == action::dial, 9, "a turn is ignored");
        require(!(before.waiting && happened == event::wait_elapsed) || what == action::take_turn, 9,
                "the end of a wait is ignored");
        require(!(before.waiting && happened == event::connect_now) || what == action::take_turn, 9,
                "connect_now is ignored");
        require(!(before.running && happened == event::cancel) || now.collecting, 5, "a cancel is ignored");
        require(!(before.running && happened == event::close) || now.collecting || now.open, 5,
                "a close is ignored");
        require(!(before.open && !before.ending && happened == event::close) || what == action::drain, 4,
                "a close does not drain");
        require(!(before.collecting && happened == event::collected) || !now.running, 5,
                "the end of a run is ignored");
        bool const graceful = before.open && before.ending;
        require(!(graceful && happened == event::close_expired) || now.collecting, 5,
                "the deadline of a close is ignored");
        require(before.running || happened == event::start || what == action::none, 4,
                "something happens without a run");
        require(before.running || happened != event::start || what == action::take_turn, 9,
                "a start is ignored");
    }
};

}  // namespace exploration
