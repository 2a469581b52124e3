// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace heartbeat {

/// What a socket is doing. The application sees every change as the event `state_changed`.
enum class state {
    /// No run is in progress: before the first one, and after each has ended.
    stopped,
    /// An attempt is preparing, resolving, connecting, securing or upgrading, or is waiting for its turn in
    /// `reconnect.budget`. Next: open, waiting or closing.
    connecting,
    /// Messages flow and the heart beats. Next: waiting or closing.
    open,
    /// Waiting out the delay before the next attempt. Next: connecting or closing.
    waiting,
    /// The run ends, on purpose or because no retry is allowed: the outbox drains, the close handshake is
    /// made, outstanding operations complete, as far as there is anything to do. Next: stopped.
    closing,
};

/// The name of a state as written in the enumeration.
constexpr char const* to_string(state value) noexcept {
    switch (value) {
        case state::stopped: return "stopped";
        case state::connecting: return "connecting";
        case state::open: return "open";
        case state::waiting: return "waiting";
        case state::closing: return "closing";
    }
    return "unknown";
}

}  // namespace heartbeat
