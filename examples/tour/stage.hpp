// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <string>
#include <utility>

using moment = std::chrono::steady_clock::time_point;
using span_of_time = std::chrono::steady_clock::duration;

/// A step did not go as it should.
struct step_failed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The user wants the tour to end.
struct interrupted {
    int signal = 0;
};

/// The event loop of the tour, on which the steps wait for what they expect.
class stage {
public:
    stage() : signals_(context_, SIGINT, SIGTERM), children_(context_, SIGCHLD), control_(context_) {
        std::signal(SIGPIPE, SIG_IGN);
        signals_.async_wait([this](boost::system::error_code error, int number) {
            if (!error) signal_ = number;
        });
        await_child();
        control_.expires_after(control_period);
        await_control();
    }

    boost::asio::io_context& context() noexcept { return context_; }

    /// Lets things happen until `met()`. False if that took longer than `limit`. Throws `interrupted`.
    template <class Condition>
    bool wait_until(Condition met, span_of_time limit) {
        auto const due = std::chrono::steady_clock::now() + limit;
        while (!met()) {
            if (std::chrono::steady_clock::now() >= due) return false;
            context_.run_one_until(due);
            if (signal_ != 0) throw interrupted{signal_};
        }
        return true;
    }

    /// By how much the control timer was late at most since this was asked last: what the machine adds to
    /// every time that is measured.
    span_of_time take_lateness() noexcept { return std::exchange(lateness_, span_of_time{}); }

private:
    static constexpr auto control_period = std::chrono::milliseconds(5);

    // The end of a child only has to wake the loop: the step that waits looks for it.
    void await_child() {
        children_.async_wait([this](boost::system::error_code error, int) {
            if (!error) await_child();
        });
    }

    void await_control() {
        control_.async_wait([this](boost::system::error_code error) {
            if (error) return;
            auto const now = std::chrono::steady_clock::now();
            lateness_ = std::max(lateness_, now - control_.expiry());
            control_.expires_at(now + control_period);
            await_control();
        });
    }

    boost::asio::io_context context_;
    boost::asio::signal_set signals_;
    boost::asio::signal_set children_;
    boost::asio::steady_timer control_;
    span_of_time lateness_ = {};
    int signal_ = 0;
};
