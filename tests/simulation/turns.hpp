// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "verdict.hpp"

#include <heartbeat/dial_budget.hpp>

#include <algorithm>
#include <memory>
#include <vector>

/// A budget of dials that sockets share, and what was dialled under it. The socket of the schedule has it, or
/// not; the others are imagined.
class turns {
public:
    turns(verdict& laws, double per_second, unsigned burst)
        : laws_(laws),
          per_second_(per_second),
          burst_(burst),
          budget_(std::make_shared<heartbeat::dial_budget>(per_second, burst)) {}

    std::shared_ptr<heartbeat::dial_budget> const& budget() const noexcept { return budget_; }

    /// Another socket takes a turn and dials when it comes.
    void other_dials(heartbeat::time_point now) { dials_.push_back(budget_->take(now)); }
    /// The socket dials.
    void dialled(heartbeat::time_point now) { dials_.push_back(now); }

    /// By when a turn that is asked for at this time comes at the latest.
    heartbeat::time_point latest(heartbeat::time_point now) const noexcept {
        auto const spacing = std::chrono::duration<double>(1 / per_second_);
        auto const last = dials_.empty() ? now : std::max(now, *std::ranges::max_element(dials_));
        return last + std::chrono::ceil<heartbeat::duration>(spacing);
    }

    /// All dials keep to the budget. The socket may make one later than its turn, when slots were slow.
    void settle() {
        std::ranges::sort(dials_);
        double tokens = burst_;
        for (std::size_t index = 0; index < dials_.size(); ++index) {
            if (index != 0) {
                std::chrono::duration<double> const passed = dials_[index] - dials_[index - 1];
                tokens = std::min<double>(burst_, tokens + passed.count() * per_second_);
            }
            tokens -= 1;
            laws_.judge(10, tokens > -1.001, "sockets that share a budget dialled more often than it allows");
        }
    }

private:
    verdict& laws_;
    double per_second_;
    unsigned burst_;
    std::shared_ptr<heartbeat::dial_budget> budget_;
    std::vector<heartbeat::time_point> dials_ = {};
};
