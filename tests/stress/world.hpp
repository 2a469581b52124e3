// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "application.hpp"
#include "faulty_server.hpp"
#include "tally.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace stress {

/// How often a control timer looks how late timers are.
constexpr std::chrono::milliseconds control_period{2};

/// One event loop on some threads, servers with faults, and applications that use them. For one thread.
class world {
public:
    world(std::size_t sockets, std::size_t servers, std::size_t threads, std::uint32_t seed);
    /// Ends the loop at once, whatever is under way, and destroys everything.
    ~world();

    /// Faults for a while. Returns how many.
    std::uint64_t disturb(std::chrono::milliseconds how_long);
    /// Ends all faults, lets the applications rest, and waits until each socket has a new link and nothing to
    /// do. False if that does not come about; then what did not is a law that was broken.
    bool calm();
    void go_on();
    /// Ends the applications in good order, looks at what their messages came to, and lets the loop run out
    /// of work. False if it does not.
    bool finish();

    tally& counts() noexcept { return counts_; }

private:
    /// Far beyond what any deadline allows, also on a machine that is slow and busy: not what is measured.
    static constexpr std::chrono::seconds patience{60};

    /// Runs the loop to its end.
    void run();
    void tick();
    void pause(std::chrono::microseconds how_long);
    bool eventually(std::function<bool()> const& reached, char const* what);
    bool all_open();
    std::uint64_t open_sessions() const;

    tally counts_;
    std::mt19937 random_;
    asio::io_context io_;
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    asio::io_context own_loop_;
    asio::steady_timer own_timer_;
    asio::steady_timer control_;
    std::atomic<bool> stop_control_ = false;
    std::atomic<std::size_t> running_threads_;
    std::vector<std::unique_ptr<faulty_server>> servers_;
    std::vector<std::unique_ptr<application>> applications_;
    std::vector<std::thread> threads_;
};

}  // namespace stress
