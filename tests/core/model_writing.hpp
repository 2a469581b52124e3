// SPDX-License-Identifier: BSL-1.0
#pragma once

// A link of the model: what it writes, and the outcome of each message.

#include "model.hpp"

namespace exploration {

inline void model::write(link& at) {
    using heartbeat::detail::send_action;
    if (at.ended || at.writing || at.close_seen || opening_) return;
    if (lifecycle_.now() != phase::open && lifecycle_.now() != phase::draining) return;
    heartbeat::detail::send_situation const situation{.beat_due = at.beat_due,
                                                      .reply_due = at.replies != 0,
                                                      .inside_message = at.current.has_value(),
                                                      .message_queued = at.next || !outbox_.empty(),
                                                      .draining = lifecycle_.now() == phase::draining};
    auto const what = next_send(situation);
    messages_.decided(situation, what);
    switch (what) {
        case send_action::beat: return write_beat(at, false);
        case send_action::ping: return write_beat(at, true);
        case send_action::reply: --at.replies; return begin_write(at);
        case send_action::message:
            if (at.next) {
                at.current.emplace(std::move(*at.next));
                at.next.reset();
            } else if (auto taken = outbox_.take()) {
                at.current.emplace(std::move(*taken));
            }
            at.next_cancelled = false;
            at.offset = 0;
            messages_.begins(at.current->ticket, at.current->receipt);
            trace_.line(now_, "message ", at.current->ticket, " begins to leave");
            return write_fragment(at);
        case send_action::fragment: return write_fragment(at);
        case send_action::drained: return feed(event::drained);
        case send_action::rest: return;
    }
}

inline void model::write_beat(link& at, bool stand_in) {
    at.beat_due = false;
    if (world_.silent_protocol && !stand_in) return write(at);
    at.beat_on_wire = ++beats_made_;
    trace_.line(now_, "hands over beat ", at.beat_on_wire);
    at.monitor->sent(at.beat_on_wire, now_);
    life_.handed_over(at.beat_on_wire, now_);
    begin_write(at);
}

inline void model::write_fragment(link& at) {
    auto const left = at.current->content.size() - at.offset;
    at.offset += std::min(left, world_.fragment_bytes);
    bool const last = at.offset == at.current->content.size();
    if (last && !at.next && at.gathered_count + 1 < at.gathered.size())
        if (auto taken = outbox_.take()) at.next.emplace(std::move(*taken));
    begin_write(at);
}

inline void model::written(link& at) {
    using heartbeat::delivery;
    bool const error = at.write_fails || at.ended;
    bool const whole = at.current && at.offset == at.current->content.size();
    if (at.current && (whole || error)) {
        at.gathered[at.gathered_count++].emplace(std::move(*at.current));
        at.current.reset();
    }
    bool const left = !error && !at.corked;
    if (left || error)
        settle_gathered(at, left ? heartbeat::outcome{delivery::written, {}}
                                 : heartbeat::outcome{delivery::unknown, errc::connection_lost});
    if (!error) peer_hears(at);
    at.beat_on_wire = 0;
    if (at.write_fails && !at.ended) end_reading(at, errc::connection_lost);
}

inline void model::settle_gathered(link& at, heartbeat::outcome result) {
    // A message of which only some fragments left can come no more.
    if (at.ended && at.current) {
        at.gathered[at.gathered_count++].emplace(std::move(*at.current));
        at.current.reset();
    }
    for (std::size_t index = 0; index < at.gathered_count; ++index) {
        auto const& entry = *at.gathered[index];
        if (result) messages_.left_whole(entry.ticket, entry.receipt);
        outbox_.settle(entry.content.size());
        tell(entry, result);
        at.gathered[index].reset();
    }
    at.gathered_count = 0;
}

inline void model::cancel_send(std::uint64_t ticket) {
    bool const is_next = link_ != 0 && current().next && current().next->ticket == ticket;
    auto const removed = outbox_.remove(ticket);
    if (removed.has_value() != (messages_.is_queued(ticket) && !is_next))
        throw violation{6, "a queued message is not found, or one that is not queued"};
    if (removed) return tell(*removed, {heartbeat::delivery::dropped, errc::cancelled});
    if (is_next) current().next_cancelled = true;
}

inline void model::tell(queue::entry const& entry, heartbeat::outcome result) {
    trace_.line(now_, "message ", entry.ticket, " is ", to_string(result.result));
    messages_.told(entry.ticket, entry.receipt, result, dropping_);
    // Who cancels has a handler, which is told.
    if (!result && result.cause != errc::cancelled && runs_.running()) emit();
}

}  // namespace exploration
