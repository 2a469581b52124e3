// SPDX-License-Identifier: BSL-1.0
#pragma once

// Only for tls.hpp.

#include <heartbeat/net/tls_sessions.hpp>

#include <boost/asio/ssl/context.hpp>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace heartbeat {

namespace asio = boost::asio;

namespace detail {

/// What the connections of one provider share, until its files change.
struct tls_settings {
    std::shared_ptr<asio::ssl::context> context;
    bool verify = true;
    /// Base64 of SHA-256 of a SubjectPublicKeyInfo.
    std::vector<std::string> pinned_keys = {};
    /// As on the wire: each name after its length (RFC 7301 section 3.1).
    std::string protocols = {};
    /// What the certificate has to be for, if not the URL's host.
    std::string server_name = {};
    tls_sessions sessions = {};
};

/// The pin of a certificate's key (RFC 7469 section 2.4); empty if there is no memory.
inline std::string pin_of(X509 const* certificate) {
    unsigned char* encoded = nullptr;
    int const size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &encoded);
    if (size <= 0) return {};
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned hash_size = 0;
    EVP_Digest(encoded, static_cast<std::size_t>(size), hash.data(), &hash_size, EVP_sha256(), nullptr);
    OPENSSL_free(encoded);
    std::array<unsigned char, 4 * EVP_MAX_MD_SIZE> text{};
    auto const length = EVP_EncodeBlock(text.data(), hash.data(), static_cast<int>(hash_size));
    return {text.begin(), text.begin() + length};
}

}  // namespace detail
}  // namespace heartbeat
