// SPDX-License-Identifier: BSL-1.0
#pragma once

// What OpenSSL reports, as error codes that know which cause they mean. Only for tls.hpp.

#include <heartbeat/error.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/system/error_code.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <string>

namespace heartbeat::detail {

namespace asio = boost::asio;
using boost::system::error_code;

/// Why a certificate was not accepted: the results of X509_verify_cert.
class verification_category final : public boost::system::error_category {
public:
    char const* name() const noexcept override { return "heartbeat.tls.verification"; }
    std::string message(int value) const override { return X509_verify_cert_error_string(value); }

    boost::system::error_condition default_error_condition(int value) const noexcept override {
        return {static_cast<int>(cause(value)), heartbeat::error_category()};
    }

private:
    static errc cause(int value) noexcept {
        switch (value) {
            case X509_V_ERR_CERT_HAS_EXPIRED: return errc::tls_certificate_expired;
            case X509_V_ERR_CERT_NOT_YET_VALID: return errc::tls_certificate_not_yet_valid;
            case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return errc::tls_certificate_self_signed;
            case X509_V_ERR_HOSTNAME_MISMATCH:
            case X509_V_ERR_IP_ADDRESS_MISMATCH: return errc::tls_wrong_host;
            case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
            case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
            case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            case X509_V_ERR_CERT_UNTRUSTED: return errc::tls_unknown_ca;
            default: return errc::tls_certificate_rejected;
        }
    }
};

/// What the server says of our certificate, or of its absence; values as those of OpenSSL.
class refusal_category final : public boost::system::error_category {
public:
    char const* name() const noexcept override { return "heartbeat.tls.refusal"; }
    std::string message(int value) const override { return asio::error::get_ssl_category().message(value); }

    boost::system::error_condition default_error_condition(int) const noexcept override {
        return {static_cast<int>(errc::tls_client_certificate_required), heartbeat::error_category()};
    }
};

/// What the server told us about a certificate in an alert. Only a server that had asked for one does.
inline bool is_about_our_certificate(int reason) noexcept {
    switch (reason) {
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_NO_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA: return true;
        default: return false;
    }
}

/// The error with what the connection knows of its meaning.
///
/// \param obstacle why the certificate could not be verified, if that is not its fault
inline error_code explained(error_code error, SSL* connection, error_code const& obstacle = {}) {
    static verification_category const verification;
    static refusal_category const refusal;
    if (error.category() != asio::error::get_ssl_category()) return error;
    // OpenSSL may report what it stumbled over on the way, in codes of its own.
    if (obstacle) return obstacle;
    int const reason = ERR_GET_REASON(static_cast<unsigned long>(static_cast<unsigned>(error.value())));
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        if (auto const result = SSL_get_verify_result(connection); result != X509_V_OK)
            return {static_cast<int>(result), verification};
    }
    if (is_about_our_certificate(reason)) return {error.value(), refusal};
    // Before TLS 1.3 a missing certificate has no alert of its own.
    unsigned char const* ignored = nullptr;
    bool const asked = SSL_get0_certificate_types(connection, &ignored) != 0;
    if (reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE && asked && SSL_get_certificate(connection) == nullptr)
        return {error.value(), refusal};
    return error;
}

/// The oldest error in this thread's queue of OpenSSL's, which is emptied.
inline error_code last_openssl_error() noexcept {
    auto const value = ERR_get_error();
    ERR_clear_error();
    return {static_cast<int>(value), asio::error::get_ssl_category()};
}

}  // namespace heartbeat::detail
