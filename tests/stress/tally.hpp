// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

namespace stress {

namespace hb = heartbeat;

/// What all threads count. Relaxed, so that counting orders nothing and hides no race from the sanitizer.
class counter {
public:
    void add(std::uint64_t number = 1) noexcept { value_.fetch_add(number, std::memory_order_relaxed); }
    void at_least(std::uint64_t number) noexcept {
        auto now = value_.load(std::memory_order_relaxed);
        while (number > now && !value_.compare_exchange_weak(now, number, std::memory_order_relaxed)) {}
    }
    std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_ = 0;
};

struct tally {
    counter sessions;
    counter sockets;
    counter attempts_failed;
    /// Messages that were accepted, and what became of those of which it can be told: a message given to
    /// `send` has nobody to tell once its socket is destroyed.
    counter accepted;
    counter refused;
    counter written;
    counter dropped;
    counter unknown;
    counter untold;
    counter received;
    counter slots_failed;
    /// Exceptions of slots that left through the loop.
    counter escaped;
    /// Asynchronous operations.
    counter begun;
    counter completed;
    /// Closes, the longest of them, and the worst lateness of a timer, in nanoseconds.
    counter closes;
    counter longest_close;
    counter worst_lateness;

    /// Keeps the first law that was seen broken.
    void broken(std::string what) {
        std::lock_guard const lock(mutex_);
        if (breach_.empty()) breach_ = std::move(what);
    }
    std::string breach() const {
        std::lock_guard const lock(mutex_);
        return breach_;
    }

private:
    std::mutex mutable mutex_;
    std::string breach_;
};

}  // namespace stress
