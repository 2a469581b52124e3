// SPDX-License-Identifier: BSL-1.0
#pragma once

// The heart: one timer that follows the monitor.

#include <heartbeat/net/connection.hpp>

#include <algorithm>
#include <utility>

namespace heartbeat::detail {

/// Does what is due when the heart's timer expires.
template <class Connection>
struct beat_op : operation<Connection> {
    using operation<Connection>::self;
    using operation<Connection>::at;

    std::uint64_t number = 0;

    void operator()(error_code) {
        auto& link = *at;
        // A timer that was armed anew has another number, even if the old wait expired first.
        if (!link.ended && number == link.heart.number) self->beat(link);
        self->leave();
    }
};

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::arm_heart(link_type& at) {
    ++at.heart.number;
    at.heart.due = at.monitor.due();
    if (at.heart.due == time_point::max()) {
        at.heart.timer.cancel();
        return;
    }
    enter();
    at.heart.timer.expires_at(at.heart.due);
    at.heart.timer.async_wait(
        beat_op<connection>{{this->shared_from_this(), at.shared_from_this()}, at.heart.number});
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::rearm_heart(link_type& at) {
    // A timer that fires early looks at the monitor and sleeps on, so only an earlier time matters.
    if (!at.ended && at.opened && at.monitor.due() < at.heart.due) arm_heart(at);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::beat(link_type& at) {
    using enum heartbeat_monitor::action;
    note_delay(time() - at.heart.due);
    for (;;) {
        auto const now = time();
        switch (at.monitor.resume(now)) {
            case look_again: at.monitor.unread(at.websocket.next_layer().unread(), now); return arm_heart(at);
            case sleep: return arm_heart(at);
            case send_beat: request_beat(at); break;
            case suspect:
                request_beat(at);
                emit(suspected{at.session, at.monitor.silence(now)});
                break;
            case declare_dead: {
                // Unless the link was about to end, for a reason that is known.
                auto why = explain(at, errc::heartbeat_timeout);
                if (why.cause == errc::heartbeat_timeout) why.silence = at.monitor.silence(now);
                return end(at, std::move(why));
            }
        }
    }
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::request_beat(link_type& at) {
    at.beat_due = true;
    write(at);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::answered(link_type& at, std::uint64_t id) {
    auto const elapsed = at.monitor.answered(id, time());
    if (!elapsed) return;
    {
        std::lock_guard const lock(stats_mutex_);
        ++stats_.beats_answered;
        round_trip_.add(*elapsed);
    }
    rearm_heart(at);
    emit(heartbeat::beat{id, *elapsed});
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::proved(link_type& at) {
    at.monitor.prove(time());
    rearm_heart(at);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::note_delay(duration late) {
    count([late](stats& all) { all.longest_delay = std::max(all.longest_delay, late); });
}

}  // namespace heartbeat::detail
