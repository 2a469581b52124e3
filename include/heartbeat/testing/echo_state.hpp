// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>
#include <heartbeat/testing/upgrade_refusal.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace heartbeat {

namespace asio = boost::asio;

namespace detail {

/// What an echo server and its sessions share. What is atomic may be used by any thread, the rest on the
/// strand.
struct echo_state {
    using log_function = std::function<void(std::string const&)>;

    echo_state(asio::any_io_executor its_strand, log_function its_log)
        : strand(std::move(its_strand)), log(std::move(its_log)) {}

    asio::any_io_executor const strand;
    log_function const log;
    /// The server is gone, and what its log function refers to may be gone too.
    std::atomic<bool> silent = false;

    upgrade_refusal refusal = {};
    std::atomic<duration> answer_delay = duration{};
    std::atomic<bool> wrong_id = false;
    std::atomic<bool> swallow = false;

    std::atomic<std::uint64_t> connections = 0;
    std::atomic<std::uint64_t> open_sessions = 0;
    std::atomic<std::uint64_t> messages = 0;
    std::atomic<std::uint64_t> heartbeats = 0;

    bool is_logged() const { return log && !silent; }
    void write_log(std::string const& line) const {
        if (is_logged()) log(line);
    }
};

}  // namespace detail
}  // namespace heartbeat
