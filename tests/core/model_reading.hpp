// SPDX-License-Identifier: BSL-1.0
#pragma once

// A link of the model: its heart and what it reads.

#include "model.hpp"

namespace exploration {

inline void model::arm_heart(link& at) {
    ++at.heart_number;
    agenda_.hasten(
        now_, [&](agenda_item const& item) { return item.what == task::heart && item.link == at.number; });
    at.heart_due = at.monitor->due();
    if (at.heart_due == never) return;
    enter();
    agenda_.add(at.heart_due, task::heart, at.number, at.heart_number);
}

inline void model::rearm_heart(link& at) {
    if (!at.ended && at.opened && at.monitor->due() < at.heart_due) arm_heart(at);
}

inline void model::beat(link& at) {
    using enum heartbeat_monitor::action;
    for (;;) {
        life_.resumed(now_ >= at.monitor->due());
        switch (at.monitor->resume(now_)) {
            case look_again: {
                auto const waiting = available(at);
                trace_.line(now_, "heart: looks again, pieces that wait: ", waiting);
                life_.looks(now_, waiting);
                at.monitor->unread(waiting, now_);
                return arm_heart(at);
            }
            case sleep: life_.sleeps(); return arm_heart(at);
            case send_beat:
                trace_.line(now_, "heart: beats");
                life_.round_begins(now_);
                at.beat_due = true;
                write(at);
                break;
            case suspect:
                trace_.line(now_, "heart: suspects");
                life_.suspected(now_);
                at.beat_due = true;
                write(at);
                emit();
                break;
            case declare_dead:
                life_.declared_dead(now_, at.monitor->silence(now_), [&](auto look) {
                    if (at.in_hand) look(at.in_hand->at, at.in_hand->beat);
                    for (std::size_t index = 0; index < at.inbound_count; ++index)
                        look(at.inbound[index].at, at.inbound[index].beat);
                });
                return end(at, errc::heartbeat_timeout);
        }
    }
}

inline void model::begin_read(link& at) {
    enter();
    if (at.buffered != 0) {
        --at.buffered;
        return pick_up(at, now_, false);
    }
    bool const ready = at.inbound_count != 0 && at.inbound[0].at <= now_;
    agenda_.add(at.inbound_count == 0 ? never : std::max(now_, at.inbound[0].at), task::read, at.number);
    // Some streams read what is there as soon as they are asked.
    if (!ready || random_.chance(50)) return;
    agenda_.erase([&](agenda_item const& item) { return item.what == task::read && item.link == at.number; });
    pick_up(at, now_, true);
}

/// \param when  it is queued on the strand behind what was ready before
inline void model::pick_up(link& at, time_point when, bool fresh) {
    at.fresh = fresh;
    at.in_hand = at.inbound[0];
    std::move(at.inbound.begin() + 1, at.inbound.begin() + static_cast<std::ptrdiff_t>(at.inbound_count),
              at.inbound.begin());
    --at.inbound_count;
    // Messages that came in the same read are handled after it, each on its own.
    auto const is_message = [this](piece const& one) {
        return one.what == piece::message || (one.what == piece::answer && world_.beats_are_messages);
    };
    if (fresh && is_message(*at.in_hand) && random_.chance(world_.reads_many))
        while (at.buffered < at.inbound_count && at.inbound[at.buffered].at <= now_ &&
               is_message(at.inbound[at.buffered]))
            ++at.buffered;
    agenda_.add(when, task::read_done, at.number);
}

/// Whether input waits in the host; another thread may just have picked it up.
inline std::size_t model::available(link& at) {
    auto const count = [&] {
        std::size_t waiting = at.buffered;
        while (waiting < at.inbound_count && at.inbound[waiting].at <= now_) ++waiting;
        return waiting - at.buffered;
    };
    auto* const reading = agenda_.find(
        [&](agenda_item const& item) { return item.what == task::read && item.link == at.number; });
    if (reading != nullptr && count() != 0 && random_.chance(30)) {
        agenda_.erase(
            [&](agenda_item const& item) { return item.what == task::read && item.link == at.number; });
        pick_up(at, now_, true);
    }
    return count();
}

inline void model::handle_piece(link& at) {
    piece const got = *at.in_hand;
    at.in_hand.reset();
    if (got.what == piece::end) return end_reading(at, errc::connection_lost);
    if (at.fresh) {
        at.monitor->input(now_);
        life_.input_read(now_);
        rearm_heart(at);
    }
    switch (got.what) {
        case piece::noise: trace_.line(now_, "reads a part of something"); break;
        case piece::message:
            trace_.line(now_, "reads a message");
            emit();
            if (random_.chance(world_.full_mailbox)) pause(at);
            break;
        case piece::answer: answered(at, got); break;
        case piece::peer_beat:
            trace_.line(now_, "reads a beat of the peer's");
            if (random_.chance(70)) {
                at.monitor->prove(now_);
                life_.proved(now_);
                rearm_heart(at);
            }
            at.replies = std::min(at.replies + 1, 16);
            if (!write_requested_) call(task::write), write_requested_ = true;
            break;
        case piece::negotiation: {
            auto const interval = random_.chance(30) ? duration{} : world_.time(random_, 1, 12);
            auto const timeout = random_.chance(50) ? duration{} : world_.time(random_, 1, 8);
            trace_.line(now_, "negotiates interval ", interval, ", timeout ", timeout);
            at.monitor->negotiate(interval, timeout);
            life_.negotiated(interval, timeout);
            at.monitor->prove(now_);
            life_.proved(now_);
            rearm_heart(at);
            break;
        }
        case piece::close_frame:
            trace_.line(now_, "reads a Close frame");
            at.close_seen = true;
            at.close_code = close_code();
            if (lifecycle_.now() == phase::open)
                arm_deadline(at, now_ + world_.deadlines.close, errc::closed_by_peer);
            break;
        case piece::end: break;
    }
    if (got.what == piece::message || (got.what == piece::answer && world_.beats_are_messages)) {
        at.monitor->progress(now_);
        life_.message_handled(now_);
    }
    if (!at.paused && !at.ended) begin_read(at);
}

inline void model::answered(link& at, piece const& got) {
    auto const round_trip = at.monitor->answered(got.beat, now_);
    trace_.line(now_, "reads the answer to beat ", got.beat,
                round_trip ? ", in time" : ", too late or again");
    life_.answered(got.beat, got.at, now_, round_trip);
    if (!round_trip) return;
    rearm_heart(at);
    emit();
}

inline void model::pause(link& at) {
    trace_.line(now_, "the mailbox is full, reads no more");
    at.paused = true;
    at.monitor->stop();
    life_.stopped();
}

inline void model::unpause() {
    if (link_ == 0 || !current().paused) return;
    auto& at = current();
    at.paused = false;
    if (lifecycle_.now() != phase::open) return;
    at.monitor->start(now_);
    life_.started(now_);
    arm_heart(at);
    begin_read(at);
}

}  // namespace exploration
