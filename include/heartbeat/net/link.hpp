// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/address_race.hpp>
#include <heartbeat/core/attempt.hpp>
#include <heartbeat/core/heartbeat_monitor.hpp>
#include <heartbeat/core/outbox.hpp>
#include <heartbeat/core/redirects.hpp>
#include <heartbeat/endpoint.hpp>
#include <heartbeat/message.hpp>
#include <heartbeat/net/coalescing_stream.hpp>
#include <heartbeat/net/completion.hpp>
#include <heartbeat/net/timer_for.hpp>
#include <heartbeat/net/upgrade_answer.hpp>
#include <heartbeat/protocols/protocol.hpp>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace heartbeat::detail {

template <class Protocol, class Stream, class Clock>
class connection;

/// The queue of a connection: each message with the handler, if any, that waits for its outcome.
using message_queue = outbox<completion<outcome>>;

/// One connection attempt, or one leg of it if it is redirected, and if it succeeds the link: its own stream,
/// buffers, timers and number, so that nothing of an old link can touch a new one. Held by the handlers of
/// its operations; strand only.
template <class Protocol, class Stream, class Clock>
struct link final : stream_observer, std::enable_shared_from_this<link<Protocol, Stream, Clock>> {
    using connection_type = connection<Protocol, Stream, Clock>;
    using timer_type = timer_for<Clock>;
    using websocket_type = beast::websocket::stream<coalescing_stream<Stream>>;

    /// A timer that is armed anew all the time. A handler that was already on its way when its wait was
    /// replaced is told apart by the number.
    struct numbered_timer {
        explicit numbered_timer(asio::any_io_executor const& executor) : timer(executor) {}

        timer_type timer;
        time_point due = {};
        std::uint64_t number = 0;
    };

    /// `owner` outlives the link's operations: their handlers hold both.
    link(connection_type& its_owner, Protocol const& prototype, options const& settings)
        : owner(its_owner),
          protocol(prototype),
          monitor(settings.heartbeat),
          websocket(its_owner.handler_executor(), static_cast<stream_observer&>(*this)),
          race_timer(its_owner.handler_executor()),
          heart(its_owner.handler_executor()),
          deadline(its_owner.handler_executor()) {}

    void bytes_read(std::size_t count) override { owner.bytes_read(*this, count); }
    void bytes_written(std::size_t count) override {
        monitor.output(count);
        owner.bytes_written(count);
    }
    void teardown_begins(std::uint16_t told) override { owner.teardown_begins(*this, told); }

    connection_type& owner;

    /// Set once, when the attempt failed or the link was lost or closed. Whatever completes afterwards
    /// changes nothing.
    bool ended = false;
    /// The websocket is open, and `opened` was or is being emitted.
    bool opened = false;
    /// The mailbox is full; no read is outstanding until there is room.
    bool paused = false;
    /// The peer's Close frame has arrived.
    bool close_seen = false;
    /// How the peer broke the rules, once it was told so in a Close frame.
    errc fault = {};
    /// Counts the open links of the socket, from 1.
    std::uint64_t session = 0;
    /// When the attempt began, with its first leg.
    time_point began = {};
    time_point opened_at = {};

    attempt steps = {};
    /// Where the attempt goes; this link is one leg of it, to `where`.
    itinerary trip = {};
    /// For `wss`; null if the attempt has none.
    std::shared_ptr<tls_provider const> tls = {};
    url where = {};
    /// What the server chose of those that were offered.
    std::string subprotocol = {};
    Protocol protocol;
    heartbeat_monitor monitor;
    websocket_type websocket;
    /// Beast's read and close can wait for each other's locks for ever, with no operation on the connection
    /// that its end could abort: when the peer breaks the protocol, or its Close has been read already, while
    /// ours is being written. So the end of the link cancels what is outstanding, too.
    asio::cancellation_signal stop_reading = {};
    asio::cancellation_signal stop_writing = {};
    asio::cancellation_signal stop_closing = {};
    /// What is sent may be compressed.
    bool compresses = false;
    /// During the upgrade.
    std::unique_ptr<upgrade_answer> answer = {};
    beast::flat_buffer input = {};

    /// The addresses that the attempt tries, which of them when, and when the next one is due.
    std::vector<endpoint> addresses = {};
    address_race race = {};
    numbered_timer race_timer;
    /// The one that the connection was made to.
    std::optional<endpoint> remote = {};

    numbered_timer heart;
    numbered_timer deadline;
    /// With which code the attempt fails, or the close is given up, when the deadline passes.
    errc deadline_code = {};

    /// A write is outstanding. There is at most one.
    bool writing = false;
    /// What is being written is gathered below and leaves with the next write.
    bool corked = false;
    bool beat_due = false;
    std::deque<outbound_frame> replies = {};
    /// The beat or reply that is being written.
    outbound_frame control = {};
    /// The last ping that stood in for a beat of the protocol. Counts down from the top, away from any
    /// protocol's own.
    std::uint64_t stand_in = std::numeric_limits<std::uint64_t>::max();
    /// The message that is being written, and how many bytes of it have left.
    std::optional<message_queue::entry> current = {};
    std::size_t offset = 0;
    /// The message after it: known early, so that both can leave in one write. Its sender may have cancelled
    /// it in the meantime, which counts if the link ends before its turn.
    std::optional<message_queue::entry> next = {};
    bool next_cancelled = false;
    /// Messages that are written as far as the websocket is concerned, but gathered below.
    std::vector<message_queue::entry> gathered = {};
    std::size_t gathered_bytes = 0;

    /// Whether a frame with so much payload can be gathered instead of written.
    static constexpr std::size_t longest_header = 14;
    bool has_room_for(std::size_t payload) const noexcept {
        return gathered_bytes + payload + longest_header < websocket_type::next_layer_type::capacity;
    }
};

}  // namespace heartbeat::detail
