// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/core/lifecycle.hpp>

#include <array>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <string>

namespace {

using heartbeat::state;
using heartbeat::detail::lifecycle;
using phase = lifecycle::phase;
using event = lifecycle::event;
using action = lifecycle::action;
using enum lifecycle::phase;
using enum lifecycle::event;
using enum lifecycle::action;

constexpr phase all_phases[] = {stopped, queued, connecting, open, draining, closing, waiting, collecting};
constexpr event all_events[] = {start,       turn,  connected, ended_retry, ended_stop,    wait_elapsed,
                                connect_now, close, cancel,    drained,     close_expired, collected};
constexpr char const* phase_names[] = {"stopped",  "queued",  "connecting", "open",
                                       "draining", "closing", "waiting",    "collecting"};
constexpr char const* event_names[] = {"start",      "turn",         "connected",     "ended_retry",
                                       "ended_stop", "wait_elapsed", "connect_now",   "close",
                                       "cancel",     "drained",      "close_expired", "collected"};

struct row {
    phase before;
    event happened;
    action expected;
    phase after;
};

constexpr row table[] = {
    {stopped, start, take_turn, queued},
    {stopped, turn, none, stopped},
    {stopped, connected, none, stopped},
    {stopped, ended_retry, none, stopped},
    {stopped, ended_stop, none, stopped},
    {stopped, wait_elapsed, none, stopped},
    {stopped, connect_now, none, stopped},
    {stopped, close, none, stopped},
    {stopped, cancel, none, stopped},
    {stopped, drained, none, stopped},
    {stopped, close_expired, none, stopped},
    {stopped, collected, none, stopped},

    {queued, start, none, queued},
    {queued, turn, dial, connecting},
    {queued, connected, none, queued},
    {queued, ended_retry, none, queued},
    {queued, ended_stop, none, queued},
    {queued, wait_elapsed, none, queued},
    {queued, connect_now, none, queued},
    {queued, close, collect, collecting},
    {queued, cancel, collect, collecting},
    {queued, drained, none, queued},
    {queued, close_expired, none, queued},
    {queued, collected, none, queued},

    {connecting, start, none, connecting},
    {connecting, turn, none, connecting},
    {connecting, connected, announce, open},
    {connecting, ended_retry, wait, waiting},
    {connecting, ended_stop, collect, collecting},
    {connecting, wait_elapsed, none, connecting},
    {connecting, connect_now, none, connecting},
    {connecting, close, cut, collecting},
    {connecting, cancel, cut, collecting},
    {connecting, drained, none, connecting},
    {connecting, close_expired, none, connecting},
    {connecting, collected, none, connecting},

    {open, start, none, open},
    {open, turn, none, open},
    {open, connected, none, open},
    {open, ended_retry, wait, waiting},
    {open, ended_stop, collect, collecting},
    {open, wait_elapsed, none, open},
    {open, connect_now, none, open},
    {open, close, drain, draining},
    {open, cancel, cut, collecting},
    {open, drained, none, open},
    {open, close_expired, none, open},
    {open, collected, none, open},

    {draining, start, none, draining},
    {draining, turn, none, draining},
    {draining, connected, none, draining},
    {draining, ended_retry, collect, collecting},
    {draining, ended_stop, collect, collecting},
    {draining, wait_elapsed, none, draining},
    {draining, connect_now, none, draining},
    {draining, close, none, draining},
    {draining, cancel, cut, collecting},
    {draining, drained, send_close, closing},
    {draining, close_expired, cut, collecting},
    {draining, collected, none, draining},

    {closing, start, none, closing},
    {closing, turn, none, closing},
    {closing, connected, none, closing},
    {closing, ended_retry, collect, collecting},
    {closing, ended_stop, collect, collecting},
    {closing, wait_elapsed, none, closing},
    {closing, connect_now, none, closing},
    {closing, close, none, closing},
    {closing, cancel, cut, collecting},
    {closing, drained, none, closing},
    {closing, close_expired, cut, collecting},
    {closing, collected, none, closing},

    {waiting, start, none, waiting},
    {waiting, turn, none, waiting},
    {waiting, connected, none, waiting},
    {waiting, ended_retry, none, waiting},
    {waiting, ended_stop, none, waiting},
    {waiting, wait_elapsed, take_turn, queued},
    {waiting, connect_now, take_turn, queued},
    {waiting, close, collect, collecting},
    {waiting, cancel, collect, collecting},
    {waiting, drained, none, waiting},
    {waiting, close_expired, none, waiting},
    {waiting, collected, none, waiting},

    {collecting, start, none, collecting},
    {collecting, turn, none, collecting},
    {collecting, connected, none, collecting},
    {collecting, ended_retry, none, collecting},
    {collecting, ended_stop, none, collecting},
    {collecting, wait_elapsed, none, collecting},
    {collecting, connect_now, none, collecting},
    {collecting, close, none, collecting},
    {collecting, cancel, none, collecting},
    {collecting, drained, none, collecting},
    {collecting, close_expired, none, collecting},
    {collecting, collected, finish, stopped},
};

constexpr bool complete() {
    std::size_t index = 0;
    for (phase const before : all_phases)
        for (event const happened : all_events) {
            if (table[index].before != before || table[index].happened != happened) return false;
            ++index;
        }
    return index == std::size(table);
}
static_assert(complete(), "one row for every phase and event");

constexpr state seen_by_users(phase now) {
    switch (now) {
        case stopped: return state::stopped;
        case queued: return state::connecting;
        case connecting: return state::connecting;
        case open: return state::open;
        case waiting: return state::waiting;
        case draining: return state::closing;
        case closing: return state::closing;
        case collecting: return state::closing;
    }
    return state::stopped;
}

lifecycle after(std::initializer_list<event> events) {
    lifecycle machine;
    for (event const each : events) static_cast<void>(machine.resume(each));
    return machine;
}

lifecycle in(phase wanted) {
    switch (wanted) {
        case stopped: break;
        case queued: return after({start});
        case connecting: return after({start, turn});
        case open: return after({start, turn, connected});
        case draining: return after({start, turn, connected, close});
        case closing: return after({start, turn, connected, close, drained});
        case waiting: return after({start, turn, ended_retry});
        case collecting: return after({start, cancel});
    }
    return {};
}

TEST_CASE("every event in every phase has the action, the next phase and the visible state of the table") {
    for (auto const& row : table) {
        CAPTURE(phase_names[static_cast<std::size_t>(row.before)]);
        CAPTURE(event_names[static_cast<std::size_t>(row.happened)]);
        auto machine = in(row.before);
        REQUIRE(machine.now() == row.before);
        CHECK(machine.visible() == seen_by_users(row.before));
        CHECK(machine.resume(row.happened) == row.expected);
        CHECK(machine.now() == row.after);
        CHECK(machine.visible() == seen_by_users(row.after));
    }
}

/// Feeds every sequence of events of this length, after a start, to a machine and to a copy of the property.
template <class Property>
class walk {
public:
    explicit walk(Property const& property) {
        Property first = property;
        lifecycle machine;
        step(first, machine, start);
        extend(first, machine);
    }

private:
    static constexpr std::size_t longest = 7;

    void extend(Property const& property, lifecycle const& machine) {
        if (length_ == longest) return;
        for (event const each : all_events) {
            Property next_property = property;
            lifecycle next = machine;
            step(next_property, next, each);
            extend(next_property, next);
            --length_;
        }
    }

    void step(Property& property, lifecycle& machine, event happened) {
        path_[length_++] = happened;
        phase const before = machine.now();
        action const what = machine.resume(happened);
        if (property.holds(before, happened, what, machine)) return;
        std::string text;
        for (std::size_t index = 0; index < length_; ++index)
            text += std::string(" ") + event_names[static_cast<std::size_t>(path_[index])];
        FAIL("does not hold after" << text);
    }

    std::array<event, longest> path_{};
    std::size_t length_ = 0;
};

TEST_CASE("an event without an action changes nothing, and one with an action changes the phase") {
    struct property {
        bool holds(phase before, event, action what, lifecycle const& machine) const {
            return (what == none) == (machine.now() == before);
        }
    };
    walk{property{}};
}

TEST_CASE("a link is dialled once, announced at most once, and ends before the next dial") {
    struct property {
        enum { no_link, dialled, announced } link = no_link;

        bool holds(phase, event happened, action what, lifecycle const&) {
            if (what == dial && link != no_link) return false;
            if (what == announce && link != dialled) return false;
            bool const ended = happened == ended_retry || happened == ended_stop;
            if (what == dial) link = dialled;
            if (what == announce) link = announced;
            if (what == cut || (ended && what != none)) link = no_link;
            return what != finish || link == no_link;
        }
    };
    walk{property{}};
}

TEST_CASE("one loss starts one wait") {
    struct property {
        bool may_be_lost = false;

        bool holds(phase, event happened, action what, lifecycle const&) {
            if (what == wait && (happened != ended_retry || !may_be_lost)) return false;
            if (what == dial) may_be_lost = true;
            if (what == wait || what == collect || what == cut) may_be_lost = false;
            return true;
        }
    };
    walk{property{}};
}

TEST_CASE("after a close or a cancel nothing is dialled, announced or waited for until the next start") {
    struct property {
        bool deliberate = false;

        bool holds(phase before, event happened, action what, lifecycle const&) {
            if (before == stopped) deliberate = false;
            if (before != stopped && (happened == close || happened == cancel)) deliberate = true;
            return !deliberate || (what != take_turn && what != dial && what != announce && what != wait);
        }
    };
    walk{property{}};
}

TEST_CASE("a run that was told to end finishes once, when its close has expired and all is collected") {
    struct property {
        bool told = false;

        bool holds(phase before, event happened, action what, lifecycle machine) {
            if (before != stopped && (happened == close || happened == cancel)) told = true;
            if (happened == ended_stop && what != none) told = true;
            if (what == finish && !told) return false;
            if (what == finish) told = false;
            if (!told) return true;
            static_cast<void>(machine.resume(close_expired));
            return machine.resume(collected) == finish && machine.now() == stopped &&
                   machine.resume(collected) == none && machine.resume(close_expired) == none;
        }
    };
    walk{property{}};
}

TEST_CASE("connect_now replaces a wait and nothing else") {
    struct property {
        bool holds(phase before, event happened, action what, lifecycle const&) const {
            return happened != connect_now || what == (before == waiting ? take_turn : none);
        }
    };
    walk{property{}};
}

TEST_CASE("each dial has a turn of its own") {
    struct property {
        bool has_turn = false;

        bool holds(phase, event happened, action what, lifecycle const&) {
            if (what == dial && (happened != turn || !has_turn)) return false;
            has_turn = what == take_turn || (has_turn && what == none);
            return true;
        }
    };
    walk{property{}};
}

TEST_CASE("a wait that has ended and one that was replaced dial once together") {
    auto machine = in(waiting);
    CHECK(machine.resume(connect_now) == take_turn);
    CHECK(machine.resume(wait_elapsed) == none);
    CHECK(machine.resume(turn) == dial);
    machine = in(waiting);
    CHECK(machine.resume(wait_elapsed) == take_turn);
    CHECK(machine.resume(connect_now) == none);
    CHECK(machine.resume(turn) == dial);
}

}  // namespace
