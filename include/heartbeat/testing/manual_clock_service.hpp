// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace heartbeat {

namespace asio = boost::asio;
using boost::system::error_code;

namespace detail {

/// A wait that is not due yet. Destroying it destroys the handler uninvoked.
class manual_wait {
public:
    /// Which timer, and which of the waits of this context.
    std::uint64_t timer = 0;
    std::uint64_t sequence = 0;

    virtual ~manual_wait() = default;
    /// Moves the handler out and posts it.
    virtual void post(error_code error) = 0;
};

template <class Handler>
class manual_wait_for final : public manual_wait {
public:
    manual_wait_for(Handler handler, asio::any_io_executor const& executor)
        : handler_(std::move(handler)),
          work_(executor),
          handler_work_(asio::get_associated_executor(handler_, executor)) {}

    void post(error_code error) override {
        // Posted in a function without an associated executor, it goes to the right one without a detour, so
        // that waits run in the order in which they are posted.
        asio::post(handler_work_.get_executor(),
                   [handler = std::move(handler_), error]() mutable { std::move(handler)(error); });
    }

private:
    Handler handler_;
    asio::executor_work_guard<asio::any_io_executor> work_;
    asio::executor_work_guard<asio::associated_executor_t<Handler, asio::any_io_executor>> handler_work_;
};

/// The time of an execution context and the waits for it. Thread-safe.
class manual_clock_service : public asio::execution_context::service {
public:
    using key_type = manual_clock_service;
    static inline asio::execution_context::id id;

    explicit manual_clock_service(asio::execution_context& context)
        : asio::execution_context::service(context) {}

    time_point now() const;
    void advance_to(time_point target);
    void advance(duration step);
    std::optional<time_point> next_expiry() const;
    std::size_t pending() const;

    /// A number that no other timer or wait of this context has.
    std::uint64_t next_number();
    void add(time_point expiry, std::unique_ptr<manual_wait> wait);
    /// All waits of a timer have the same expiry, since a new expiry cancels them.
    std::size_t cancel_timer(time_point expiry, std::uint64_t timer);
    void cancel_wait(time_point expiry, std::uint64_t sequence);

private:
    using wait_map = std::multimap<time_point, std::unique_ptr<manual_wait>>;
    using wait_list = std::vector<std::unique_ptr<manual_wait>>;

    void shutdown() override;
    void post_due(time_point target, std::unique_lock<std::mutex> lock);
    template <class Predicate>
    wait_list take(time_point expiry, Predicate matches);

    // Handlers are posted and destroyed without the lock: an executor or a destructor may come back here.
    std::mutex mutable mutex_;
    time_point now_{std::chrono::hours{1000}};
    std::uint64_t number_ = 0;
    wait_map waits_;
};

inline void manual_clock_service::shutdown() {
    wait_map abandoned;
    std::lock_guard const lock{mutex_};
    abandoned.swap(waits_);
}

inline time_point manual_clock_service::now() const {
    std::lock_guard const lock{mutex_};
    return now_;
}

inline void manual_clock_service::advance_to(time_point target) {
    post_due(target, std::unique_lock{mutex_});
}

inline void manual_clock_service::advance(duration step) {
    std::unique_lock lock{mutex_};
    auto const target = step > time_point::max() - now_ ? time_point::max() : now_ + step;
    post_due(target, std::move(lock));
}

inline void manual_clock_service::post_due(time_point target, std::unique_lock<std::mutex> lock) {
    if (target <= now_) return;
    now_ = target;
    wait_list due;
    auto const end = waits_.upper_bound(now_);
    for (auto wait = waits_.begin(); wait != end; ++wait) due.push_back(std::move(wait->second));
    waits_.erase(waits_.begin(), end);
    lock.unlock();
    for (auto const& wait : due) wait->post({});
}

inline std::optional<time_point> manual_clock_service::next_expiry() const {
    std::lock_guard const lock{mutex_};
    if (waits_.empty()) return std::nullopt;
    return waits_.begin()->first;
}

inline std::size_t manual_clock_service::pending() const {
    std::lock_guard const lock{mutex_};
    return waits_.size();
}

inline std::uint64_t manual_clock_service::next_number() {
    std::lock_guard const lock{mutex_};
    return ++number_;
}

inline void manual_clock_service::add(time_point expiry, std::unique_ptr<manual_wait> wait) {
    {
        std::lock_guard const lock{mutex_};
        if (expiry > now_) {
            waits_.emplace(expiry, std::move(wait));
            return;
        }
    }
    wait->post({});
}

template <class Predicate>
manual_clock_service::wait_list manual_clock_service::take(time_point expiry, Predicate matches) {
    wait_list taken;
    std::lock_guard const lock{mutex_};
    auto [wait, end] = waits_.equal_range(expiry);
    while (wait != end) {
        if (matches(*wait->second)) {
            taken.push_back(std::move(wait->second));
            wait = waits_.erase(wait);
        } else {
            ++wait;
        }
    }
    return taken;
}

inline std::size_t manual_clock_service::cancel_timer(time_point expiry, std::uint64_t timer) {
    auto const taken = take(expiry, [timer](manual_wait const& wait) { return wait.timer == timer; });
    for (auto const& wait : taken) wait->post(asio::error::operation_aborted);
    return taken.size();
}

inline void manual_clock_service::cancel_wait(time_point expiry, std::uint64_t sequence) {
    auto const taken =
        take(expiry, [sequence](manual_wait const& wait) { return wait.sequence == sequence; });
    for (auto const& wait : taken) wait->post(asio::error::operation_aborted);
}

}  // namespace detail
}  // namespace heartbeat
