// SPDX-License-Identifier: BSL-1.0
#pragma once

// The echo server behind TLS. Needs OpenSSL, as tls.hpp does.

#include <heartbeat/net/byte_layer.hpp>
#include <heartbeat/testing/echo_server.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/role.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace heartbeat {

/// The server's end of a TLS connection. The first read makes the handshake, so that a frozen server does not
/// answer a handshake either. Everything is called on one strand.
class tls_server_stream {
public:
    using executor_type = asio::any_io_executor;
    /// So that closing and resetting the connection goes around TLS.
    using next_layer_type = asio::ip::tcp::socket;
    /// Looks at a connection whose handshake is done.
    using observer = std::function<void(SSL const& connection)>;

    static constexpr bool is_secure = true;

    tls_server_stream(asio::ip::tcp::socket socket, std::shared_ptr<asio::ssl::context> context,
                      observer on_handshake = {})
        : inside_(std::make_unique<inside>(std::move(socket), std::move(context), std::move(on_handshake))) {}

    executor_type get_executor() noexcept { return inside_->stream.get_executor(); }
    next_layer_type& next_layer() noexcept { return inside_->stream.next_layer(); }

    /// Reads at least one byte. The handler has an executor and the signature `void(error_code,
    /// std::size_t)`.
    template <class Buffers, class Handler>
    void async_read_some(Buffers const& buffers, Handler&& handler) {
        if (inside_->shaken) return inside_->stream.async_read_some(buffers, std::forward<Handler>(handler));
        auto const executor = asio::get_associated_executor(handler, get_executor());
        inside_->stream.async_handshake(
            asio::ssl::stream_base::server,
            asio::bind_executor(executor,
                                [self = inside_.get(), buffers,
                                 handler = std::forward<Handler>(handler)](error_code error) mutable {
                                    if (error) return std::move(handler)(error, std::size_t{});
                                    self->shaken = true;
                                    if (self->on_handshake) self->on_handshake(*self->stream.native_handle());
                                    self->stream.async_read_some(buffers, std::move(handler));
                                }));
    }

    /// Writes at least one byte; after the first read only.
    template <class Buffers, class Handler>
    void async_write_some(Buffers const& buffers, Handler&& handler) {
        inside_->stream.async_write_some(buffers, std::forward<Handler>(handler));
    }

    template <class Handler>
    friend void async_teardown(beast::role_type, tls_server_stream& stream, Handler&& handler) {
        stream.inside_->stream.async_shutdown(std::forward<Handler>(handler));
    }

    friend void teardown(beast::role_type, tls_server_stream& stream, error_code& error) {
        stream.inside_->stream.shutdown(error);
    }

private:
    // Does not move when the stream does.
    struct inside {
        inside(asio::ip::tcp::socket socket, std::shared_ptr<asio::ssl::context> its_context,
               observer observed)
            : context(std::move(its_context)),
              stream(std::move(socket), *context),
              on_handshake(std::move(observed)) {}

        std::shared_ptr<asio::ssl::context> context;
        asio::ssl::stream<asio::ip::tcp::socket> stream;
        observer on_handshake;
        bool shaken = false;
    };

    std::unique_ptr<inside> inside_;
};

/// The echo server for `wss`, with the faults of the other one. It is made with a `stream_maker` that gives
/// each connection its context.
using tls_echo_server = basic_echo_server<tls_server_stream>;

}  // namespace heartbeat
