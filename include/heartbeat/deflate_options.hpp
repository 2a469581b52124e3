// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

namespace heartbeat {

/// Compression of messages (permessage-deflate, RFC 7692). It is offered to the server, which may decline it.
/// What a message takes when it is inflated counts for `limits.message_bytes`.
struct deflate_options {
    /// True: offered. False costs nothing.
    bool enabled = false;
    /// What the client compresses with: a window of 2 to the power of this many bytes, 9 to 15. Smaller needs
    /// less memory at both ends and compresses less. If the server does not confirm it, nothing is compressed
    /// that is sent.
    int client_window_bits = 15;
    /// The same for what the server sends, 9 to 15. A server that does not keep to less than 15 is refused.
    int server_window_bits = 15;
    /// Whether a message that is sent may refer to the ones before it. False compresses small messages less,
    /// and lets the server forget them; if it does not confirm that, nothing is compressed that is sent.
    bool client_context_takeover = true;
    /// The same for what is received. A server that does not do without is refused.
    bool server_context_takeover = true;
    /// How much memory compressing takes beside the window, 1 to 9.
    int memory_level = 4;
    /// From 0, which only wraps, over 1, the fastest, to 9, the smallest result.
    int compression_level = 6;
    /// Smaller messages, and heartbeats that are, leave as they are: bytes of payload.
    std::size_t threshold = 128;
};

}  // namespace heartbeat
