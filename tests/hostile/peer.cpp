// SPDX-License-Identifier: BSL-1.0
#include "peer.hpp"

#include "accept_key.hpp"
#include "frames.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <exception>
#include <utility>

namespace {

std::string field(std::string_view request, std::string_view name) {
    auto const line = request.find(name);
    if (line == std::string_view::npos) return {};
    auto const begin = line + name.size();
    return std::string(request.substr(begin, request.find("\r\n", begin) - begin));
}

}  // namespace

peer::peer(asio::ip::tcp::socket socket, std::size_t number)
    : socket_(std::move(socket)), timer_(socket_.get_executor()), number_(number) {}

asio::awaitable<void> peer::request() {
    while (input_.find("\r\n\r\n") == std::string::npos) {
        auto const count = co_await socket_.async_read_some(asio::buffer(space_), asio::use_awaitable);
        heard_ += count;
        input_.append(space_.data(), count);
    }
    key_ = field(input_, "Sec-WebSocket-Key: ");
    input_.clear();
}

std::string peer::answer(std::string_view more) const {
    std::string text = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    text.append("Sec-WebSocket-Accept: ").append(accept_key::of(key_)).append("\r\n");
    return text.append(more).append("\r\n");
}

asio::awaitable<void> peer::upgrade() {
    co_await request();
    hear();
    co_await send(answer());
}

void peer::hear() {
    hearing_ = true;
    asio::co_spawn(
        socket_.get_executor(), [self = shared_from_this()] { return self->read_on(); }, asio::detached);
}

asio::awaitable<void> peer::read_on() {
    for (;;) {
        boost::system::error_code error;
        auto const count = co_await socket_.async_read_some(asio::buffer(space_),
                                                            asio::redirect_error(asio::use_awaitable, error));
        heard_ += count;
        input_.append(space_.data(), count);
        read_frames();
        if (!error) continue;
        abandoned_ = true;
        co_return;
    }
}

void peer::read_frames() {
    // Without a key this is no websocket yet.
    while (auto const found = key_.empty() ? std::nullopt : frames::take(input_)) {
        auto const& payload = found->payload;
        if (found->operation == frames::closing) {
            auto const byte = [&](std::size_t at) { return static_cast<unsigned char>(payload[at]); };
            close_code_ = payload.size() < 2 ? 1005 : byte(0) * 256U + byte(1);
        }
        if (found->operation == frames::text) echoes_ += frames::frame(frames::text, payload);
    }
}

asio::awaitable<void> peer::send(std::string bytes) {
    co_await asio::async_write(socket_, asio::buffer(bytes), asio::use_awaitable);
    sent_ += bytes.size();
}

asio::awaitable<void> peer::trickle(std::string bytes, hb::duration gap) {
    for (char const byte : bytes) {
        co_await send(std::string(1, byte));
        co_await pause(gap);
    }
}

asio::awaitable<void> peer::send_for_ever(std::string bytes) {
    for (;;) {
        co_await send(bytes);
        co_await pause(1ms);
    }
}

asio::awaitable<void> peer::pause(hb::duration time) {
    timer_.expires_after(time);
    resting_ = true;
    co_await timer_.async_wait(asio::use_awaitable);
    resting_ = false;
}

asio::awaitable<void> peer::stay() { return pause(24h); }

void peer::shut_down_sending() {
    boost::system::error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

void peer::reset() {
    boost::system::error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
}

std::string peer::echoes() { return std::exchange(echoes_, {}); }

void peer::play(script const& what) {
    asio::co_spawn(socket_.get_executor(), what(*this),
                   [self = shared_from_this()](std::exception_ptr const&) { self->finish(); });
}

void peer::finish() {
    boost::system::error_code ignored;
    socket_.close(ignored);
    over_ = true;
}
