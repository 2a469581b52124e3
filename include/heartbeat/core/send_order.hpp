// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace heartbeat::detail {

/// What a link could write now.
struct send_situation {
    /// The monitor wants a beat.
    bool beat_due = false;
    /// The protocol owes the peer a reply.
    bool reply_due = false;
    /// Some fragments of a message have left and others have not.
    bool inside_message = false;
    /// A message is queued.
    bool message_queued = false;
    /// The link ends on purpose once everything is written.
    bool draining = false;
};

/// What a link writes next.
enum class send_action {
    /// The protocol's beat, as a message or a ping.
    beat,
    /// A beat as a websocket ping: only control frames may stand between fragments (RFC 6455 section 5.4).
    ping,
    /// The protocol's reply to a beat of the peer.
    reply,
    /// The next fragment of the message that is on its way.
    fragment,
    /// The first fragment of the next message.
    message,
    /// Nothing is left of what had to leave before the close handshake.
    drained,
    /// Nothing to do until something is queued.
    rest,
};

/// Beats overtake replies, replies overtake queued messages, and a begun message is finished before the next.
constexpr send_action next_send(send_situation const& now) noexcept {
    if (now.beat_due) return now.inside_message ? send_action::ping : send_action::beat;
    if (now.inside_message) return send_action::fragment;
    if (now.reply_due) return send_action::reply;
    if (now.message_queued) return send_action::message;
    return now.draining ? send_action::drained : send_action::rest;
}

}  // namespace heartbeat::detail
