// SPDX-License-Identifier: BSL-1.0
#pragma once

// An attempt: resolve, connect, upgrade, each under a deadline of its own and all under that of the attempt.

#include <heartbeat/core/negotiation.hpp>
#include <heartbeat/net/connection.hpp>

#include <boost/beast/http/field.hpp>
#include <boost/beast/websocket/option.hpp>

#include <algorithm>
#include <memory>

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
            case step::resolve:
                if (self->gone()) return;
                return error ? fail(errc::resolve_failed, error) : connect();
            case step::connect: return error ? fail(errc::connect_failed, error) : upgrade();
            case step::upgrade: return conclude(error);
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
        at->answer = std::make_unique<upgrade_answer>();
        at->websocket.next_layer().read_along(at->answer.get());
        at->websocket.async_handshake(host_header(at->where), at->where.target, connect_op(*this));
    }

    void conclude(error_code error) {
        if (!error) error = judge_answer();
        if (error) return fail(errc::upgrade_failed, error);
        at->websocket.next_layer().read_along(nullptr);
        at->answer.reset();
        self->connected(*at);
        self->leave();
    }

    error_code judge_answer() const {
        using beast::http::field;
        auto const subprotocol = at->answer->values(field::sec_websocket_protocol);
        auto const extensions = at->answer->values(field::sec_websocket_extensions);
        auto const wrong = judge({.subprotocol = subprotocol, .extensions = extensions}, {});
        return wrong == errc{} ? error_code{} : wrong;
    }

    void fail(errc cause, error_code error) {
        bool const counted = now != step::resolve;
        self->end(*at, self->explain_attempt(*at, cause, error));
        if (counted) self->leave();
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
    // A wait that was cut short is over.
    ++waits_made_;
    wait_timer_.cancel();
    if (gone()) return;
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
        case phase::connecting: return end(at, explain_attempt(at, at.deadline_code, {}));
        case phase::open: return end(at, explain(at, at.deadline_code));
        default: return feed(lifecycle::event::close_expired);
    }
}

template <class Protocol, class Stream, class Clock>
reason connection<Protocol, Stream, Clock>::explain_attempt(link_type const& at, errc cause,
                                                            error_code evidence) const {
    // Once the head of a refusal has come, it matters no more what becomes of the rest.
    if (!at.answer || !at.answer->refused()) return {.cause = cause, .evidence = evidence};
    return {.cause = errc::upgrade_refused,
            .http_status = at.answer->status(),
            .evidence = beast::websocket::error::upgrade_declined};
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::connected(link_type& at) {
    disarm_deadline(at);
    at.opened = true;
    at.opened_at = time();
    earlier_outages_ += at.opened_at - outage_began_;
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
