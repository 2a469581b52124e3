// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/net/byte_layer.hpp>
#include <heartbeat/testing/simulated_socket.hpp>
#include <heartbeat/url.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associator.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/beast/core/role.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace heartbeat {

namespace detail {

/// A handler of a simulated stream, between words to the observer. Whatever is associated with
/// it stays so.
template <class Handler>
struct told_handler {
    std::shared_ptr<simulated_socket> socket;
    Handler handler;

    template <class... Results>
    void operator()(Results... results) {
        socket->tell(network_event::kind::completion);
        std::move(handler)(results...);
        socket->tell(network_event::kind::completed);
    }
};

}  // namespace detail

/// A stream of a `simulated_network`: the `Stream` parameter of a socket, and what a server accepts. It finds
/// its network by the execution context of its executor.
///
/// Completion handlers are posted to their associated executors, with the stream's as the fallback. Moving is
/// allowed also while operations are outstanding. One thread at a time may use a network and its streams.
class simulated_stream {
public:
    using executor_type = asio::any_io_executor;

    /// A client's, not connected yet.
    explicit simulated_stream(executor_type const& executor)
        : socket_(std::make_shared<detail::simulated_socket>(executor)) {}
    /// The server's end of a connection.
    explicit simulated_stream(std::shared_ptr<detail::simulated_socket> accepted)
        : socket_(std::move(accepted)) {}
    simulated_stream(simulated_stream&&) = default;
    simulated_stream& operator=(simulated_stream&&) = delete;
    /// Closes.
    ~simulated_stream() { close(); }

    executor_type get_executor() const noexcept { return socket_->executor; }

    /// Looks the host up. Completes with `void(error_code, std::vector<endpoint>)`; `close` does not stop it.
    template <class CompletionToken>
    auto async_resolve(std::string const& host, std::uint16_t port, CompletionToken&& token) {
        return asio::async_initiate<CompletionToken, void(error_code, std::vector<endpoint>)>(
            [](auto handler, simulated_stream* self, std::string const* name, std::uint16_t number) {
                self->socket_->resolve(*name, number,
                                       self->kept<error_code, std::vector<endpoint>>(std::move(handler)));
            },
            token, this, &host, port);
    }

    /// Connects, beside others. Completes with `void(error_code)`: `connection_refused` if nobody listens
    /// there, and not at all while bytes in either direction are lost.
    template <class CompletionToken>
    auto async_connect(candidate const& to, CompletionToken&& token) {
        return asio::async_initiate<CompletionToken, void(error_code)>(
            [](auto handler, simulated_stream* self, candidate const* one) {
                auto& socket = self->candidates_[one->index];
                socket = std::make_shared<detail::simulated_socket>(self->get_executor());
                socket->dial(*one, self->kept<error_code>(std::move(handler), socket));
            },
            token, this, &to);
    }

    /// Ends connecting to a candidate: it completes with `operation_aborted`.
    void cancel(std::size_t index) noexcept {
        if (auto const found = candidates_.find(index); found != candidates_.end()) found->second->close();
    }

    /// Makes the connection of that candidate the stream's.
    void adopt(std::size_t index) noexcept { socket_ = candidates_[index]; }

    /// What stands for a TLS handshake, once a `wss` URL is connected: a byte goes there and one comes back,
    /// for which the server has to read. Nothing is encrypted and nobody verified. Completes with
    /// `void(error_code)`.
    template <class CompletionToken>
    auto async_secure(tls_provider const&, url const&, bool, CompletionToken&& token) {
        return asio::async_initiate<CompletionToken, void(error_code)>(
            [](auto handler, simulated_stream* self) {
                self->socket_->secure(self->kept<error_code>(std::move(handler)));
            },
            token, this);
    }
    static constexpr bool resumed() noexcept { return false; }

    /// Reads at least one byte. Completes with `void(error_code, std::size_t)`.
    template <class Buffers, class CompletionToken>
    auto async_read_some(Buffers const& buffers, CompletionToken&& token) {
        return asio::async_initiate<CompletionToken, void(error_code, std::size_t)>(
            [](auto handler, simulated_stream* self, Buffers const& space) {
                self->socket_->read(detail::buffer_list<asio::mutable_buffer>(space),
                                    self->kept<error_code, std::size_t>(std::move(handler)));
            },
            token, this, buffers);
    }

    /// Writes at least one byte, as far as the connection's window has room. Completes with
    /// `void(error_code, std::size_t)`.
    template <class Buffers, class CompletionToken>
    auto async_write_some(Buffers const& buffers, CompletionToken&& token) {
        return asio::async_initiate<CompletionToken, void(error_code, std::size_t)>(
            [](auto handler, simulated_stream* self, Buffers const& bytes) {
                self->socket_->write(detail::buffer_list<asio::const_buffer>(bytes),
                                     self->kept<error_code, std::size_t>(std::move(handler)));
            },
            token, this, buffers);
    }

    /// How many bytes have arrived and not been read.
    std::size_t available() const { return socket_->available(); }

    /// Ends the connection or the dial; outstanding operations complete with `operation_aborted`. May be
    /// called again.
    void close() noexcept {
        if (!socket_) return;
        for (auto const& [index, one] : candidates_) one->close();
        socket_->close();
    }

    friend void beast_close_socket(simulated_stream& stream) { stream.close(); }

    /// Ends this side of the connection, then waits for the other (RFC 6455 section 7.1.1).
    template <class Handler>
    friend void async_teardown(beast::role_type, simulated_stream& stream, Handler&& handler) {
        stream.socket_->teardown(stream.kept<error_code>(std::forward<Handler>(handler)));
    }

    friend void teardown(beast::role_type, simulated_stream& stream, error_code& error) {
        error = {};
        stream.close();
    }

private:
    /// The handler as the network keeps it, with word to the observer when it is about to run.
    template <class... Results, class Handler>
    detail::completion<Results...> kept(Handler handler) {
        return kept<Results...>(std::move(handler), socket_);
    }
    template <class... Results, class Handler>
    static detail::completion<Results...> kept(Handler handler,
                                               std::shared_ptr<detail::simulated_socket> socket) {
        auto const executor = socket->executor;
        return {detail::told_handler<Handler>{std::move(socket), std::move(handler)}, executor};
    }

    std::shared_ptr<detail::simulated_socket> socket_;
    std::map<std::size_t, std::shared_ptr<detail::simulated_socket>> candidates_ = {};
};

}  // namespace heartbeat

template <template <class, class> class Associator, class Handler, class Default>
struct boost::asio::associator<Associator, heartbeat::detail::told_handler<Handler>, Default>
    : Associator<Handler, Default> {
    using subject = heartbeat::detail::told_handler<Handler>;

    static auto get(subject const& op) noexcept { return Associator<Handler, Default>::get(op.handler); }
    static auto get(subject const& op, Default const& fallback) noexcept {
        return Associator<Handler, Default>::get(op.handler, fallback);
    }
};
