// SPDX-License-Identifier: BSL-1.0
#pragma once

// TLS on a byte layer. Only for tls.hpp.

#include <heartbeat/net/byte_layer.hpp>
#include <heartbeat/net/observed_handler.hpp>
#include <heartbeat/net/tls_errors.hpp>
#include <heartbeat/net/tls_settings.hpp>
#include <heartbeat/net/tls_verification.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/bind_handler.hpp>

#include <openssl/ssl.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace heartbeat::detail {

/// A byte layer as what `asio::ssl::stream` wants below itself.
class layer_below {
public:
    using executor_type = asio::any_io_executor;
    using lowest_layer_type = layer_below;

    explicit layer_below(std::unique_ptr<byte_layer> layer) : layer_(std::move(layer)) {}

    byte_layer* operator->() const noexcept { return layer_.get(); }
    lowest_layer_type& lowest_layer() noexcept { return *this; }
    executor_type get_executor() const noexcept { return layer_->get_executor(); }

    template <class Buffers, class Handler>
    void async_read_some(Buffers const& buffers, Handler&& handler) {
        layer_->read_some(buffer_list<asio::mutable_buffer>(buffers), std::forward<Handler>(handler));
    }

    template <class Buffers, class Handler>
    void async_write_some(Buffers const& buffers, Handler&& handler) {
        auto const note = [this, all = asio::buffer_size(buffers)](error_code& error, std::size_t count) {
            if (finishes_ && !error && count == all) layer_->finish();
            return count;
        };
        layer_->write_some(buffer_list<asio::const_buffer>(buffers),
                           observed_handler{note, std::forward<Handler>(handler)});
    }

    /// Nothing follows what is written next.
    void finish_after_write() noexcept { finishes_ = true; }

private:
    std::unique_ptr<byte_layer> layer_;
    bool finishes_ = false;
};

/// A TLS client's connection. As with every layer, whoever owns it keeps it until its last operation has
/// completed: OpenSSL works on its memory until then.
class tls_layer final : public byte_layer {
public:
    tls_layer(std::shared_ptr<tls_settings> settings, std::unique_ptr<byte_layer> next)
        : settings_(std::move(settings)), stream_(layer_below(std::move(next)), *settings_->context) {}

    // Else OpenSSL takes a connection that broke for a reason not to resume its session.
    ~tls_layer() override { SSL_set_shutdown(native(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); }

    asio::any_io_executor get_executor() noexcept override { return next()->get_executor(); }

    void secure(url const& where, bool shows_certificate, status_handler handler) override {
        bool const renamed = shows_certificate && !settings_->server_name.empty();
        auto const name = name_in_certificates(renamed ? settings_->server_name : where.host);
        // Whoever resumes a session is taken for whom it was made with.
        server_ = where.host + ' ' + where.port + ' ' + name + (shows_certificate ? "" : " anonymous");
        if (auto const error = shows_certificate ? error_code() : hide_certificate())
            return asio::post(get_executor(), beast::bind_front_handler(std::move(handler), error));
        if (auto const error = prepare(name))
            return asio::post(get_executor(), beast::bind_front_handler(std::move(handler), error));
        stream_.async_handshake(asio::ssl::stream_base::client, shaken{*this, std::move(handler)});
    }

    bool resumed() const noexcept override { return resumed_; }

    void read_some(buffer_list<asio::mutable_buffer> const& space, transfer_handler handler) override {
        stream_.async_read_some(space, transferred{*this, std::move(handler)});
    }

    void write_some(buffer_list<asio::const_buffer> const& bytes, transfer_handler handler) override;

    // Once the goodbye is written, the connection's side is ended, too: some servers wait for that.
    void teardown(status_handler handler) override {
        next().finish_after_write();
        stream_.async_shutdown(status{*this, std::move(handler)});
    }

    void finish() noexcept override { next()->finish(); }

    std::size_t available() noexcept override {
        // Of the record that is being read, and of those that OpenSSL has not looked at.
        return next()->available() + static_cast<std::size_t>(SSL_pending(native())) +
               BIO_ctrl_pending(SSL_get_rbio(native()));
    }

    void close() noexcept override { next()->close(); }
    void abandon() noexcept override { next()->abandon(); }
    void reset() noexcept override { next()->reset(); }

    /// Called for each session or ticket that the server gives.
    static int new_session(SSL* connection, SSL_SESSION* session) {
        auto* const layer = static_cast<tls_layer*>(SSL_get_ex_data(connection, index()));
        if (layer != nullptr) layer->keep(session_pointer(SSL_SESSION_dup(session)));
        return 0;  // the connection goes on owning the original
    }

private:
    // The caller's handler, where all handlers of the layer below run.
    template <class Handler>
    struct continuation {
        using executor_type = asio::any_io_executor;

        tls_layer& layer;
        Handler handler;

        executor_type get_executor() const noexcept { return layer.stream_.get_executor(); }
    };

    struct shaken : continuation<status_handler> {
        void operator()(error_code error) { std::move(this->handler)(this->layer.judge(error)); }
    };

    struct status : continuation<status_handler> {
        void operator()(error_code error) { std::move(this->handler)(error); }
    };

    struct transferred : continuation<transfer_handler> {
        void operator()(error_code error, std::size_t count) {
            std::move(this->handler)(explained(error, this->layer.native()), count);
        }
    };

    struct flattened : continuation<transfer_handler> {
        void operator()(error_code error, std::size_t count) {
            std::vector<unsigned char>().swap(this->layer.flat_);
            std::move(this->handler)(error, count);
        }
    };

    static int index() {
        static int const mine = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
        return mine;
    }

    SSL* native() noexcept { return stream_.native_handle(); }
    layer_below& next() noexcept { return stream_.next_layer(); }

    error_code hide_certificate();
    error_code prepare(std::string const& name);
    error_code judge(error_code error);
    void keep(session_pointer session);

    std::shared_ptr<tls_settings> const settings_;
    asio::ssl::stream<layer_below> stream_;
    tls_verification verification_;
    /// The key of its sessions.
    std::string server_;
    /// What is being written, if it was in several buffers.
    std::vector<unsigned char> flat_;
    /// A session of which it is not known yet whether it may be kept.
    session_pointer session_;
    /// A session was offered.
    bool offered_ = false;
    bool accepted_ = false;
    bool resumed_ = false;
};

/// In one record, which the stream does not do with several buffers.
inline void tls_layer::write_some(buffer_list<asio::const_buffer> const& bytes, transfer_handler handler) {
    auto const first = bytes.begin();
    if (first == bytes.end() || first + 1 == bytes.end())
        return stream_.async_write_some(bytes, transferred{*this, std::move(handler)});
    constexpr std::size_t longest_record = 16 * 1024;
    flat_.resize(std::min(asio::buffer_size(bytes), longest_record));
    asio::buffer_copy(asio::buffer(flat_), bytes);
    stream_.async_write_some(asio::const_buffer(flat_.data(), flat_.size()),
                             flattened{*this, std::move(handler)});
}

/// An own context may have ways to prove who the client is; what cannot be switched off for a connection ends
/// it.
inline error_code tls_layer::hide_certificate() {
    SSL_certs_clear(native());
    SSL_set_cert_cb(native(), nullptr, nullptr);
    SSL_set_psk_client_callback(native(), nullptr);
    SSL_set_psk_use_session_callback(native(), nullptr);
    bool const hidden = SSL_CTX_get_client_cert_cb(SSL_get_SSL_CTX(native())) == nullptr;
    return hidden ? error_code() : make_error_code(errc::tls_failed);
}

/// Everything that is particular to this connection. An error is one of OpenSSL's.
inline error_code tls_layer::prepare(std::string const& name) {
    ERR_clear_error();
    SSL_set_ex_data(native(), index(), this);
    // A handshake amid reads and writes would need both of them at once.
    SSL_set_options(native(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    // Names only (RFC 6066 section 3).
    if (!is_address(name) && SSL_set_tlsext_host_name(native(), name.c_str()) != 1)
        return last_openssl_error();
    if (auto const error = verification_.begin(native(), name, settings_->verify)) return error;

    auto const& protocols = settings_->protocols;
    auto const* const names = reinterpret_cast<unsigned char const*>(protocols.data());
    // This one returns 0 when it has done it.
    if (!protocols.empty() &&
        SSL_set_alpn_protos(native(), names, static_cast<unsigned>(protocols.size())) != 0)
        return last_openssl_error();
    // If it cannot be used the handshake is a full one.
    if (auto const session = settings_->sessions.get(server_))
        offered_ = SSL_set_session(native(), session.get()) == 1;
    return {};
}

/// What the end of the handshake means; what was agreed with a server that is not accepted is forgotten.
inline error_code tls_layer::judge(error_code error) {
    resumed_ = !error && SSL_session_reused(native()) == 1;
    // A session that is resumed was made after the same check.
    if (!error && !resumed_ && !verification_.is_pinned(native(), settings_->pinned_keys))
        error = errc::tls_pin_mismatch;
    if (error) {
        session_.reset();
        // One that was offered may be what the server, or something before it, stumbles over.
        bool const refused = offered_ || error.category() == asio::error::get_ssl_category() ||
                             error.category() == error_category();
        if (refused) settings_->sessions.forget(server_);
        return explained(error, native(), verification_.obstacle());
    }
    accepted_ = true;
    if (session_) settings_->sessions.put(server_, std::move(session_));
    return {};
}

inline void tls_layer::keep(session_pointer session) {
    if (!session || SSL_SESSION_is_resumable(session.get()) != 1) return;
    if (accepted_) return settings_->sessions.put(server_, std::move(session));
    session_ = std::move(session);
}

}  // namespace heartbeat::detail
