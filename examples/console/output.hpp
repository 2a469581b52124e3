// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/events.hpp>
#include <heartbeat/stats.hpp>

#include <exception>
#include <string>
#include <string_view>

/// What /status shows.
struct status {
    heartbeat::state state = heartbeat::state::stopped;
    std::string url = {};
    heartbeat::stats stats = {};
};

/// Where the program shows what happens.
class output {
public:
    output() = default;
    output(output const&) = delete;
    output& operator=(output const&) = delete;
    virtual ~output() = default;

    virtual void show(heartbeat::opened const& event) = 0;
    virtual void show(heartbeat::closed const& event) = 0;
    virtual void show(heartbeat::message const& event) = 0;
    virtual void show(heartbeat::state_changed const& event) = 0;
    virtual void show(heartbeat::beat const& event) = 0;
    virtual void show(heartbeat::suspected const& event) = 0;
    virtual void show(heartbeat::waiting const& event) = 0;
    virtual void show(heartbeat::attempt_failed const& event) = 0;
    virtual void show(heartbeat::malformed const& event) = 0;
    virtual void show(heartbeat::undelivered const& event) = 0;
    virtual void show(heartbeat::slot_failed const& event) = 0;
    virtual void show(heartbeat::stopped const& event) = 0;
    virtual void show(status const& now) = 0;

    /// A message was accepted for sending.
    virtual void accepted(std::string_view text) = 0;
    /// Tells the user something that is no event.
    virtual void notice(std::string_view text) = 0;
    /// A line was typed: on a terminal the cursor stands at the start of a new one.
    virtual void line_typed() = 0;
    /// Ctrl-C was typed: the terminal has shown that behind what was being typed, and forgotten the line.
    virtual void interrupted() = 0;
    /// Nothing follows.
    virtual void end() = 0;
};

inline std::string what(heartbeat::slot_failed const& event) {
    try {
        std::rethrow_exception(event.exception);
    } catch (std::exception const& error) {
        return error.what();
    } catch (...) {
        return "an exception of an unknown type";
    }
}
