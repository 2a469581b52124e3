// SPDX-License-Identifier: BSL-1.0
#pragma once

// What an echo client has to send back: everything, unchanged, in order.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace asio = boost::asio;

/// A message to send.
struct task {
    bool is_text = false;
    std::size_t size = 0;
    /// The size of its fragments, with an empty one before and after and a ping between; 0: it is not cut.
    std::size_t fragment = 0;

    /// The content of the message with this number, which is at its beginning.
    std::string content(std::size_t number) const {
        std::string text = std::to_string(number) + ' ';
        std::string_view const more = is_text ? std::string_view("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")
                                              : std::string_view("\x00\xff\xfe\x80\r\n", 6);
        while (text.size() + more.size() <= size) text += more;
        text.resize(size, 'x');
        return text;
    }
};

inline std::vector<task> all_tasks() {
    constexpr std::size_t large = 16 * 1024 * 1024;
    std::vector<task> all;
    for (bool const is_text : {true, false}) {
        // Where the length of a frame changes its form, too.
        for (std::size_t const size : {0u, 1u, 125u, 126u, 127u, 65535u, 65536u, 65537u})
            all.push_back({is_text, size});
        all.push_back({is_text, 0, 1});
        all.push_back({is_text, 40, 1});
        all.push_back({is_text, 1'000'000, 999});
    }
    // More than the buffers of an operating system hold.
    for (int i = 0; i < 20'000; ++i) all.push_back({i % 2 == 0, 1024});
    for (bool const is_text : {true, false}) all.push_back({is_text, large});
    all.push_back({false, large / 4, 4096});
    return all;
}

/// One connection of an echo client that is put to the test.
template <class Websocket>
class judge {
public:
    explicit judge(Websocket& socket) : socket_(socket) {}

    /// Throws at the first message that does not come back as it was. Returns how many did.
    asio::awaitable<std::size_t> run() {
        using namespace asio::experimental::awaitable_operators;
        try {
            co_await (write() && read());
        } catch (asio::multiple_exceptions const& both) {
            std::rethrow_exception(both.first_exception());
        }
        co_return tasks_.size();
    }

private:
    asio::awaitable<void> write() {
        for (auto const& next : tasks_) {
            auto const content = next.content(written_);
            socket_.text(next.is_text);
            if (next.fragment == 0)
                co_await socket_.async_write(asio::buffer(content), asio::use_awaitable);
            else
                co_await write_in_fragments(content, next.fragment);
            ++written_;
        }
    }

    asio::awaitable<void> write_in_fragments(std::string const& content, std::size_t most) {
        co_await socket_.async_write_some(false, asio::const_buffer(), asio::use_awaitable);
        for (std::size_t at = 0; at < content.size(); at += most) {
            auto const size = std::min(most, content.size() - at);
            co_await socket_.async_write_some(false, asio::buffer(content.data() + at, size),
                                              asio::use_awaitable);
            if (at == 0) co_await socket_.async_ping("between", asio::use_awaitable);
        }
        co_await socket_.async_write_some(true, asio::const_buffer(), asio::use_awaitable);
    }

    asio::awaitable<void> read() {
        co_await wait_until_it_is_written_or_stands_still();
        boost::beast::flat_buffer buffer;
        for (std::size_t number = 0; number < tasks_.size(); ++number) {
            buffer.clear();
            co_await socket_.async_read(buffer, asio::use_awaitable);
            bool const same =
                boost::beast::buffers_to_string(buffer.data()) == tasks_[number].content(number);
            if (!same || socket_.got_text() != tasks_[number].is_text)
                throw std::runtime_error("message " + std::to_string(number) + " did not come back");
        }
    }

    // Meanwhile the client cannot get rid of what it has: it has to stop reading, or to throw messages away.
    // Where a slow machine makes this too early, the client has it easier, no more.
    asio::awaitable<void> wait_until_it_is_written_or_stands_still() {
        auto const executor = co_await asio::this_coro::executor;
        asio::steady_timer timer(executor);
        for (std::size_t before = tasks_.size(); written_ != before && written_ < tasks_.size();) {
            before = written_;
            timer.expires_after(std::chrono::milliseconds(250));
            co_await timer.async_wait(asio::use_awaitable);
        }
    }

    Websocket& socket_;
    std::vector<task> const tasks_ = all_tasks();
    std::size_t written_ = 0;
};
