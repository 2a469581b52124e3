// SPDX-License-Identifier: BSL-1.0

// What the clients in examples are tried with: it tells what they ask for, with TLS or without, and answers
// as the path says.

#include "judge.hpp"
#include "tls/certificates.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <utility>

namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;

namespace {

constexpr char const* usage =
    "Usage: console_server [DIRECTORY]\n"
    "Listens on 127.0.0.1, and prints each upgrade request on one line. With DIRECTORY, where it writes "
    "ca.pem,\n"
    "there are two ports for wss besides: ca.pem vouches for the certificate of one, nobody for that of the "
    "other.\n"
    "  /busy    is refused with 503 and Retry-After\n"
    "  /login   is refused with 401\n"
    "  /judge   is sent messages, and has to send them back\n"
    "  /deflate is sent one that is compressed if it likes, and has to send it back\n"
    "  others   are sent back what they send; the last subprotocol that they offer is chosen\n";

using request = http::request<http::empty_body>;

void print(std::string const& line) { std::cout << line << std::endl; }

std::string on_one_line(request const& asked) {
    std::string line = "request " + std::string(asked.target());
    for (auto const& field : asked)
        line += ' ' + std::string(field.name_string()) + ": " + std::string(field.value()) + ';';
    return line;
}

template <class Stream>
asio::awaitable<void> refuse(Stream& stream, http::status status, std::string body) {
    http::response<http::string_body> response(status, 11, std::move(body));
    if (status == http::status::service_unavailable) response.set(http::field::retry_after, "7");
    response.keep_alive(false);
    response.prepare_payload();
    co_await http::async_write(stream, response, asio::use_awaitable);
}

template <class Websocket>
asio::awaitable<void> echo(Websocket& socket) {
    for (;;) {
        boost::beast::flat_buffer message;
        co_await socket.async_read(message, asio::use_awaitable);
        socket.text(socket.got_text());
        co_await socket.async_write(message.data(), asio::use_awaitable);
    }
}

template <class Websocket>
asio::awaitable<void> put_to_the_test(Websocket& socket) {
    judge<Websocket> testing(socket);
    auto const count = co_await testing.run();
    print("all " + std::to_string(count) + " messages came back");
    co_await socket.async_close(websocket::close_code::normal, asio::use_awaitable);
}

template <class Websocket>
asio::awaitable<void> send_one(Websocket& socket) {
    std::string const text(100, 'x');
    co_await socket.async_write(asio::buffer(text), asio::use_awaitable);
    boost::beast::flat_buffer message;
    co_await socket.async_read(message, asio::use_awaitable);
    print(boost::beast::buffers_to_string(message.data()) == text ? "it came back" : "something else came");
    co_await socket.async_close(websocket::close_code::normal, asio::use_awaitable);
}

template <class Stream>
asio::awaitable<void> answer(Stream& stream) {
    boost::beast::flat_buffer buffer;
    request asked;
    co_await http::async_read(stream, buffer, asked, asio::use_awaitable);
    print(on_one_line(asked));
    if (asked.target() == "/busy")
        co_return co_await refuse(stream, http::status::service_unavailable, "too much to do");
    if (asked.target() == "/login")
        co_return co_await refuse(stream, http::status::unauthorized, "who are you?");

    websocket::stream<Stream&> socket(stream);
    socket.read_message_max(0);
    socket.auto_fragment(false);
    websocket::permessage_deflate compression;
    compression.server_enable = asked.target() == "/deflate";
    socket.set_option(compression);
    std::string const offered(asked[http::field::sec_websocket_protocol]);
    if (!offered.empty())
        socket.set_option(websocket::stream_base::decorator([&offered](websocket::response_type& response) {
            auto const space = offered.rfind(' ');
            response.set(http::field::sec_websocket_protocol,
                         space == std::string::npos ? offered : offered.substr(space + 1));
        }));
    co_await socket.async_accept(asked, asio::use_awaitable);
    if (asked.target() == "/judge")
        co_await put_to_the_test(socket);
    else if (asked.target() == "/deflate")
        co_await send_one(socket);
    else
        co_await echo(socket);
}

asio::awaitable<void> serve(tcp::socket socket, asio::ssl::context* tls) {
    try {
        if (tls == nullptr) co_return co_await answer(socket);
        asio::ssl::stream<tcp::socket> stream(std::move(socket), *tls);
        co_await stream.async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
        co_await answer(stream);
    } catch (boost::system::system_error const& error) {
        print("ended: " + error.code().message());
    } catch (std::exception const& error) {
        print(std::string("ended: ") + error.what());
    }
}

asio::awaitable<void> accept_all(tcp::acceptor acceptor, asio::ssl::context* tls) {
    auto const executor = co_await asio::this_coro::executor;
    for (;;) {
        auto socket = co_await acceptor.async_accept(asio::use_awaitable);
        asio::co_spawn(executor, serve(std::move(socket), tls), asio::detached);
    }
}

void listen(asio::io_context& io, std::string const& what, asio::ssl::context* tls) {
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    // Connections inherit it: what a client sends and is not read soon fills its buffers.
    acceptor.set_option(asio::socket_base::receive_buffer_size(64 * 1024));
    print(what + (tls != nullptr ? " wss" : " ws") +
          "://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()));
    asio::co_spawn(io, accept_all(std::move(acceptor), tls), asio::detached);
}

void show(asio::ssl::context& tls, identity const& shown) {
    tls.use_certificate_chain(asio::buffer(shown.certificate));
    tls.use_private_key(asio::buffer(shown.key), asio::ssl::context::pem);
}

}  // namespace

int main(int argument_count, char** arguments) try {
    if (argument_count > 2 || (argument_count == 2 && *arguments[1] == '-')) {
        std::cerr << usage;
        return 2;
    }
    asio::io_context io{1};
    listen(io, "listening on", nullptr);
    asio::ssl::context vouched(asio::ssl::context::tls_server);
    asio::ssl::context alone(asio::ssl::context::tls_server);
    if (argument_count == 2) {
        authority const trusted("the authority of console_server");
        std::ofstream(std::filesystem::path(arguments[1]) / "ca.pem") << trusted.certificate();
        show(vouched, trusted.issue());
        show(alone, self_signed());
        listen(io, "with a certificate", &vouched);
        listen(io, "with a certificate of its own", &alone);
    }
    io.run();
} catch (std::exception const& error) {
    std::cerr << "console_server: " << error.what() << '\n';
    return 1;
}
