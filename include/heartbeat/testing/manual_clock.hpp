// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>
#include <heartbeat/testing/manual_clock_service.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/query.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace heartbeat {

/// The timer of `manual_clock`, with the interface and the meaning of `asio::basic_waitable_timer`. Different
/// timers may be used by different threads at a time, one timer may not. A moved-from timer is as good as
/// new.
class manual_timer {
public:
    using executor_type = asio::any_io_executor;

    explicit manual_timer(executor_type const& executor);
    manual_timer(manual_timer&& other);
    manual_timer& operator=(manual_timer&& other);
    /// Cancels.
    ~manual_timer() { cancel(); }

    executor_type const& get_executor() const noexcept { return executor_; }
    time_point expiry() const noexcept { return expiry_; }

    /// Cancels the waits, then sets the expiry. Returns how many were cancelled.
    std::size_t expires_at(time_point expiry);
    /// The same, counted from now.
    std::size_t expires_after(duration delay);
    /// Ends the waits that are not due with `operation_aborted`; returns how many. Those that are due
    /// complete with success even if their handlers have not run yet.
    std::size_t cancel() { return service_->cancel_timer(expiry_, number_); }

    /// Waits for the expiry. The handler, a `void(error_code)`, is posted to its associated executor, with
    /// the timer's as the fallback, at once if the expiry has passed. It supports terminal, partial and total
    /// cancellation.
    template <class CompletionToken>
    auto async_wait(CompletionToken&& token) {
        return asio::async_initiate<CompletionToken, void(error_code)>(initiate_wait{this}, token);
    }

private:
    struct initiate_wait {
        using executor_type = asio::any_io_executor;

        manual_timer* self;

        executor_type get_executor() const noexcept { return self->executor_; }
        template <class Handler>
        void operator()(Handler&& handler) const;
    };

    struct cancel_wait {
        detail::manual_clock_service* service;
        time_point expiry;
        std::uint64_t sequence;

        void operator()(asio::cancellation_type_t type) const {
            if (type != asio::cancellation_type::none) service->cancel_wait(expiry, sequence);
        }
    };

    executor_type executor_;
    detail::manual_clock_service* service_;
    std::uint64_t number_;
    time_point expiry_{};
};

inline manual_timer::manual_timer(executor_type const& executor)
    : executor_(executor),
      service_(
          &asio::use_service<detail::manual_clock_service>(asio::query(executor, asio::execution::context))),
      number_(service_->next_number()) {}

inline manual_timer::manual_timer(manual_timer&& other)
    : executor_(other.executor_),
      service_(other.service_),
      number_(std::exchange(other.number_, service_->next_number())),
      expiry_(std::exchange(other.expiry_, time_point{})) {}

inline manual_timer& manual_timer::operator=(manual_timer&& other) {
    if (this == &other) return *this;
    cancel();
    executor_ = other.executor_;
    service_ = other.service_;
    number_ = std::exchange(other.number_, service_->next_number());
    expiry_ = std::exchange(other.expiry_, time_point{});
    return *this;
}

inline std::size_t manual_timer::expires_at(time_point expiry) {
    auto const cancelled = cancel();
    expiry_ = expiry;
    return cancelled;
}

inline std::size_t manual_timer::expires_after(duration delay) {
    auto const now = service_->now();
    return expires_at(delay > time_point::max() - now ? time_point::max() : now + delay);
}

template <class Handler>
void manual_timer::initiate_wait::operator()(Handler&& handler) const {
    using handler_type = std::decay_t<Handler>;
    auto const sequence = self->service_->next_number();
    auto slot = asio::get_associated_cancellation_slot(handler);
    auto wait = std::make_unique<detail::manual_wait_for<handler_type>>(std::forward<Handler>(handler),
                                                                        self->executor_);
    wait->timer = self->number_;
    wait->sequence = sequence;
    if (slot.is_connected()) {
        slot.template emplace<cancel_wait>(cancel_wait{self->service_, self->expiry_, sequence});
    }
    self->service_->add(self->expiry_, std::move(wait));
}

/// A clock that moves only when it is told to: the `Clock` parameter for tests in simulated time. A handle;
/// all handles on the same execution context share one time and may be used by any thread. A context that is
/// destroyed destroys the handlers of pending waits without invoking them.
class manual_clock {
public:
    using duration = heartbeat::duration;
    using time_point = heartbeat::time_point;
    using timer_type = manual_timer;

    explicit manual_clock(asio::execution_context& context)
        : service_(&asio::use_service<detail::manual_clock_service>(context)) {}
    explicit manual_clock(asio::any_io_executor const& executor)
        : manual_clock(asio::query(executor, asio::execution::context)) {}

    /// The time. A new context starts at the same point of time, 1,000 hours above zero.
    time_point now() const { return service_->now(); }

    /// Moves the time forward and posts the handlers of all waits that have become due, in the order of their
    /// expiry, in the order of their start where that is the same. Zero or less does nothing.
    void advance(duration step) { service_->advance(step); }
    /// The same, to a point of time.
    void advance_to(time_point target) { service_->advance_to(target); }

    /// When the next pending wait is due.
    std::optional<time_point> next_expiry() const { return service_->next_expiry(); }
    /// How many waits are not due yet.
    std::size_t pending() const { return service_->pending(); }

private:
    detail::manual_clock_service* service_;
};

/// Runs an `io_context` through `span` of the clock's time, of which none passes while handlers run: runs
/// handlers until none is ready, goes on to the next expiry, and so forth; ends exactly `span` later with no
/// handler ready. Everything then happens at its own time and in the same order each time, as long as nothing
/// waits for the outside world. Restarts a context that was stopped. What a handler throws comes out of here,
/// with the time where it was.
template <class Context>
void run_for(Context& context, manual_clock& clock, duration span) {
    auto const end = clock.now() + span;
    for (;;) {
        context.restart();
        context.poll();
        auto const next = clock.next_expiry();
        if (clock.now() >= end) return;
        clock.advance_to(next && *next < end ? *next : end);
    }
}

}  // namespace heartbeat
