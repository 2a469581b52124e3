// SPDX-License-Identifier: BSL-1.0
#pragma once

// Writing: one frame at a time, in the order that `next_send` decides.

#include <heartbeat/core/send_order.hpp>
#include <heartbeat/net/connection.hpp>

#include <algorithm>

namespace heartbeat::detail {

/// Completes the writing of a frame and goes on with the next.
template <class Connection>
struct write_op : operation<Connection> {
    using operation<Connection>::self;
    using operation<Connection>::at;
    using cancellation_slot_type = asio::cancellation_slot;

    cancellation_slot_type get_cancellation_slot() const noexcept { return at->stop_writing.slot(); }

    void operator()(error_code error, std::size_t = 0) {
        at->writing = false;
        self->written(*at, error);
        if (!at->ended) self->write(*at);
        self->leave();
    }
};

template <class Protocol, class Stream, class Clock>
errc connection<Protocol, Stream, Clock>::send(message&& content, completion<outcome>&& receipt,
                                               std::atomic<std::uint64_t>* ticket) {
    bool const first = strand_.running_in_this_thread() && opening_;
    using place = message_queue::place;
    {
        std::lock_guard const lock(outbox_mutex_);
        auto const accepted = outbox_.accept(std::move(content), std::move(receipt),
                                             first ? place::front_of_session : place::back);
        if (!accepted) return accepted.refusal;
        if (ticket != nullptr) *ticket = accepted.ticket;
    }
    request_write();
    return {};
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::request_write() {
    if (write_requested_.exchange(true)) return;
    post([](connection& self) {
        self.write_requested_.store(false);
        if (self.link_ && self.link_->opened) self.write(*self.link_);
    });
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::cancel_send(std::uint64_t ticket) {
    std::optional<message_queue::entry> removed;
    {
        std::lock_guard const lock(outbox_mutex_);
        removed = outbox_.remove(ticket);
    }
    if (removed) return tell(std::move(*removed), {delivery::dropped, errc::cancelled});
    if (link_ && link_->next && link_->next->ticket == ticket) link_->next_cancelled = true;
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::write(link_type& at) {
    if (at.ended || at.writing || at.close_seen || opening_) return;
    if (lifecycle_.now() != phase::open && lifecycle_.now() != phase::draining) return;
    switch (next_send(look(at))) {
        case send_action::beat: return write_beat(at);
        case send_action::ping: return write_stand_in(at);
        case send_action::reply: return write_reply(at);
        case send_action::message:
            at.current = at.next ? std::exchange(at.next, std::nullopt) : take_message();
            at.next_cancelled = false;
            at.offset = 0;
            return write_fragment(at);
        case send_action::fragment: return write_fragment(at);
        case send_action::drained: return feed(lifecycle::event::drained);
        case send_action::rest: return at.websocket.next_layer().release();
    }
}

template <class Protocol, class Stream, class Clock>
send_situation connection<Protocol, Stream, Clock>::look(link_type& at) {
    std::lock_guard const lock(outbox_mutex_);
    return {.beat_due = at.beat_due,
            .reply_due = !at.replies.empty(),
            .inside_message = at.current.has_value(),
            .message_queued = at.next.has_value() || !outbox_.empty(),
            .draining = lifecycle_.now() == phase::draining};
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::write_beat(link_type& at) {
    at.beat_due = false;
    auto made = guarded([&]() -> std::optional<outbound_frame> { return at.protocol.make_beat(); },
                        std::optional<outbound_frame>{});
    // A protocol in which only the peer beats has none to send.
    if (!made) return write(at);
    at.control = std::move(*made);
    note_beat(at, at.control.id);
    write_control(at);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::write_stand_in(link_type& at) {
    at.beat_due = false;
    --at.stand_in;
    at.control = {at.stand_in, frame_kind::ping, std::to_string(at.stand_in)};
    note_beat(at, at.control.id);
    write_control(at);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::write_reply(link_type& at) {
    at.control = std::move(at.replies.front());
    at.replies.pop_front();
    write_control(at);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::write_control(link_type& at) {
    auto const& frame = at.control;
    if (frame.kind == frame_kind::text || frame.kind == frame_kind::binary)
        return write_frame(at, frame.kind == frame_kind::text, true, asio::buffer(frame.payload));
    auto const size = std::min(frame.payload.size(), beast::websocket::ping_data::static_capacity);
    begin_write(at, size);
    beast::websocket::ping_data const payload(frame.payload.data(), size);
    write_op<connection> handler{{this->shared_from_this(), at.shared_from_this()}};
    frame.kind == frame_kind::ping ? at.websocket.async_ping(payload, std::move(handler))
                                   : at.websocket.async_pong(payload, std::move(handler));
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::write_fragment(link_type& at) {
    auto const payload = asio::buffer(at.current->content.text());
    auto const size = std::min(payload.size() - at.offset, settings_.limits.fragment_bytes);
    auto const fragment = asio::buffer(payload + at.offset, size);
    at.offset += size;
    bool const last = at.offset == payload.size();
    if (last && !at.next && at.has_room_for(size)) at.next = take_message();
    write_frame(at, at.current->content.is_text(), last, fragment);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::write_frame(link_type& at, bool text, bool last,
                                                      asio::const_buffer payload) {
    begin_write(at, payload.size());
    at.websocket.text(text);
    // By the size of the whole message, and not by the websocket's own threshold: it looks at fragments, and
    // at the second one again if the first was small enough, compressed, to be kept back.
    auto const whole = at.current ? at.current->content.size() : payload.size();
    at.websocket.compress(at.compresses && whole >= settings_.deflate.threshold);
    at.websocket.async_write_some(last, payload,
                                  write_op<connection>{{this->shared_from_this(), at.shared_from_this()}});
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::begin_write(link_type& at, std::size_t size) {
    enter();
    at.writing = true;
    // What is gathered leaves with the message that follows, which cannot be cancelled any more. It leaves at
    // the latest when the buffer is full, so that messages are told as written also while others keep coming.
    at.corked = at.next && at.has_room_for(size);
    at.gathered_bytes = at.corked ? at.gathered_bytes + size + link_type::longest_header : 0;
    at.websocket.next_layer().cork(at.corked);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::written(link_type& at, error_code error) {
    bool const finished = at.current && at.offset == at.current->content.size();
    if (finished) at.gathered.push_back(*std::exchange(at.current, std::nullopt));
    // With an error or without: what was only gathered when the link ended never left.
    bool const left = !error && !at.corked && at.websocket.next_layer().empty();
    outcome const lost{delivery::unknown, errc::connection_lost};
    if (left || error || at.ended) settle_gathered(at, left ? outcome{delivery::written} : lost);
    if (error || at.ended) settle_unfinished(at);
    if (error && !at.ended) end(at, explain(at, error));
}

template <class Protocol, class Stream, class Clock>
std::optional<message_queue::entry> connection<Protocol, Stream, Clock>::take_message() {
    std::lock_guard const lock(outbox_mutex_);
    return outbox_.take();
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::give_back(link_type& at) {
    if (!at.next) return;
    auto returned = *std::exchange(at.next, std::nullopt);
    if (at.next_cancelled) return settle(std::move(returned), {delivery::dropped, errc::cancelled});
    std::lock_guard const lock(outbox_mutex_);
    outbox_.put_back(std::move(returned));
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::settle_gathered(link_type& at, outcome result) {
    for (auto& entry : std::exchange(at.gathered, {})) settle(std::move(entry), result);
}

/// A message of which only some fragments have left can come no more.
template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::settle_unfinished(link_type& at) {
    if (at.current)
        settle(*std::exchange(at.current, std::nullopt), {delivery::unknown, errc::connection_lost});
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::settle(message_queue::entry&& entry, outcome result) {
    {
        std::lock_guard const lock(outbox_mutex_);
        outbox_.settle(entry.content.size());
    }
    if (result) count([](stats& all) { ++all.messages_sent; });
    tell(std::move(entry), result);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::tell(message_queue::entry&& entry, outcome result) {
    if (entry.receipt) return entry.receipt(result);
    if (!result) emit(undelivered{std::move(entry.content), result});
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::reply(link_type& at, outbound_frame&& frame) {
    // A peer that asks faster than it reads gets its latest answers only.
    constexpr std::size_t most_replies = 16;
    if (at.replies.size() == most_replies) at.replies.pop_front();
    at.replies.push_back(std::move(frame));
    // Not from here: Beast may be in the middle of a read.
    request_write();
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::note_beat(link_type& at, std::uint64_t id) {
    at.monitor.sent(id, time());
    count([](stats& all) { ++all.beats_sent; });
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::bytes_written(std::size_t number) {
    count([number](stats& all) { all.bytes_sent += number; });
}

}  // namespace heartbeat::detail
