// SPDX-License-Identifier: BSL-1.0
#pragma once

// What OpenSSL objects need to be owned, and the sessions that make reconnecting cheap. Only for tls.hpp.

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace heartbeat::detail {

/// Frees an OpenSSL object.
template <auto Free>
struct openssl_deleter {
    template <class Object>
    void operator()(Object* object) const noexcept {
        Free(object);
    }
};

using bio_pointer = std::unique_ptr<BIO, openssl_deleter<&BIO_free_all>>;
using certificate_pointer = std::unique_ptr<X509, openssl_deleter<&X509_free>>;
using session_pointer = std::unique_ptr<SSL_SESSION, openssl_deleter<&SSL_SESSION_free>>;

/// The last session with each server. Thread-safe. Sessions go in and out as copies: one that belongs to a
/// connection changes with it, and is spoiled when that connection breaks.
class tls_sessions {
public:
    /// So many servers are remembered; the one that was heard of least recently is forgotten first.
    static constexpr std::size_t capacity = 256;

    void put(std::string const& server, session_pointer session) {
        std::lock_guard const lock(mutex_);
        take_out(server);
        kept_.emplace_front(server, std::move(session));
        if (kept_.size() > capacity) kept_.pop_back();
    }

    /// A session to resume; none if there is none, or if the certificate that it stands on has expired, since
    /// resuming verifies nothing again.
    session_pointer get(std::string const& server) {
        std::lock_guard const lock(mutex_);
        for (auto const& [name, session] : kept_) {
            if (name != server) continue;
            auto const* const certificate = SSL_SESSION_get0_peer(session.get());
            if (certificate != nullptr && X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) break;
            return session_pointer(SSL_SESSION_dup(session.get()));
        }
        return nullptr;
    }

    void forget(std::string const& server) {
        std::lock_guard const lock(mutex_);
        take_out(server);
    }

private:
    void take_out(std::string const& server) {
        kept_.remove_if([&](auto const& entry) { return entry.first == server; });
    }

    std::mutex mutex_;
    std::list<std::pair<std::string, session_pointer>> kept_;
};

}  // namespace heartbeat::detail
