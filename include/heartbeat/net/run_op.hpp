// SPDX-License-Identifier: BSL-1.0
#pragma once

// A run: from `async_run` to its completion. The lifecycle decides; this carries out.

#include <heartbeat/net/connection.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>

namespace heartbeat::detail {

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::start(std::uint64_t ticket, completion<error_code> done) {
    bool const stopped = lifecycle_.now() == phase::stopped;
    {
        std::lock_guard const lock(outbox_mutex_);
        --starts_requested_;
        // Whoever asked for this run may have begun to send already.
        if (!stopped && ending_.cause != errc{} && starts_requested_ == 0) outbox_.close();
    }
    if (orphaned_) return done(asio::error::operation_aborted);
    if (!stopped) return done(errc::already_running);
    run_ = std::move(done);
    run_ticket_ = ticket;
    run_ended_ = false;
    ending_ = {};
    attempts_ = 0;
    coming_wait_ = {};
    current_ = {settings_.url, settings_.request, settings_.tls};
    renewal_.reset();
    backoff_.reset();
    linked_before_ = false;
    outage_began_ = time();
    earlier_outages_ = {};
    went_down(outage_began_);
    feed(lifecycle::event::start);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::close(std::uint64_t ticket, completion<error_code> done) {
    if (lifecycle_.now() == phase::stopped) {
        drop_messages(errc::closed);
        return done({});
    }
    closes_.emplace_back(ticket, std::move(done));
    if (ending_.cause == errc{}) ending_.cause = errc::closed;
    feed(lifecycle::event::close);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::cancel_close(std::uint64_t ticket) {
    // Not a run that was started after the one that it closed.
    auto const is_it = [ticket](auto const& closing) { return closing.first == ticket; };
    if (std::ranges::any_of(closes_, is_it)) cancel();
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::cancel() {
    if (lifecycle_.now() != phase::stopped) ending_ = {.cause = errc::cancelled};
    feed(lifecycle::event::cancel);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::cancel_run(std::uint64_t ticket) {
    if (ticket == run_ticket_) cancel();
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::orphan() {
    orphaned_ = true;
    {
        std::lock_guard const lock(outbox_mutex_);
        refuses_for_good_ = true;
        outbox_.close();
    }
    cancel();
    // Without a run there is nobody left who would complete these.
    if (lifecycle_.now() != phase::stopped) return;
    drop_messages(errc::cancelled);
    fail_waits(asio::error::operation_aborted);
}

template <class Protocol, class Stream, class Clock>
lifecycle::action connection<Protocol, Stream, Clock>::advance(lifecycle::event happened) {
    auto const before = lifecycle_.visible();
    auto const what = lifecycle_.resume(happened);
    auto const after = lifecycle_.visible();
    if (before != after) {
        state_.store(after, std::memory_order_release);
        emit(state_changed{before, after});
    }
    return what;
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::perform(lifecycle::action what) {
    using action = lifecycle::action;
    switch (what) {
        case action::none: return;
        case action::take_turn: return take_turn();
        case action::dial: return begin_attempt();
        case action::announce: return begin_session();
        case action::wait: return begin_wait();
        case action::drain: return begin_drain();
        case action::send_close: return begin_close();
        case action::cut: return cut_link();
        case action::collect: return collect();
        case action::finish: return finish();
    }
}

/// Ends a link without a word.
template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::retire(link_type& ending, errc cause) {
    ending.ended = true;
    ending.race.stop();
    ending.race_timer.timer.cancel();
    ending.monitor.stop();
    ending.heart.timer.cancel();
    disarm_deadline(ending);
    ending.websocket.next_layer().end(end_after(cause));
    for (auto* const stop : {&ending.stop_reading, &ending.stop_writing, &ending.stop_closing})
        stop->emit(asio::cancellation_type::terminal);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::end(link_type& ending, reason why) {
    if (ending.ended) return;
    if (!ending.opened && ending_.cause == errc{}) {
        try {
            addresses_.attempt_failed(ending.addresses, ending.race.tried(), ending.remote);
        } catch (...) {
            // For want of memory nothing is learnt.
        }
    }
    retire(ending, why.cause);
    auto const link = std::exchange(link_, nullptr);  // keeps it until the end of this function
    if (end_after(why.cause) == connection_end::reset_when_connected_again) abandoned_ = link;
    give_back(ending);
    // Else its completion does.
    if (!ending.writing) {
        settle_gathered(ending, {delivery::unknown, errc::connection_lost});
        settle_unfinished(ending);
    }
    if (ending.paused) count([](stats& all) { all.reading_paused = false; });

    auto const now = time();
    auto const next = advance(judge(&ending, why, now));
    if (ending.opened) {
        emit(closed{ending.session, std::move(why), now - ending.opened_at});
    } else if (ending_.cause != errc::closed && ending_.cause != errc::cancelled) {
        emit(attempt_failed{attempts_, std::move(why)});
    }
    perform(next);
}

/// How far an attempt came; null for one that could not even be begun.
template <class Link>
renewal::ended how_far(Link const* ending) noexcept {
    bool const began = ending != nullptr && ending->steps.now() != attempt_step::prepare;
    if (!began) return renewal::ended::unprepared;
    return ending->opened ? renewal::ended::link : renewal::ended::attempt;
}

template <class Protocol, class Stream, class Clock>
lifecycle::event connection<Protocol, Stream, Clock>::judge(link_type const* ending, reason const& why,
                                                            time_point now) {
    if (ending != nullptr && ending->opened) {
        went_down(now);
        if (now - ending->opened_at >= settings_.reconnect.stable_after) {
            attempts_ = 0;
            backoff_.reset();
            earlier_outages_ = {};
        }
        outage_began_ = now;
    }
    // What `judge` refers to may be gone with the socket.
    if (gone() && ending_.cause == errc{}) ending_.cause = errc::cancelled;
    if (ending_.cause != errc{}) return lifecycle::event::ended_stop;
    bool const elsewhere = ending != nullptr && !ending->opened && ending->race.leaves_others();
    auto const judged =
        guarded([&] { return retry_policy_.judge(why, elsewhere); }, retry_policy_.standard(why, elsewhere));
    auto const ended = how_far(ending);
    bool const asks = judged.what == verdict::refresh && can_refresh();
    auto const drawn = backoff_.next(random_, judged.least, judged.spread, judged.nominal);
    bool const at_once = renewal_.next(ended, asks) == renewal::pace::at_once;
    auto const delay = at_once ? backoff_.at_least(random_, judged.least, judged.spread) : drawn;
    auto const elapsed = earlier_outages_ + (now - outage_began_) + delay;
    auto const decision =
        retry_policy_.decide(why, judged, {attempts_, elapsed, can_refresh(), renewal_.in_vain(ended, asks)});
    if (decision.retry) {
        renewal_.retry(ended, decision.refresh);
        coming_wait_ = {attempts_ + 1, delay, why};
        return lifecycle::event::ended_retry;
    }
    ending_ = why;
    if (decision.cause != why.cause) {
        ending_.cause = decision.cause;
        ending_.evidence = why.cause;
    }
    return lifecycle::event::ended_stop;
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::cut_link() {
    // There is none if the socket was gone before the dial.
    if (link_) {
        bool const late = ending_.cause == errc::closed && link_->opened;
        end(*link_, {.cause = late ? errc::close_timeout : ending_.cause});
    }
    collect();
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::collect() {
    give_turn_back();
    stop_waiting();
    if (outstanding_ == 0) feed(lifecycle::event::collected);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::leave() {
    if (--outstanding_ == 0 && lifecycle_.now() == phase::collecting) feed(lifecycle::event::collected);
}

/// Drops what is queued and accepts nothing more, except for a run that was asked for already.
template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::drop_messages(errc cause) {
    std::vector<message_queue::entry> left;
    {
        std::lock_guard const lock(outbox_mutex_);
        bool const last = starts_requested_ == 0 || refuses_for_good_;
        if (last) outbox_.close();
        left = last ? outbox_.clear() : outbox_.clear(earlier_messages_);
    }
    for (auto& entry : left) tell(std::move(entry), {delivery::dropped, cause});
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::finish() {
    abandoned_.reset();
    drop_messages(ending_.cause);
    run_ended_ = true;
    went_up(time());
    emit(stopped{ending_});

    bool const cancelled = ending_.cause == errc::cancelled;
    error_code const aborted = asio::error::operation_aborted;
    fail_waits(cancelled ? aborted : errc::stopped);
    for (auto& [ticket, done] : std::exchange(closes_, {})) done({});
    auto done = std::exchange(run_, {});
    done(cancelled ? aborted : ending_.cause == errc::closed ? error_code{} : ending_.cause);
}

}  // namespace heartbeat::detail
