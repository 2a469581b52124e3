// SPDX-License-Identifier: BSL-1.0

// Explores the decisions of core/ over as many schedules as wished; see --help.

#include "every_heartbeat.hpp"
#include "every_run.hpp"
#include "model.hpp"
#include "model_loop.hpp"
#include "model_reading.hpp"
#include "model_run.hpp"
#include "model_world.hpp"
#include "model_writing.hpp"
#include "summary.hpp"
#include "turns.hpp"
#include "values.hpp"

#include <atomic>
#include <charconv>
#include <exception>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace exploration;

constexpr char const* usage = R"(Usage: explore [OPTION...]

Plays schedules of the library's decisions against a model of the operations and checks the laws after each step.

  --schedules N  how many (1000000)
  --from S       the first seed (1)
  --threads N    how many at once (1)
  --depth N      of the exhaustive part, one less than events of the lifecycle in a row (6); 0 leaves it out
  --seed S       plays one schedule alone
  --trace        tells what happens in it; with --seed
  --help

Exit status: 0 all laws hold, 1 one does not, 2 wrong usage.
)";

struct settings {
    std::uint64_t schedules = 1'000'000;
    std::uint64_t from = 1;
    std::uint64_t threads = 1;
    std::uint64_t depth = 6;
    std::optional<std::uint64_t> seed;
    bool trace = false;
};

/// A schedule that broke a law, or the model.
struct failure {
    std::uint64_t seed;
    int law;
    std::string what;
};

std::optional<failure> play(std::uint64_t seed, tally& counts, tracer const& trace) {
    try {
        model(seed, counts, trace).run();
        return std::nullopt;
    } catch (violation const& broken) {
        return failure{seed, broken.law, broken.what};
    } catch (std::exception const& error) {
        return failure{seed, 0, error.what()};
    }
}

void report(failure const& broken) {
    std::cout << "seed " << broken.seed << ": law " << broken.law << " does not hold: " << broken.what
              << "\nreplay with --seed " << broken.seed << " --trace\n";
}

int play_one(settings const& wanted) {
    tally counts;
    auto const broken = play(*wanted.seed, counts, tracer(wanted.trace));
    if (broken)
        report(*broken);
    else
        std::cout << "seed " << *wanted.seed << ": all laws hold, " << counts.steps << " steps\n";
    return broken ? 1 : 0;
}

/// Plays portions of the schedules until none is left or one has failed.
class crew {
public:
    explicit crew(settings const& wanted) : wanted_(wanted) {
        std::vector<std::thread> others;
        for (std::uint64_t count = 1; count < wanted.threads; ++count)
            others.emplace_back([this] { work(); });
        work();
        for (auto& other : others) other.join();
    }

    tally seen;
    std::optional<failure> broken;

private:
    void work() {
        constexpr std::uint64_t portion = 1000;
        tally counts;
        tracer const silent(false);
        while (!stop_) {
            auto const first = next_.fetch_add(portion);
            if (first >= wanted_.schedules) break;
            auto const last = std::min(first + portion, wanted_.schedules);
            for (auto index = first; index < last; ++index)
                if (auto failed = play(wanted_.from + index, counts, silent)) {
                    stop_ = true;
                    std::lock_guard const lock(mutex_);
                    if (!broken || failed->seed < broken->seed) broken = std::move(failed);
                    break;
                }
        }
        std::lock_guard const lock(mutex_);
        seen.add(counts);
    }

    settings const& wanted_;
    std::atomic<std::uint64_t> next_ = 0;
    std::atomic<bool> stop_ = false;
    std::mutex mutex_;
};

void explore_everything(int depth) {
    every_run const runs(depth + 1);
    std::uint64_t pairs_hit = 0;
    for (auto const& row : runs.hit)
        for (auto const count : row) pairs_hit += count != 0 ? 1 : 0;
    std::cout << "every sequence of " << depth + 1 << " events of the lifecycle: " << runs.sequences << ", "
              << pairs_hit << " of 96 pairs of phase and event\n";
    std::uint64_t sequences = 0;
    std::uint64_t dead = 0;
    using heartbeat::liveness;
    heartbeat::heartbeat_options const kinds[] = {
        {.interval = duration{2000}, .timeout = duration{2000}},
        {.interval = duration{2000}, .timeout = duration{2000}, .proof = liveness::any_input},
        {.interval = duration{2000},
         .timeout = duration{4000},
         .adaptive = true,
         .least_timeout = duration{1000}},
    };
    for (auto const& kind : kinds) {
        every_heartbeat const hearts(kind, depth + 1);
        sequences += hearts.sequences;
        dead += hearts.seen.premises[static_cast<std::size_t>(premise::dead)];
    }
    std::cout << "everything that can happen to a heartbeat in " << depth + 1
              << " units of time: " << sequences << ", declared dead " << dead << " times\n";
    auto const verdicts = every_verdict();
    auto const turns = every_turn();
    auto const round_trips = many_round_trips();
    auto const delays = long_outages();
    std::cout << "every verdict on a retry: " << verdicts << "; turns to dial: " << turns
              << "; series of round-trip times: " << round_trips << "; delays of long outages: " << delays
              << "\n\n";
}

int explore(settings const& wanted) {
    if (wanted.depth != 0) try {
            explore_everything(static_cast<int>(wanted.depth));
        } catch (violation const& broken) {
            std::cout << "exhaustive: law " << broken.law << " does not hold: " << broken.what << '\n';
            return 1;
        }
    crew const all(wanted);
    if (all.broken) {
        report(*all.broken);
        return 1;
    }
    return show(all.seen) ? 0 : 1;
}

std::optional<settings> parse(std::vector<std::string_view> const& words) {
    settings wanted;
    for (std::size_t index = 0; index < words.size(); ++index) {
        auto const word = words[index];
        if (word == "--trace") {
            wanted.trace = true;
            continue;
        }
        std::uint64_t number = 0;
        if (++index == words.size()) return std::nullopt;
        auto const* const end = words[index].data() + words[index].size();
        auto const read = std::from_chars(words[index].data(), end, number);
        if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
        if (word == "--schedules")
            wanted.schedules = number;
        else if (word == "--from")
            wanted.from = number;
        else if (word == "--threads")
            wanted.threads = number;
        else if (word == "--depth")
            wanted.depth = number;
        else if (word == "--seed")
            wanted.seed = number;
        else
            return std::nullopt;
    }
    if (wanted.trace && !wanted.seed) return std::nullopt;
    return wanted;
}

}  // namespace

int main(int argument_count, char** arguments) {
    std::vector<std::string_view> const words(arguments + 1, arguments + argument_count);
    if (words.size() == 1 && words[0] == "--help") {
        std::cout << usage;
        return 0;
    }
    auto const wanted = parse(words);
    if (!wanted) {
        std::cerr << usage;
        return 2;
    }
    return wanted->seed ? play_one(*wanted) : explore(*wanted);
}
