// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "child_process.hpp"
#include "stage.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// A program on the stage, which says `Line`s. A step takes those that it expects in the order in which they
/// came.
template <class Line>
class actor {
public:
    struct said {
        moment when = {};
        Line line = {};
    };

    /// Understands a line of output and shows it. May throw `step_failed`.
    using listener = std::function<Line(moment, std::string const&)>;

    actor(stage& where, std::string name, listener understand)
        : stage_(where), name_(std::move(name)), understand_(std::move(understand)) {}

    /// Starts the program anew; what the one before has said is forgotten.
    void start(std::vector<std::string> command) {
        process_.reset();
        heard_.clear();
        silent_ = false;
        process_ = std::make_unique<child_process>(
            stage_.context(), std::move(command),
            [this](std::optional<std::string> line) { hear(std::move(line)); });
    }

    void tell(std::string line) const { process_->write_line(std::move(line)); }

    /// Waits for a line that is what is `wanted`; those before it are passed over.
    template <class Predicate>
    said expect(std::string const& wanted, Predicate is_wanted, span_of_time limit = hard_limit) {
        std::optional<said> found;
        bool const came = stage_.wait_until(
            [&] {
                while (!found && !heard_.empty()) {
                    if (is_wanted(heard_.front().line)) found = std::move(heard_.front());
                    heard_.pop_front();
                }
                return found || silent_;
            },
            limit);
        if (found) return std::move(*found);
        auto const why = came ? "has ended" : "took longer than the hard limit";
        throw step_failed("the " + name_ + " " + why + "; it should have said: " + wanted);
    }

    /// Waits for its end, and gives its exit status.
    int expect_end(span_of_time limit = hard_limit) {
        if (!stage_.wait_until([&] { return silent_ && process_->exit_status(); }, limit))
            throw step_failed("the " + name_ + " does not end");
        return *process_->exit_status();
    }

    /// True if it has said something that no step has taken.
    bool has_more() const noexcept { return !heard_.empty(); }
    void forget() { heard_.clear(); }

    void kill() const { process_->send_signal(SIGKILL); }

    static constexpr span_of_time hard_limit = std::chrono::seconds(20);

private:
    void hear(std::optional<std::string> line) {
        if (!line) {
            silent_ = true;
            return;
        }
        auto const now = std::chrono::steady_clock::now();
        heard_.push_back({now, understand_(now, *line)});
    }

    stage& stage_;
    std::string name_;
    listener understand_;
    std::unique_ptr<child_process> process_;
    std::deque<said> heard_;
    /// Its output has ended.
    bool silent_ = false;
};
