// SPDX-License-Identifier: BSL-1.0
//
// Many sockets on real connections and the real clock, under faults without end: does memory stay flat, and
// do the laws hold that can be seen from outside?
#include "flatness.hpp"
#include "world.hpp"

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::chrono_literals;
using stress::growth;
using stress::holdings;

constexpr char const* usage =
    "Usage: soak [--seconds N] [--sockets N] [--servers N] [--threads N] [--seed N] [--samples]\n"
    "\n"
    "Keeps N (200) sockets at N (8) servers, on N (2) threads, under faults for N (60) seconds, and looks "
    "whether\n"
    "memory stays flat, everything is given back at the end, and the laws hold. Exit status 1 if not.\n"
    "--samples prints what was held at the end of each second.\n";

struct arguments {
    std::uint64_t seconds = 60;
    std::uint64_t sockets = 200;
    std::uint64_t servers = 8;
    std::uint64_t threads = 2;
    std::uint64_t seed = 1;
    bool samples = false;
};

bool parse(int count, char** texts, arguments& into) {
    for (int index = 1; index < count; ++index) {
        std::string_view const name = texts[index];
        if (name == "--samples") {
            into.samples = true;
            continue;
        }
        auto* const value = name == "--seconds"   ? &into.seconds
                            : name == "--sockets" ? &into.sockets
                            : name == "--servers" ? &into.servers
                            : name == "--threads" ? &into.threads
                            : name == "--seed"    ? &into.seed
                                                  : nullptr;
        if (value == nullptr || ++index == count) return false;
        auto const* const end = texts[index] + std::strlen(texts[index]);
        if (std::from_chars(texts[index], end, *value).ptr != end) return false;
    }
    return into.sockets > 0 && into.sockets <= 200 && into.servers > 0 && into.threads > 0;
}

unsigned long long number(std::uint64_t value) { return value; }
unsigned long long kibibytes(std::size_t bytes) { return bytes / 1024; }
double milliseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

// How much the median may grow from the second quarter to the last; README.md says why so much.
constexpr double live_share = 0.01;
constexpr double resident_share = 0.10;
constexpr std::size_t least_samples = 16;

int broken(std::string const& what) {
    std::printf("BROKEN: %s\n", what.c_str());
    return 1;
}

/// A short world that ends in the middle of everything.
void cut_short(arguments const& asked) {
    stress::world brief(std::min<std::uint64_t>(asked.sockets, 40), asked.servers, asked.threads,
                        static_cast<std::uint32_t>(asked.seed + 1));
    brief.disturb(1s);
}

struct findings {
    std::vector<holdings> samples;
    std::uint64_t faults = 0;
    double seconds = 0;
};

/// Disturbs, calms and looks, about once a second.
findings observe(stress::world& soaking, arguments const& asked) {
    findings found;
    auto const began = std::chrono::steady_clock::now();
    auto const length = std::chrono::seconds(asked.seconds);
    for (auto second = 1s; std::chrono::steady_clock::now() - began < length; ++second) {
        auto const left = began + second - std::chrono::steady_clock::now();
        found.faults +=
            soaking.disturb(std::max(500ms, std::chrono::duration_cast<std::chrono::milliseconds>(left)));
        if (!soaking.calm()) break;
        auto const now = stress::look();
        found.samples.push_back(now);
        if (asked.samples)
            std::printf("%3zu: %llu KiB live, %llu KiB resident, %zu descriptors\n", found.samples.size(),
                        kibibytes(now.live), kibibytes(now.resident), now.descriptors);
        soaking.go_on();
    }
    if (soaking.counts().breach().empty()) soaking.finish();
    found.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    return found;
}

void report(stress::tally const& counts, findings const& found, arguments const& asked) {
    growth const live(found.samples, &holdings::live);
    growth const resident(found.samples, &holdings::resident);
    std::printf(
        "soak: %llu sockets, %.0f s, %llu sessions, %llu faults, %llu sends, memory %llu -> %llu KiB live, "
        "%llu -> %llu KiB resident\n",
        number(asked.sockets), found.seconds, number(counts.sessions.get()), number(found.faults),
        number(counts.accepted.get()), kibibytes(live.earlier()), kibibytes(live.later()),
        kibibytes(resident.earlier()), kibibytes(resident.later()));
    std::printf(
        "  sends: %llu written, %llu dropped, %llu unknown, %llu with nobody left to tell; %llu refused\n",
        number(counts.written.get()), number(counts.dropped.get()), number(counts.unknown.get()),
        number(counts.untold.get()), number(counts.refused.get()));
    std::printf(
        "  %llu sockets made, %llu attempts failed, %llu messages received, %llu operations completed\n",
        number(counts.sockets.get()), number(counts.attempts_failed.get()), number(counts.received.get()),
        number(counts.completed.get()));
    std::printf("  %llu closes, the longest %.1f ms; a timer was late by %.1f ms at most\n",
                number(counts.closes.get()), milliseconds(counts.longest_close.get()),
                milliseconds(counts.worst_lateness.get()));
}

/// The law that was broken, if one was.
std::string judge(stress::tally const& counts, findings const& found, arguments const& asked) {
    if (auto breach = counts.breach(); !breach.empty()) return breach;
    auto const told =
        counts.written.get() + counts.dropped.get() + counts.unknown.get() + counts.untold.get();
    if (told != counts.accepted.get())
        return "law 6: " + std::to_string(counts.accepted.get()) + " sends have " + std::to_string(told) +
               " outcomes";
    if (counts.escaped.get() > counts.sockets.get() - asked.sockets)
        return "more exceptions of slots left through the loop than sockets were destroyed under them";
    // A close takes some five turns of a strand or a timer, one after the other; each may be as late as the
    // control timer was at worst.
    constexpr std::uint64_t turns = 8;
    auto const late =
        turns * (std::chrono::nanoseconds(counts.worst_lateness.get()) + stress::control_period);
    if (std::chrono::nanoseconds(counts.longest_close.get()) > stress::close_deadline + late)
        return "law 5: a close took longer than its deadline and the lateness of timers";
    if (!allocations::are_counted()) return {};
    if (found.samples.size() < least_samples) {
        std::printf("  too few samples to tell whether memory grows\n");
        return {};
    }
    if (growth(found.samples, &holdings::live).exceeds(live_share)) return "law 11: what is allocated grows";
    if (growth(found.samples, &holdings::resident).exceeds(resident_share))
        return "law 11: resident memory grows";
    return {};
}

std::string soak(arguments const& asked) {
    stress::world soaking(asked.sockets, asked.servers, asked.threads,
                          static_cast<std::uint32_t>(asked.seed));
    auto const found = observe(soaking, asked);
    report(soaking.counts(), found, asked);
    return judge(soaking.counts(), found, asked);
}

/// What was not given back, if anything.
std::string missing(holdings const& before, holdings const& after) {
    auto const difference = [](std::size_t one, std::size_t other, char const* what) {
        return std::to_string(one) + ' ' + what + " before, " + std::to_string(other) +
               " after all was destroyed";
    };
    if (after.descriptors != before.descriptors)
        return difference(before.descriptors, after.descriptors, "descriptors");
    if (after.live != before.live) return difference(before.live, after.live, "bytes");
    return {};
}

}  // namespace

int main(int count, char** texts) {
    arguments asked;
    if (!parse(count, texts, asked)) {
        std::fputs(usage, stderr);
        return 2;
    }
    std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
    allocations::scope const counted(true);
    // Before, for what is made once and kept; afterwards, since this way to end has to give back all, too.
    cut_short(asked);
    auto const before = stress::look();
    if (auto const breach = soak(asked); !breach.empty()) return broken(breach);
    if (auto const left = missing(before, stress::look()); !left.empty()) return broken(left);
    cut_short(asked);
    if (auto const left = missing(before, stress::look()); !left.empty()) return broken("cut short: " + left);
    return 0;
}
