// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/event_bus.hpp>
#include <heartbeat/message.hpp>
#include <heartbeat/reason.hpp>
#include <heartbeat/state.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>

namespace heartbeat {

/// A link is open. Emitted before anything is sent or received on it; what a slot sends here leaves before
/// messages that were queued earlier. Exactly one `closed` follows for a socket that outlives the link.
struct opened {
    /// Counts the links of this socket, from 1.
    std::uint64_t session = 0;
    /// True unless it is the first link of this run.
    bool reconnected = false;
    /// How long there was no link: since the last `closed`, or since the run started.
    duration downtime = {};
    /// The one of `request.subprotocols` that the server chose; empty for none.
    std::string subprotocol = {};
};

/// The link that `opened` announced has ended.
struct closed {
    std::uint64_t session = 0;
    /// Why it ended.
    heartbeat::reason reason = {};
    /// How long it was open.
    duration uptime = {};
};

/// The socket went from one state to another; emitted after the change.
struct state_changed {
    state from = state::stopped;
    state to = state::stopped;
};

/// A heartbeat was answered.
struct beat {
    /// The identity of the heartbeat, as its protocol made it.
    std::uint64_t id = 0;
    /// From handing the beat to the link until its answer was read.
    duration round_trip = {};
};

/// Half of `heartbeat.timeout` has passed without an answer. A second beat is sent as a probe; `beat` follows
/// if it or the first is answered, `closed` if not.
struct suspected {
    std::uint64_t session = 0;
    /// Time since the last proof of life was read.
    duration silence = {};
};

/// The socket waits before it dials again.
struct waiting {
    /// The number of the coming attempt since the last link was stable, from 1.
    unsigned attempt = 0;
    /// How long it will wait.
    duration delay = {};
    /// What made it wait: why the last attempt failed or the last link ended.
    reason cause = {};
};

/// An attempt to connect has failed; `waiting` or `stopped` follows.
struct attempt_failed {
    /// The number of the attempt since the last link was stable, from 1.
    unsigned attempt = 0;
    heartbeat::reason reason = {};
};

/// A message arrived that the protocol, or a router of typed messages, cannot make sense of. The link lives
/// on.
struct malformed {
    /// The whole message as it came.
    std::string text = {};
    /// The byte, counted from 0, where making sense of it failed.
    std::size_t position = 0;
    /// What was wrong there.
    std::string what = {};
};

/// A message given to `send` was accepted and then not written. (For `async_send` its completion says so.)
struct undelivered {
    heartbeat::message message = {};
    /// `dropped` with its cause, or `unknown`.
    heartbeat::outcome outcome = {};
};

/// A slot threw. The other slots of that event still ran. Without a slot for this event, or when the socket
/// was destroyed while the slot ran, the exception leaves through the function that runs the event loop.
struct slot_failed {
    std::exception_ptr exception = {};
};

/// The run has ended; nothing follows until a new one is started.
struct stopped {
    /// Why: `closed` and `cancelled` were asked for, `retries_exhausted` or a refused retry were not.
    heartbeat::reason reason = {};
};

/// The bus of a socket: its events, and `message` for what was received.
using socket_events = event_bus<opened, closed, message, state_changed, beat, suspected, waiting,
                                attempt_failed, malformed, undelivered, slot_failed, stopped>;

}  // namespace heartbeat
