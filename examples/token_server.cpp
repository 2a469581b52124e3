// SPDX-License-Identifier: BSL-1.0

// A service to try token.cpp with: `POST /token` gives a token and makes earlier ones invalid; websockets
// need the last one, else they are refused with 401.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include <cstdint>
#include <exception>
#include <iostream>
#include <string>
#include <utility>

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;

namespace {

/// The token that is valid now.
struct token {
    std::uint64_t number = 0;

    std::string text() const { return "token-" + std::to_string(number); }
};

asio::awaitable<void> echo(tcp::socket socket, http::request<http::empty_body> request) {
    websocket::stream<tcp::socket> stream(std::move(socket));
    co_await stream.async_accept(request, asio::use_awaitable);
    for (;;) {
        boost::beast::flat_buffer message;
        co_await stream.async_read(message, asio::use_awaitable);
        stream.text(stream.got_text());
        co_await stream.async_write(message.data(), asio::use_awaitable);
    }
}

asio::awaitable<void> serve(tcp::socket socket, token& valid) {
    boost::beast::flat_buffer buffer;
    http::request<http::empty_body> request;
    co_await http::async_read(socket, buffer, request, asio::use_awaitable);
    bool const asks = request.method() == http::verb::post && request.target() == "/token";
    bool const trusted = valid.number != 0 && request[http::field::authorization] == "Bearer " + valid.text();
    if (!asks && trusted) co_return co_await echo(std::move(socket), std::move(request));

    http::response<http::string_body> response(asks ? http::status::ok : http::status::unauthorized, 11);
    if (asks) {
        ++valid.number;
        response.body() = valid.text();
    } else {
        response.set(http::field::www_authenticate, "Bearer");
        response.body() = "this token has expired";
    }
    response.keep_alive(false);
    response.prepare_payload();
    co_await http::async_write(socket, response, asio::use_awaitable);
}

asio::awaitable<void> listen(tcp::acceptor acceptor, token& valid) {
    auto const executor = co_await asio::this_coro::executor;
    for (;;) {
        auto socket = co_await acceptor.async_accept(asio::use_awaitable);
        asio::co_spawn(executor, serve(std::move(socket), valid), asio::detached);
    }
}

}  // namespace

int main(int argument_count, char** arguments) {
    try {
        int const port = argument_count > 1 ? std::stoi(arguments[1]) : 8003;
        asio::io_context io{1};
        token valid;
        tcp::acceptor acceptor(io,
                               {asio::ip::address_v4::loopback(), static_cast<asio::ip::port_type>(port)});
        std::cout << "listening on ws://127.0.0.1:" << acceptor.local_endpoint().port() << std::endl;
        asio::co_spawn(io, listen(std::move(acceptor), valid), asio::detached);
        io.run();
    } catch (std::exception const& error) {
        std::cerr << "token_server: " << error.what() << '\n';
        return 1;
    }
}
