// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/testing/tcp_listener.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/option.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// Sends each message back, compressed if the client has offered it.
class deflate_server {
public:
    using tcp = boost::asio::ip::tcp;
    using error_code = boost::system::error_code;

    /// Of the settings those of a server count.
    explicit deflate_server(boost::asio::any_io_executor const& executor,
                            boost::beast::websocket::permessage_deflate settings = {})
        : listener_(std::make_shared<heartbeat::detail::tcp_listener>(
              executor, [this, settings](error_code error, tcp::socket socket) {
                  if (!error) serve(std::move(socket), settings);
              })) {
        port_ = listener_->open({boost::asio::ip::address_v4::loopback(), 0}).port();
    }
    ~deflate_server() {
        listener_->close();
        for (auto const& one : sessions_) one->close();
    }
    deflate_server(deflate_server const&) = delete;
    deflate_server& operator=(deflate_server const&) = delete;

    std::string url() const { return "ws://127.0.0.1:" + std::to_string(port_); }

private:
    struct session : std::enable_shared_from_this<session> {
        explicit session(tcp::socket socket) : websocket(std::move(socket)) {}

        void close() {
            error_code ignored;
            websocket.next_layer().close(ignored);
        }
        void start(boost::beast::websocket::permessage_deflate settings) {
            settings.server_enable = true;
            websocket.set_option(settings);
            websocket.read_message_max(0);
            websocket.async_accept([self = shared_from_this()](error_code error) {
                if (!error) self->read();
            });
        }
        void read() {
            websocket.async_read(message, [self = shared_from_this()](error_code error, std::size_t) {
                if (!error) self->write();
            });
        }
        void write() {
            websocket.text(websocket.got_text());
            websocket.async_write(message.data(), [self = shared_from_this()](error_code error, std::size_t) {
                self->message.clear();
                if (!error) self->read();
            });
        }

        boost::beast::websocket::stream<tcp::socket> websocket;
        boost::beast::flat_buffer message = {};
    };

    void serve(tcp::socket socket, boost::beast::websocket::permessage_deflate const& settings) {
        socket.set_option(tcp::no_delay(true));
        sessions_.push_back(std::make_shared<session>(std::move(socket)));
        sessions_.back()->start(settings);
    }

    std::shared_ptr<heartbeat::detail::tcp_listener> listener_;
    std::vector<std::shared_ptr<session>> sessions_ = {};
    std::uint16_t port_ = 0;
};
