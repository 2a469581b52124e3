// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "hostile/accept_key.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// A peer that takes connections, answers the first bytes with the given ones, and then keeps the connection
/// or ends it. It may be destroyed when its event loop does not run any more.
class raw_server {
public:
    enum class end { keep, close, reset };

    explicit raw_server(boost::asio::io_context& io) : acceptor_(io) {}

    /// On any free port, or on the given one.
    std::uint16_t listen(std::uint16_t port = 0) {
        acceptor_.open(tcp::v4());
        acceptor_.set_option(boost::asio::socket_base::reuse_address(true));
        acceptor_.bind({boost::asio::ip::address_v4::loopback(), port});
        acceptor_.listen();
        accept();
        return acceptor_.local_endpoint().port();
    }

    std::string answer = {};
    end then = end::keep;
    int connections = 0;
    std::size_t received = 0;
    bool answered = false;
    bool ended = false;

private:
    using tcp = boost::asio::ip::tcp;
    using error_code = boost::system::error_code;

    void accept() {
        acceptor_.async_accept([this](error_code error, tcp::socket socket) {
            if (error) return;
            ++connections;
            sockets_.push_back(std::make_unique<tcp::socket>(std::move(socket)));
            read(*sockets_.back());
            accept();
        });
    }

    void read(tcp::socket& socket) {
        socket.async_read_some(
            boost::asio::buffer(space_), [this, &socket](error_code error, std::size_t count) {
                received += count;
                if (error) {
                    ended = true;
                    return;
                }
                boost::asio::async_write(socket, boost::asio::buffer(answer),
                                         [this, &socket](error_code, std::size_t) {
                                             answered = true;
                                             if (then == end::reset)
                                                 socket.set_option(tcp::socket::linger(true, 0));
                                             if (then != end::keep) return socket.close();
                                             read(socket);
                                         });
            });
    }

    tcp::acceptor acceptor_;
    std::vector<std::unique_ptr<tcp::socket>> sockets_;
    std::array<char, 4096> space_ = {};
};

/// Takes connections over TLS, answers nothing, and keeps what comes. It may be destroyed when its event loop
/// does not run any more.
class recording_server {
public:
    recording_server(boost::asio::io_context& io, std::shared_ptr<boost::asio::ssl::context> context)
        : acceptor_(io), context_(std::move(context)) {}

    std::uint16_t listen() {
        acceptor_.open(tcp::v4());
        acceptor_.bind({boost::asio::ip::address_v4::loopback(), 0});
        acceptor_.listen();
        accept();
        return acceptor_.local_endpoint().port();
    }

    /// For the next connections.
    void show(std::shared_ptr<boost::asio::ssl::context> context) { context_ = std::move(context); }

    /// What came, decrypted, on all connections; how many of them ended, and how many resumed a session.
    std::string received = {};
    std::size_t ended = 0;
    std::size_t resumed = 0;

private:
    using tcp = boost::asio::ip::tcp;
    using error_code = boost::system::error_code;

    struct client {
        std::shared_ptr<boost::asio::ssl::context> context;
        boost::asio::ssl::stream<tcp::socket> stream;
        std::array<char, 512> space = {};
    };

    void accept() {
        acceptor_.async_accept([this](error_code error, tcp::socket socket) {
            if (error) return;
            auto const one = std::make_shared<client>(
                client{context_, boost::asio::ssl::stream<tcp::socket>(std::move(socket), *context_)});
            one->stream.async_handshake(boost::asio::ssl::stream_base::server,
                                        [this, one](error_code failed) {
                                            if (failed) return void(++ended);
                                            if (SSL_session_reused(one->stream.native_handle()) != 0)
                                                ++resumed;
                                            read(one);
                                        });
            accept();
        });
    }

    void read(std::shared_ptr<client> const& one) {
        one->stream.async_read_some(boost::asio::buffer(one->space),
                                    [this, one](error_code error, std::size_t count) {
                                        received.append(one->space.data(), count);
                                        if (error) return void(++ended);
                                        read(one);
                                    });
    }

    tcp::acceptor acceptor_;
    std::shared_ptr<boost::asio::ssl::context> context_;
};

/// Takes one connection at a time over TLS and upgrades it; ends as it is told to.
class farewell_server {
public:
    farewell_server(boost::asio::io_context& io, std::shared_ptr<boost::asio::ssl::context> context)
        : acceptor_(io), context_(std::move(context)) {}

    std::uint16_t listen() {
        acceptor_.open(tcp::v4());
        acceptor_.bind({boost::asio::ip::address_v4::loopback(), 0});
        acceptor_.listen();
        accept();
        return acceptor_.local_endpoint().port();
    }

    /// Sends what is no TLS, then takes the next connection.
    void babble() {
        text_ = std::string(64, '*');
        boost::asio::write(stream_->next_layer(), boost::asio::buffer(text_));
        accept();
    }

    void say_goodbye() {
        stream_->async_shutdown([](error_code) {});
    }

    /// Answers whatever comes next with a Close frame, and then does no more.
    void answer_close() {
        stream_->async_read_some(boost::asio::buffer(space_), [this](error_code failed, std::size_t) {
            if (failed) return;
            text_ = std::string("\x88\x02\x03\xe8", 4);
            boost::asio::async_write(*stream_, boost::asio::buffer(text_),
                                     [this](error_code error, std::size_t) { answered = !error; });
        });
    }
    bool answered = false;

    /// Ends the connection when the client has ended its side, and not in TLS's way.
    void wait_for_end() {
        auto& connection = stream_->next_layer();
        connection.async_read_some(boost::asio::buffer(space_),
                                   [this, &connection](error_code error, std::size_t) {
                                       if (!error) return wait_for_end();
                                       connection.close(error);
                                   });
    }

private:
    using tcp = boost::asio::ip::tcp;
    using error_code = boost::system::error_code;

    void accept() {
        acceptor_.async_accept([this](error_code error, tcp::socket socket) {
            if (error) return;
            text_.clear();
            stream_.emplace(std::move(socket), *context_);
            stream_->async_handshake(boost::asio::ssl::stream_base::server, [this](error_code failed) {
                if (!failed) upgrade();
            });
        });
    }

    void upgrade() {
        boost::asio::async_read_until(
            *stream_, boost::asio::dynamic_buffer(text_), "\r\n\r\n", [this](error_code error, std::size_t) {
                if (error) return;
                std::string const header = "Sec-WebSocket-Key: ";
                auto const key = text_.substr(text_.find(header) + header.size(), 24);
                text_ =
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    "Sec-WebSocket-Accept: " +
                    accept_key::of(key) + "\r\n\r\n";
                boost::asio::async_write(*stream_, boost::asio::buffer(text_),
                                         [](error_code, std::size_t) {});
            });
    }

    tcp::acceptor acceptor_;
    std::shared_ptr<boost::asio::ssl::context> context_;
    std::optional<boost::asio::ssl::stream<tcp::socket>> stream_;
    std::string text_;
    std::array<char, 512> space_ = {};
};
