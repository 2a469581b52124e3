// SPDX-License-Identifier: BSL-1.0
#pragma once

// TLS as a value for `options::tls`. This header, and of the others only testing/tls_server.hpp, needs
// OpenSSL, 3.0 or newer: link libssl and libcrypto, with CMake `heartbeat::tls`. The umbrella header leaves
// it out.

#include <heartbeat/net/tls_layer.hpp>
#include <heartbeat/options.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace heartbeat {

/// What a `wss` connection trusts and shows. By default the server's certificate chain is verified against
/// the system's store, it has to be for the URL's host, a name or an address, and TLS is 1.2 or newer.
/// Everything is in PEM.
struct tls_options {
    /// Certificate authorities to trust instead of those of the system: a file, a text, or both.
    std::string ca_file = {};
    std::string ca_pem = {};
    /// The client's certificate, with the ones between it and its authority after it: a file or a text.
    std::string certificate_file = {};
    std::string certificate_pem = {};
    /// The private key of that certificate: a file or a text.
    std::string key_file = {};
    std::string key_pem = {};
    /// If the key is encrypted.
    std::string key_password = {};
    /// If there are any, a key in the verified chain, without `verify` the server's own, has to be one of
    /// these: base64 of the SHA-256 hash of a SubjectPublicKeyInfo (RFC 7469 section 2.4), 44 characters.
    std::vector<std::string> pinned_keys = {};
    /// What is offered to follow inside of TLS (RFC 7301); none if it is empty.
    std::vector<std::string> alpn = {"http/1.1"};
    /// False accepts every certificate for every host: for tests, or with the server's own key pinned.
    bool verify = true;
    /// An own context instead of the authorities, certificate and key above. `verify`, pins, ALPN and TLS 1.2
    /// as the oldest version apply all the same. It is set up to keep sessions, unless it has a callback for
    /// new ones; so nobody else uses it during the call. If it has a callback that verifies certificates, of
    /// a chain the server's own key alone counts for pins. If it has one for client certificates
    /// (`SSL_CTX_set_client_cert_cb`), attempts that were redirected to another origin fail; with an engine
    /// for them do not follow redirects. Renegotiation and compression are off for each connection.
    std::shared_ptr<asio::ssl::context> context = {};
};

/// Makes the value for `options::tls`. Reads files now. Sockets that share it share sessions: a reconnect
/// then takes a short handshake, which does not look at the certificate again unless that has expired.
///
/// Throws `options_error` for an option that makes no sense, like a file that cannot be read or a key that
/// does not belong to the certificate. Thread-safe, and so is what it returns.
std::shared_ptr<tls_provider const> tls(tls_options const& options = {});

namespace detail {

class tls_client final : public tls_provider {
public:
    explicit tls_client(std::shared_ptr<tls_settings> settings) : settings_(std::move(settings)) {}

    std::unique_ptr<byte_layer> wrap(std::unique_ptr<byte_layer> transport) const override {
        return std::make_unique<tls_layer>(settings_, std::move(transport));
    }

private:
    std::shared_ptr<tls_settings> const settings_;
};

/// Reports what OpenSSL says against an option.
inline void require_usable(error_code const& error, char const* field, std::string const& value,
                           std::string const& expected) {
    if (error) throw options_error(field, value, expected + ": " + error.message());
}

inline std::string as_protocol_list(std::vector<std::string> const& names) {
    std::string list;
    for (auto const& name : names) {
        if (name.empty() || name.size() > 255)
            throw options_error("tls.alpn", detail::quoted(name), "names of 1 to 255 bytes");
        list += static_cast<char>(name.size());
        list += name;
    }
    return list;
}

inline void require_pin(std::string const& pin) {
    std::array<unsigned char, 33> hash{};
    bool usable = pin.size() == 44 && pin.back() == '=' && pin[42] != '=';
    usable =
        usable && EVP_DecodeBlock(hash.data(), reinterpret_cast<unsigned char const*>(pin.data()), 44) == 33;
    if (!usable)
        throw options_error("tls.pinned_keys", detail::quoted(pin),
                            "the base64 of a SHA-256 hash, 44 characters");
}

inline void trust(asio::ssl::context& context, tls_options const& options) {
    error_code error;
    if (options.ca_file.empty() && options.ca_pem.empty()) {
        context.set_default_verify_paths(error);
        require_usable(error, "tls.ca_file", "empty", "the certificates of the system to be usable");
    }
    if (!options.ca_file.empty()) {
        context.load_verify_file(options.ca_file, error);
        require_usable(error, "tls.ca_file", detail::quoted(options.ca_file),
                       "a file of certificates in PEM");
    }
    if (!options.ca_pem.empty()) {
        context.add_certificate_authority(asio::buffer(options.ca_pem), error);
        require_usable(error, "tls.ca_pem", "a text", "certificates in PEM");
    }
}

inline void introduce(asio::ssl::context& context, tls_options const& options) {
    bool const has_certificate = !options.certificate_file.empty() || !options.certificate_pem.empty();
    bool const has_key = !options.key_file.empty() || !options.key_pem.empty();
    auto const require_one = [](std::string const& file, std::string const& text, char const* field) {
        if (!file.empty() && !text.empty())
            throw options_error(field, "a text", "a file or a text, not both");
    };
    require_one(options.certificate_file, options.certificate_pem, "tls.certificate_pem");
    require_one(options.key_file, options.key_pem, "tls.key_pem");
    if (has_certificate != has_key)
        throw options_error(has_key ? "tls.certificate_file" : "tls.key_file", "empty",
                            "a certificate and its key, or neither");
    if (!has_certificate) return;

    error_code error;
    // Without this OpenSSL asks on the terminal.
    context.set_password_callback([password = options.key_password](
                                      std::size_t, asio::ssl::context::password_purpose) { return password; },
                                  error);
    if (!options.certificate_file.empty()) {
        context.use_certificate_chain_file(options.certificate_file, error);
        require_usable(error, "tls.certificate_file", detail::quoted(options.certificate_file),
                       "a certificate in PEM");
    } else {
        context.use_certificate_chain(asio::buffer(options.certificate_pem), error);
        require_usable(error, "tls.certificate_pem", "a text", "a certificate in PEM");
    }
    std::string const expected = "the private key of the certificate, in PEM";
    if (!options.key_file.empty()) {
        context.use_private_key_file(options.key_file, asio::ssl::context::pem, error);
        require_usable(error, "tls.key_file", detail::quoted(options.key_file), expected);
    } else {
        context.use_private_key(asio::buffer(options.key_pem), asio::ssl::context::pem, error);
        require_usable(error, "tls.key_pem", "a text", expected);
    }
}

inline std::shared_ptr<asio::ssl::context> make_context(tls_options const& options) {
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    trust(*context, options);
    introduce(*context, options);
    return context;
}

inline std::shared_ptr<asio::ssl::context> given_context(tls_options const& options) {
    for (auto const* const other :
         {&options.ca_file, &options.ca_pem, &options.certificate_file, &options.certificate_pem,
          &options.key_file, &options.key_pem, &options.key_password})
        if (!other->empty())
            throw options_error("tls.context", "set",
                                "none, or no authorities, certificate and key beside it");
    return options.context;
}

}  // namespace detail

inline std::shared_ptr<tls_provider const> tls(tls_options const& options) {
    auto settings = std::make_shared<detail::tls_settings>();
    settings->verify = options.verify;
    for (auto const& pin : options.pinned_keys) detail::require_pin(pin);
    settings->pinned_keys = options.pinned_keys;
    settings->protocols = detail::as_protocol_list(options.alpn);
    settings->context = options.context ? detail::given_context(options) : detail::make_context(options);

    auto* const native = settings->context->native_handle();
    if (SSL_CTX_get_min_proto_version(native) < TLS1_2_VERSION)
        SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    if (SSL_CTX_sess_get_new_cb(native) == nullptr) {
        SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(native, &detail::tls_layer::new_session);
    }
    return std::make_shared<detail::tls_client>(std::move(settings));
}

}  // namespace heartbeat
