// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../hostile/accept_key.hpp"

#include <heartbeat/testing/tcp_listener.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// The head of a request as it came.
struct http_request {
    std::string head = {};

    /// The value of a header, or nothing.
    std::string field(std::string_view name) const {
        auto const line = "\r\n" + std::string(name) + ": ";
        auto const at = head.find(line);
        if (at == std::string::npos) return {};
        auto const begin = at + line.size();
        return head.substr(begin, head.find("\r\n", begin) - begin);
    }
    std::string target() const { return head.substr(4, head.find(' ', 4) - 4); }
};

/// The answer that accepts an upgrade, with further header lines.
inline std::string accepts(http_request const& request, std::string_view lines = {}) {
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: " +
           accept_key::of(request.field("Sec-WebSocket-Key")) + "\r\n" + std::string(lines) + "\r\n";
}

/// An answer that is none, with further header lines and a body.
inline std::string refuses(unsigned status, std::string_view lines = {}, std::string_view body = {}) {
    return "HTTP/1.1 " + std::to_string(status) + " Whatever\r\n" + std::string(lines) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

/// Keeps the requests that come, answers each as the test says, and reads until the client ends the
/// connection.
class http_server {
public:
    using tcp = boost::asio::ip::tcp;

    explicit http_server(boost::asio::any_io_executor const& executor)
        : listener_(std::make_shared<heartbeat::detail::tcp_listener>(
              executor, [this](boost::system::error_code error, tcp::socket socket) {
                  if (!error) serve(std::move(socket));
              })) {
        port = listener_->open({boost::asio::ip::address_v4::loopback(), 0}).port();
    }
    ~http_server() {
        listener_->close();
        for (auto const& one : *connections_) one->close();
    }
    http_server(http_server const&) = delete;
    http_server& operator=(http_server const&) = delete;

    std::string address() const { return "127.0.0.1:" + std::to_string(port); }
    /// Ends all connections.
    void drop() {
        for (auto const& one : *connections_) one->close();
    }
    std::size_t open_connections() const { return connections_->size(); }

    /// What is answered; nothing stalls.
    std::function<std::string(http_request const&)> answer = [](http_request const& request) {
        return accepts(request);
    };
    std::vector<http_request> requests = {};
    std::uint16_t port = 0;

private:
    struct connection : std::enable_shared_from_this<connection> {
        explicit connection(tcp::socket its_socket) : socket(std::move(its_socket)) {}

        void close() {
            boost::system::error_code ignored;
            socket.close(ignored);
        }

        tcp::socket socket;
        std::array<char, 4096> space = {};
        std::string input = {};
        std::string output = {};
        bool answered = false;
    };
    using connection_list = std::vector<std::shared_ptr<connection>>;

    void serve(tcp::socket socket) {
        connections_->push_back(std::make_shared<connection>(std::move(socket)));
        read(connections_->back());
    }

    void read(std::shared_ptr<connection> const& at) {
        at->socket.async_read_some(boost::asio::buffer(at->space),
                                   [this, at, all = std::weak_ptr<connection_list>(connections_)](
                                       boost::system::error_code error, std::size_t count) {
                                       auto const still = all.lock();
                                       if (!still) return;
                                       if (error) {
                                           at->close();
                                           std::erase(*still, at);
                                           return;
                                       }
                                       at->input.append(at->space.data(), count);
                                       if (!at->answered && at->input.ends_with("\r\n\r\n")) reply(at);
                                       read(at);
                                   });
    }

    void reply(std::shared_ptr<connection> const& at) {
        at->answered = true;
        requests.push_back({at->input});
        at->output = answer(requests.back());
        boost::asio::async_write(at->socket, boost::asio::buffer(at->output),
                                 [at](boost::system::error_code, std::size_t) {});
    }

    std::shared_ptr<heartbeat::detail::tcp_listener> listener_;
    std::shared_ptr<connection_list> connections_ = std::make_shared<connection_list>();
};
