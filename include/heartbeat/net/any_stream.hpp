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
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace heartbeat {

/// The type-erased byte layer under a websocket, so that one socket type serves every transport. TCP is built
/// in.
///
/// It models what a socket wants of a `Stream`. That is made from an executor. `async_resolve` tells the
/// addresses of a host; `async_connect` begins to connect to one of them, and to others beside it; `cancel`
/// ends one of those, and `adopt` makes one that has connected the stream's connection. Which addresses are
/// tried, and when, is decided by the socket. For `wss` it then goes through `async_secure`. The stream is
/// read and written until `close`, which ends every outstanding operation. After `abandon`, which does so,
/// too, `reset` may follow. A `Stream` without `async_secure` and `resumed` serves `ws` only; one without
/// `abandon` is closed instead. `available` lets an answer count that has arrived and could not be read yet.
/// One object serves one attempt. Not thread-safe: everything is called on the socket's strand.
class any_stream {
public:
    using executor_type = asio::any_io_executor;

    /// A TCP stream whose operations fall back to `executor`.
    explicit any_stream(executor_type const& executor) {
        auto dialler = std::make_unique<detail::tcp_layer>(executor);
        dialler_ = dialler.get();
        layer_ = std::move(dialler);
    }

    executor_type get_executor() noexcept { return layer_->get_executor(); }

    /// Finds the addresses of a host, a name or an address, in the order of preference; each comes with
    /// `port`. Completes with `void(error_code, std::vector<endpoint>)`. `close` abandons a lookup that hangs
    /// in the operating system.
    template <class CompletionToken>
    auto async_resolve(std::string const& host, std::uint16_t port, CompletionToken&& token) {
        return asio::async_initiate<CompletionToken, void(error_code, std::vector<endpoint>)>(
            [](auto handler, detail::dialling_layer* layer, std::string const& name, std::uint16_t number) {
                layer->resolve(name, number, std::move(handler));
            },
            token, dialler_, host, port);
    }

    /// Connects to an address, beside others. Completes with `void(error_code)`.
    template <class CompletionToken>
    auto async_connect(candidate const& to, CompletionToken&& token) {
        return asio::async_initiate<CompletionToken, void(error_code)>(
            [](auto handler, detail::dialling_layer* layer, candidate const& one) {
                layer->connect(one, std::move(handler));
            },
            token, dialler_, to);
    }

    /// Ends connecting to the candidate of that index, and the connection that it made.
    void cancel(std::size_t index) noexcept { dialler_->cancel(index); }

    /// Makes the connection of that candidate the stream's. The others are to be cancelled before.
    void adopt(std::size_t index) noexcept { dialler_->adopt(index); }

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

    /// Ends the connection at once; outstanding operations complete with an error, and what was written still
    /// leaves. May be called again. The connection ends also where a child process has inherited it.
    void close() noexcept { layer_->close(); }

    /// Ends every operation, those that are begun later, too, and keeps the connection to be reset; without
    /// that it is closed with the stream.
    void abandon() noexcept { layer_->abandon(); }

    /// After `abandon`: breaks the connection; what was written and has not arrived is thrown away.
    void reset() noexcept { layer_->reset(); }

    /// Ends the connection after the close handshake of a websocket: this side at once, since some servers
    /// wait for that, then waits for the peer's (RFC 6455 section 7.1.1). For streams that derive from this
    /// one, too.
    template <std::derived_from<any_stream> Derived, class Handler>
    friend void async_teardown(beast::role_type, Derived& stream, Handler&& handler) {
        static_cast<any_stream&>(stream).layer_->teardown(std::forward<Handler>(handler));
    }

    friend void beast_close_socket(any_stream& stream) { stream.close(); }

private:
    void secure(tls_provider const& tls, url const& where, bool shows_certificate,
                detail::status_handler handler);

    std::unique_ptr<detail::byte_layer> layer_;
    /// The lowest layer, of which the others own each the one below.
    detail::dialling_layer* dialler_ = nullptr;
};

inline void any_stream::secure(tls_provider const& tls, url const& where, bool shows_certificate,
                               detail::status_handler handler) {
    auto const executor = get_executor();
    std::unique_ptr<detail::tcp_layer> spare;
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
    if (!layer_) {
        dialler_ = spare.get();
        layer_ = std::move(spare);
    }
    asio::post(executor, beast::bind_front_handler(std::move(handler), error));
}

}  // namespace heartbeat
