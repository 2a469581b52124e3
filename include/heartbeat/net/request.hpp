// SPDX-License-Identifier: BSL-1.0
#pragma once

// What a connection does for the socket besides running: its making and end, waits, receiving, figures.

#include <heartbeat/net/connection.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/post.hpp>

#include <exception>
#include <utility>

namespace heartbeat::detail {

/// A generator for the jitter, from the given seed or, if that is 0, from the operating system.
inline std::mt19937_64 make_generator(std::uint64_t seed) {
    if (seed != 0) return std::mt19937_64(seed);
    std::random_device entropy;
    std::seed_seq sequence{entropy(), entropy(), entropy(), entropy(),
                           entropy(), entropy(), entropy(), entropy()};
    return std::mt19937_64(sequence);
}

template <class Protocol, class Stream, class Clock>
connection<Protocol, Stream, Clock>::connection(typename Stream::executor_type const& executor,
                                                options&& settings, Protocol&& prototype)
    : strand_(executor),
      handler_executor_(strand_),
      settings_(std::move(settings)),
      prototype_(std::move(prototype)),
      clock_(handler_executor_),
      abandon_service_(asio::use_service<abandon_service>(asio::query(executor, asio::execution::context))),
      random_(make_generator(settings_.seed)),
      bus_([this](std::exception_ptr exception) { slot_threw(std::move(exception)); }),
      backoff_(settings_.reconnect),
      retry_policy_(settings_.reconnect),
      wait_timer_(handler_executor_),
      mailbox_(settings_.limits),
      outbox_(settings_.limits.outbox_messages, settings_.limits.outbox_bytes) {
    abandon_service_.add(*this);
}

template <class Protocol, class Stream, class Clock>
connection<Protocol, Stream, Clock>::~connection() {
    abandon_service_.remove(*this);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::abandon() {
    // Handlers may own the socket, and so this.
    auto const keep = this->weak_from_this().lock();
    if (!keep) return;
    // So may the receipts of what was being written.
    auto const link = std::exchange(link_, nullptr);
    auto const last = std::exchange(abandoned_, nullptr);
    auto const begun = link ? std::exchange(link->current, std::nullopt) : std::nullopt;
    auto const next = link ? std::exchange(link->next, std::nullopt) : std::nullopt;
    auto const gathered = link ? std::exchange(link->gathered, {}) : std::vector<message_queue::entry>();
    auto const run = std::exchange(run_, {});
    auto const closes = std::exchange(closes_, {});
    auto const waits = std::exchange(waits_, {});
    auto const messages = outbox_.clear();
    auto const hook = std::exchange(settings_.prepare, {});
    auto const resolver = std::exchange(settings_.dial.resolve, {});
    auto const judge = std::exchange(settings_.reconnect.judge, {});
    retry_policy_ = retry_policy(settings_.reconnect);
    give_turn_back();
    mailbox_.abandon();
    bus_.clear();
}

template <class Protocol, class Stream, class Clock>
template <class Work>
void connection<Protocol, Stream, Clock>::post(Work work) {
    asio::post(strand_, [self = this->shared_from_this(), work = std::move(work)]() mutable { work(*self); });
}

template <class Protocol, class Stream, class Clock>
template <class Work>
void connection<Protocol, Stream, Clock>::on_cancel(asio::cancellation_slot slot, Work work) {
    if (!slot.is_connected()) return;
    slot.assign([owner = this->weak_from_this(), work](asio::cancellation_type type) {
        if (type == asio::cancellation_type::none) return;
        if (auto const self = owner.lock()) self->post(work);
    });
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::accept_messages() {
    std::lock_guard const lock(outbox_mutex_);
    if (starts_requested_++ == 0) earlier_messages_ = outbox_.last_ticket();
    if (!refuses_for_good_) outbox_.open();
}

template <class Protocol, class Stream, class Clock>
error_code connection<Protocol, Stream, Clock>::over() const {
    error_code const gone = asio::error::operation_aborted;
    return orphaned_ ? gone : run_ended_ ? error_code(errc::stopped) : error_code();
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::receive(std::uint64_t ticket, mailbox::receiver done) {
    mailbox_.receive(ticket, std::move(done));
    if (auto const error = over()) mailbox_.fail(error);
    unpause();
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::wait_for(std::uint64_t ticket, state wanted,
                                                   completion<error_code> done) {
    if (lifecycle_.visible() == wanted && !orphaned_) return done({});
    if (auto const error = over()) return done(error);
    auto const shared = std::make_shared<completion<error_code>>(std::move(done));
    auto const slot =
        bus_.template on<state_changed>([this, ticket, wanted, shared](state_changed const& change) {
            if (change.to != wanted) return;
            auto complete = std::move(*shared);
            cancel_wait(ticket);
            complete({});
        });
    waits_.emplace(ticket, [slot, shared](error_code error) mutable {
        slot.disconnect();
        (*shared)(error);
    });
}

template <class Protocol, class Stream, class Clock>
template <class Event>
void connection<Protocol, Stream, Clock>::next_event(std::uint64_t ticket,
                                                     completion<error_code, Event> done) {
    if (auto const error = over()) return done(error, {});
    auto const shared = std::make_shared<completion<error_code, Event>>(std::move(done));
    auto const slot = bus_.template once<Event>([this, ticket, shared](Event const& event) {
        waits_.erase(ticket);
        (*shared)({}, event);
    });
    waits_.emplace(ticket, [slot, shared](error_code error) mutable {
        slot.disconnect();
        (*shared)(error, {});
    });
    if constexpr (std::is_same_v<Event, message>) unpause();
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::cancel_wait(std::uint64_t ticket) {
    auto const waiting = waits_.extract(ticket);
    if (waiting) waiting.mapped()(asio::error::operation_aborted);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::fail_waits(error_code error) {
    for (auto& [ticket, give_up] : std::exchange(waits_, {})) give_up(error);
    mailbox_.fail(error);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::slot_threw(std::exception_ptr exception) {
    if (bus_.template has_slots<slot_failed>() && !reporting_failure_) {
        reporting_failure_ = true;
        emit(slot_failed{std::move(exception)});
        reporting_failure_ = false;
        return;
    }
    // Not from here: whoever emitted has more to do.
    asio::post(strand_, [exception = std::move(exception)] { std::rethrow_exception(exception); });
}

template <class Protocol, class Stream, class Clock>
template <class Function, class Result>
Result connection<Protocol, Stream, Clock>::guarded(Function function, Result fallback) {
    try {
        return function();
    } catch (...) {
        slot_threw(std::current_exception());
        return fallback;
    }
}

template <class Protocol, class Stream, class Clock>
template <class Update>
void connection<Protocol, Stream, Clock>::count(Update update) {
    std::lock_guard const lock(stats_mutex_);
    update(stats_);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::went_down(time_point now) {
    std::lock_guard const lock(stats_mutex_);
    down_since_ = now;
    down_ = true;
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::went_up(time_point now) {
    std::lock_guard const lock(stats_mutex_);
    if (std::exchange(down_, false)) stats_.downtime += now - down_since_;
}

template <class Protocol, class Stream, class Clock>
stats connection<Protocol, Stream, Clock>::snapshot() {
    stats all;
    {
        std::lock_guard const lock(stats_mutex_);
        all = stats_;
        if (down_) all.downtime += time() - down_since_;
        all.round_trip_last = round_trip_.last();
        all.round_trip_smoothed = round_trip_.smoothed();
        all.round_trip_minimum = round_trip_.minimum();
        all.round_trip_median = round_trip_.percentile(50);
        all.round_trip_99th = round_trip_.percentile(99);
    }
    std::lock_guard const lock(outbox_mutex_);
    all.outbox_messages = outbox_.messages();
    all.outbox_bytes = outbox_.bytes();
    return all;
}

}  // namespace heartbeat::detail
