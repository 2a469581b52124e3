// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "verdict.hpp"

#include <heartbeat/state.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// What happens to a socket from outside: what the application does, and what the world does.
enum class stimulus {
    start,
    send,
    send_large,
    send_binary,
    async_send,
    cancel_send,
    async_receive,
    cancel_receive,
    async_next,
    async_wait,
    connect_now,
    close,
    async_close,
    cancel,
    destroy,
    throwing_slot,
    slow_slot,
    cut,
    restore,
    reset,
    half_close,
    server_forgets,
    server_restarts,
    server_refuses,
    server_listens,
    server_freezes,
    server_resumes,
    server_drops,
    server_closes,
    server_swallows,
    server_answers_wrong,
    server_delays,
    server_talks,
    lookups_fail,
    lookups_hang,
    lookups_succeed,
    weather,
    upgrades_refused,
    upgrades_redirected,
    upgrades_accepted,
    prepare_fails,
    prepare_hangs,
    prepare_works,
    others_dial,
};

inline constexpr std::array<std::string_view, 44> stimulus_names = {
    "start",
    "send",
    "send large",
    "send binary",
    "async_send",
    "cancel a send",
    "async_receive",
    "cancel a receive",
    "async_next",
    "async_wait",
    "connect_now",
    "close",
    "async_close",
    "cancel",
    "destroy",
    "a slot throws",
    "a slot is slow",
    "cut",
    "restore",
    "reset",
    "half-close",
    "server forgets",
    "server restarts",
    "server refuses",
    "server listens",
    "server freezes",
    "server resumes",
    "server drops",
    "server closes",
    "server swallows",
    "server answers wrong",
    "server delays",
    "server talks",
    "lookups fail",
    "lookups hang",
    "lookups succeed",
    "weather",
    "upgrades are refused",
    "upgrades are redirected",
    "upgrades are accepted",
    "prepare fails",
    "prepare hangs",
    "prepare works",
    "others dial",
};

inline constexpr std::size_t stimulus_count = stimulus_names.size();
inline constexpr std::size_t state_count = 5;

constexpr bool is_fault(stimulus what) noexcept { return what >= stimulus::cut; }

/// What a schedule, or many of them, have tried.
struct coverage {
    std::uint64_t schedules = 0;
    std::uint64_t steps = 0;
    std::uint64_t sessions = 0;
    std::uint64_t actions = 0;
    std::uint64_t faults = 0;
    std::array<std::uint64_t, law_count> premises = {};
    /// By state and stimulus.
    std::array<std::array<std::uint64_t, stimulus_count>, state_count> pairs = {};
    /// The detection and the recovery that came closest to their bounds, as the network saw them.
    measured worst_detection = {};
    measured worst_recovery = {};

    void count(heartbeat::state in, stimulus what) noexcept {
        ++pairs[static_cast<std::size_t>(in)][static_cast<std::size_t>(what)];
        ++(is_fault(what) ? faults : actions);
    }

    void add(coverage const& other) noexcept {
        schedules += other.schedules;
        steps += other.steps;
        sessions += other.sessions;
        actions += other.actions;
        faults += other.faults;
        for (std::size_t law = 0; law < law_count; ++law) premises[law] += other.premises[law];
        for (std::size_t state = 0; state < state_count; ++state)
            for (std::size_t what = 0; what < stimulus_count; ++what)
                pairs[state][what] += other.pairs[state][what];
        worst_detection.keep_worse(other.worst_detection);
        worst_recovery.keep_worse(other.worst_recovery);
    }
};
