// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>

namespace heartbeat {

/// How many attempts all sockets that share it begin: in any time t at most `burst + t * per_second`. The
/// redirects of an attempt, which has a turn already, take none. A token bucket whose tokens are handed out
/// ahead: who comes when it is empty is given the time of its turn, in the order of asking. Put a
/// `std::shared_ptr` to one into `reconnect.budget` of several sockets.
///
/// Time is an argument, which must come from one clock. Thread-safe.
class dial_budget {
public:
    /// \param per_second  dials per second in the long run, from one a year to a billion
    /// \param burst       how many may come at once after a time without any, 1 or more
    /// Throws `std::invalid_argument` for others.
    explicit dial_budget(double per_second, unsigned burst = 1)
        : spacing_(spacing(per_second)), ahead_(ahead(spacing_, burst)) {
        if (burst == 0) throw std::invalid_argument("heartbeat::dial_budget: burst is 0, expected 1 or more");
    }

    /// Takes a turn: the time from which on one dial may begin, `now` or later.
    time_point take(time_point now) {
        std::lock_guard const lock(mutex_);
        // A turn that nobody used in time is gone.
        returned_.erase(returned_.begin(), returned_.lower_bound(now));
        if (!returned_.empty()) return returned_.extract(returned_.begin()).value();
        time_point const turn = std::max(now, full_at_ - ahead_);
        auto const full = std::max(now, full_at_);
        full_at_ = full > time_point::max() - spacing_ ? full : full + spacing_;
        return turn;
    }

    /// Gives back a turn that was not used. The next that is asked for will be this one if it still lies
    /// ahead; turns that were taken meanwhile stay as they are.
    void give_back(time_point turn) {
        std::lock_guard const lock(mutex_);
        returned_.insert(turn);
    }

private:
    static duration spacing(double per_second) {
        constexpr double least = 1.0 / (366 * 86400.0);
        if (!(per_second >= least && per_second <= 1e9))
            throw std::invalid_argument("heartbeat::dial_budget: per_second is " +
                                        std::to_string(per_second) + ", expected 3.2e-8 to 1e9");
        // Rounded up, but not for the last digit of a number that a double does not have.
        return std::chrono::ceil<duration>(std::chrono::duration<double, std::nano>(1e9 / per_second - 1e-3));
    }

    /// So that sums with a point in time cannot overflow.
    static duration ahead(duration spacing, unsigned burst) noexcept {
        duration::rep const most = duration::max() / 4 / spacing;
        return spacing * std::min<duration::rep>(burst == 0 ? 0 : burst - 1, most);
    }

    std::mutex mutex_;
    duration const spacing_;
    /// How far ahead of its even spacing a dial may come.
    duration const ahead_;
    /// When the bucket would be full again if nothing more were taken.
    time_point full_at_ = {};
    /// Turns that were given back.
    std::multiset<time_point> returned_;
};

}  // namespace heartbeat
