// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/lookup_book.hpp>
#include <heartbeat/net/descriptors.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>

#if defined(_WIN32)
#include <ws2tcpip.h>
#else
#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>

#include <csignal>
#endif

namespace heartbeat::detail {

/// While it lives, threads that are started leave signals to the others.
class signals_blocked {
#if defined(_WIN32)
public:
    signals_blocked() = default;
#else
public:
    signals_blocked() noexcept {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &before_);
    }
    ~signals_blocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    signals_blocked(signals_blocked const&) = delete;
    signals_blocked& operator=(signals_blocked const&) = delete;

private:
    sigset_t before_ = {};
#endif
};

/// An error of `getaddrinfo` as one of Asio's.
inline boost::system::error_code lookup_error(int code, [[maybe_unused]] int system) noexcept {
    namespace error = boost::asio::error;
    if (auto const exhausted = exhausted_descriptors()) return exhausted;
    switch (code) {
        case EAI_NONAME: return error::host_not_found;
#if defined(EAI_NODATA) && (EAI_NODATA != EAI_NONAME)
        case EAI_NODATA: return error::no_data;
#endif
        case EAI_AGAIN: return error::host_not_found_try_again;
        case EAI_FAIL: return error::no_recovery;
        case EAI_MEMORY: return error::no_memory;
#if !defined(_WIN32)
        case EAI_SYSTEM: return {system, boost::system::system_category()};
#endif
        default: return error::no_recovery;
    }
}

/// Asks the system for the addresses of a host, in its order of preference (RFC 6724). Blocks for as long as
/// the system likes.
inline lookup_answer system_lookup(std::string const& host) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    errno = 0;
    int const code = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
    if (code != 0) return {.error = lookup_error(code, errno)};
    std::unique_ptr<addrinfo, void (*)(addrinfo*)> const owner(list,
                                                               [](addrinfo* all) { ::freeaddrinfo(all); });

    lookup_answer answer;
    for (auto const* entry = list; entry != nullptr; entry = entry->ai_next) {
        boost::asio::ip::tcp::endpoint found;
        auto const size = static_cast<std::size_t>(entry->ai_addrlen);
        bool const is_ip = entry->ai_family == AF_INET || entry->ai_family == AF_INET6;
        if (!is_ip || size > found.capacity()) continue;
        std::memcpy(found.data(), entry->ai_addr, size);
        found.resize(size);
        answer.addresses.push_back(found.address().to_string());
    }
    if (answer.addresses.empty()) answer.error = boost::asio::error::host_not_found;
    return answer;
}

}  // namespace heartbeat::detail
