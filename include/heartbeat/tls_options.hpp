// SPDX-License-Identifier: BSL-1.0
#pragma once

// What `heartbeat::tls` takes. Needs no OpenSSL, unlike tls.hpp, which makes something of it.

#include <memory>
#include <string>
#include <vector>

namespace boost::asio::ssl {
class context;
}

namespace heartbeat {

/// What a `wss` connection trusts and shows. By default the server's certificate chain is verified against
/// the system's store, it has to be for the URL's host, a name or an address, and TLS is 1.2 or newer.
/// Everything is in PEM.
///
/// Files are looked at again before each connection. If one has changed, all are read again, and that and
/// later connections use them; no session from before the change is resumed. What cannot be used, like a
/// certificate whose key has not been written yet, changes nothing: the files that were read last stay in
/// use, the reason of an attempt that fails meanwhile says so in `explanation`, and the next connection looks
/// again. Only regular files are looked at again, and not those of the system's store.
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
    /// An own context instead of the authorities, certificate and key above; no files are read again for it.
    /// `verify`, pins, ALPN and TLS 1.2 as the oldest version apply all the same. It is set up to keep
    /// sessions, unless it has a callback for new ones; so nobody else uses it during the call. If it has a
    /// callback that verifies certificates, of a chain the server's own key alone counts for pins. If it has
    /// one for client certificates (`SSL_CTX_set_client_cert_cb`), attempts that were redirected to another
    /// origin fail; with an engine for them do not follow redirects. Renegotiation and compression are off
    /// for each connection.
    std::shared_ptr<boost::asio::ssl::context> context = {};
    /// The name or address that the server's certificate has to be for, where that is not the URL's host; a
    /// name is sent to the server, too (SNI, RFC 6066 section 3). Empty: the URL's host. After a redirect to
    /// another origin it is that URL's host.
    std::string server_name = {};
};

}  // namespace heartbeat
