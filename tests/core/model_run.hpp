// SPDX-License-Identifier: BSL-1.0
#pragma once

// A run of the model: what the lifecycle decides.

#include "model.hpp"

namespace exploration {

inline lifecycle::action model::advance(event happened) {
    auto const before = lifecycle_.now();
    counts_.count(before, happened);
    auto const visible = lifecycle_.visible();
    auto const what = lifecycle_.resume(happened);
    trace_.line(now_, phase_names[static_cast<std::size_t>(before)], " + ",
                event_names[static_cast<std::size_t>(happened)], " -> ",
                phase_names[static_cast<std::size_t>(lifecycle_.now())]);
    if (visible != lifecycle_.visible() && lifecycle_.now() != phase::queued) emit();
    return what;
}

inline void model::perform(lifecycle::action what) {
    using action = lifecycle::action;
    switch (what) {
        case action::none: return;
        case action::take_turn: return take_turn();
        case action::dial: return begin_attempt();
        case action::announce: return begin_session(current());
        case action::wait: return begin_wait();
        case action::drain:
            outbox_.close();
            accepting_ = starts_posted_ == 0 ? std::optional(false) : std::nullopt;
            current().monitor->stop();
            life_.stopped();
            current().beat_due = false;
            arm_deadline(current(), now_ + world_.deadlines.close, errc::close_timeout);
            return write(current());
        case action::send_close: return begin_close();
        case action::cut: return cut_link();
        case action::collect: return collect();
        case action::finish: return finish();
    }
}

inline void model::start() {
    --starts_posted_;
    messages_.start_handled();
    if (lifecycle_.now() != phase::stopped) {
        if (ending_ == errc{} || starts_posted_ != 0) return;
        outbox_.close();
        accepting_ = false;
        return;
    }
    accepting_ = true;
    ending_ = {};
    attempts_ = 0;
    renewal_.reset();
    backoff_.reset();
    outage_began_ = now_;
    earlier_outages_ = {};
    runs_.run_starts(now_);
    feed(event::start);
}

inline void model::close() {
    if (lifecycle_.now() == phase::stopped) {
        runs_.asked_while_stopped();
        return drop_messages(errc::closed);
    }
    if (ending_ == errc{}) ending_ = errc::closed;
    runs_.close_requested(now_);
    if (lifecycle_.now() == phase::open) messages_.close_while_open();
    feed(event::close);
}

inline void model::cancel() {
    if (lifecycle_.now() == phase::stopped) {
        runs_.asked_while_stopped();
    } else {
        ending_ = errc::cancelled;
        runs_.cancel_requested(now_);
    }
    feed(event::cancel);
}

inline void model::connect_now() {
    if (lifecycle_.now() == phase::stopped) runs_.asked_while_stopped();
    runs_.connect_now();
    feed(event::connect_now);
}

inline void model::end(link& ending, heartbeat::reason why) {
    if (ending.ended) return;
    if (why.cause == errc::closed_by_peer) why.close_code = ending.close_code;
    trace_.line(now_, "link ", ending.number, " ends: ", to_string(why.cause), ", close code ",
                why.close_code, ", status ", why.http_status, has_retry_after(why) ? ", retry after " : ", ",
                why.retry_after);
    ending.ended = true;
    if (ending.opened) {
        ending.monitor->stop();
        life_.stopped();
    }
    ++ending.deadline_number;
    bool const hangs = random_.chance(50);
    agenda_.hasten(now_, [&](agenda_item const& item) {
        return item.link == ending.number && !(hangs && is_abandoned(item.what));
    });
    link_ = 0;
    if (ending.next && ending.next_cancelled) {
        outbox_.settle(ending.next->content.size());
        tell(*ending.next, {heartbeat::delivery::dropped, errc::cancelled});
    } else if (ending.next) {
        messages_.returned(ending.next->ticket, ending.next->receipt);
        outbox_.put_back(std::move(*ending.next));
    }
    ending.next.reset();
    // Else its completion does.
    if (!ending.writing) settle_gathered(ending, {heartbeat::delivery::unknown, errc::connection_lost});
    auto const next = advance(judge(ending, why));
    if (ending.opened || (ending_ != errc::closed && ending_ != errc::cancelled)) emit();
    perform(next);
}

inline model::event model::judge(link const& ending, heartbeat::reason const& why) {
    using heartbeat::detail::renewal;
    auto const ended = !ending.prepared ? renewal::ended::unprepared
                       : ending.opened  ? renewal::ended::link
                                        : renewal::ended::attempt;
    runs_.ends(now_, ending.opened, ending.prepared);
    if (ending.opened && now_ - ending.opened_at >= world_.reconnect.stable_after) {
        attempts_ = 0;
        backoff_.reset();
        earlier_outages_ = {};
    }
    if (ending.opened) outage_began_ = now_;
    if (ending_ != errc{}) return event::ended_stop;
    auto const judged = retry_policy_.judge(why);
    bool const asks = judged.what == heartbeat::verdict::refresh && world_.can_refresh;
    delay_ = backoff_.next(random_, judged.least, judged.spread, judged.nominal);
    if (renewal_.next(ended, asks) == renewal::pace::at_once)
        delay_ = backoff_.at_least(random_, judged.least, judged.spread);
    wait_cause_ = why;
    judged_at_ = now_;
    auto const elapsed = earlier_outages_ + (now_ - outage_began_) + delay_;
    auto const decision = retry_policy_.decide(
        why, judged, {attempts_, elapsed, world_.can_refresh, renewal_.in_vain(ended, asks)});
    if (decision.retry) {
        renewal_.retry(ended, decision.refresh);
        if (decision.refresh) runs_.refreshes();
        return event::ended_retry;
    }
    ending_ = decision.cause;
    runs_.gives_up(now_, delay_, why, decision.cause);
    return event::ended_stop;
}

inline void model::begin_wait() {
    wait_until(now_ + delay_, event::wait_elapsed);
    runs_.waits(now_, judged_at_, delay_, wait_cause_);
    trace_.line(now_, "waits ", delay_);
    emit();
}

inline void model::take_turn() {
    auto turn = now_;
    if (budget_) {
        while (random_.chance(world_.budget_others)) turns_.taken(now_, budget_->take(now_));
        turn = budget_->take(now_);
        turns_.taken(now_, turn);
    }
    runs_.takes_turn(now_, turn);
    if (turn > now_) {
        turn_ = turn;
        return wait_until(turn, event::turn);
    }
    stop_waiting();
    feed(event::turn);
}

inline void model::wait_until(time_point due, event then) {
    enter();
    agenda_.hasten(now_, [](agenda_item const& item) { return item.what == task::wait; });
    agenda_.add(due, task::wait, 0, ++waits_made_);
    wait_then_ = then;
}

inline void model::stop_waiting() {
    ++waits_made_;
    agenda_.hasten(now_, [](agenda_item const& item) { return item.what == task::wait; });
}

inline void model::cut_link() {
    auto& at = current();
    end(at, ending_ == errc::closed && at.opened ? errc::close_timeout : ending_);
    collect();
}

inline void model::collect() {
    if (turn_) budget_->give_back(*turn_), turns_.given_back(*turn_);
    turn_.reset();
    stop_waiting();
    if (outstanding_ == 0) feed(event::collected);
}

inline void model::leave() {
    if (--outstanding_ == 0 && lifecycle_.now() == phase::collecting) feed(event::collected);
}

inline void model::drop_messages(errc cause) {
    bool const last = starts_posted_ == 0;
    if (last) outbox_.close(), accepting_ = false;
    dropping_ = cause;
    for (auto const& entry : last ? outbox_.clear() : outbox_.clear(earlier_messages_))
        tell(entry, {heartbeat::delivery::dropped, cause});
    dropping_ = {};
    messages_.run_ended();
}

inline void model::finish() {
    drop_messages(ending_);
    emit();
    bool const left = agenda_.find([](agenda_item const& item) {
        return item.what > task::write && !is_abandoned(item.what);
    }) != nullptr;
    runs_.run_ends(now_, ending_, left);
}

}  // namespace exploration
