// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/error.hpp>

namespace heartbeat::detail {

/// What becomes of the connection of a link that has ended.
enum class connection_end {
    /// It is closed. What was written still leaves, then the peer reads the end: messages that were told as
    /// written are among it, or a Close frame.
    close,
    /// Its peer is taken for dead, or the network between. It is ended as above and kept until the next one
    /// is
    /// made, then reset. Then the network works again, so the reset arrives, while one that is sent now may
    /// get
    /// lost and is not repeated; and what had not arrived by then does not arrive beside the next link. If
    /// the
    /// run ends before that it is closed.
    reset_when_connected_again,
};

constexpr connection_end end_after(errc cause) noexcept {
    return cause == errc::heartbeat_timeout ? connection_end::reset_when_connected_again
                                            : connection_end::close;
}

}  // namespace heartbeat::detail
