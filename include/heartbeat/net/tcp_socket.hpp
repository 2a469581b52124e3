// SPDX-License-Identifier: BSL-1.0
#pragma once

// What Asio's socket does not do: sockets that child processes do not inherit, and ends of connections that
// hold though a child has inherited one.

#include <heartbeat/endpoint.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cerrno>
#include <charconv>
#include <string>

#if !defined(_WIN32)
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#endif

namespace heartbeat::detail {

using tcp = boost::asio::ip::tcp;
using tcp_socket = boost::asio::basic_stream_socket<tcp, boost::asio::any_io_executor>;

/// The endpoint as one of Asio's. Fails for what is no address, and for a zone that this host does not have.
inline tcp::endpoint to_asio(endpoint const& where, boost::system::error_code& error) {
    namespace ip = boost::asio::ip;
    auto address = ip::make_address(where.address, error);
    if (error) return {};
#if !defined(_WIN32)
    auto const zone = where.address.find('%');
    if (zone != std::string::npos) {
        auto const name = where.address.substr(zone + 1);
        auto v6 = address.to_v6();
        // Also for addresses that are not link-local; by name, or by number.
        unsigned index = ::if_nametoindex(name.c_str());
        if (index == 0) {
            auto const end = name.data() + name.size();
            if (std::from_chars(name.data(), end, index).ptr != end) index = 0;
        }
        if (index == 0) error = {ENODEV, boost::system::system_category()};
        v6.scope_id(index);
        address = v6;
    }
#endif
    return {address, where.port};
}

#if !defined(_WIN32)
inline boost::system::error_code last_error() noexcept { return {errno, boost::system::system_category()}; }
#endif

/// Opens a socket that a child process does not keep.
inline void open_socket(tcp_socket& socket, tcp const& protocol, boost::system::error_code& error) {
#if defined(SOCK_CLOEXEC)
    // At once, since another thread may fork at any time.
    int const made = ::socket(protocol.family(), protocol.type() | SOCK_CLOEXEC, protocol.protocol());
    if (made < 0) {
        error = last_error();
        return;
    }
#if defined(SO_NOSIGPIPE)
    int const on = 1;
    ::setsockopt(made, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    socket.assign(protocol, made, error);
    if (error) ::close(made);
#else
    socket.open(protocol, error);
#if defined(_WIN32)
    if (!error)
        ::SetHandleInformation(reinterpret_cast<HANDLE>(socket.native_handle()), HANDLE_FLAG_INHERIT, 0);
#else
    if (!error) ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
#endif
#endif
}

/// Has the connection leave through an interface.
inline void bind_to_interface(tcp_socket& socket, [[maybe_unused]] tcp const& protocol,
                              std::string const& name, boost::system::error_code& error) {
#if defined(SO_BINDTODEVICE)
    auto const size = static_cast<socklen_t>(name.size());
    if (::setsockopt(socket.native_handle(), SOL_SOCKET, SO_BINDTODEVICE, name.c_str(), size) != 0)
        error = last_error();
#elif defined(IP_BOUND_IF)
    unsigned const index = ::if_nametoindex(name.c_str());
    bool const v6 = protocol == tcp::v6();
    int const level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
    int const option = v6 ? IPV6_BOUND_IF : IP_BOUND_IF;
    if (index == 0)
        error = {ENODEV, boost::system::system_category()};
    else if (::setsockopt(socket.native_handle(), level, option, &index, sizeof index) != 0)
        error = last_error();
#else
    static_cast<void>(socket);
    static_cast<void>(name);
    error = boost::asio::error::operation_not_supported;
#endif
}

/// Has the connection come from an address of this host, and any port.
inline void bind_to_address(tcp_socket& socket, tcp const& protocol, std::string const& address,
                            boost::system::error_code& error) {
    auto const local = to_asio({address, 0}, error);
    if (!error && local.protocol() != protocol) error = boost::asio::error::address_family_not_supported;
    if (error) return;
#if defined(IP_BIND_ADDRESS_NO_PORT)
    // The port is chosen when the destination is known: each may then be used once for each destination.
    int const on = 1;
    ::setsockopt(socket.native_handle(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
#endif
    socket.bind(local, error);
}

/// Whether the connection leads from a port to itself, which TCP allows: where no server listens at a port of
/// the range that clients get theirs from, the host may choose that very port for the client.
inline bool is_connected_to_itself(tcp_socket const& socket) noexcept {
    boost::system::error_code error;
    auto const local = socket.local_endpoint(error);
    if (error) return false;
    auto const remote = socket.remote_endpoint(error);
    return !error && local == remote;
}

/// Ends the connection: what was written still leaves, then the peer reads the end of the stream, also where
/// a child process has the socket, too.
inline void close_socket(tcp_socket& socket) noexcept {
    boost::system::error_code ignored;
    socket.shutdown(tcp_socket::shutdown_both, ignored);
    socket.close(ignored);
}

/// Breaks the connection: what was written and has not arrived is thrown away, and the peer gets a reset, at
/// the latest when it sends something. Also where a child process has the socket, too.
inline void reset_socket(tcp_socket& socket) noexcept {
#if !defined(_WIN32)
    if (socket.is_open()) {
        sockaddr none{};
        none.sa_family = AF_UNSPEC;
        // Not everywhere; what follows does it where there is no copy.
        ::connect(socket.native_handle(), &none, sizeof none);
    }
#endif
    boost::system::error_code ignored;
    socket.set_option(boost::asio::socket_base::linger(true, 0), ignored);
    socket.close(ignored);
}

}  // namespace heartbeat::detail
