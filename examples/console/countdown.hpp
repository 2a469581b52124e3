// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../common/terminal.hpp"
#include "rows.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>

/// While the next attempt is being waited for, the row of a terminal above that of the cursor: how long that
/// will be.
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
        if (counting_) std::cout << "\0337\033[A\r\033[M\0338\033[A" << std::flush;
        counting_ = false;
        timer_.cancel();
    }

    /// How many rows there are between other output and the row of the cursor.
    unsigned rows() const noexcept { return counting_ ? 1 : 0; }

    /// Takes a new row. The old one stays where the cursor has left it: only the terminal knows where that
    /// is.
    void draw() {
        if (counting_) std::cout << inserted_row(text(), 0) << std::flush;
    }

private:
    void tick() {
        timer_.expires_after(std::chrono::milliseconds(100));
        timer_.async_wait([this](boost::system::error_code error) {
            if (error || !counting_) return;
            std::cout << "\0337\033[A\r" << text() << "\033[K\0338" << std::flush;
            tick();
        });
    }

    std::string text() const {
        auto const left = std::chrono::duration<double>(due_ - clock::now()).count();
        char line[80];
        std::snprintf(line, sizeof line, "next attempt in %6.1f s (/connect: now, /close: stop)",
                      left < 0 ? 0 : left);
        // One column less: in the last one the cursor may stand on either of two rows.
        return std::string(line).substr(0, terminal::columns() - 1);
    }

    boost::asio::steady_timer timer_;
    clock::time_point due_ = {};
    bool counting_ = false;
};
