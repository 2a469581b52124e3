// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/state.hpp>

namespace heartbeat::detail {

/// The state machine of a run: which of the socket's few great steps comes next. Pure; the operations in net/
/// report events and carry out actions.
class lifecycle {
public:
    /// The states, finer than the public ones where an ending has steps of its own.
    enum class phase {
        stopped,
        /// Waiting for its turn to dial.
        queued,
        connecting,
        open,
        /// Ending on purpose: the outbox leaves first.
        draining,
        /// Ending on purpose: the close handshake is under way.
        closing,
        waiting,
        /// The link is over; outstanding operations are still completing.
        collecting,
    };

    enum class event {
        /// The user starts a run.
        start,
        /// The turn to dial has come.
        turn,
        /// The attempt has an open websocket.
        connected,
        /// The attempt failed or the link ended, and the policy says to try again.
        ended_retry,
        /// The attempt failed or the link ended, and the policy says to stop.
        ended_stop,
        /// The delay is over.
        wait_elapsed,
        /// The user does not want to wait.
        connect_now,
        /// The user wants a graceful end.
        close,
        /// The user wants an immediate end, or destroyed the socket.
        cancel,
        /// While draining: nothing is left to write.
        drained,
        /// The graceful end takes too long.
        close_expired,
        /// No operation is outstanding any more.
        collected,
    };

    enum class action {
        /// Nothing; the event means nothing in this phase.
        none,
        /// Ask for a turn to dial; `turn` follows, at once where nobody else dials.
        take_turn,
        /// Begin an attempt.
        dial,
        /// Emit `opened`, then begin to read, write and beat.
        announce,
        /// Begin to wait out the delay.
        wait,
        /// Refuse new messages and write those that are queued; `drained` or `close_expired` follows.
        drain,
        /// Send a Close frame; the end of the link or `close_expired` follows.
        send_close,
        /// End the attempt or link at once; its end, which follows, is not reported again here.
        cut,
        /// Stop waiting for the delay, for the turn, which others may have, or for nothing; report
        /// `collected` when no operation is outstanding.
        collect,
        /// Emit `stopped` and complete whatever still waits, `async_run` last.
        finish,
    };

    constexpr action resume(event happened) noexcept {
        switch (phase_) {
            case phase::stopped: return when_stopped(happened);
            case phase::queued: return when_queued(happened);
            case phase::connecting: return when_connecting(happened);
            case phase::open: return when_open(happened);
            case phase::draining: return when_draining(happened);
            case phase::closing: return when_closing(happened);
            case phase::waiting: return when_waiting(happened);
            case phase::collecting: return when_collecting(happened);
        }
        return action::none;
    }

    constexpr phase now() const noexcept { return phase_; }

    /// The phase as users see it.
    constexpr state visible() const noexcept {
        switch (phase_) {
            case phase::stopped: return state::stopped;
            case phase::queued:
            case phase::connecting: return state::connecting;
            case phase::open: return state::open;
            case phase::waiting: return state::waiting;
            case phase::draining:
            case phase::closing:
            case phase::collecting: return state::closing;
        }
        return state::stopped;
    }

private:
    constexpr action go(phase next, action what) noexcept {
        phase_ = next;
        return what;
    }

    constexpr action when_stopped(event happened) noexcept {
        return happened == event::start ? go(phase::queued, action::take_turn) : action::none;
    }

    constexpr action when_queued(event happened) noexcept {
        switch (happened) {
            case event::turn: return go(phase::connecting, action::dial);
            case event::close:
            case event::cancel: return go(phase::collecting, action::collect);
            default: return action::none;
        }
    }

    constexpr action when_connecting(event happened) noexcept {
        switch (happened) {
            case event::connected: return go(phase::open, action::announce);
            case event::ended_retry: return go(phase::waiting, action::wait);
            case event::ended_stop: return go(phase::collecting, action::collect);
            case event::close:
            case event::cancel: return go(phase::collecting, action::cut);
            default: return action::none;
        }
    }

    constexpr action when_open(event happened) noexcept {
        switch (happened) {
            case event::ended_retry: return go(phase::waiting, action::wait);
            case event::ended_stop: return go(phase::collecting, action::collect);
            case event::close: return go(phase::draining, action::drain);
            case event::cancel: return go(phase::collecting, action::cut);
            default: return action::none;
        }
    }

    constexpr action when_draining(event happened) noexcept {
        return happened == event::drained ? go(phase::closing, action::send_close) : when_closing(happened);
    }

    constexpr action when_closing(event happened) noexcept {
        switch (happened) {
            case event::ended_retry:
            case event::ended_stop: return go(phase::collecting, action::collect);
            case event::cancel:
            case event::close_expired: return go(phase::collecting, action::cut);
            default: return action::none;
        }
    }

    constexpr action when_waiting(event happened) noexcept {
        switch (happened) {
            case event::wait_elapsed:
            case event::connect_now: return go(phase::queued, action::take_turn);
            case event::close:
            case event::cancel: return go(phase::collecting, action::collect);
            default: return action::none;
        }
    }

    constexpr action when_collecting(event happened) noexcept {
        return happened == event::collected ? go(phase::stopped, action::finish) : action::none;
    }

    phase phase_ = phase::stopped;
};

}  // namespace heartbeat::detail
