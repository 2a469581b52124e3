// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/wait_traits.hpp>

#include <type_traits>

namespace heartbeat {

namespace asio = boost::asio;

namespace detail {

/// A clock that brings its own timers, since its time is not that of the operating system. It is a handle
/// that is made from an executor and has a member function `now()`.
template <class Clock>
concept clock_with_timers = requires {
    typename Clock::timer_type;
};

/// The clocks of the standard library: their time is global, and Asio has timers for them.
template <class Clock>
struct clock_traits {
    using timer_type = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, asio::any_io_executor>;
};

template <clock_with_timers Clock>
struct clock_traits<Clock> {
    using timer_type = typename Clock::timer_type;
};

}  // namespace detail

/// The timer that belongs to a clock, made from an `any_io_executor`. It has the members `expires_at`,
/// `expires_after`, `expiry`, `cancel` and `async_wait` of `asio::basic_waitable_timer`, with its meaning: a
/// wait completes with `operation_aborted` when it is cancelled, when the expiry is set anew and when the
/// timer is destroyed, unless it was due before that.
template <class Clock>
using timer_for = typename detail::clock_traits<Clock>::timer_type;

/// Tells the time of a clock, which for some clocks depends on the execution context.
template <class Clock>
class clock_source {
    static_assert(std::is_same_v<typename Clock::time_point, time_point>,
                  "the clock needs the time_point of std::chrono::steady_clock");

public:
    explicit clock_source(asio::any_io_executor const&) noexcept {}

    time_point now() const { return Clock::now(); }
};

template <detail::clock_with_timers Clock>
class clock_source<Clock> {
    static_assert(std::is_same_v<typename Clock::time_point, time_point>,
                  "the clock needs the time_point of std::chrono::steady_clock");

public:
    explicit clock_source(asio::any_io_executor const& executor) : clock_(executor) {}

    time_point now() const { return clock_.now(); }

private:
    Clock clock_;
};

}  // namespace heartbeat
