// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace heartbeat {

/// The frames that a protocol sees or makes; fragmented messages are put together first.
enum class frame_kind { text, binary, ping, pong };

/// A frame that arrived. Its payload is valid during the call only.
struct inbound_frame {
    frame_kind kind = frame_kind::text;
    std::string_view payload = {};
};

/// A heartbeat or a reply to send.
struct outbound_frame {
    /// The identity by which its answer is recognised; unique within a link. Ignored in replies.
    std::uint64_t id = 0;
    /// text, binary, or ping with a payload of at most 125 bytes.
    frame_kind kind = frame_kind::ping;
    std::string payload = {};
};

/// The frame is not part of the heartbeat: it goes to the application.
struct application_message {};

/// The frame answers the beat with this identity.
struct beat_answer {
    std::uint64_t id = 0;
};

/// The frame is a beat of the peer's own.
struct peer_beat {
    /// What it wants back, if anything. Leaves before queued messages.
    std::optional<outbound_frame> reply = {};
    /// True if a peer that sends this must have heard us lately.
    bool proves_life = false;
};

/// The frame sets the times of the heartbeat, as in a server's hello. They count from now: it proves life as
/// well.
struct negotiated_times {
    /// 0 switches the heartbeat off.
    duration interval = {};
    /// 0 keeps the present one.
    duration timeout = {};
    /// True if the application should see the frame, too.
    bool deliver = false;
};

/// The frame belongs to the protocol and needs nothing.
struct protocol_noise {};

/// The frame makes no sense in this protocol. It is reported as `malformed`, and the link lives on.
struct malformed_frame {
    /// The byte, counted from 0, where making sense of it failed.
    std::size_t position = 0;
    std::string what = {};
};

/// What an inbound frame means.
using frame_meaning = std::variant<application_message, beat_answer, peer_beat, negotiated_times,
                                   protocol_noise, malformed_frame>;

/// What a heartbeat looks like on the wire. A socket keeps one as a prototype and copies it for each link, so
/// an object may carry the state of a link (a counter, a sequence number). Its functions are called on the
/// strand.
///
/// `make_beat()` gives the next beat, or nothing where only the peer beats. It is not called while a message
/// is on its way out in fragments: the beat is then a ping of the library's own.
///
/// `classify(frame)` says what a frame means. Pings are answered by Beast before it sees them.
template <class Protocol>
concept heartbeat_protocol = std::copy_constructible<Protocol> &&
    requires(Protocol protocol, inbound_frame const& frame) {
    { protocol.make_beat() } -> std::convertible_to<std::optional<outbound_frame>>;
    { protocol.classify(frame) } -> std::convertible_to<frame_meaning>;
};

}  // namespace heartbeat
