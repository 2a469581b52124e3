// SPDX-License-Identifier: BSL-1.0
//
// Explores schedules of a whole socket in a simulated network, or replays one.
#include "player.hpp"
#include "systematic.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr char const* usage =
    "Usage: simulation [--seeds N] [--from S] [--threads N] [--minimum-premises N]\n"
    "       simulation --seed S [--trace]\n"
    "       simulation --systematic [--threads N]\n"
    "       simulation --disturbance D --step S [--trace]\n"
    "\n"
    "Plays schedules from seed S (1) on, N (20000) of them, and checks the laws of the library after each "
    "step.\n"
    "Stops at the first that breaks one, with exit status 1, and tells its seed. --minimum-premises also "
    "fails\n"
    "where the premise of a law arose fewer than N times, or where the median schedule has fewer than 2\n"
    "sessions, 3 faults or 20 actions of the application. --seed plays one schedule;\n"
    "with --trace it prints its timeline, the same each time.\n"
    "--systematic disturbs a fixed session in each way at each of its steps; --disturbance does so once.\n";

constexpr auto no_disturbance = ~std::uint64_t(0);

struct arguments {
    std::uint64_t seeds = 20'000;
    std::uint64_t from = 1;
    std::uint64_t threads = std::max(1U, std::thread::hardware_concurrency());
    std::uint64_t minimum_premises = 0;
    std::uint64_t seed = 0;
    std::uint64_t disturbance = no_disturbance;
    std::uint64_t step = 0;
    bool systematic = false;
    bool trace = false;
};

bool parse(int count, char** texts, arguments& into) {
    for (int index = 1; index < count; ++index) {
        std::string_view const name = texts[index];
        if (name == "--trace") {
            into.trace = true;
            continue;
        }
        if (name == "--systematic") {
            into.systematic = true;
            continue;
        }
        auto* const value = name == "--seeds"              ? &into.seeds
                            : name == "--from"             ? &into.from
                            : name == "--threads"          ? &into.threads
                            : name == "--minimum-premises" ? &into.minimum_premises
                            : name == "--seed"             ? &into.seed
                            : name == "--disturbance"      ? &into.disturbance
                            : name == "--step"             ? &into.step
                                                           : nullptr;
        if (value == nullptr || ++index == count) return false;
        auto const* const end = texts[index] + std::strlen(texts[index]);
        if (std::from_chars(texts[index], end, *value).ptr != end) return false;
    }
    if (into.disturbance != no_disturbance && into.disturbance >= disturbance_count) return false;
    return true;
}

int replay(arguments const& asked) {
    auto const result = play(asked.seed, asked.trace ? &std::cout : nullptr);
    std::cout << "seed " << asked.seed << ": " << (result.breach.empty() ? "all laws hold" : result.breach)
              << '\n';
    return result.breach.empty() ? 0 : 1;
}

int disturb_once(arguments const& asked) {
    auto const result = play_fixed(asked.disturbance, asked.step, asked.trace ? &std::cout : nullptr);
    std::cout << (result.breach.empty() ? "all laws hold" : result.breach) << '\n';
    return result.breach.empty() ? 0 : 1;
}

struct first_breach {
    std::uint64_t number;
    std::string what;
};

/// Plays everything in [first, end) by calling `play(number)`, from several threads, which gives what was
/// broken. Stops after a breach, and tells of the first: the same each time, since those before it go on.
template <class Play>
std::optional<first_breach> play_all(std::uint64_t first, std::uint64_t end, std::uint64_t threads,
                                     Play play) {
    std::atomic<std::uint64_t> next = first;
    std::mutex mutex;
    std::optional<first_breach> broken;
    auto const work = [&] {
        for (auto number = next++; number < end; number = next++) {
            auto breach = play(number);
            if (breach.empty()) continue;
            std::lock_guard const lock(mutex);
            if (!broken || number < broken->number) broken = {number, std::move(breach)};
            next = end;
        }
    };
    std::vector<std::thread> others;
    for (std::uint64_t index = 1; index < threads; ++index) others.emplace_back(work);
    work();
    for (auto& thread : others) thread.join();
    return broken;
}

int disturb_everywhere(arguments const& asked) {
    auto const undisturbed = play_fixed(0, ~std::uint64_t(0));
    if (!undisturbed.breach.empty()) {
        std::cout << "BROKEN without a disturbance: " << undisturbed.breach << '\n';
        return 1;
    }
    std::uint64_t const steps = undisturbed.tried.steps;
    auto const broken =
        play_all(0, disturbance_count * (steps + 1), asked.threads, [steps](std::uint64_t number) {
            return play_fixed(number / (steps + 1), number % (steps + 1)).breach;
        });
    if (broken) {
        auto const what = broken->number / (steps + 1);
        std::cout << "BROKEN by: " << disturbance_name(what) << ": " << broken->what
                  << "\nreplay: --disturbance " << what << " --step " << broken->number % (steps + 1)
                  << " --trace\n";
        return 1;
    }
    std::cout << "a fixed session of " << steps << " steps, disturbed in " << disturbance_count
              << " ways before each of them, " << disturbance_count * (steps + 1)
              << " sessions: all laws hold\n";
    return 0;
}

/// What all schedules together have tried, and what each had of it.
struct summary {
    coverage all = {};
    std::vector<std::uint32_t> sessions = {};
    std::vector<std::uint32_t> faults = {};
    std::vector<std::uint32_t> actions = {};

    void add(coverage const& one) {
        all.add(one);
        sessions.push_back(static_cast<std::uint32_t>(one.sessions));
        faults.push_back(static_cast<std::uint32_t>(one.faults));
        actions.push_back(static_cast<std::uint32_t>(one.actions));
    }
};

std::uint32_t median(std::vector<std::uint32_t> values) {
    if (values.empty()) return 0;
    auto const middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

void report(char const* name, measured const& worst) {
    auto const seconds = [](heartbeat::duration time) { return std::chrono::duration<double>(time).count(); };
    std::printf("worst %s %.3f s of at most %.3f s, %.1f %%\n", name, seconds(worst.took),
                seconds(worst.bound), 100 * worst.part());
}

void report(summary const& tried, double seconds) {
    auto const& all = tried.all;
    std::printf("schedules %llu, steps %llu, sessions %llu, actions %llu, faults %llu, %.1f s\n",
                static_cast<unsigned long long>(all.schedules), static_cast<unsigned long long>(all.steps),
                static_cast<unsigned long long>(all.sessions), static_cast<unsigned long long>(all.actions),
                static_cast<unsigned long long>(all.faults), seconds);
    std::printf("median schedule: %u sessions, %u faults, %u actions\n", median(tried.sessions),
                median(tried.faults), median(tried.actions));
    report("detection", all.worst_detection);
    report("recovery", all.worst_recovery);
    std::printf("premises:");
    for (std::size_t law = 0; law < law_count; ++law)
        std::printf(" law %zu %llu%s", law + 1, static_cast<unsigned long long>(all.premises[law]),
                    law + 1 < law_count ? "," : "\n");
    std::printf("never hit:");
    for (std::size_t state = 0; state < state_count; ++state)
        for (std::size_t what = 0; what < stimulus_count; ++what)
            if (all.pairs[state][what] == 0)
                std::printf(" [%s while %s]", stimulus_names[what].data(),
                            to_string(static_cast<heartbeat::state>(state)));
    std::printf("\n");
}

// What the median schedule has at least, where premises are counted.
constexpr std::uint32_t least_sessions = 2;
constexpr std::uint32_t least_faults = 3;
constexpr std::uint32_t least_actions = 20;

int explore(arguments const& asked) {
    auto const began = std::chrono::steady_clock::now();
    std::mutex mutex;
    summary tried;
    auto const broken =
        play_all(asked.from, asked.from + asked.seeds, asked.threads, [&mutex, &tried](std::uint64_t seed) {
            auto const result = play(seed);
            std::lock_guard const lock(mutex);
            tried.add(result.tried);
            return result.breach;
        });
    auto const took = std::chrono::steady_clock::now() - began;
    report(tried, std::chrono::duration<double>(took).count());
    if (broken) {
        auto const seed = static_cast<unsigned long long>(broken->number);
        std::printf("BROKEN by seed %llu: %s\nreplay: --seed %llu --trace\n", seed, broken->what.c_str(),
                    seed);
        return 1;
    }
    for (std::size_t law = 0; law < law_count; ++law) {
        if (tried.all.premises[law] >= asked.minimum_premises) continue;
        std::printf("law %zu had too little to judge\n", law + 1);
        return 1;
    }
    bool const eventful = median(tried.sessions) >= least_sessions && median(tried.faults) >= least_faults &&
                          median(tried.actions) >= least_actions;
    if (asked.minimum_premises != 0 && !eventful) {
        std::printf("too little happens in the median schedule\n");
        return 1;
    }
    return 0;
}

}  // namespace

int main(int count, char** texts) {
    arguments asked;
    if (count == 2 && std::string_view(texts[1]) == "--help") {
        std::fputs(usage, stdout);
        return 0;
    }
    if (!parse(count, texts, asked)) {
        std::fputs(usage, stderr);
        return 2;
    }
    if (asked.systematic) return disturb_everywhere(asked);
    if (asked.disturbance != no_disturbance) return disturb_once(asked);
    return asked.seed != 0 ? replay(asked) : explore(asked);
}
