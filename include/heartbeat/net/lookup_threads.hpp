// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/lookup_book.hpp>
#include <heartbeat/net/system_lookup.hpp>

#include <boost/asio/error.hpp>

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

#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace heartbeat::detail {

namespace asio = boost::asio;

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

}  // namespace heartbeat::detail
