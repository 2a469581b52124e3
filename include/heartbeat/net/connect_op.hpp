// SPDX-License-Identifier: BSL-1.0
#pragma once

// An attempt: prepare, resolve, connect, secure, upgrade, each under a deadline of its own and all under that
// of the attempt. `attempt` decides what follows what; this carries out.

#include <heartbeat/core/negotiation.hpp>
#include <heartbeat/core/upgrade_request.hpp>
#include <heartbeat/net/byte_layer.hpp>
#include <heartbeat/net/connection.hpp>
#include <heartbeat/net/deadline_op.hpp>
#include <heartbeat/net/deflate_settings.hpp>

#include <boost/asio/error.hpp>
#include <boost/beast/http/field.hpp>

#include <algorithm>
#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace heartbeat::detail {

/// Takes a link from nothing to an open websocket.
template <class Connection>
struct connect_op : operation<Connection> {
    using operation<Connection>::self;
    using operation<Connection>::at;

    void begin(bool asks) { perform(at->steps.begin(asks)); }

    void operator()(error_code error) {
        auto const step = at->steps.now();
        if (at->ended) return self->leave();
        if (!error) return step == attempt_step::secure ? secured() : succeeded(step);
        if (step == attempt_step::upgrade && is_redirected()) return resume(attempt::event::redirected);
        fail(cause_of(error, rules_of(step).failed), error);
    }

    void resume(attempt::event happened) { perform(at->steps.resume(happened)); }

    /// One of the addresses is connected; from here on there is one operation at a time.
    void adopted() {
        self->enter();
        resume(attempt::event::succeeded);
    }

    /// The step that is being made has failed.
    void fail(reason&& why) {
        // A lookup and connecting have operations of their own.
        auto const step = at->steps.now();
        bool const counted = step != attempt_step::resolve && step != attempt_step::connect;
        resume(attempt::event::failed);
        self->end(*at, std::move(why));
        if (counted) self->leave();
    }

private:
    void succeeded(attempt_step step) {
        auto const wrong = step == attempt_step::upgrade ? judge_answer() : error_code();
        if (wrong) return fail(errc::upgrade_failed, wrong);
        resume(attempt::event::succeeded);
    }

    void perform(attempt::action what) {
        using action = attempt::action;
        switch (what) {
            case action::none:
            // Whoever reports the failure ends the link itself, with the reason.
            case action::fail: return;
            case action::prepare: return prepare();
            case action::resolve: return resolve();
            case action::connect: return connect();
            case action::secure: return secure();
            case action::upgrade: return upgrade();
            case action::follow: return follow();
            case action::open: return open();
        }
    }

    // The deadline is what waits for the answer.
    void prepare() {
        self->begin_step(*at);
        self->prepare(*at);
    }

    void resolve() {
        at->where = at->trip.where();
        at->steps.use_tls(at->where.secure);
        self->begin_step(*at);
        self->resolve(*at);
    }

    void connect() {
        self->begin_step(*at);
        self->race(*at);
    }

    void secure() {
        if constexpr (securable<typename Connection::stream_type>) {
            self->begin_step(*at);
            auto& stream = at->websocket.next_layer().next_layer();
            stream.async_secure(*at->tls, at->where, !at->trip.crossed(), connect_op(*this));
        }
    }

    void secured() {
        if constexpr (securable<typename Connection::stream_type>)
            self->secured(at->websocket.next_layer().next_layer().resumed());
        resume(attempt::event::succeeded);
    }

    void upgrade() {
        self->begin_step(*at);
        auto const& request = at->trip.request();
        at->websocket.set_option(beast::websocket::stream_base::decorator(
            [headers = upgrade_headers(request, at->where),
             offer = deflate_offer(self->settings().deflate)](beast::websocket::request_type& message) {
                for (auto const& header : headers) message.insert(header.name, header.value);
                // In place of the offer that is there, which names what nobody asked to be limited.
                if (!offer.empty()) message.set(beast::http::field::sec_websocket_extensions, offer);
            }));
        if (self->settings().deflate.enabled) at->websocket.next_layer().expect_compression();
        at->answer = std::make_unique<upgrade_answer>(at->trip.follows());
        at->websocket.next_layer().read_along(at->answer.get());
        try {
            at->websocket.async_handshake(host_to_ask(request, at->where), at->where.target,
                                          connect_op(*this));
        } catch (std::exception const&) {
            // Beast makes the request at once, for which there has to be memory.
            fail(errc::upgrade_failed, asio::error::no_memory);
        }
    }

    void follow() {
        if (self->gone()) return self->leave();
        auto trip = at->trip;
        auto const location = at->answer->values(beast::http::field::location);
        auto const refused = trip.follow(location, self->can_secure(at->tls));
        if (refused != errc{}) return fail(errc::redirect_refused, refused);
        auto const next = self->hop(*at, std::move(trip));
        if (!next) {
            // Not because of the answer.
            self->end(*at, {.cause = errc::connect_failed});
            return self->leave();
        }
        connect_op{{self, next}}.begin(false);
        self->leave();
    }

    void open() {
        using beast::http::field;
        auto& layer = at->websocket.next_layer();
        at->subprotocol = at->answer->values(field::sec_websocket_protocol);
        layer.read_along(nullptr);
        if (self->settings().deflate.enabled) agree(layer);
        at->answer.reset();
        self->connected(*at);
        self->leave();
    }

    template <class Layer>
    void agree(Layer& layer) {
        using beast::http::field;
        auto const terms = deflate_terms_in(at->answer->values(field::sec_websocket_extensions));
        at->compresses = terms && keeps_to(*terms, self->settings().deflate);
        layer.inflate(terms);
    }

    bool is_redirected() const {
        return at->trip.follows() && at->answer->refused() && is_redirect(at->answer->status());
    }

    error_code judge_answer() const {
        using beast::http::field;
        auto const subprotocol = at->answer->values(field::sec_websocket_protocol);
        auto const extensions = at->answer->values(field::sec_websocket_extensions);
        auto const wrong = judge({.subprotocol = subprotocol, .extensions = extensions},
                                 at->trip.request().subprotocols, self->settings().deflate);
        return wrong == errc{} ? error_code{} : wrong;
    }

    void fail(errc cause, error_code error) { fail(self->explain_attempt(*at, cause, error)); }
};

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::begin_attempt() {
    turn_.reset();
    if (gone()) return;
    ++attempts_;
    count([](stats& all) { ++all.attempts; });
    bool const asks = static_cast<bool>(settings_.prepare);
    link_ = guarded([this] { return make_link(); }, link_pointer());
    if (link_) {
        link_->began = time();
        if (!asks) plan(*link_, current_);
        return connect_op<connection>{{this->shared_from_this(), link_}}.begin(asks);
    }

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
    watch_control_frames(*made);
    auto& stream = made->websocket;
    stream.set_option(websocket::stream_base::timeout{websocket::stream_base::none(),
                                                      websocket::stream_base::none(), false});
    stream.read_message_max(settings_.limits.message_bytes);
    stream.auto_fragment(false);
    if (settings_.deflate.enabled) stream.set_option(deflate_settings(settings_.deflate));
    stream.write_buffer_bytes(std::clamp<std::size_t>(settings_.limits.fragment_bytes, 1024, 16 * 1024));
    return made;
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::plan(link_type& at, prepared const& use) const {
    at.trip = {require_target(use.url, use.request, can_secure(use.tls)), use.request};
    at.tls = use.tls;
}

template <class Protocol, class Stream, class Clock>
auto connection<Protocol, Stream, Clock>::hop(link_type& from, itinerary&& trip) -> link_pointer {
    auto const next = guarded([this] { return make_link(); }, link_pointer());
    if (!next) return next;
    next->began = from.began;
    next->trip = std::move(trip);
    if (from.remote) addresses_.learn(*from.remote, address_memory::experience::good);
    next->tls = from.tls;
    // Before the next connection is made, this one is closed.
    retire(from, {});
    return link_ = next;
}

template <class Protocol, class Stream, class Clock>
reason connection<Protocol, Stream, Clock>::explain_attempt(link_type const& at, errc cause,
                                                            error_code evidence) const {
    // Once the head of a refusal has come, it matters no more what becomes of the rest.
    if (!at.answer || !at.answer->refused())
        return {.cause = cause,
                .evidence = evidence,
                .explanation = at.tls && is_of_tls(cause) ? at.tls->trouble() : std::string()};
    auto why = at.answer->explain(settings_.reconnect.longest_retry_after);
    if (cause == errc::redirect_refused) {
        why.cause = cause;
        why.evidence = evidence;
    }
    return why;
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::secured(bool resumed) {
    count([resumed](stats& all) {
        ++all.tls_handshakes;
        if (resumed) ++all.tls_resumed;
    });
}

}  // namespace heartbeat::detail
