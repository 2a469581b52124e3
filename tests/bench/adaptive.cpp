// SPDX-License-Identifier: BSL-1.0
//
// How often a living peer is declared dead with an adaptive timeout, on the decisions alone: see README.md.

#include <heartbeat/core/heartbeat_monitor.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>

namespace {

using heartbeat::duration;
using heartbeat::time_point;
using heartbeat::detail::heartbeat_monitor;
using namespace std::chrono_literals;

/// The way to the peer and back. What TCP loses it sends again after its least timeout, each time twice as
/// long, or earlier when a second segment, here the probe, arrives out of order.
struct path {
    char const* name;
    duration round_trip;
    /// The mean of what each round trip takes longer, exponentially distributed.
    duration jitter;
    /// How many of 1000 segments get lost, in each direction.
    double lost;
};

class link {
public:
    link(path const& way, std::uint64_t seed) : way_(way), random_(seed) {}

    /// How long the answer to a beat takes that was sent now.
    duration answer() {
        duration takes = way_.round_trip;
        if (way_.jitter > 0s) {
            std::exponential_distribution<double> longer(1.0 /
                                                         std::chrono::duration<double>(way_.jitter).count());
            takes += std::chrono::duration_cast<duration>(std::chrono::duration<double>(longer(random_)));
        }
        std::bernoulli_distribution lost(way_.lost / 1000);
        for (int direction = 0; direction < 2; ++direction)
            for (duration again = std::max<duration>(200ms, way_.round_trip + 200ms); lost(random_);
                 again *= 2)
                takes += again;
        return takes;
    }

private:
    path way_;
    std::mt19937_64 random_;
};

struct result {
    std::uint64_t rounds = 0;
    std::uint64_t false_alarms = 0;
};

/// Rounds with a peer that always answers. A link that was declared dead is followed by a new one.
result play(path const& way, heartbeat::heartbeat_options const& options, std::uint64_t rounds) {
    link answers(way, 1);
    result seen;
    while (seen.rounds < rounds) {
        heartbeat_monitor monitor(options);
        auto now = time_point{} + 1h;
        monitor.start(now);
        for (bool alive = true; alive && seen.rounds < rounds;) {
            ++seen.rounds;
            now = monitor.due();
            static_cast<void>(monitor.resume(now));
            monitor.sent(2 * seen.rounds, now);
            auto first = now + answers.answer();
            auto id = 2 * seen.rounds;
            for (;;) {
                auto const due = monitor.due();
                if (first < due) {
                    now = first;
                    static_cast<void>(monitor.answered(id, now));
                    break;
                }
                now = due;
                auto const what = monitor.resume(now);
                if (what == heartbeat_monitor::action::suspect) {
                    // TCP delivers in order: the probe's answer comes after the first one, which a probe that
                    // arrives makes TCP send again at once.
                    monitor.sent(2 * seen.rounds + 1, now);
                    first = std::min(first, std::max(now, now + answers.answer() + way.round_trip));
                }
                if (what == heartbeat_monitor::action::declare_dead) {
                    ++seen.false_alarms;
                    alive = false;
                    break;
                }
            }
        }
    }
    return seen;
}

}  // namespace

int main() {
    constexpr path paths[] = {
        {"loopback, 0.1 ms", 100us, 20us, 0},
        {"local network, 1 ms, jitter 0.5 ms", 1ms, 500us, 0.01},
        {"city, 20 ms, jitter 2 ms, 0.1 % lost", 20ms, 2ms, 1},
        {"continent, 100 ms, jitter 10 ms, 0.1 % lost", 100ms, 10ms, 1},
        {"continent, 100 ms, jitter 10 ms, 1 % lost", 100ms, 10ms, 10},
        {"mobile, 80 ms, jitter 40 ms, 1 % lost", 80ms, 40ms, 10},
        {"mobile, 80 ms, jitter 100 ms, 5 % lost", 80ms, 100ms, 50},
    };
    struct setting {
        bool adaptive;
        duration least;
    };
    constexpr setting settings[] = {{true, 50ms}, {true, 250ms}, {true, 1s}, {true, 2s}, {false, 1s}};
    constexpr std::uint64_t rounds = 2'000'000;
    std::printf("| link | 50 ms | 250 ms | 1 s | 2 s | not adaptive |\n|---|---|---|---|---|---|\n");
    for (auto const& way : paths) {
        std::printf("| %s |", way.name);
        for (auto const& each : settings) {
            auto const seen = play(
                way, {.interval = 1s, .timeout = 5s, .adaptive = each.adaptive, .least_timeout = each.least},
                rounds);
            if (seen.false_alarms == 0)
                std::printf(" none in %.0f million |", static_cast<double>(rounds) / 1e6);
            else
                std::printf(" 1 in %.0f |",
                            static_cast<double>(rounds) / static_cast<double>(seen.false_alarms));
        }
        std::printf("\n");
    }
}
