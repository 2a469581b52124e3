// SPDX-License-Identifier: BSL-1.0
#pragma once

// A deliberate end: the outbox is drained, then the close handshake is made, both under one deadline.

#include <heartbeat/net/connection.hpp>

#include <boost/beast/websocket/rfc6455.hpp>

namespace heartbeat::detail {

/// Ends the link when the close handshake is over, well or badly. The read that is outstanding may end it
/// first.
template <class Connection>
struct close_op : operation<Connection> {
    using operation<Connection>::self;
    using operation<Connection>::at;
    using cancellation_slot_type = asio::cancellation_slot;

    cancellation_slot_type get_cancellation_slot() const noexcept { return at->stop_closing.slot(); }

    void operator()(error_code error) {
        auto& link = *at;
        if (!link.ended) {
            error_code const completed = beast::websocket::error::closed;
            self->end(link, self->explain(link, error ? error : completed));
        }
        self->leave();
    }
};

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::begin_drain() {
    {
        std::lock_guard const lock(outbox_mutex_);
        outbox_.close();
    }
    link_->monitor.stop();
    link_->beat_due = false;
    arm_deadline(*link_, time() + settings_.deadlines.close, errc::close_timeout);
    write(*link_);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::begin_close() {
    // If the peer was faster, Beast answers it, and the read that is outstanding ends the link.
    if (link_->close_seen) return;
    enter();
    // With a callback, a read that finds the peer's Close in its buffer lets go of the strand before it says
    // so, and the two wait for each other. From here on only the end counts.
    link_->websocket.control_callback();
    link_->websocket.async_close(beast::websocket::close_code::normal,
                                 close_op<connection>{{this->shared_from_this(), link_}});
}

}  // namespace heartbeat::detail
