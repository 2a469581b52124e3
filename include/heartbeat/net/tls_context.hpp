// SPDX-License-Identifier: BSL-1.0
#pragma once

// What connections share, made of options. Only for tls.hpp.

#include <heartbeat/net/descriptors.hpp>
#include <heartbeat/net/tls_layer.hpp>
#include <heartbeat/net/tls_settings.hpp>
#include <heartbeat/net/tls_verification.hpp>
#include <heartbeat/options_error.hpp>
#include <heartbeat/tls_options.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace heartbeat::detail {

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

/// A name as certificates have it, or an address; none is the URL's host.
inline void require_server_name(std::string const& name) {
    if (name.empty() || (name.size() <= 254 && is_dotted_name(name_in_certificates(name)))) return;
    if (name.find('%') == std::string::npos && is_address(name)) return;
    throw options_error("tls.server_name", detail::quoted(name),
                        "a name of letters, digits, hyphens and dots, or an address without brackets");
}

inline void trust(asio::ssl::context& context, tls_options const& options) {
    error_code error;
    if (options.ca_file.empty() && options.ca_pem.empty()) {
        // For want of a descriptor OpenSSL finds no file there, which it takes for an answer.
        error = exhausted_descriptors();
        if (!error) context.set_default_verify_paths(error);
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

/// Throws `options_error` for an option that makes no sense. Reads files.
inline std::shared_ptr<tls_settings> make_settings(tls_options const& options) {
    auto settings = std::make_shared<tls_settings>();
    settings->verify = options.verify;
    for (auto const& pin : options.pinned_keys) require_pin(pin);
    settings->pinned_keys = options.pinned_keys;
    settings->protocols = as_protocol_list(options.alpn);
    require_server_name(options.server_name);
    settings->server_name = options.server_name;
    settings->context = options.context ? given_context(options) : make_context(options);

    auto* const native = settings->context->native_handle();
    if (SSL_CTX_get_min_proto_version(native) < TLS1_2_VERSION)
        SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    if (SSL_CTX_sess_get_new_cb(native) == nullptr) {
        SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(native, &tls_layer::new_session);
    }
    return settings;
}

}  // namespace heartbeat::detail
