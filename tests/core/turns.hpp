// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "random_source.hpp"
#include "tally.hpp"

#include <heartbeat/dial_budget.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace exploration {

/// Law 10 for sockets that share a budget: when their turns to dial may come.
class laws_of_turns {
public:
    laws_of_turns(duration spacing, unsigned burst) : spacing_(spacing), burst_(burst) {}

    void taken(time_point now, time_point turn) {
        if (turn < now) throw violation{10, "a turn in the past"};
        auto const waiting = std::lower_bound(returned_.begin(), returned_.end(), now);
        bool const again = waiting != returned_.end();
        if (again && turn != *waiting) throw violation{9, "a turn that was given back is not used"};
        if (!again && !any_returned_ && turn != earliest(now))
            throw violation{turn < earliest(now) ? 10 : 9, "a turn comes too early or too late"};
        returned_.erase(returned_.begin(), again ? waiting + 1 : waiting);
        turns_.insert(std::upper_bound(turns_.begin(), turns_.end(), turn), turn);
        if (!fits()) throw violation{10, "more turns than the budget has"};
    }

    void given_back(time_point turn) {
        turns_.erase(std::lower_bound(turns_.begin(), turns_.end(), turn));
        returned_.insert(std::upper_bound(returned_.begin(), returned_.end(), turn), turn);
        any_returned_ = true;
    }

    std::vector<time_point> const& turns() const noexcept { return turns_; }

private:
    /// In any time t there are at most burst + t / spacing.
    bool fits() const {
        for (std::size_t first = 0; first < turns_.size(); ++first)
            for (std::size_t last = first; last < turns_.size(); ++last) {
                auto const most = burst_ + (turns_[last] - turns_[first]) / spacing_;
                if (static_cast<duration::rep>(last - first + 1) > most) return false;
            }
        return true;
    }

    /// The first moment at which one more fits; turns are taken in their order.
    time_point earliest(time_point now) const {
        auto result = now;
        for (std::size_t first = 0; first < turns_.size(); ++first) {
            auto const others = static_cast<duration::rep>(turns_.size() - first) + 1;
            auto const beyond = others - static_cast<duration::rep>(burst_);
            if (beyond > 0) result = std::max(result, turns_[first] + beyond * spacing_);
        }
        return result;
    }

    duration spacing_;
    unsigned burst_;
    std::vector<time_point> turns_;
    std::vector<time_point> returned_;
    bool any_returned_ = false;
};

/// All that can happen to a budget on a coarse grid of time: time passes, a turn is taken, the first or the
/// last turn that lies ahead is given back.
inline std::uint64_t every_turn(int depth = 9) {
    constexpr duration unit{1000};
    std::uint64_t sequences = 0;
    for (unsigned burst = 1; burst <= 3; ++burst)
        for (std::uint64_t sequence = 0; sequence >> 2 * depth == 0; ++sequence) {
            ++sequences;
            heartbeat::dial_budget budget(1e9 / 2000, burst);
            laws_of_turns laws(2 * unit, burst);
            auto now = time_point{} + std::chrono::hours(1);
            for (int step = 0; step < depth; ++step) switch (sequence >> 2 * step & 3) {
                    case 0: now += unit; break;
                    case 1: laws.taken(now, budget.take(now)); break;
                    default: {
                        auto const& turns = laws.turns();
                        auto const ahead = std::upper_bound(turns.begin(), turns.end(), now);
                        if (ahead == turns.end()) break;
                        auto const turn = (sequence >> 2 * step & 3) == 2 ? *ahead : turns.back();
                        budget.give_back(turn);
                        laws.given_back(turn);
                    }
                }
        }
    return sequences;
}

}  // namespace exploration
