// SPDX-License-Identifier: BSL-1.0
#pragma once

// The world of the model: attempts and endings as the network lets them be, the peer, and the application.

#include "model.hpp"

#include <string>

namespace exploration {

inline void model::begin_attempt() {
    turn_.reset();
    ++attempts_;
    link_ = ++links_made_;
    auto& at = current();
    if (agenda_.find([&](agenda_item const& item) {
            return item.link == at.number && !is_abandoned(item.what);
        }) != nullptr &&
        at.number != 0)
        throw std::logic_error("the model has too few links");
    agenda_.erase([&](agenda_item const& item) { return at.number != 0 && item.link == at.number; });
    at = link{};
    at.number = link_;
    at.ended = false;
    at.monitor.emplace(world_.heartbeat);
    at.began = now_;
    at.reachable = world_.reachable && now_ >= world_.reachable_from;
    trace_.line(now_, "dials, link ", link_);
    life_.new_link();
    runs_.dials(now_);
    begin_step(at, world_.can_refresh ? task::prepare : task::resolve);
}

inline void model::begin_step(link& at, task what) {
    auto const& limits = world_.deadlines;
    if (what == task::prepare) runs_.prepares(renewal_.wanted());
    at.prepared = what != task::prepare;
    auto const limit = what == task::prepare   ? limits.prepare
                       : what == task::resolve ? limits.resolve
                       : what == task::connect ? limits.connect
                                               : limits.upgrade;
    auto const attempt_due = at.began + limits.attempt;
    arm_deadline(at, std::min(now_ + limit, attempt_due), errc::attempt_timeout);
    bool const fails = !at.reachable && random_.chance(world_.dials_fail);
    bool const hangs = !at.reachable && !fails && random_.chance(world_.dials_hang);
    auto const takes = random_.chance(40) ? duration{} : random_.between(duration{}, world_.dial_time / 4);
    agenda_.add(hangs ? never : now_ + takes, what, at.number, fails ? 1 : 0);
}

inline void model::dial_step(agenda_item const& item) {
    bool const counted = item.what > task::resolve;
    auto& at = slot(item.link);
    if (at.ended || at.number != item.link) return counted ? leave() : void();
    if (item.number != 0) {
        if (item.what == task::upgrade && random_.chance(60))
            end(at, refusal());
        else
            end(at, item.what == task::prepare   ? errc::prepare_failed
                    : item.what == task::resolve ? errc::resolve_failed
                    : item.what == task::connect ? errc::connect_failed
                                                 : errc::upgrade_failed);
        return counted ? leave() : void();
    }
    switch (item.what) {
        case task::prepare: return begin_step(at, task::resolve);
        case task::resolve: enter(); return begin_step(at, task::connect);
        case task::connect: return begin_step(at, task::upgrade);
        default: break;
    }
    ++at.deadline_number;
    agenda_.hasten(now_, [&](agenda_item const& other) {
        return other.what == task::deadline && other.link == at.number;
    });
    at.opened = true;
    at.opened_at = now_;
    earlier_outages_ += now_ - outage_began_;
    renewal_.reset();
    feed(event::connected);
    leave();
}

inline heartbeat::reason model::refusal() {
    constexpr unsigned statuses[] = {200, 301, 400, 401, 403, 404, 407, 408, 410, 421,
                                     425, 426, 429, 451, 500, 501, 502, 503, 504, 505};
    heartbeat::reason why{.cause = errc::upgrade_refused, .http_status = 503};
    if (random_.chance(60)) why.http_status = statuses[random_.below(20)];
    if (random_.chance(60)) {
        // As a date that has passed.
        if (!random_.chance(20)) why.retry_after = world_.time(random_, 1, 60);
        why.http_headers = {{random_.chance(50) ? "Retry-After" : "retry-after", ""}};
    }
    return why;
}

inline std::uint16_t model::close_code() {
    constexpr std::uint16_t codes[] = {1000, 1001, 1002, 1003, 1005, 1007, 1008, 1009, 1010, 1011,
                                       1012, 1013, 1014, 2999, 3000, 3003, 3999, 4000, 4999};
    return codes[random_.below(random_.chance(50) ? 19 : 2)];
}

inline void model::begin_session(link& at) {
    runs_.opens(at.opened_at);
    outbox_.begin_session();
    messages_.session_begins();
    opening_ = true;
    while (random_.chance(world_.logins)) send(true);
    emit();
    opening_ = false;
    at.monitor->start(now_);
    life_.started(now_);
    arm_heart(at);
    meet_peer(at);
    begin_read(at);
    write(at);
}

inline void model::begin_close() {
    messages_.close_frame_leaves();
    auto& at = current();
    if (at.close_seen) return;
    enter();
    bool const answered = !random_.chance(world_.closes_unanswered) && now_ < at.silent_from;
    agenda_.add(answered ? now_ + world_.time(random_, 0, 4) : never, task::close_done, at.number);
}

inline void model::arm_deadline(link& at, time_point due, errc code) {
    enter();
    at.deadline_code = code;
    ++at.deadline_number;
    agenda_.hasten(
        now_, [&](agenda_item const& item) { return item.what == task::deadline && item.link == at.number; });
    agenda_.add(due, task::deadline, at.number, at.deadline_number);
}

inline void model::deadline_passed(link& at) {
    switch (lifecycle_.now()) {
        case phase::connecting:
        case phase::open: return end(at, at.deadline_code);
        default: return feed(event::close_expired);
    }
}

inline void model::meet_peer(link& at) {
    at.silent_from = random_.chance(40) ? now_ + world_.time(random_, 0, 30) : never;
    at.first_beat = beats_made_ + 1;
    if (random_.chance(world_.noise)) {
        auto const from = now_ + world_.time(random_, 0, 20);
        int const spread = world_.bursts ? 0 : world_.heartbeat.timeout < 2ms ? 2 : 20;
        for (int pieces = random_.between(1, 10); pieces != 0; --pieces)
            arrives(at, from + world_.time(random_, 0, spread),
                    random_.chance(world_.messages) ? piece::message : piece::noise);
    }
    if (random_.chance(world_.peer_beats))
        for (int beats = random_.between(1, 3); beats != 0; --beats)
            arrives(at, now_ + world_.time(random_, 0, 20), piece::peer_beat);
    if (random_.chance(world_.negotiates))
        arrives(at, now_ + world_.time(random_, 0, 10), piece::negotiation);
    if (random_.chance(world_.resets)) {
        auto const when = now_ + world_.time(random_, 0, 25);
        bool const graceful = random_.chance(40);
        if (graceful) arrives(at, when, piece::close_frame);
        if (!graceful || random_.chance(60)) arrives(at, when + (graceful ? 1ms : 0ms), piece::end);
    }
}

inline void model::arrives(link& at, time_point when, piece::kind what, std::uint64_t beat) {
    if (at.inbound_count == at.inbound.size()) return;
    auto place = at.inbound_count++;
    for (; place > at.buffered && at.inbound[place - 1].at > when; --place)
        at.inbound[place] = at.inbound[place - 1];
    at.inbound[place] = {when, beat, what};
    // After the end of the stream nothing comes.
    for (std::size_t index = 0; index < at.inbound_count; ++index)
        if (at.inbound[index].what == piece::end) at.inbound_count = index + 1;
    if (place != 0) return;
    auto* const reading = agenda_.find(
        [&](agenda_item const& item) { return item.what == task::read && item.link == at.number; });
    if (reading != nullptr) reading->at = std::max(now_, when);
}

inline void model::begin_write(link& at) {
    enter();
    at.writing = true;
    at.corked = at.next && at.gathered_count + 1 < at.gathered.size();
    at.write_fails = false;
    auto takes = duration{};
    if (!at.corked) {
        at.write_fails = random_.chance(world_.writes_fail);
        if (random_.chance(30)) takes = world_.time(random_, 0, 3);
        if (random_.chance(world_.writes_stall))
            takes = random_.chance(50) ? never - now_ : world_.time(random_, 1, 25);
    }
    agenda_.add(now_ + takes, task::write_done, at.number);
}

inline void model::peer_hears(link& at) {
    if (at.beat_on_wire == 0 || now_ >= at.silent_from) return;
    if (!random_.chance(world_.answers_lost)) {
        auto const most = random_.chance(world_.slow_answers) ? 20 : 3;
        arrives(at, now_ + world_.time(random_, 0, most), piece::answer, at.beat_on_wire);
    }
    if (random_.chance(world_.old_answers)) {
        auto const count = static_cast<std::uint32_t>(beats_made_ - at.first_beat + 1);
        auto const old = at.first_beat + random_.below(count);
        arrives(at, now_ + world_.time(random_, 0, 15), piece::answer, old);
    }
}

inline void model::application_acts() {
    agenda_.add(now_ + world_.time(random_, 0, world_.pause), task::application);
    if (lifecycle_.now() == phase::stopped && starts_posted_ == 0 && random_.chance(70)) {
        return call_start();
    }
    auto choice = random_.between(1, world_.weight_send + world_.weight_end + world_.weight_wake + 14);
    if ((choice -= world_.weight_send) <= 0) {
        for (int count = random_.between(1, 3); count != 0; --count) send(false);
    } else if ((choice -= world_.weight_end) <= 0) {
        call(random_.chance(70) ? task::close : task::cancel);
        // Some want it closed and open again at once.
        if (random_.chance(60)) return;
        call_start();
    } else if ((choice -= world_.weight_wake) <= 0) {
        call(task::connect_now);
    } else if (choice <= 6) {
        call(task::receive);
    } else if (choice <= 12) {
        call(task::cancel_send, messages_.some_ticket(random_));
    } else {
        call_start();
    }
}

inline void model::call_start() {
    // Messages are accepted from the moment of the call.
    if (starts_posted_++ == 0) earlier_messages_ = outbox_.last_ticket();
    outbox_.open();
    accepting_ = true;
    messages_.start_called();
    call(task::start);
}

inline void model::send(bool opens_session) {
    using place = queue::place;
    if (messages_.offered() == laws_of_messages::capacity) return;
    auto const size = static_cast<std::size_t>(random_.between(0, 15));
    bool const valid = size == 0 || !random_.chance(3);
    heartbeat::message content(std::string(size, valid ? 'x' : '\xff'));
    auto receipt = static_cast<std::uint32_t>(messages_.offered());
    auto const given = outbox_.accept(std::move(content), std::move(receipt),
                                      opens_session ? place::front_of_session : place::back);
    trace_.line(now_, given ? "message " : "refused, not message ", given.ticket,
                opens_session ? " opens the session" : "");
    messages_.offered(given.ticket, size, opens_session, valid, accepting_.value_or(outbox_.accepting()),
                      given.refusal);
    if (given.refusal != errc{} || opening_) return;
    if (!write_requested_) call(task::write), write_requested_ = true;
}

}  // namespace exploration
