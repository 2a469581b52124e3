// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heartbeat {

/// Which end of a connection: the one that dialled or the one that accepted.
enum class network_end { client, server };

constexpr std::string_view to_string(network_end end) noexcept {
    return end == network_end::client ? "client" : "server";
}

/// How a simulated network carries bytes. A change counts for what is sent from then on.
struct network_conditions {
    /// From one end to the other; a dial takes it twice.
    duration latency = {};
    /// Each segment takes up to this much longer, drawn uniformly. Bytes of a connection stay in their order.
    duration jitter = {};
    /// Bytes arrive in segments of 1 to this many, drawn uniformly, each at least a nanosecond after the one
    /// before; 0: what was written at once arrives at once.
    std::size_t largest_segment = 0;
    /// How many bytes a connection holds in each direction, on their way or not yet read, before a write has
    /// to wait; at least 1.
    std::size_t window = 64 * 1024;
    /// How long it takes to look a name up.
    duration lookup = {};
};

/// What becomes of lookups that begin.
enum class lookup_result {
    /// The name is found.
    found,
    /// `asio::error::host_not_found`.
    not_found,
    /// They do not end, not even when their stream is closed, until lookups are answered again.
    hangs,
};

/// Something that happened in a simulated network, for traces and checks. Told at once, by whatever caused
/// it.
struct network_event {
    enum class kind {
        /// A client looks a name up.
        lookup,
        /// A client dials. `connection` is the number of the connection that this makes, if it does.
        dial,
        /// Nobody listens there.
        refused,
        /// The client has its connection.
        connected,
        /// `end` wrote `bytes`.
        sent,
        /// `bytes` have reached `end`.
        arrived,
        /// `end` read `bytes`.
        read,
        /// An operation of `end`'s is about to complete.
        completion,
        /// Its handler has returned.
        completed,
        /// `end` closed its stream, and `bytes` had arrived and were not read.
        closed,
        /// `end` heard that the connection was reset.
        reset,
    };

    kind what = {};
    /// Counts the dials of the network, from 1; 0 for a lookup.
    std::uint64_t connection = 0;
    network_end end = network_end::client;
    /// Valid while the event is being told.
    std::string_view bytes = {};
};

constexpr std::string_view to_string(network_event::kind kind) noexcept {
    switch (kind) {
        case network_event::kind::lookup: return "lookup";
        case network_event::kind::dial: return "dial";
        case network_event::kind::refused: return "refused";
        case network_event::kind::connected: return "connected";
        case network_event::kind::sent: return "sent";
        case network_event::kind::arrived: return "arrived";
        case network_event::kind::read: return "read";
        case network_event::kind::completion: return "completion";
        case network_event::kind::completed: return "completed";
        case network_event::kind::closed: return "closed";
        case network_event::kind::reset: return "reset";
    }
    return "?";
}

}  // namespace heartbeat
