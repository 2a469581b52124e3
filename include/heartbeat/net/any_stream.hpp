// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/error.hpp>
#include <heartbeat/net/byte_layer.hpp>
#include <heartbeat/net/tcp_layer.hpp>
#include <heartbeat/url.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/system/system_error.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <memory>
#include <utility>

namespace heartbeat {

/// The type-erased byte layer under a websocket, so that one socket type serves every transport. TCP is built
/// in.
///
/// It models what a socket wants of a `Stream`: it is made from an executor, taken through `async_resolve`
/// and `async_connect` once, for `wss` through `async_secure`, too, then read and written until `close`,
/// which ends every outstanding operation. A `Stream` without `async_secure` and `resumed` serves `ws` only.
/// `available` lets an answer count that has arrived and could not be read yet. One object serves one
/// attempt. Not thread-safe: everything is called on the socket's strand.
class any_stream {
public:
    using executor_type = asio::any_io_executor;

    /// A TCP stream whose operations fall back to `executor`.
    explicit any_stream(executor_type const& executor)
        : layer_(std::make_unique<detail::tcp_layer>(executor)) {}

    executor_type get_executor() noexcept { return layer_->get_executor(); }

    /// Finds the addresses of the URL's host. Completes with `void(error_code)`. A lookup that hangs in the
    /// operating system is not stopped by `close`: it completes whenever the system lets it.
    template <class CompletionToken>
    auto async_resolve(url const& where, CompletionToken&& token) {
        return asio::async_initiate<CompletionToken, void(error_code)>(
            [](auto handler, detail::byte_layer* layer, url const& target) {
                layer->resolve(target, std::move(handler));
            },
            token, layer_.get(), where);
    }

    /// Connects to the first address that accepts. Completes with `void(error_code)`.
    template <class CompletionToken>
    auto async_connect(CompletionToken&& token) {
        return asio::async_initiate<CompletionToken, void(error_code)>(
            [](auto handler, detail::byte_layer* layer) { layer->connect(std::move(handler)); }, token,
            layer_.get());
    }

    /// Puts TLS on the connection and shakes hands with the server of that URL. Completes with
    /// `void(error_code)`; if an error's default condition is one of `errc`, that is the cause.
    ///
    /// \param shows_certificate false if the client's certificate and the server name in the options, if
    /// there are any, are not for that server
    template <class CompletionToken>
    auto async_secure(tls_provider const& tls, url const& where, bool shows_certificate,
                      CompletionToken&& token) {
        return asio::async_initiate<CompletionToken, void(error_code)>(
            [](auto handler, any_stream* self, tls_provider const* provider, url const& server, bool shows) {
                self->secure(*provider, server, shows, std::move(handler));
            },
            token, this, &tls, where, shows_certificate);
    }

    /// Whether TLS resumed a session of an earlier connection.
    bool resumed() const noexcept { return layer_->resumed(); }

    /// Reads at least one byte. Completes with `void(error_code, std::size_t)`.
    template <class Buffers, class CompletionToken>
    auto async_read_some(Buffers const& buffers, CompletionToken&& token) {
        return asio::async_initiate<CompletionToken, void(error_code, std::size_t)>(
            [](auto handler, detail::byte_layer* layer, Buffers const& space) {
                layer->read_some(detail::buffer_list<asio::mutable_buffer>(space), std::move(handler));
            },
            token, layer_.get(), buffers);
    }

    /// Writes at least one byte. Completes with `void(error_code, std::size_t)`.
    template <class Buffers, class CompletionToken>
    auto async_write_some(Buffers const& buffers, CompletionToken&& token) {
        return asio::async_initiate<CompletionToken, void(error_code, std::size_t)>(
            [](auto handler, detail::byte_layer* layer, Buffers const& bytes) {
                layer->write_some(detail::buffer_list<asio::const_buffer>(bytes), std::move(handler));
            },
            token, layer_.get(), buffers);
    }

    /// How many bytes have reached this host and can be read without waiting; 0 also if that cannot be told.
    std::size_t available() noexcept { return layer_->available(); }

    /// Ends the connection at once; outstanding operations complete with an error. May be called again.
    void close() noexcept { layer_->close(); }

    /// Ends the connection in the way that a websocket wants after its close handshake (RFC 6455
    /// section 7.1.1).
    /// For streams that derive from this one, too.
    template <std::derived_from<any_stream> Derived, class Handler>
    friend void async_teardown(beast::role_type role, Derived& stream, Handler&& handler) {
        static_cast<any_stream&>(stream).layer_->teardown(role, std::forward<Handler>(handler));
    }

    friend void beast_close_socket(any_stream& stream) { stream.close(); }

private:
    void secure(tls_provider const& tls, url const& where, bool shows_certificate,
                detail::status_handler handler);

    std::unique_ptr<detail::byte_layer> layer_;
};

inline void any_stream::secure(tls_provider const& tls, url const& where, bool shows_certificate,
                               detail::status_handler handler) {
    auto const executor = get_executor();
    std::unique_ptr<detail::byte_layer> spare;
    error_code error = errc::tls_failed;
    try {
        spare = std::make_unique<detail::tcp_layer>(executor);
        layer_ = tls.wrap(std::move(layer_));
        if (layer_) error = {};
    } catch (boost::system::system_error const& thrown) {
        error = thrown.code();
    } catch (...) {
        // There is no memory, say. Another attempt may find some.
    }
    if (!error) return layer_->secure(where, shows_certificate, std::move(handler));
    // The transport went with whoever could not wrap it; what is not connected can still be closed.
    if (!layer_) layer_ = std::move(spare);
    asio::post(executor, beast::bind_front_handler(std::move(handler), error));
}

}  // namespace heartbeat
