// SPDX-License-Identifier: BSL-1.0
#pragma once

// A link's one deadline: of the step of its attempt, or of its close.

#include <heartbeat/core/attempt.hpp>
#include <heartbeat/net/connection.hpp>

#include <cstdint>

namespace heartbeat::detail {

/// Ends a link whose deadline has passed.
template <class Connection>
struct deadline_op : operation<Connection> {
    using operation<Connection>::self;
    using operation<Connection>::at;

    std::uint64_t number = 0;

    void operator()(error_code) {
        // A deadline that was moved or lifted has another number, even if its timer expired first.
        if (!at->ended && number == at->deadline.number) self->deadline_passed(*at);
        self->leave();
    }
};

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::begin_step(link_type& at) {
    auto const rules = rules_of(at.steps.now());
    auto const step_due = time() + settings_.deadlines.*rules.limit;
    auto const attempt_due = at.began + settings_.deadlines.attempt;
    if (step_due <= attempt_due) {
        arm_deadline(at, step_due, rules.timed_out);
    } else {
        arm_deadline(at, attempt_due, errc::attempt_timeout);
    }
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::arm_deadline(link_type& at, time_point due, errc code) {
    enter();
    at.deadline_code = code;
    at.deadline.due = due;
    at.deadline.timer.expires_at(due);
    at.deadline.timer.async_wait(
        deadline_op<connection>{{this->shared_from_this(), at.shared_from_this()}, ++at.deadline.number});
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::disarm_deadline(link_type& at) {
    ++at.deadline.number;
    at.deadline.timer.cancel();
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::deadline_passed(link_type& at) {
    switch (lifecycle_.now()) {
        // While it connects, what has failed says more than the silence of others.
        case phase::connecting:
            return end(at,
                       explain_attempt(at, at.deadline_code, at.remote ? error_code() : at.race.evidence()));
        case phase::open: return end(at, explain(at, at.deadline_code));
        default: return feed(lifecycle::event::close_expired);
    }
}

}  // namespace heartbeat::detail
