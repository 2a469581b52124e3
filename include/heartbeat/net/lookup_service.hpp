// SPDX-License-Identifier: BSL-1.0
#pragma once

// Looking up host names. Asio has one thread for all lookups of an execution context, which one that hangs
// holds up, and waits for it when the context goes.

#include <heartbeat/net/lookup_threads.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace heartbeat::detail {

namespace asio = boost::asio;
namespace beast = boost::beast;

/// Completes a lookup.
using lookup_handler =
    asio::any_completion_handler<void(boost::system::error_code, std::vector<std::string>)>;

/// The lookups of an execution context. None keeps its context's `run` from returning: for as long as
/// somebody waits for it, his deadline does. What a lookup finds is handed over under the lock that
/// `shutdown` takes, so never to a context that is gone. Thread-safe.
class lookup_service final : public asio::execution_context::service, lookup_client {
public:
    using key_type = lookup_service;
    static inline asio::execution_context::id id;

    explicit lookup_service(asio::execution_context& context,
                            lookup_threads& threads = lookup_threads::of_process())
        : service(context), threads_(threads) {}

    /// Looks a name up. The handler completes on its executor, with `executor` as the fallback, and never
    /// inside of this. Throws if there is no memory.
    /// \return what `cancel` wants
    std::uint64_t start(std::string const& host, asio::any_io_executor const& executor,
                        lookup_handler handler) {
        std::unique_lock lock(threads_.mutex());
        auto const ticket = threads_.next_ticket();
        if (closed_) return ticket;
        auto const at = waiting_.emplace(ticket, waiter{executor, std::move(handler)}).first;
        std::optional<lookup_answer> answer;
        try {
            answer = threads_.ask(host, ticket, *this);
        } catch (...) {
            auto const lost = std::move(at->second);
            waiting_.erase(at);
            lock.unlock();
            throw;
        }
        if (!answer) return ticket;
        auto here = std::move(at->second);
        waiting_.erase(at);
        lock.unlock();
        complete(std::move(here), *answer);
        return ticket;
    }

    /// Ends the waiting for a lookup, if it has not ended: it completes with `operation_aborted`. The lookup
    /// goes on, and serves whoever asks for that name next.
    void cancel(std::uint64_t ticket) {
        std::unique_lock lock(threads_.mutex());
        auto waiting = waiting_.extract(ticket);
        if (!waiting) return;
        threads_.give_up(ticket);
        lock.unlock();
        complete(std::move(waiting.mapped()), {.error = asio::error::operation_aborted});
    }

private:
    struct waiter {
        asio::any_io_executor executor;
        lookup_handler handler;
    };

    static void complete(waiter&& who, lookup_answer const& answer) {
        asio::post(who.executor,
                   beast::bind_front_handler(std::move(who.handler), answer.error, answer.addresses));
    }

    void looked_up(std::uint64_t ticket, lookup_answer const& answer) noexcept override {
        auto waiting = waiting_.extract(ticket);
        if (!waiting) return;
        try {
            complete(std::move(waiting.mapped()), answer);
        } catch (...) {
            // There is no memory to hand it over. The deadline of the step ends the attempt.
        }
    }

    void shutdown() override {
        std::map<std::uint64_t, waiter> lost;
        std::lock_guard const lock(threads_.mutex());
        closed_ = true;
        for (auto const& [ticket, who] : waiting_) threads_.give_up(ticket);
        // Destroyed after the lock: a handler may own a socket that looks up, too.
        lost.swap(waiting_);
    }

    lookup_threads& threads_;
    std::map<std::uint64_t, waiter> waiting_;
    bool closed_ = false;
};

}  // namespace heartbeat::detail
