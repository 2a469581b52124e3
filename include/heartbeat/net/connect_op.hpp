// SPDX-License-Identifier: BSL-1.0
#pragma once

// An attempt: resolve, connect, upgrade, each under a deadline of its own and all under that of the attempt.

#include <heartbeat/core/retry_after.hpp>
#include <heartbeat/net/connection.hpp>

#include <boost/beast/http/field.hpp>
#include <boost/beast/websocket/option.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace heartbeat::detail {

/// Takes a link from nothing to an open websocket.
template <class Connection>
struct connect_op : operation<Connection> {
    using operation<Connection>::self;
    using operation<Connection>::at;

    enum class step {
        /// The addresses are being looked up.
        resolve,
        /// They are being tried.
        connect,
        /// The upgrade request was sent or is being sent.
        upgrade,
    };

    step now = step::resolve;

    void begin() {
        self->begin_step(*at, self->settings().deadlines.resolve, errc::resolve_timeout);
        auto& stream = at->websocket.next_layer().next_layer();
        stream.async_resolve(at->where, connect_op(*this));
    }

    void operator()(error_code error) {
        auto& link = *at;
        // Nobody waits for a lookup that was abandoned; the other steps are waited for.
        if (link.ended) return now == step::resolve ? void() : self->leave();
        switch (now) {
            case step::resolve: return error ? fail(errc::resolve_failed, error) : connect();
            case step::connect: return error ? fail(errc::connect_failed, error) : upgrade();
            case step::upgrade: return error ? refuse(error) : open();
        }
    }

private:
    void connect() {
        self->enter();
        now = step::connect;
        self->begin_step(*at, self->settings().deadlines.connect, errc::connect_timeout);
        at->websocket.next_layer().next_layer().async_connect(connect_op(*this));
    }

    void upgrade() {
        now = step::upgrade;
        self->begin_step(*at, self->settings().deadlines.upgrade, errc::upgrade_timeout);
        at->websocket.async_handshake(at->response, host_header(at->where), at->where.target,
                                      connect_op(*this));
    }

    void open() {
        self->connected(*at);
        self->leave();
    }

    void refuse(error_code error) {
        bool const answered = error == beast::websocket::error::upgrade_declined;
        fail(answered ? errc::upgrade_refused : errc::upgrade_failed, error);
    }

    void fail(errc cause, error_code error) {
        bool const counted = now != step::resolve;
        reason why{.cause = cause, .evidence = error};
        if (cause == errc::upgrade_refused) add_answer(why);
        self->end(*at, std::move(why));
        if (counted) self->leave();
    }

    void add_answer(reason& why) const {
        using beast::http::field;
        using std::chrono::system_clock;
        why.http_status = at->response.result_int();
        // Only these say what the field means (RFC 9110 section 10.2.3).
        if (why.http_status < 300) return;
        auto const today = std::chrono::floor<std::chrono::seconds>(system_clock::now());
        why.retry_after = retry_after(at->response[field::retry_after], at->response[field::date], today,
                                      self->settings().reconnect.longest_retry_after);
    }
};

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
void connection<Protocol, Stream, Clock>::begin_attempt() {
    turn_.reset();
    ++attempts_;
    count([](stats& all) { ++all.attempts; });
    link_ = guarded([this] { return make_link(); }, link_pointer());
    if (link_) return connect_op<connection>{{this->shared_from_this(), link_}}.begin();

    // The protocol could not be copied, say. Later it may.
    reason const why{.cause = errc::connect_failed};
    auto const next = advance(judge(nullptr, why, time()));
    emit(attempt_failed{attempts_, why});
    perform(next);
}

template <class Protocol, class Stream, class Clock>
auto connection<Protocol, Stream, Clock>::make_link() -> link_pointer {
    namespace websocket = beast::websocket;
    auto const made = std::make_shared<link_type>(*this, prototype_, settings_);
    made->began = time();
    watch_control_frames(*made);
    auto& stream = made->websocket;
    stream.set_option(websocket::stream_base::timeout{websocket::stream_base::none(),
                                                      websocket::stream_base::none(), false});
    stream.set_option(websocket::stream_base::decorator([agent = settings_.user_agent](auto& request) {
        request.set(beast::http::field::user_agent, agent);
    }));
    stream.read_message_max(settings_.limits.message_bytes);
    stream.auto_fragment(false);
    stream.write_buffer_bytes(std::clamp<std::size_t>(settings_.limits.fragment_bytes, 1024, 16 * 1024));
    return made;
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::begin_step(link_type& at, duration limit, errc code) {
    auto const step_due = time() + limit;
    auto const attempt_due = at.began + settings_.deadlines.attempt;
    if (step_due <= attempt_due) {
        arm_deadline(at, step_due, code);
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
        case phase::connecting: return end(at, {.cause = at.deadline_code});
        case phase::open: return end(at, explain(at, at.deadline_code));
        default: return feed(lifecycle::event::close_expired);
    }
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::connected(link_type& at) {
    disarm_deadline(at);
    at.opened = true;
    at.opened_at = time();
    earlier_outages_ += at.opened_at - outage_began_;
    refreshed_ = false;
    feed(lifecycle::event::connected);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::begin_session() {
    auto const link = link_;
    auto& at = *link;
    auto const downtime = at.opened_at - down_since_;
    went_up(at.opened_at);
    count([&](stats& all) { at.session = ++all.sessions; });

    {
        std::lock_guard const lock(outbox_mutex_);
        outbox_.begin_session();
    }
    opening_ = true;
    emit(opened{at.session, std::exchange(linked_before_, true), downtime});
    opening_ = false;

    if (mailbox_.must_wait() && !bus_.template has_slots<message>()) {
        pause(at);
    } else {
        at.monitor.start(time());
        arm_heart(at);
        read(at);
    }
    write(at);
}

}  // namespace heartbeat::detail
