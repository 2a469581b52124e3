// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "random_source.hpp"

#include <heartbeat/options.hpp>

#include <cstddef>
#include <cstdint>

namespace exploration {

using heartbeat::errc;
using namespace std::chrono_literals;

/// What a schedule is made of, drawn from its seed: the options of the socket and the manners of its world.
struct scenario {
    scenario(scenario const&) = delete;
    scenario& operator=(scenario const&) = delete;

    explicit scenario(random_source& random) {
        // On a grid, many things happen at the same moment.
        grid = random.chance(50);
        draw_options(random);
        draw_application(random);
        draw_world(random);
    }

    /// A time of so many milliseconds, whole ones on a grid.
    duration time(random_source& random, int least, int most) const {
        if (grid) return random.between(least, most) * 1ms;
        return random.between(least * duration{1ms}, most * duration{1ms});
    }

    heartbeat::verdict judged(heartbeat::reason const& why, heartbeat::verdict const& standard) const {
        using heartbeat::verdict;
        if ((refused_causes >> static_cast<unsigned>(why.cause) & 1) != 0) return {.what = verdict::stop};
        if ((renewed_causes >> static_cast<unsigned>(why.cause) & 1) != 0)
            return {.what = verdict::refresh, .least = users_delay};
        return always_retry ? verdict{.what = verdict::retry, .least = users_delay, .nominal = users_nominal}
                            : standard;
    }

    bool grid = false;

    heartbeat::heartbeat_options heartbeat = {};
    heartbeat::reconnect_options reconnect = {};
    heartbeat::deadline_options deadlines = {};
    std::size_t outbox_messages = 0;
    std::size_t outbox_bytes = 0;
    std::size_t fragment_bytes = 0;
    /// The user's verdict, if there is one: `stop` where bit n of `refused_causes` is set for cause n, or
    /// else `refresh` by the other; or else that of the library, or retry after these times.
    bool has_judge = false;
    bool always_retry = false;
    std::uint64_t refused_causes = 0;
    std::uint64_t renewed_causes = 0;
    duration users_delay = {};
    duration users_nominal = {};
    bool can_refresh = false;
    /// The time from one dial to the next, of all sockets that share a budget; 0: none do.
    duration budget_spacing = {};
    unsigned budget_burst = 0;
    int budget_others = 0;

    /// How many tasks are handled before the application ends the run for good.
    int steps = 0;
    /// The longest pause between two acts of the application, in milliseconds.
    int pause = 0;
    /// In percent: how often a task is handled late, a slot is slow, a message fills the mailbox, a slot of
    /// `opened` sends.
    int stalls = 0;
    int slow_slots = 0;
    int full_mailbox = 0;
    int logins = 0;
    int longest_stall = 0;
    int weight_send = 0;
    int weight_end = 0;
    int weight_wake = 0;

    /// From here on every dial succeeds, within `dial_time`; never if there is no such promise.
    time_point reachable_from = {};
    bool reachable = false;
    duration dial_time = {};
    int dials_fail = 0;
    int dials_hang = 0;
    int answers_lost = 0;
    int slow_answers = 0;
    int old_answers = 0;
    int noise = 0;
    int messages = 0;
    bool bursts = false;
    int writes_stall = 0;
    int writes_fail = 0;
    int resets = 0;
    int negotiates = 0;
    int peer_beats = 0;
    int closes_unanswered = 0;
    bool silent_protocol = false;
    bool beats_are_messages = false;
    int reads_many = 0;

private:
    void draw_options(random_source& random) {
        heartbeat.interval = time(random, 1, 12);
        heartbeat.timeout = time(random, 1, 8);
        if (random.chance(4)) heartbeat.timeout = duration{random.between(1, 3)};
        if (random.chance(6)) {
            heartbeat.interval = {};
            if (random.chance(30)) heartbeat.timeout = {};
        }
        if (random.chance(15)) heartbeat.proof = heartbeat::liveness::any_input;
        heartbeat.adaptive = random.chance(35);
        heartbeat.least_timeout = random.chance(30) ? duration{1} : time(random, 1, 5);

        constexpr double growths[] = {1.0, 1.5, 2.0, 2.0, 3.0, 1000.0};
        reconnect.delay = time(random, 1, 6);
        if (random.chance(4)) reconnect.delay = duration{random.between(1, 3)};
        reconnect.growth = growths[random.below(6)];
        reconnect.max_delay = time(random, 1, 40);
        reconnect.jitter = random.chance(75);
        reconnect.stable_after = random.chance(20) ? duration{} : time(random, 1, 15);
        reconnect.enabled = !random.chance(3);
        if (random.chance(15)) reconnect.max_attempts = static_cast<unsigned>(random.between(1, 5));
        if (random.chance(15)) reconnect.max_elapsed = time(random, 1, 40);
        has_judge = random.chance(25);
        always_retry = random.chance(60);
        if (random.chance(40)) refused_causes = random() & random();
        if (random.chance(40)) renewed_causes = random();
        if (random.chance(50)) users_delay = time(random, 0, 12);
        if (random.chance(30)) users_nominal = time(random, 1, 60);
        if (has_judge)
            reconnect.judge = [this](heartbeat::reason const& why, heartbeat::verdict const& standard) {
                return judged(why, standard);
            };
        can_refresh = random.chance(50);
        if (random.chance(25)) {
            budget_spacing = random.between(1, 12) * 1ms;
            budget_burst = static_cast<unsigned>(random.between(1, 3));
            budget_others = random.between(0, 60);
        }

        deadlines.prepare = time(random, 1, 8);
        deadlines.resolve = time(random, 1, 8);
        deadlines.connect = time(random, 1, 8);
        deadlines.upgrade = time(random, 1, 8);
        deadlines.attempt = time(random, 1, 15);
        deadlines.close = time(random, 1, 8);
        outbox_messages = static_cast<std::size_t>(random.between(1, 9));
        outbox_bytes = static_cast<std::size_t>(random.between(1, 60));
        fragment_bytes = static_cast<std::size_t>(random.between(3, 15));
    }

    void draw_application(random_source& random) {
        steps = random.between(24, 90);
        pause = random.between(1, 12);
        stalls = random.chance(60) ? 0 : random.between(1, 30);
        slow_slots = random.chance(75) ? 0 : random.between(1, 60);
        longest_stall = random.between(1, 30);
        full_mailbox = random.chance(85) ? 0 : random.between(5, 50);
        logins = random.between(0, 60);
        weight_send = random.between(5, 70);
        weight_end = random.between(0, 6);
        weight_wake = random.between(0, 20);
    }

    void draw_world(random_source& random) {
        auto const often = [&random](int share, int most) {
            return random.chance(share) ? random.between(1, most) : 0;
        };
        auto const shortest = std::min({deadlines.prepare, deadlines.resolve, deadlines.connect,
                                        deadlines.upgrade, deadlines.attempt / 4 - duration{1}});
        dial_time = random.between(duration{}, std::max(shortest, duration{}) * 2);
        reachable = random.chance(50);
        reachable_from = time_point{} + time(random, 0, 60);
        dials_fail = often(60, 80);
        dials_hang = often(30, 40);
        answers_lost = often(50, 40);
        slow_answers = often(40, 40);
        old_answers = often(40, 50);
        noise = often(40, 60);
        messages = random.between(0, 100);
        bursts = random.chance(50);
        writes_stall = often(35, 25);
        writes_fail = often(20, 10);
        resets = often(40, 50);
        negotiates = often(15, 60);
        peer_beats = often(20, 80);
        closes_unanswered = often(50, 60);
        silent_protocol = random.chance(4);
        beats_are_messages = random.chance(50);
        reads_many = often(50, 100);
    }
};

}  // namespace exploration
