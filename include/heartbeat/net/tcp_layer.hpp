// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/net/byte_layer.hpp>
#include <heartbeat/net/lookup_service.hpp>
#include <heartbeat/net/tcp_socket.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/beast/core/bind_handler.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace heartbeat::detail {

/// TCP with Nagle's algorithm switched off, so that a heartbeat never waits behind a delayed acknowledgement.
class tcp_layer final : public dialling_layer {
public:
    explicit tcp_layer(asio::any_io_executor const& executor)
        : lookups_(asio::use_service<lookup_service>(asio::query(executor, asio::execution::context))),
          socket_(executor) {}

    ~tcp_layer() override { close(); }

    asio::any_io_executor get_executor() noexcept override { return socket_.get_executor(); }

    void resolve(std::string const& host, std::uint16_t port, resolved_handler handler) override {
        // An address needs no lookup, and so no thread.
        error_code not_an_address;
        asio::ip::make_address(host, not_an_address);
        if (!not_an_address)
            return asio::post(get_executor(), beast::bind_front_handler(std::move(handler), error_code{},
                                                                        std::vector<endpoint>{{host, port}}));
        // Whoever fails to begin it has it still.
        std::shared_ptr<resolved_handler> kept;
        try {
            kept = std::make_shared<resolved_handler>(std::move(handler));
            lookup_ = lookups_.start(host, get_executor(), looked_up{{get_executor()}, port, kept});
        } catch (std::exception const&) {
            error_code const exhausted = asio::error::no_memory;
            asio::post(get_executor(), beast::bind_front_handler(kept ? std::move(*kept) : std::move(handler),
                                                                 exhausted, std::vector<endpoint>()));
        }
    }

    void connect(candidate const& to, status_handler handler) override {
        error_code error;
        auto const remote = to_asio(to.remote, error);
        if (candidates_.size() <= to.index) candidates_.resize(to.index + 1);
        auto const made = std::make_shared<tcp_socket>(get_executor());
        candidates_[to.index] = made;
        auto& socket = *made;
        if (!error) open_socket(socket, remote.protocol(), error);
        if (!error && !to.network_interface.empty())
            bind_to_interface(socket, remote.protocol(), to.network_interface, error);
        if (!error && !to.local_address.empty())
            bind_to_address(socket, remote.protocol(), to.local_address, error);
        if (!error)
            return socket.async_connect(remote, connected{{get_executor()}, made, std::move(handler)});
        close_socket(socket);
        asio::post(get_executor(), beast::bind_front_handler(std::move(handler), error));
    }

    void cancel(std::size_t index) noexcept override {
        if (index < candidates_.size() && candidates_[index]) close_socket(*candidates_[index]);
    }

    void adopt(std::size_t index) noexcept override { socket_ = std::move(*candidates_[index]); }

    void secure(url const&, bool, status_handler handler) override {
        asio::post(get_executor(), beast::bind_front_handler(std::move(handler), error_code{}));
    }

    bool resumed() const noexcept override { return false; }

    void read_some(buffer_list<asio::mutable_buffer> const& space, transfer_handler handler) override {
        if (abandoned_) return abort(std::move(handler));
        socket_.async_read_some(space, std::move(handler));
    }

    void write_some(buffer_list<asio::const_buffer> const& bytes, transfer_handler handler) override {
        if (abandoned_) return abort(std::move(handler));
        socket_.async_write_some(bytes, std::move(handler));
    }

    void teardown(status_handler handler) override {
        if (abandoned_) {
            error_code const aborted = asio::error::operation_aborted;
            return asio::post(get_executor(), beast::bind_front_handler(std::move(handler), aborted));
        }
        finish();
        drain{{get_executor()}, *this, std::move(handler)}.go_on();
    }

    void finish() noexcept override {
        error_code ignored;
        socket_.shutdown(tcp_socket::shutdown_send, ignored);
    }

    std::size_t available() noexcept override {
        error_code ignored;
        return socket_.available(ignored);
    }

    void close() noexcept override {
        end_dialling();
        close_socket(socket_);
    }

    void abandon() noexcept override {
        end_dialling();
        abandoned_ = true;
        // Where there is a way to the peer it learns at once that this is over.
        error_code ignored;
        socket_.shutdown(tcp_socket::shutdown_both, ignored);
        socket_.cancel(ignored);
    }

    void reset() noexcept override { reset_socket(socket_); }

private:
    // What the continuations share: where they run. They may outlive the layer, which TLS that cannot be made
    // takes along.
    struct continuation {
        using executor_type = asio::any_io_executor;

        executor_type executor;

        executor_type get_executor() const noexcept { return executor; }
    };

    struct looked_up : continuation {
        std::uint16_t port;
        std::shared_ptr<resolved_handler> handler;

        void operator()(error_code error, std::vector<std::string> const& found) {
            std::vector<endpoint> all;
            for (auto const& address : found) all.push_back({address, port});
            auto& whole = *handler;
            std::move(whole)(error, std::move(all));
        }
    };

    struct connected : continuation {
        std::shared_ptr<tcp_socket> socket;
        status_handler handler;

        void operator()(error_code error) {
            if (!error && is_connected_to_itself(*socket)) {
                error = errc::connected_to_itself;
                reset_socket(*socket);
            }
            error_code ignored;
            if (!error) socket->set_option(tcp::no_delay(true), ignored);
            std::move(handler)(error);
        }
    };

    // Reads what still comes until the peer has ended its side, too.
    struct drain : continuation {
        tcp_layer& layer;
        status_handler handler;

        void go_on() { layer.socket_.async_read_some(asio::buffer(layer.scratch_), std::move(*this)); }

        void operator()(error_code error, std::size_t) {
            if (!error) return go_on();
            std::move(handler)(error == asio::error::eof ? error_code() : error);
        }
    };

    void abort(transfer_handler handler) {
        error_code const aborted = asio::error::operation_aborted;
        asio::post(get_executor(), beast::bind_front_handler(std::move(handler), aborted, std::size_t{0}));
    }

    void end_dialling() noexcept {
        if (lookup_ != 0) lookups_.cancel(std::exchange(lookup_, 0));
        for (std::size_t index = 0; index < candidates_.size(); ++index) cancel(index);
    }

    lookup_service& lookups_;
    std::uint64_t lookup_ = 0;
    std::vector<std::shared_ptr<tcp_socket>> candidates_;
    tcp_socket socket_;
    std::array<char, 1024> scratch_ = {};
    /// The connection is kept, and not used.
    bool abandoned_ = false;
};

}  // namespace heartbeat::detail
