// SPDX-License-Identifier: BSL-1.0
#pragma once

// What lies between the end of an attempt and the next: the delay, and the turn to dial.

#include <heartbeat/net/connection.hpp>

namespace heartbeat::detail {

/// Waits out the delay before the next attempt, or for the turn to make it.
template <class Connection>
struct wait_op {
    using executor_type = asio::any_io_executor;

    std::shared_ptr<Connection> self;
    std::uint64_t number;
    lifecycle::event then;

    executor_type const& get_executor() const noexcept { return self->handler_executor(); }

    void operator()(error_code) {
        // A wait that was replaced has another number, even if its timer expired first.
        self->wait_over(number, then);
        self->leave();
    }
};

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::begin_wait() {
    wait_until(time() + coming_wait_.delay, lifecycle::event::wait_elapsed);
    emit(coming_wait_);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::take_turn() {
    auto const& budget = settings_.reconnect.budget;
    auto const now = time();
    auto const turn = budget ? budget->take(now) : now;
    if (turn > now) {
        turn_ = turn;
        return wait_until(turn, lifecycle::event::turn);
    }
    // A wait that was cut short is over.
    stop_waiting();
    feed(lifecycle::event::turn);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::give_turn_back() {
    if (turn_) settings_.reconnect.budget->give_back(*turn_);
    turn_.reset();
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::wait_until(time_point due, lifecycle::event then) {
    enter();
    wait_timer_.expires_at(due);
    wait_timer_.async_wait(wait_op<connection>{this->shared_from_this(), ++waits_made_, then});
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::wait_over(std::uint64_t number, lifecycle::event then) {
    if (number == waits_made_) feed(then);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::stop_waiting() {
    ++waits_made_;
    wait_timer_.cancel();
}

}  // namespace heartbeat::detail
