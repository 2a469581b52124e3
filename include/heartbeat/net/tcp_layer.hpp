// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/net/byte_layer.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/websocket/teardown.hpp>

#include <utility>
#include <vector>

namespace heartbeat::detail {

/// TCP with Nagle's algorithm switched off, so that a heartbeat never waits behind a delayed acknowledgement.
class tcp_layer final : public byte_layer {
public:
    explicit tcp_layer(asio::any_io_executor const& executor) : resolver_(executor), socket_(executor) {}

    asio::any_io_executor get_executor() noexcept override { return socket_.get_executor(); }

    void resolve(url const& where, status_handler handler) override {
        // An address needs no lookup, and so no thread of the resolver's.
        error_code not_an_address;
        auto const address = asio::ip::make_address(where.host, not_an_address);
        if (!not_an_address) {
            auto const port = static_cast<asio::ip::port_type>(std::stoul(where.port));
            endpoints_.assign(1, {address, port});
            asio::post(get_executor(), beast::bind_front_handler(std::move(handler), error_code{}));
            return;
        }
        resolver_.async_resolve(where.host, where.port, resolved{*this, std::move(handler)});
    }

    void connect(status_handler handler) override {
        asio::async_connect(socket_, endpoints_, connected{*this, std::move(handler)});
    }

    void secure(url const&, bool, status_handler handler) override {
        asio::post(get_executor(), beast::bind_front_handler(std::move(handler), error_code{}));
    }

    bool resumed() const noexcept override { return false; }

    void read_some(buffer_list<asio::mutable_buffer> const& space, transfer_handler handler) override {
        socket_.async_read_some(space, std::move(handler));
    }

    void write_some(buffer_list<asio::const_buffer> const& bytes, transfer_handler handler) override {
        socket_.async_write_some(bytes, std::move(handler));
    }

    void teardown(beast::role_type role, status_handler handler) override {
        beast::websocket::async_teardown(role, socket_,
                                         asio::bind_executor(get_executor(), std::move(handler)));
    }

    std::size_t available() noexcept override {
        error_code ignored;
        return socket_.available(ignored);
    }

    void close() noexcept override {
        error_code ignored;
        resolver_.cancel();
        socket_.close(ignored);
    }

private:
    using tcp = asio::ip::tcp;

    // What both continuations share: the caller's handler, with its executor.
    struct continuation {
        using executor_type = asio::any_io_executor;

        tcp_layer& layer;
        status_handler handler;

        executor_type get_executor() const noexcept { return layer.socket_.get_executor(); }
    };

    struct resolved : continuation {
        void operator()(error_code error, tcp::resolver::results_type const& found) {
            this->layer.endpoints_.clear();
            for (auto const& entry : found) this->layer.endpoints_.push_back(entry.endpoint());
            std::move(this->handler)(error);
        }
    };

    struct connected : continuation {
        void operator()(error_code error, tcp::endpoint const&) {
            error_code ignored;
            if (!error) this->layer.socket_.set_option(tcp::no_delay(true), ignored);
            std::move(this->handler)(error);
        }
    };

    tcp::resolver resolver_;
    tcp::socket socket_;
    std::vector<tcp::endpoint> endpoints_;
};

}  // namespace heartbeat::detail
