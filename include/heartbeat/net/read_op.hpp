// SPDX-License-Identifier: BSL-1.0
#pragma once

// Reading: one read is outstanding from open to end, since pongs and Close frames are seen only by a read.

#include <heartbeat/net/connection.hpp>

#include <boost/beast/websocket/error.hpp>

#include <algorithm>
#include <charconv>
#include <variant>

namespace heartbeat::detail {

/// Reads a message, which is then classified, and so on. In pieces: Beast's own reading of a whole message
/// fails an assertion when a close of ours has discarded the rest of it.
template <class Connection>
struct read_op : operation<Connection> {
    using operation<Connection>::self;
    using operation<Connection>::at;
    using cancellation_slot_type = asio::cancellation_slot;

    cancellation_slot_type get_cancellation_slot() const noexcept { return at->stop_reading.slot(); }

    void operator()(error_code error, std::size_t count = 0) {
        if (!at->ended) {
            at->input.commit(count);
            if (error) {
                self->end(*at, self->explain(*at, error));
            } else if (at->websocket.is_message_done()) {
                self->received(*at);
            } else {
                self->read(*at);
            }
        }
        self->leave();
    }
};

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::read(link_type& at) {
    // In ever larger pieces, so that memory is taken for what has come and not for what was announced.
    constexpr std::size_t least = 1536;
    constexpr std::size_t most = 64 * 1024;
    enter();
    at.websocket.async_read_some(at.input.prepare(std::clamp(at.input.size(), least, most)),
                                 read_op<connection>{{this->shared_from_this(), at.shared_from_this()}});
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::watch_control_frames(link_type& at) {
    // Beast calls this while it reads, when the read's handler keeps both alive.
    at.websocket.control_callback([this, &at](beast::websocket::frame_type kind, beast::string_view payload) {
        if (at.ended) return;
        auto const bytes = std::string_view(payload.data(), payload.size());
        switch (kind) {
            case beast::websocket::frame_type::close: return close_frame(at);
            case beast::websocket::frame_type::ping: return classify(at, {frame_kind::ping, bytes});
            case beast::websocket::frame_type::pong: return pong(at, bytes);
        }
    });
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::close_frame(link_type& at) {
    // Beast answers and waits for the end of the connection, which may never come.
    at.close_seen = true;
    // The answer takes along what was gathered; nothing of ours can follow it.
    at.websocket.next_layer().cork(false);
    if (lifecycle_.now() == phase::open)
        arm_deadline(at, time() + settings_.deadlines.close, errc::closed_by_peer);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::teardown_begins(link_type& at, std::uint16_t told) {
    // So does a teardown of Beast's own, after it told the peer which rule it broke. That alone says what was
    // wrong if the peer never ends the connection, or resets it.
    if (at.ended || at.close_seen || lifecycle_.now() != phase::open) return;
    bool const too_big = told == beast::websocket::close_code::too_big;
    at.fault = too_big ? errc::message_too_big : errc::protocol_violation;
    arm_deadline(at, time() + settings_.deadlines.close, at.fault);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::pong(link_type& at, std::string_view payload) {
    // An earlier one of the same round counts as well; the monitor knows.
    std::uint64_t number = 0;
    auto const* const end = payload.data() + payload.size();
    auto const parsed = std::from_chars(payload.data(), end, number);
    if (parsed.ec == std::errc() && parsed.ptr == end && number >= at.stand_in) return answered(at, number);
    classify(at, {frame_kind::pong, payload});
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::received(link_type& at) {
    auto const data = at.input.data();
    auto const kind = at.websocket.got_text() ? frame_kind::text : frame_kind::binary;
    classify(at, {kind, {static_cast<char const*>(data.data()), data.size()}});
    at.input.consume(data.size());
    // The next message may have been read long ago, and wait in the websocket for this one's slots.
    at.monitor.progress(time());
    if (!at.paused && !at.ended) read(at);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::classify(link_type& at, inbound_frame const& frame) {
    struct visitor {
        connection& self;
        link_type& at;
        inbound_frame const& frame;

        void operator()(application_message) const { self.deliver(at, frame); }
        void operator()(beat_answer const& answer) const { self.answered(at, answer.id); }
        void operator()(protocol_noise) const {}
        void operator()(peer_beat& beat) const {
            if (beat.proves_life) self.proved(at);
            if (beat.reply) self.reply(at, std::move(*beat.reply));
        }
        void operator()(negotiated_times const& times) const {
            at.monitor.negotiate(times.interval, times.timeout);
            self.proved(at);
            if (times.deliver) self.deliver(at, frame);
        }
        void operator()(malformed_frame& wrong) const {
            self.emit(malformed{std::string(frame.payload), wrong.position, std::move(wrong.what)});
        }
    };
    auto meaning = guarded([&]() -> frame_meaning { return at.protocol.classify(frame); },
                           frame_meaning{protocol_noise{}});
    std::visit(visitor{*this, at, frame}, meaning);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::deliver(link_type& at, inbound_frame const& frame) {
    // A protocol that takes a ping or pong for a message means nothing that could be delivered.
    if (frame.kind == frame_kind::ping || frame.kind == frame_kind::pong) return;
    count([](stats& all) { ++all.messages_received; });
    auto const kind = frame.kind == frame_kind::text ? message_kind::text : message_kind::binary;
    message content(kind, std::string(frame.payload));
    if (bus_.template has_slots<message>()) return emit(content);
    auto const result = mailbox_.offer(std::move(content));
    count([this](stats& all) { all.messages_discarded = mailbox_.discarded(); });
    switch (result) {
        case mailbox::result::taken: return;
        case mailbox::result::refused: return end(at, {.cause = errc::mailbox_full});
        case mailbox::result::full: return pause(at);
    }
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::pause(link_type& at) {
    at.paused = true;
    at.monitor.stop();
    count([](stats& all) { all.reading_paused = true; });
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::unpause() {
    if (!link_ || !link_->paused) return;
    if (mailbox_.must_wait() && !bus_.template has_slots<message>()) return;
    auto& at = *link_;
    at.paused = false;
    count([](stats& all) { all.reading_paused = false; });
    // While the link ends on purpose the close handshake does the reading.
    if (lifecycle_.now() != phase::open) return;
    at.monitor.start(time());
    arm_heart(at);
    read(at);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::bytes_read(link_type& at, std::size_t number) {
    if (at.ended) return;
    at.monitor.input(time());
    rearm_heart(at);
    count([number](stats& all) { all.bytes_received += number; });
}

template <class Protocol, class Stream, class Clock>
reason connection<Protocol, Stream, Clock>::explain(link_type const& at, error_code error) const {
    namespace websocket = beast::websocket;
    bool const ours = error.category() == error_category();
    reason why{.cause = cause_of(error, errc::connection_lost), .evidence = ours ? error_code{} : error};
    auto const& said = at.websocket.reason();
    if (at.close_seen || said.code != websocket::close_code::none || error == websocket::error::closed) {
        why.cause = lifecycle_.now() == phase::closing ? errc::closed : errc::closed_by_peer;
        why.close_code = said.code;
        if (said.code == websocket::close_code::none) why.close_code = websocket::close_code::no_status;
        why.close_text.assign(said.reason.data(), said.reason.size());
    } else if (auto const fault = at.websocket.next_layer().inflating_fault()) {
        why.cause = errc::protocol_violation;
        why.evidence = fault;
    } else if (at.fault != errc{}) {
        why.cause = at.fault;
    } else if (ours) {
        why.cause = static_cast<errc>(error.value());
    } else if (error == websocket::error::message_too_big || error == websocket::error::buffer_overflow) {
        why.cause = errc::message_too_big;
    } else if (error == websocket::condition::protocol_violation) {
        why.cause = errc::protocol_violation;
    }
    return why;
}

}  // namespace heartbeat::detail
