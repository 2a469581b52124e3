// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace heartbeat::detail {

/// What a lookup found.
struct lookup_answer {
    boost::system::error_code error = {};
    /// In the order of preference.
    std::vector<std::string> addresses = {};
};

/// Which names are being looked up, for whom, and which lookups begin when. Lookups block a thread for as
/// long as the system likes and cannot be stopped. So one lookup of a name serves all who ask for it, their
/// number is bounded, and an answer that took long is kept for those who ask next: with it a name whose
/// lookup outlasts every deadline is found all the same. One that has not ended after `prompt` may hang for a
/// reason that is gone; whoever asks then has another one begun beside it.
///
/// An answer that was kept is handed out at once, and a new lookup begins for those who ask after that. So
/// who asks all the time gets what was found for the attempt before.
class lookup_book {
public:
    using waiter = std::uint64_t;

    /// So many lookups run at once. When all of them hang, others wait.
    static constexpr std::size_t max_threads = 32;
    /// So many names have an answer that came late.
    static constexpr std::size_t max_kept = 64;
    /// No answer is kept longer.
    static constexpr duration max_age = std::chrono::hours{1};
    /// The answer to a lookup that takes longer is kept: where the first name server is dead, each lookup
    /// takes 5 s, and the next attempt need not wait for that again.
    static constexpr duration prompt = std::chrono::seconds{1};
    /// So is that to one that took longer than this, if somebody gave up waiting for it.
    static constexpr duration short_time = std::chrono::milliseconds{100};
    /// So many lookups of one name run at once.
    static constexpr std::size_t max_of_one_name = 3;

    struct reply {
        /// An answer; the waiter is not told another.
        std::optional<lookup_answer> answer = {};
        /// A thread has to be started, which then calls `take` until there is nothing to do.
        bool start_thread = false;
    };

    /// Somebody wants to know the addresses of a host.
    reply ask(std::string const& host, waiter who, time_point now) {
        reply result;
        auto& asked = names_[host];
        if (asked.kept && now - asked.kept_at <= max_age)
            result.answer = asked.kept;
        else
            asked.waiters.push_back(who);
        bool const hangs = now - asked.began > prompt && asked.running < max_of_one_name;
        if (!asked.queued && (asked.running == 0 || hangs)) {
            queue_.push_back(host);
            asked.queued = true;
            result.start_thread = threads_ < max_threads;
            if (result.start_thread) ++threads_;
        }
        return result;
    }

    /// The waiter wants no answer any more.
    void give_up(waiter who) {
        for (auto it = names_.begin(); it != names_.end(); ++it) {
            auto& asked = it->second;
            if (std::erase(asked.waiters, who) == 0) continue;
            asked.late = true;
            if (asked.queued && asked.waiters.empty()) {
                std::erase(queue_, it->first);
                asked.queued = false;
                forget_idle(it);
            }
            return;
        }
    }

    /// The next host for a thread to look up; none: the thread has to end.
    std::optional<std::string> take(time_point now) {
        if (queue_.empty()) {
            --threads_;
            return {};
        }
        auto host = std::move(queue_.front());
        queue_.pop_front();
        auto& asked = names_[host];
        asked.queued = false;
        if (asked.running++ == 0) asked.late = false;
        asked.began = now;
        return host;
    }

    /// A lookup of a host that began then has ended. Who has to be told its answer.
    std::vector<waiter> finish(std::string const& host, lookup_answer answer, time_point began,
                               time_point now) {
        auto const it = names_.find(host);
        auto& asked = it->second;
        --asked.running;
        // Another one may still find it.
        if (answer.error && (asked.running != 0 || asked.queued)) return {};
        auto told = std::exchange(asked.waiters, {});
        asked.kept.reset();
        if (!answer.error && now - began > (asked.late ? short_time : prompt)) {
            asked.kept = std::move(answer);
            asked.kept_at = now;
        }
        forget_idle(it);
        limit_kept();
        return told;
    }

    /// The thread for a host that was asked for could not be started. Who has to be told so.
    std::vector<waiter> not_started(std::string const& host) {
        --threads_;
        // Another thread may have taken it.
        if (std::erase(queue_, host) == 0) return {};
        auto const it = names_.find(host);
        it->second.queued = false;
        if (it->second.running != 0) return {};
        auto told = std::exchange(it->second.waiters, {});
        forget_idle(it);
        return told;
    }

    std::size_t threads() const noexcept { return threads_; }
    std::size_t kept() const noexcept {
        return static_cast<std::size_t>(
            std::ranges::count_if(names_, [](auto const& one) { return one.second.kept.has_value(); }));
    }
    /// Names that something is known of.
    std::size_t names() const noexcept { return names_.size(); }

private:
    struct entry {
        std::vector<waiter> waiters = {};
        /// It waits for a thread.
        bool queued = false;
        std::size_t running = 0;
        /// When the last lookup did.
        time_point began = {};
        /// Somebody gave up while it ran.
        bool late = false;
        std::optional<lookup_answer> kept = {};
        time_point kept_at = {};
    };

    using entries = std::map<std::string, entry>;

    void forget_idle(entries::iterator it) {
        if (it->second.running == 0 && !it->second.queued && !it->second.kept) names_.erase(it);
    }

    void limit_kept() {
        if (kept() <= max_kept) return;
        auto oldest = names_.end();
        for (auto it = names_.begin(); it != names_.end(); ++it) {
            bool const older =
                it->second.kept && (oldest == names_.end() || it->second.kept_at < oldest->second.kept_at);
            if (older) oldest = it;
        }
        oldest->second.kept.reset();
        forget_idle(oldest);
    }

    entries names_ = {};
    std::deque<std::string> queue_ = {};
    std::size_t threads_ = 0;
};

}  // namespace heartbeat::detail
