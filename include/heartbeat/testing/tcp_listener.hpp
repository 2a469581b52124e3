// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace heartbeat {

namespace asio = boost::asio;
using boost::system::error_code;

namespace detail {

/// Accepts TCP connections at one endpoint. Its functions may be called by any thread and are in force when
/// they return: what was not accepted before is not accepted afterwards, though on another thread the report
/// of one connection may still be running.
class tcp_listener : public std::enable_shared_from_this<tcp_listener> {
public:
    using tcp = asio::ip::tcp;
    /// Called on the executor for each connection, and for each failure to accept one, after which it goes
    /// on.
    using report = std::function<void(error_code, tcp::socket)>;

    tcp_listener(asio::any_io_executor const& executor, report on_accept)
        : acceptor_(executor), pause_(executor), on_accept_(std::move(on_accept)) {}

    /// Listens at `where` instead of where it did before; port 0 takes a free one. Returns where it is.
    /// Throws `boost::system::system_error`.
    tcp::endpoint open(tcp::endpoint const& where);
    /// True: connections are refused, while the port stays reserved. False: they are accepted again at the
    /// same endpoint. Throws `boost::system::system_error`.
    void refuse(bool refused);
    void close();
    /// Where it listens, or would if it did not refuse.
    tcp::endpoint endpoint() const;

private:
    // These are called with the lock held.
    void bind();
    void end_accepting();
    void accept();
    void accept_later();

    void accepted(std::uint64_t generation, error_code error, tcp::socket socket);

    std::mutex mutable mutex_;
    tcp::acceptor acceptor_;
    /// Before accepting is tried again.
    asio::steady_timer pause_;
    tcp::endpoint endpoint_;
    bool refusing_ = false;
    /// A handler of an earlier generation comes too late.
    std::uint64_t generation_ = 0;
    report const on_accept_;
};

inline asio::ip::tcp::endpoint tcp_listener::open(tcp::endpoint const& where) {
    std::lock_guard const lock{mutex_};
    end_accepting();
    refusing_ = false;
    endpoint_ = where;
    bind();
    acceptor_.listen();
    accept();
    return endpoint_;
}

inline void tcp_listener::refuse(bool refused) {
    std::lock_guard const lock{mutex_};
    if (refused) {
        if (refusing_ || !acceptor_.is_open()) return;
        end_accepting();
        refusing_ = true;
        // Bound without listening, so that the port is still free later and nobody, not even a dialling
        // client in search of a local port, gets it meanwhile.
        bind();
    } else if (refusing_) {
        if (!acceptor_.is_open()) bind();
        acceptor_.listen();
        refusing_ = false;
        accept();
    }
}

inline void tcp_listener::close() {
    std::lock_guard const lock{mutex_};
    end_accepting();
    refusing_ = false;
}

inline asio::ip::tcp::endpoint tcp_listener::endpoint() const {
    std::lock_guard const lock{mutex_};
    return endpoint_;
}

inline void tcp_listener::bind() {
    acceptor_.open(endpoint_.protocol());
    try {
        acceptor_.set_option(tcp::acceptor::reuse_address(true));
        acceptor_.bind(endpoint_);
        endpoint_ = acceptor_.local_endpoint();
    } catch (...) {
        error_code ignored;
        acceptor_.close(ignored);
        throw;
    }
}

inline void tcp_listener::end_accepting() {
    ++generation_;
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
}

inline void tcp_listener::accept() {
    acceptor_.async_accept(
        [self = shared_from_this(), generation = generation_](error_code error, tcp::socket socket) {
            self->accepted(generation, error, std::move(socket));
        });
}

inline void tcp_listener::accept_later() {
    pause_.expires_after(std::chrono::milliseconds{100});
    pause_.async_wait([self = shared_from_this(), generation = generation_](error_code) {
        std::lock_guard const lock{self->mutex_};
        if (generation == self->generation_) self->accept();
    });
}

inline void tcp_listener::accepted(std::uint64_t generation, error_code error, tcp::socket socket) {
    {
        std::lock_guard const lock{mutex_};
        if (generation != generation_) return;
        // Without descriptors or memory the next attempt would fail at once, too.
        if (error && error != asio::error::connection_aborted) {
            accept_later();
        } else {
            accept();
        }
    }
    on_accept_(error, std::move(socket));
}

}  // namespace detail
}  // namespace heartbeat
