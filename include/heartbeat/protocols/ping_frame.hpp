// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/protocols/protocol.hpp>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace heartbeat {

/// The heartbeat of the websocket protocol itself: a ping frame, which every peer answers with a pong frame
/// of the same payload (RFC 6455 sections 5.5.2 and 5.5.3). The payload is the beat's number in decimal
/// digits.
class ping_frame {
public:
    std::optional<outbound_frame> make_beat() {
        ++last_;
        return outbound_frame{last_, frame_kind::ping, std::to_string(last_)};
    }

    frame_meaning classify(inbound_frame const& frame) const {
        switch (frame.kind) {
            case frame_kind::text:
            case frame_kind::binary: return application_message{};
            case frame_kind::ping: return protocol_noise{};
            case frame_kind::pong: break;
        }
        std::uint64_t id = 0;
        auto const end = frame.payload.data() + frame.payload.size();
        auto const [stopped, failure] = std::from_chars(frame.payload.data(), end, id);
        // An unsolicited pong is allowed (RFC 6455 section 5.5.3) and means nothing.
        if (failure != std::errc{} || stopped != end) return protocol_noise{};
        return beat_answer{id};
    }

private:
    std::uint64_t last_ = 0;
};

static_assert(heartbeat_protocol<ping_frame>);

}  // namespace heartbeat
