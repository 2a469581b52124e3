// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/net/byte_layer.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/websocket/teardown.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>
#include <variant>

namespace heartbeat {

/// A layer between a websocket and its transport that plays a peer whose process hangs. While it is frozen
/// the connection stays open, but nothing is read or written: operations are held, and so are the results of
/// those that were in progress, until it is resumed. What was handed to the operating system before still
/// arrives.
///
/// It needs a transport that can be closed with `beast::close_socket`. Everything is called on one strand,
/// which is also where handlers run, whatever is associated with them. Operations end with
/// `operation_aborted` when the gate is closed.
template <class Stream>
class gate_stream {
public:
    using next_layer_type = Stream;
    using executor_type = asio::any_io_executor;

    /// `executor` is the strand; `next` may have any executor.
    gate_stream(executor_type const& executor, Stream next);

    next_layer_type& next_layer() noexcept { return next_; }
    executor_type get_executor() noexcept { return opened_.get_executor(); }

    /// In force when it returns.
    void freeze() noexcept { frozen_ = true; }
    /// Lets everything that was held go on, in the order in which it was held.
    void resume();
    /// Closes the transport at once, frozen or not, and ends all operations. Final.
    void close();

    /// Reads at least one byte. Completes with `void(error_code, std::size_t)`.
    template <class Buffers, class CompletionToken>
    auto async_read_some(Buffers const& buffers, CompletionToken&& token) {
        return asio::async_initiate<CompletionToken, void(error_code, std::size_t)>(
            [](auto handler, gate_stream* self, Buffers const& space) {
                self->start(detail::buffer_list<asio::mutable_buffer>(space), std::move(handler));
            },
            token, this, buffers);
    }

    /// Writes at least one byte. Completes with `void(error_code, std::size_t)`.
    template <class Buffers, class CompletionToken>
    auto async_write_some(Buffers const& buffers, CompletionToken&& token) {
        return asio::async_initiate<CompletionToken, void(error_code, std::size_t)>(
            [](auto handler, gate_stream* self, Buffers const& bytes) {
                self->start(detail::buffer_list<asio::const_buffer>(bytes), std::move(handler));
            },
            token, this, buffers);
    }

    /// Ends the connection in the way that a websocket wants after its close handshake; held like the others.
    /// Completes with `void(error_code)`. The websocket comes here through the free function of this name.
    void async_teardown(beast::role_type role, detail::status_handler handler) {
        start(role, [handler = std::move(handler)](error_code error, std::size_t) mutable {
            std::move(handler)(error);
        });
    }

private:
    // What is asked of the layer below: to read, to write or to end the connection.
    using request = std::variant<detail::buffer_list<asio::mutable_buffer>,
                                 detail::buffer_list<asio::const_buffer>, beast::role_type>;

    // One operation, before and after the layer below has done it. A held one is owned by the wait of a
    // timer, not by the gate, so that nothing owns itself and the execution context can destroy it.
    struct operation {
        using executor_type = asio::any_io_executor;

        gate_stream* gate;
        request what;
        detail::transfer_handler handler;
        bool done = false;
        error_code error = {};
        std::size_t count = 0;

        executor_type get_executor() const noexcept { return gate->get_executor(); }
        // The layer below has done it.
        void operator()(error_code result, std::size_t transferred = 0);
        // The gate has been opened or closed.
        void go_on();
        void pass_down();
        void hold();
    };

    void start(request what, detail::transfer_handler handler);

    Stream next_;
    /// Waits for ever: its waits are what is held, and cancelling them opens the gate.
    asio::steady_timer opened_;
    bool frozen_ = false;
    bool closed_ = false;
};

template <class Stream>
gate_stream<Stream>::gate_stream(executor_type const& executor, Stream next)
    : next_(std::move(next)), opened_(executor, asio::steady_timer::time_point::max()) {}

template <class Stream>
void gate_stream<Stream>::resume() {
    frozen_ = false;
    opened_.cancel();
}

template <class Stream>
void gate_stream<Stream>::close() {
    closed_ = true;
    // What is started from now on is held too, and completes at once.
    opened_.expires_at(asio::steady_timer::time_point::min());
    beast::close_socket(beast::get_lowest_layer(next_));
}

template <class Stream>
void gate_stream<Stream>::start(request what, detail::transfer_handler handler) {
    operation started{this, std::move(what), std::move(handler)};
    if (frozen_ || closed_) {
        started.hold();
    } else {
        started.pass_down();
    }
}

template <class Stream>
void gate_stream<Stream>::operation::operator()(error_code result, std::size_t transferred) {
    done = true;
    error = result;
    count = transferred;
    go_on();
}

template <class Stream>
void gate_stream<Stream>::operation::go_on() {
    if (gate->closed_) return std::move(handler)(asio::error::operation_aborted, 0);
    // It may have been frozen again before what was held could go on.
    if (gate->frozen_) return hold();
    if (done) return std::move(handler)(error, count);
    pass_down();
}

template <class Stream>
void gate_stream<Stream>::operation::pass_down() {
    auto& next = gate->next_;
    std::visit(
        [&](auto const asked) {
            using type = std::remove_const_t<decltype(asked)>;
            if constexpr (std::is_same_v<type, beast::role_type>) {
                using beast::websocket::async_teardown;
                async_teardown(asked, next, std::move(*this));
            } else if constexpr (std::is_same_v<type, detail::buffer_list<asio::mutable_buffer>>) {
                next.async_read_some(asked, std::move(*this));
            } else {
                next.async_write_some(asked, std::move(*this));
            }
        },
        what);
}

template <class Stream>
void gate_stream<Stream>::operation::hold() {
    auto& opened = gate->opened_;
    opened.async_wait(asio::bind_executor(opened.get_executor(),
                                          [held = std::move(*this)](error_code) mutable { held.go_on(); }));
}

template <class Stream, class Handler>
void async_teardown(beast::role_type role, gate_stream<Stream>& stream, Handler&& handler) {
    stream.async_teardown(role, std::forward<Handler>(handler));
}

template <class Stream>
void teardown(beast::role_type role, gate_stream<Stream>& stream, error_code& error) {
    using beast::websocket::teardown;
    teardown(role, stream.next_layer(), error);
}

}  // namespace heartbeat
