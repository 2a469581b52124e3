// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>

#include <cstddef>
#include <cstdint>

namespace heartbeat {

/// What a socket has done and measured since it was made; a snapshot.
struct stats {
    /// Dials, and how many of them became an open link.
    std::uint64_t attempts = 0;
    std::uint64_t sessions = 0;
    /// TCP connections that were begun: an attempt may try several addresses, and redirects make more.
    std::uint64_t connects = 0;
    /// TLS handshakes that were made, and how many of them were short because they resumed a session.
    std::uint64_t tls_handshakes = 0;
    std::uint64_t tls_resumed = 0;

    std::uint64_t beats_sent = 0;
    std::uint64_t beats_answered = 0;

    /// Round-trip times of heartbeats: the last, smoothed as in RFC 6298 section 2, the smallest ever, and
    /// two percentiles of the last 64. Zero before the first answer.
    duration round_trip_last = {};
    duration round_trip_smoothed = {};
    duration round_trip_minimum = {};
    duration round_trip_median = {};
    duration round_trip_99th = {};

    /// Messages of the application. Heartbeats are not counted.
    std::uint64_t messages_sent = 0;
    std::uint64_t messages_received = 0;
    /// Received messages that found the mailbox full and were discarded.
    std::uint64_t messages_discarded = 0;

    /// Bytes of all connections: the upgrade, frame headers and heartbeats included. What TLS adds is not
    /// counted.
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;

    /// Messages accepted for sending and not yet written, and their payload bytes.
    std::size_t outbox_messages = 0;
    std::size_t outbox_bytes = 0;

    /// How long there was no link while a run was in progress, until now.
    duration downtime = {};
    /// The longest time by which the heartbeat's timer was handled late: slow slots, a busy machine.
    /// Detection of a dead peer may be late by as much.
    duration longest_delay = {};
    /// True while nothing is read because the mailbox is full (`overflow::pause`): liveness is suspended.
    bool reading_paused = false;
};

}  // namespace heartbeat
