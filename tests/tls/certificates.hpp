// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <openssl/evp.h>
#include <openssl/x509.h>

/// A certificate and its key, in PEM.
struct identity {
    std::string certificate;
    std::string key;
};

/// What a certificate says.
struct certificate_wishes {
    std::string name = "localhost";
    /// As OpenSSL writes them; none if it is empty.
    std::string alternatives = "DNS:localhost,IP:127.0.0.1,IP:::1";
    std::chrono::seconds valid_from = std::chrono::hours{-1};
    std::chrono::seconds valid_until = std::chrono::hours{24};
    std::string usage = "serverAuth";
};

/// A certificate authority that lives as long as a test.
class authority {
public:
    explicit authority(std::string const& name);

    std::string const& certificate() const { return pem_; }
    identity issue(certificate_wishes const& wishes = {}) const;

private:
    std::shared_ptr<EVP_PKEY> key_;
    std::shared_ptr<X509> certificate_;
    std::string pem_;
};

/// A certificate that nobody but itself vouches for.
identity self_signed(certificate_wishes const& wishes = {});

/// A private key in PEM, encrypted.
std::string encrypted(std::string const& key, std::string const& password);

/// What to pin: the base64 of the SHA-256 hash of the key of the first certificate in a PEM text, made
/// without the library under test.
std::string pin_of_pem(std::string const& certificate);
