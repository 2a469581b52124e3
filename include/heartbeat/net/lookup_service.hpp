// SPDX-License-Identifier: BSL-1.0
#pragma once

// Looking up host names. Asio has one thread for all lookups of an execution context, which one that hangs
// holds up, and waits for it when the context goes.

#include <heartbeat/core/lookup_book.hpp>
#include <heartbeat/net/system_lookup.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace heartbeat::detail {

namespace asio = boost::asio;
namespace beast = boost::beast;

/// Completes a lookup.
using lookup_handler =
    asio::any_completion_handler<void(boost::system::error_code, std::vector<std::string>)>;

/// Hears how lookups end, on a thread of theirs, under their lock.
class lookup_client {
public:
    virtual void looked_up(std::uint64_t ticket, lookup_answer const& answer) noexcept = 0;

protected:
    ~lookup_client() = default;
};

/// The threads on which names are looked up, and who waits for them. One object serves the process; it is
/// never destroyed, since its threads may outlive `main`. They are not joined. Thread-safe.
///
/// There is one lock for everything, which `fork` takes: a child finds it free, and no lookup under way.
class lookup_threads {
public:
    using function = lookup_answer (*)(std::string const& host);

    /// \param look_up  what the threads call
    explicit lookup_threads(function look_up) : state_(std::make_shared<state>(look_up)) {}

    /// Those of the process.
    static lookup_threads& of_process() {
        static lookup_threads* const all = [] {
            auto* const made = new lookup_threads(&system_lookup);
            protect_forks(*made);
            return made;
        }();
        return *all;
    }

    std::mutex& mutex() noexcept { return state_->mutex; }

    /// Begins a lookup. The client hears of its end once, unless it gives up; not before this returns, but
    /// for an answer that is there already, which is returned. The lock is held.
    std::optional<lookup_answer> ask(std::string const& host, std::uint64_t ticket, lookup_client& client) {
        auto& here = *state_;
        here.clients.emplace(ticket, &client);
        lookup_book::reply reply;
        try {
            reply = here.book.ask(host, ticket, std::chrono::steady_clock::now());
        } catch (...) {
            give_up(ticket);
            throw;
        }
        if (reply.answer) here.clients.erase(ticket);
        if (!reply.start_thread) return std::move(reply.answer);
        lookup_answer failure;
        try {
            signals_blocked const quiet;
            std::thread([shared = state_] { work(*shared); }).detach();
            return std::move(reply.answer);
        } catch (std::system_error const& error) {
            failure.error = {error.code().value(), boost::system::system_category()};
        } catch (...) {
            failure.error = asio::error::no_memory;
        }
        // Others may wait for this thread, too.
        for (auto const other : here.book.not_started(host)) {
            if (other != ticket) {
                here.tell(other, failure);
            } else {
                here.clients.erase(ticket);
                reply.answer = failure;
            }
        }
        return std::move(reply.answer);
    }

    /// The client hears nothing more of this. The lock is held.
    void give_up(std::uint64_t ticket) {
        if (state_->clients.erase(ticket) != 0) state_->book.give_up(ticket);
    }

    /// For a new ticket. The lock is held.
    std::uint64_t next_ticket() noexcept { return ++state_->tickets; }

private:
    struct state {
        explicit state(function what) : look_up(what) {}

        void tell(std::uint64_t ticket, lookup_answer const& answer) noexcept {
            auto const found = clients.find(ticket);
            if (found == clients.end()) return;
            auto* const client = found->second;
            clients.erase(found);
            client->looked_up(ticket, answer);
        }

        function const look_up;
        std::mutex mutex;
        lookup_book book;
        std::map<std::uint64_t, lookup_client*> clients;
        std::uint64_t tickets = 0;
    };

    static void work(state& here) {
        std::unique_lock lock(here.mutex);
        for (;;) {
            auto const began = std::chrono::steady_clock::now();
            auto const host = here.book.take(began);
            if (!host) return;
            lock.unlock();
            lookup_answer answer;
            lookup_answer copy;
            try {
                answer = here.look_up(*host);
                copy = answer;
            } catch (...) {
                answer = copy = {.error = asio::error::no_memory};
            }
            lock.lock();
            // From here on nothing needs memory.
            auto const waiters =
                here.book.finish(*host, std::move(copy), began, std::chrono::steady_clock::now());
            for (auto const waiter : waiters) here.tell(waiter, answer);
        }
    }

    static void protect_forks([[maybe_unused]] lookup_threads& all) {
#if !defined(_WIN32)
        static state* const here = all.state_.get();
        pthread_atfork([] { here->mutex.lock(); }, [] { here->mutex.unlock(); },
                       [] {
                           // The threads did not come along.
                           here->book = {};
                           here->clients.clear();
                           here->mutex.unlock();
                       });
#endif
    }

    std::shared_ptr<state> const state_;
};

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
