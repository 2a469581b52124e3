// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/events.hpp>
#include <heartbeat/message.hpp>
#include <heartbeat/net/any_stream.hpp>
#include <heartbeat/net/beat_op.hpp>
#include <heartbeat/net/close_op.hpp>
#include <heartbeat/net/completion.hpp>
#include <heartbeat/net/connect_op.hpp>
#include <heartbeat/net/connection.hpp>
#include <heartbeat/net/deadline_op.hpp>
#include <heartbeat/net/open_op.hpp>
#include <heartbeat/net/prepare_op.hpp>
#include <heartbeat/net/race_op.hpp>
#include <heartbeat/net/read_op.hpp>
#include <heartbeat/net/request.hpp>
#include <heartbeat/net/resolve_op.hpp>
#include <heartbeat/net/run_op.hpp>
#include <heartbeat/net/wait_op.hpp>
#include <heartbeat/net/write_op.hpp>
#include <heartbeat/options.hpp>
#include <heartbeat/protocols/ping_frame.hpp>
#include <heartbeat/state.hpp>
#include <heartbeat/stats.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/execution_context.hpp>

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace heartbeat {

/// A websocket client that stays alive by itself: it connects, proves the link with heartbeats, notices a
/// dead peer within `heartbeat.interval + heartbeat.timeout`, connects again, and tells what happens through
/// events.
///
/// A *run* lasts from `start` or `async_run` until it is closed, cancelled, or not allowed to retry. A socket
/// can have any number of runs, one after the other.
///
/// **Thread safety.** All functions may be called from any thread, except where they say otherwise. Slots run
/// on the socket's strand, one at a time; they may call anything, also destroy the socket.
///
/// **Completion tokens.** Each `async_` function takes any completion token; without one it gives a deferred
/// operation that `co_await` or a token starts. It completes once, never inside the call, on the handler's
/// associated executor, or else on the strand. Each supports per-operation cancellation of any type. Handlers
/// that still wait when the execution context is destroyed are destroyed with it.
///
/// **Lifetime.** The destructor never blocks. It cancels: no slot starts afterwards if it is called on the
/// strand; from another thread one slot that is running may finish. The execution context must outlive the
/// socket.
///
/// \tparam Protocol what a heartbeat looks like, see `heartbeat_protocol`
/// \tparam Stream the byte layer under the websocket, see `any_stream`
/// \tparam Clock where time comes from; for tests
template <class Protocol = ping_frame, class Stream = any_stream, class Clock = std::chrono::steady_clock>
class heartbeat_socket {
    static_assert(heartbeat_protocol<Protocol>, "Protocol must have make_beat() and classify(frame)");
    using connection_type = detail::connection<Protocol, Stream, Clock>;

public:
    using protocol_type = Protocol;
    using executor_type = typename connection_type::strand_type;

    /// Makes a socket that runs on a strand of `executor`. Does not connect yet.
    /// Throws `options_error` for an option that makes no sense.
    heartbeat_socket(typename Stream::executor_type const& executor, options settings,
                     Protocol protocol = {});

    /// The same on the executor of an execution context, such as an `asio::io_context`.
    template <std::derived_from<asio::execution_context> Context>
    heartbeat_socket(Context& context, options settings, Protocol protocol = {})
        : heartbeat_socket(typename Stream::executor_type(context.get_executor()), std::move(settings),
                           std::move(protocol)) {}

    /// A socket that was moved from can be assigned to or destroyed, nothing else.
    heartbeat_socket(heartbeat_socket&& other) noexcept = default;
    heartbeat_socket& operator=(heartbeat_socket&& other) noexcept;
    ~heartbeat_socket();

    /// The strand on which slots run.
    executor_type get_executor() const noexcept { return connection_->strand(); }

    // ---------------------------------------------------------------- events

    /// Calls `slot(Event const&)` for each event of this kind, on the strand, in the order of connection. The
    /// connection that is returned can be ignored: the slot then lives as long as the socket. An exception
    /// that leaves a slot becomes the event `slot_failed`. An event that a socket does not have is a compile
    /// error.
    template <class Event, class Slot>
    connection on(Slot&& slot) {
        auto slots = connection_->events().template on<Event>(std::forward<Slot>(slot));
        take_messages<Event>();
        return slots;
    }

    /// Calls `slot(Event const&)` for the next event of this kind only.
    template <class Event, class Slot>
    connection once(Slot&& slot) {
        auto slots = connection_->events().template once<Event>(std::forward<Slot>(slot));
        take_messages<Event>();
        return slots;
    }

    /// Emits an event as the socket does; for adaptors, such as one that reports messages as `malformed`.
    /// Only on the strand.
    template <class Event>
    void emit(Event const& happened) {
        connection_->emit(happened);
    }

    /// What emits events as this socket does, wherever it has been moved to, and none once it is gone. Only
    /// to be called on the strand.
    auto emitter() const { return connection_->events().emitter(); }

    /// Completes with `void(error_code, Event)` at the next event of this kind.
    /// Errors: `operation_aborted` if cancelled or the socket is gone; `errc::stopped` if the run ends first,
    /// or has ended and no other was started.
    template <class Event, class CompletionToken>
    auto async_next(CompletionToken&& token);
    template <class Event>
    auto async_next() {
        return async_next<Event>(asio::deferred);
    }

    // ------------------------------------------------------------------- run

    /// Starts a run; what becomes of it is told by events. Does nothing while a run is in progress.
    void start() { async_run(asio::detached); }

    /// Starts a run and completes with `void(error_code)` when it has ended, as the last of all that it does:
    /// without an error after a deliberate close, with `operation_aborted` after `cancel`, else with the
    /// cause, such as `errc::retries_exhausted`. The event `stopped` says more. Errors besides:
    /// `errc::already_running`. Cancelling this operation is like `cancel`.
    template <class CompletionToken>
    auto async_run(CompletionToken&& token);
    auto async_run() { return async_run(asio::deferred); }

    /// Ends the run on purpose: writes what is queued, makes the close handshake (code 1000), and stays
    /// closed. What is not done within `deadlines.close` is cut off and dropped. Does nothing without a run.
    void close() { async_close(asio::detached); }

    /// Does the same and completes with `void(error_code)` when the run has ended, at once if there is none.
    /// There is no error. Cancelling this operation cuts the close short, like `cancel`.
    template <class CompletionToken>
    auto async_close(CompletionToken&& token);
    auto async_close() { return async_close(asio::deferred); }

    /// Ends the run at once, without a close handshake. Queued messages are dropped.
    void cancel() {
        connection_->post([](connection_type& self) { self.cancel(); });
    }

    /// Dials at once if the socket is waiting for its next attempt; else does nothing.
    void connect_now() {
        connection_->post([](connection_type& self) { self.connect_now(); });
    }

    /// What the socket is doing.
    heartbeat::state state() const noexcept { return connection_->visible_state(); }

    /// Completes with `void(error_code)` as soon as the socket is in the state `wanted`, which may be now.
    /// Errors: as `async_next`.
    template <class CompletionToken>
    auto async_wait(heartbeat::state wanted, CompletionToken&& token);
    auto async_wait(heartbeat::state wanted) { return async_wait(wanted, asio::deferred); }

    /// Figures about all that the socket has done.
    heartbeat::stats stats() const { return connection_->snapshot(); }

    // -------------------------------------------------------------- messages

    /// Queues a message. It leaves as soon as a link is open, after those that were queued earlier; in a slot
    /// of `opened`, before them. What has not left when a link ends waits for the next one, except for the
    /// message that was being written. False if it was refused, and nothing is queued: the outbox is full, a
    /// text is not UTF-8, or the socket has been closed and no new run was started. An accepted message that
    /// ends other than `written` is told by the event `undelivered`.
    bool send(message content) { return connection_->send(std::move(content), {}) == errc{}; }

    /// Queues the text of a JSON value. A string in it that is not UTF-8 is refused like any such text.
    template <std::same_as<nlohmann::json> Json>
    bool send(Json const& value) {
        return send(text_of(value));
    }

    /// Queues a message and completes with `void(outcome)`: written, dropped with the cause, or unknown. A
    /// refused message is dropped with `errc::outbox_full`, `errc::invalid_utf8` or `errc::closed`.
    /// Cancelling takes the message out of the queue (dropped, `errc::cancelled`); one that is being written
    /// takes its course.
    template <class CompletionToken>
    auto async_send(message content, CompletionToken&& token);
    auto async_send(message content) { return async_send(std::move(content), asio::deferred); }

    /// Queues the text of a JSON value, as above.
    template <std::same_as<nlohmann::json> Json, class CompletionToken>
    auto async_send(Json const& value, CompletionToken&& token) {
        return async_send(text_of(value), std::forward<CompletionToken>(token));
    }
    template <std::same_as<nlohmann::json> Json>
    auto async_send(Json const& value) {
        return async_send(text_of(value), asio::deferred);
    }

    /// Completes with `void(error_code, message)`: the oldest message that was received and not taken, or the
    /// next to come. Only messages that find no slot for the event `message` come here; up to
    /// `limits.mailbox_messages` wait. Errors: as `async_next`; messages that wait are given out first.
    template <class CompletionToken>
    auto async_receive(CompletionToken&& token);
    auto async_receive() { return async_receive(asio::deferred); }

private:
    /// A slot for messages takes them from now on, also where reading had paused for want of room.
    template <class Event>
    void take_messages() {
        if constexpr (std::same_as<Event, message>)
            connection_->post([](connection_type& self) { self.unpause(); });
    }

    /// What cannot be written as JSON becomes a text that is refused for the same reason.
    template <class Json>
    static message text_of(Json const& value) try {
        return message(value.dump());
    } catch (typename Json::type_error const&) {
        return message("\xff");
    }

    std::shared_ptr<connection_type> connection_;
};

template <class Context>
heartbeat_socket(Context&&, options) -> heartbeat_socket<>;
template <class Context, class Protocol>
heartbeat_socket(Context&&, options, Protocol) -> heartbeat_socket<Protocol>;

// ---------------------------------------------------------------------------

template <class Protocol, class Stream, class Clock>
heartbeat_socket<Protocol, Stream, Clock>::heartbeat_socket(typename Stream::executor_type const& executor,
                                                            options settings, Protocol protocol) {
    validate(settings);
    if constexpr (!detail::securable<Stream>) {
        if (parse_url(settings.url).secure)
            throw options_error(
                "url", detail::quoted(detail::without_secrets(settings.url)),
                "a ws:// URL: the stream of this socket has no async_secure and resumed as any_stream has");
    }
    connection_ = std::make_shared<connection_type>(executor, std::move(settings), std::move(protocol));
}

template <class Protocol, class Stream, class Clock>
heartbeat_socket<Protocol, Stream, Clock>& heartbeat_socket<Protocol, Stream, Clock>::operator=(
    heartbeat_socket&& other) noexcept {
    heartbeat_socket old(std::move(*this));
    connection_ = std::move(other.connection_);
    return *this;
}

template <class Protocol, class Stream, class Clock>
heartbeat_socket<Protocol, Stream, Clock>::~heartbeat_socket() {
    if (!connection_) return;
    connection_->events().mute();
    connection_->post([](connection_type& self) { self.orphan(); });
}

template <class Protocol, class Stream, class Clock>
template <class Event, class CompletionToken>
auto heartbeat_socket<Protocol, Stream, Clock>::async_next(CompletionToken&& token) {
    constexpr bool usable = detail::completes_with<CompletionToken, error_code, Event>;
    static_assert(usable,
                  "async_next takes a completion token, such as a handler to be called with "
                  "(boost::system::error_code, Event)");
    if constexpr (usable) {
        return asio::async_initiate<CompletionToken, void(error_code, Event)>(
            [](auto handler, std::shared_ptr<connection_type> const& self) {
                auto const ticket = self->new_ticket();
                detail::completion<error_code, Event> done(std::move(handler), self->handler_executor());
                self->on_cancel(done.slot(), [ticket](connection_type& on) { on.cancel_wait(ticket); });
                self->post([ticket, done = std::move(done)](connection_type& on) mutable {
                    on.next_event(ticket, std::move(done));
                });
            },
            token, connection_);
    }
}

template <class Protocol, class Stream, class Clock>
template <class CompletionToken>
auto heartbeat_socket<Protocol, Stream, Clock>::async_run(CompletionToken&& token) {
    constexpr bool usable = detail::completes_with<CompletionToken, error_code>;
    static_assert(usable,
                  "async_run takes a completion token, such as a handler to be called with "
                  "(boost::system::error_code)");
    if constexpr (usable) {
        return asio::async_initiate<CompletionToken, void(error_code)>(
            [](auto handler, std::shared_ptr<connection_type> const& self) {
                auto const ticket = self->new_ticket();
                self->accept_messages();
                detail::completion<error_code> done(std::move(handler), self->handler_executor());
                self->on_cancel(done.slot(), [ticket](connection_type& on) { on.cancel_run(ticket); });
                self->post([ticket, done = std::move(done)](connection_type& on) mutable {
                    on.start(ticket, std::move(done));
                });
            },
            token, connection_);
    }
}

template <class Protocol, class Stream, class Clock>
template <class CompletionToken>
auto heartbeat_socket<Protocol, Stream, Clock>::async_close(CompletionToken&& token) {
    constexpr bool usable = detail::completes_with<CompletionToken, error_code>;
    static_assert(usable,
                  "async_close takes a completion token, such as a handler to be called with "
                  "(boost::system::error_code)");
    if constexpr (usable) {
        return asio::async_initiate<CompletionToken, void(error_code)>(
            [](auto handler, std::shared_ptr<connection_type> const& self) {
                auto const ticket = self->new_ticket();
                detail::completion<error_code> done(std::move(handler), self->handler_executor());
                self->on_cancel(done.slot(), [ticket](connection_type& on) { on.cancel_close(ticket); });
                self->post([ticket, done = std::move(done)](connection_type& on) mutable {
                    on.close(ticket, std::move(done));
                });
            },
            token, connection_);
    }
}

template <class Protocol, class Stream, class Clock>
template <class CompletionToken>
auto heartbeat_socket<Protocol, Stream, Clock>::async_wait(heartbeat::state wanted, CompletionToken&& token) {
    constexpr bool usable = detail::completes_with<CompletionToken, error_code>;
    static_assert(usable,
                  "async_wait takes a completion token, such as a handler to be called with "
                  "(boost::system::error_code)");
    if constexpr (usable) {
        return asio::async_initiate<CompletionToken, void(error_code)>(
            [](auto handler, std::shared_ptr<connection_type> const& self, heartbeat::state awaited) {
                auto const ticket = self->new_ticket();
                detail::completion<error_code> done(std::move(handler), self->handler_executor());
                self->on_cancel(done.slot(), [ticket](connection_type& on) { on.cancel_wait(ticket); });
                self->post([ticket, awaited, done = std::move(done)](connection_type& on) mutable {
                    on.wait_for(ticket, awaited, std::move(done));
                });
            },
            token, connection_, wanted);
    }
}

template <class Protocol, class Stream, class Clock>
template <class CompletionToken>
auto heartbeat_socket<Protocol, Stream, Clock>::async_send(message content, CompletionToken&& token) {
    constexpr bool usable = detail::completes_with<CompletionToken, outcome>;
    static_assert(
        usable,
        "async_send takes a completion token, such as a handler to be called with (heartbeat::outcome)");
    if constexpr (usable) {
        return asio::async_initiate<CompletionToken, void(outcome)>(
            [](auto handler, std::shared_ptr<connection_type> const& self, message what) {
                // The message may leave, and its handler run, before `send` returns: the slot is assigned
                // first.
                auto const ticket = std::make_shared<std::atomic<std::uint64_t>>(0);
                detail::completion<outcome> receipt(std::move(handler), self->handler_executor());
                self->on_cancel(receipt.slot(), [ticket](connection_type& on) { on.cancel_send(*ticket); });
                auto const refusal = self->send(std::move(what), std::move(receipt), ticket.get());
                if (refusal != errc{}) receipt({delivery::dropped, refusal});
            },
            token, connection_, std::move(content));
    }
}

template <class Protocol, class Stream, class Clock>
template <class CompletionToken>
auto heartbeat_socket<Protocol, Stream, Clock>::async_receive(CompletionToken&& token) {
    constexpr bool usable = detail::completes_with<CompletionToken, error_code, message>;
    static_assert(usable,
                  "async_receive takes a completion token, such as a handler to be called with "
                  "(boost::system::error_code, heartbeat::message)");
    if constexpr (usable) {
        return asio::async_initiate<CompletionToken, void(error_code, message)>(
            [](auto handler, std::shared_ptr<connection_type> const& self) {
                auto const ticket = self->new_ticket();
                detail::completion<error_code, message> done(std::move(handler), self->handler_executor());
                self->on_cancel(done.slot(), [ticket](connection_type& on) { on.cancel_receive(ticket); });
                self->post([ticket, done = std::move(done)](connection_type& on) mutable {
                    on.receive(ticket, std::move(done));
                });
            },
            token, connection_);
    }
}

}  // namespace heartbeat
