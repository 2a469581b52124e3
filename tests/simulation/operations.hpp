// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "verdict.hpp"

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

/// The asynchronous operations that the application has begun (laws 5 and 12).
class operations {
public:
    operations(verdict& laws, lateness const& late) : laws_(laws), late_(late) {}

    /// Begins one; what happens until `initiated` is inside of the initiating function. One with a limit has
    /// to complete in that time.
    std::size_t begin(heartbeat::time_point now, std::optional<heartbeat::duration> limit = {}) {
        inside_ = all_.size();
        all_.push_back({{now, late_.total()}, limit, false});
        if (limit) bounded_.push_back(*inside_);
        return *inside_;
    }
    void initiated() noexcept { inside_.reset(); }

    /// One has completed. `right_place`: it ran on its handler's executor.
    void complete(std::size_t number, bool right_place) {
        auto& one = all_[number];
        laws_.judge(12, !one.done, "an operation completed twice");
        laws_.require(12, inside_ != number, "an operation completed inside of its initiating function");
        laws_.require(12, right_place, "a handler did not run on its executor");
        one.done = true;
    }

    void check(heartbeat::time_point now) {
        std::erase_if(bounded_, [this](std::size_t number) {
            if (all_[number].done) laws_.arose(5);
            return all_[number].done;
        });
        for (auto const number : bounded_) {
            auto const& one = all_[number];
            auto const limit = *one.limit + late_.total() - one.began.late;
            laws_.require(5, now - one.began.at <= limit, "a close took longer than its deadline");
        }
    }

    /// The socket is gone and nothing is left to run.
    void settle() {
        for (auto const& one : all_) laws_.require(12, one.done, "an operation never completed");
    }

private:
    struct operation {
        moment began;
        std::optional<heartbeat::duration> limit;
        bool done;
    };

    verdict& laws_;
    lateness const& late_;
    std::deque<operation> all_;
    /// Those with a limit that may not have completed yet.
    std::vector<std::size_t> bounded_;
    std::optional<std::size_t> inside_;
};
