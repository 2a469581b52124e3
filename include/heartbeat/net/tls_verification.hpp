// SPDX-License-Identifier: BSL-1.0
#pragma once

// Whether a server is who it should be. Only for tls.hpp.

#include <heartbeat/core/http_text.hpp>
#include <heartbeat/net/descriptors.hpp>
#include <heartbeat/net/tls_errors.hpp>
#include <heartbeat/net/tls_sessions.hpp>
#include <heartbeat/net/tls_settings.hpp>
#include <heartbeat/url.hpp>

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace heartbeat::detail {

/// The host of a URL as certificates have it: without the dot of the root, and without the zone of an IPv6
/// address, which means something on this machine only.
inline std::string name_in_certificates(std::string_view host) {
    host = host.substr(0, host.find('%'));
    if (host.ends_with('.')) host.remove_suffix(1);
    return std::string(host);
}

/// Whether a text consists of labels with letters, digits, hyphens and underscores, separated by dots.
constexpr bool is_dotted_name(std::string_view name) noexcept {
    for (;;) {
        auto const label = name.substr(0, name.find('.'));
        if (label.empty()) return false;
        for (char const c : label)
            if (!is_digit(c) && (to_lower(c) < 'a' || to_lower(c) > 'z') && c != '-' && c != '_')
                return false;
        if (label.size() == name.size()) return true;
        name.remove_prefix(label.size() + 1);
    }
}

/// Whether a certificate is for a name with an underscore since one of its alternative names is `*.` and what
/// follows the name's first label, at least two labels. OpenSSL lets no underscore stand for the asterisk;
/// what else it asks of a wildcard (RFC 9525 section 6.3) is asked here, too.
inline bool is_under_wildcard(std::string_view name, X509 const* certificate) {
    if (name.find('_') == std::string_view::npos || !is_dotted_name(name)) return false;
    auto const rest = name.substr(std::min(name.find('.'), name.size()));
    if (std::ranges::count(rest, '.') < 2) return false;
    using names_pointer = std::unique_ptr<GENERAL_NAMES, openssl_deleter<&GENERAL_NAMES_free>>;
    names_pointer const all(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int place = 0; all && place < sk_GENERAL_NAME_num(all.get()); ++place) {
        auto const* const entry = sk_GENERAL_NAME_value(all.get(), place);
        if (entry->type != GEN_DNS) continue;
        auto const* const text = reinterpret_cast<char const*>(ASN1_STRING_get0_data(entry->d.dNSName));
        std::string_view const pattern(text, static_cast<std::size_t>(ASN1_STRING_length(entry->d.dNSName)));
        if (pattern.starts_with('*') && is_same_name(pattern.substr(1), rest)) return true;
    }
    return false;
}

/// How one connection verifies its server.
class tls_verification {
public:
    /// Before the handshake. An error is one of OpenSSL's. The object stays where it is until the handshake
    /// is done.
    ///
    /// \param name what the certificate has to be for: a name or an address
    error_code begin(SSL* connection, std::string name, bool verify) {
        name_ = std::move(name);
        verify_ = verify;
        own_ = SSL_get_verify_callback(connection);
        SSL_set_ex_data(connection, index(), this);
        if (verify)
            SSL_set_verify(connection, SSL_VERIFY_PEER, &tls_verification::judge);
        else
            SSL_set_verify(connection, SSL_VERIFY_NONE, nullptr);
        auto* const wanted = SSL_get0_param(connection);
        // A name in the subject is no longer one of the host's (RFC 9525 section 2).
        X509_VERIFY_PARAM_set_hostflags(
            wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
        bool const named = is_address(name_)
                               ? X509_VERIFY_PARAM_set1_ip_asc(wanted, name_.c_str()) == 1
                               : X509_VERIFY_PARAM_set1_host(wanted, name_.data(), name_.size()) == 1;
        return named ? error_code() : last_openssl_error();
    }

    /// Why it could not be told whether the chain holds; no error if it could.
    error_code const& obstacle() const noexcept { return obstacle_; }

    /// After the handshake. A key in the chain that was verified counts; without verification, or where an
    /// own context may have accepted a chain in spite of its faults, only the server's own, since the others
    /// prove nothing.
    bool is_pinned(SSL* connection, std::vector<std::string> const& pins) const {
        if (pins.empty()) return true;
        auto const matches = [&pins](X509 const* certificate) {
            return std::find(pins.begin(), pins.end(), pin_of(certificate)) != pins.end();
        };
        if (!verify_ || own_ != nullptr || SSL_get_verify_result(connection) != X509_V_OK) {
            certificate_pointer const leaf(SSL_get1_peer_certificate(connection));
            return leaf && matches(leaf.get());
        }
        auto const* const chain = SSL_get0_verified_chain(connection);
        for (int place = 0; place < sk_X509_num(chain); ++place)
            if (matches(sk_X509_value(chain, place))) return true;
        return false;
    }

private:
    static int index() {
        static int const mine = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
        return mine;
    }

    /// OpenSSL has found that something holds, or not.
    static int judge(int holds, X509_STORE_CTX* chain) {
        auto* const connection =
            static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
        auto* const self = static_cast<tls_verification*>(SSL_get_ex_data(connection, index()));
        auto const fault = holds != 0 ? X509_V_OK : X509_STORE_CTX_get_error(chain);
        if (fault == X509_V_ERR_HOSTNAME_MISMATCH && X509_STORE_CTX_get_error_depth(chain) == 0 &&
            is_under_wildcard(self->name_, X509_STORE_CTX_get0_cert(chain))) {
            // Goes on as if OpenSSL had found it itself, which does not ask an own context about that either.
            X509_STORE_CTX_set_error(chain, X509_V_OK);
            return 1;
        }
        // A directory of authorities is opened only now.
        self->obstacle_ = lacks_issuer(fault) ? exhausted_descriptors() : error_code();
        // What OpenSSL would have called instead of this.
        auto const own =
            self->own_ != nullptr ? self->own_ : X509_STORE_get_verify_cb(X509_STORE_CTX_get0_store(chain));
        return own != nullptr ? own(holds, chain) : holds;
    }

    static bool lacks_issuer(int fault) noexcept {
        switch (fault) {
            case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
            case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
            case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            case X509_V_ERR_CERT_UNTRUSTED: return true;
            default: return false;
        }
    }

    std::string name_;
    bool verify_ = true;
    /// The callback of an own context.
    SSL_verify_cb own_ = nullptr;
    error_code obstacle_;
};

}  // namespace heartbeat::detail
