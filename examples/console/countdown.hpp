// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>

/// The last line of a terminal while the next attempt is being waited for: how long that will be.
class countdown {
    using clock = std::chrono::steady_clock;

public:
    explicit countdown(boost::asio::io_context& context) : timer_(context) {}

    void start(clock::duration delay) {
        due_ = clock::now() + delay;
        counting_ = true;
        draw();
        tick();
    }

    void stop() {
        erase();
        counting_ = false;
        timer_.cancel();
    }

    /// Makes place for another line.
    void erase() {
        if (counting_) std::cout << "\r\033[K" << std::flush;
    }

    void draw() {
        if (counting_) std::cout << '\r' << text() << std::flush;
    }

private:
    void tick() {
        timer_.expires_after(std::chrono::milliseconds(100));
        timer_.async_wait([this](boost::system::error_code error) {
            if (error || !counting_) return;
            // The cursor goes back to where the user is typing.
            std::cout << "\0337\r" << text() << "\0338" << std::flush;
            tick();
        });
    }

    std::string text() const {
        auto const left = std::chrono::duration<double>(due_ - clock::now()).count();
        char line[80];
        std::snprintf(line, sizeof line, "next attempt in %6.1f s (/connect: now, /close: stop) ",
                      left < 0 ? 0 : left);
        return line;
    }

    boost::asio::steady_timer timer_;
    clock::time_point due_ = {};
    bool counting_ = false;
};
