// SPDX-License-Identifier: BSL-1.0
// A service whose tokens expire: the last one is used again until the server refuses it with 401, then a new
// one is fetched. examples/token_server.cpp is such a service.
#include <heartbeat/heartbeat.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <iostream>
#include <stdexcept>

namespace hb = heartbeat;
namespace asio = boost::asio;
namespace http = boost::beast::http;

// [quote]
asio::awaitable<hb::prepared> renew(hb::prepared use) {
    auto const service = hb::parse_url(use.url);
    auto const executor = co_await asio::this_coro::executor;
    asio::ip::tcp::resolver resolver(executor);
    auto const found = co_await resolver.async_resolve(service.host, service.port, asio::use_awaitable);
    boost::beast::tcp_stream stream(executor);
    co_await stream.async_connect(found, asio::use_awaitable);
    http::request<http::empty_body> request(http::verb::post, "/token", 11);
    request.set(http::field::host, hb::host_header(service));
    co_await http::async_write(stream, request, asio::use_awaitable);
    boost::beast::flat_buffer buffer;
    http::response<http::string_body> response;
    co_await http::async_read(stream, buffer, response, asio::use_awaitable);
    if (response.result() != http::status::ok) throw std::runtime_error("no token");  // fails the attempt
    use.request.bearer = response.body();
    co_return use;
}

int main(int argument_count, char** arguments) {
    asio::io_context io;
    hb::options options{.url = argument_count > 1 ? arguments[1] : "ws://127.0.0.1:8003"};
    options.request.bearer = "kept-from-last-time";
    options.prepare = [&io](hb::preparation const& what, hb::prepare_handler done) {
        if (!what.refresh) return done(what.current);  // the URL and the token of the last attempt
        asio::co_spawn(io, renew(what.current), std::move(done));
    };
    hb::heartbeat_socket socket{io, options};
    socket.on<hb::attempt_failed>([](auto const& event) { std::cout << to_string(event.reason) << '\n'; });
    socket.on<hb::opened>([&](hb::opened const&) {
        std::cout << "open\n";
        socket.close();
    });
    socket.async_run([](hb::error_code error) { std::cout << "ended: " << error.message() << '\n'; });
    io.run();
}
// [/quote]
