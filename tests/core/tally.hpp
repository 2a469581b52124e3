// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/heartbeat_monitor.hpp>
#include <heartbeat/core/lifecycle.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace exploration {

using heartbeat::detail::heartbeat_monitor;
using heartbeat::detail::lifecycle;

/// A law that does not hold. Thrown; ends the exploration.
struct violation {
    int law;
    char const* what;
};

/// When the laws have something to say: each is counted whenever it arises.
enum class premise : std::size_t {
    dials,
    opens,
    closes,
    waits,
    silence,
    close_from_open,
    graceful,
    drained,
    close_requested,
    cancel_requested,
    ended,
    outcomes,
    unknown_outcomes,
    leaves,
    leaves_after_return,
    overtakes,
    beat_overtakes,
    beat_inside,
    dead,
    dead_despite_input,
    dead_unsent,
    late_echo,
    echo,
    rounds,
    suspicions,
    adapted,
    spared,
    spared_by_looking,
    recovered,
    retried,
    given_up,
    refused_for_good,
    refreshed,
    invited,
    prepares,
    renewed_later,
    waited,
    connected_now,
    renewed_at_once,
    backed_off_further,
    kept_away,
    slowed_down,
    turns,
    started_again,
    full,
    bounded,
    number_of
};

struct premise_text {
    int law;
    char const* text;
};

inline constexpr std::array<premise_text, static_cast<std::size_t>(premise::number_of)> premise_texts = {{
    {1, "a dial begins"},
    {3, "a link opens"},
    {3, "a link that was open ends"},
    {3, "a loss or a failed attempt starts a wait"},
    {4, "the socket is asked for something after a deliberate end"},
    {4, "a close comes while the link is open"},
    {4, "a close reaches its Close frame"},
    {4, "a close reaches its Close frame, and messages were queued when it came"},
    {5, "a close is asked for during a run"},
    {5, "a cancel is asked for during a run"},
    {5, "a run ends"},
    {6, "a message has its outcome"},
    {6, "a message was being written when the link broke"},
    {6, "a message begins to leave"},
    {6, "a message begins to leave that was taken out and put back"},
    {6, "what opens a session leaves while others were queued earlier"},
    {7, "a beat is due while messages are queued"},
    {7, "a beat is due between two fragments"},
    {7, "a peer is declared dead"},
    {7, "a peer is declared dead although input arrived in the round"},
    {7, "a peer is declared dead although no beat could be handed over"},
    {7, "a late or unknown answer is read"},
    {7, "an answer in the current round is read"},
    {7, "a round begins"},
    {7, "a peer is suspected"},
    {7, "a round begins whose timeout follows earlier ones"},
    {8, "proof reached the host in time and was read after the deadline"},
    {8, "so, and a last look was taken before"},
    {9, "a link opens again, with the server reachable"},
    {9, "a loss or failed attempt is judged, and there is a retry"},
    {9, "a loss or failed attempt is judged, and the run ends"},
    {9, "the peer's word ends a run"},
    {9, "a retry asks for new credentials"},
    {9, "Retry-After allows a retry where new credentials are in vain"},
    {9, "the application is asked for what an attempt needs"},
    {9, "credentials that could not be made anew are asked for again"},
    {10, "a dial follows a delay"},
    {10, "a dial follows connect_now"},
    {10, "an attempt with new credentials does not wait for the back-off"},
    {10, "a link is lost before it was stable, or an attempt fails again"},
    {10, "the server's wish makes a delay longer"},
    {10, "the verdict makes a nominal delay longer"},
    {10, "a dial has to wait for its turn"},
    {10, "the back-off starts again after a stable link"},
    {11, "a message is refused because the outbox is full"},
    {11, "a message is accepted"},
}};

inline constexpr std::array<char const*, 8> phase_names = {"stopped",  "queued",  "connecting", "open",
                                                           "draining", "closing", "waiting",    "collecting"};
inline constexpr std::array<char const*, 12> event_names = {
    "start",       "turn",  "connected", "ended_retry", "ended_stop",    "wait_elapsed",
    "connect_now", "close", "cancel",    "drained",     "close_expired", "collected"};

/// The phases of a heartbeat as an observer sees them.
enum class heart_phase : std::size_t { stopped, resting, asking, suspecting, doubting };
/// What can happen to a heartbeat.
enum class heart_event : std::size_t {
    start,
    stop,
    negotiate,
    negotiate_off,
    resume_early,
    resume_due,
    sent,
    answered,
    answered_late,
    prove,
    input
};
inline constexpr std::array<char const*, 5> heart_phase_names = {"stopped", "resting", "asking", "suspecting",
                                                                 "doubting"};
inline constexpr std::array<char const*, 11> heart_event_names = {
    "start", "stop",     "negotiate",     "negotiate_off", "resume_early", "resume_due",
    "sent",  "answered", "answered_late", "prove",         "input"};

template <std::size_t Rows, std::size_t Columns>
using pairs = std::array<std::array<std::uint64_t, Columns>, Rows>;

/// What the exploration has seen, added up.
struct tally {
    std::uint64_t schedules = 0;
    std::uint64_t steps = 0;
    /// How many schedules had this many steps.
    std::array<std::uint64_t, 256> lengths{};
    std::array<std::uint64_t, static_cast<std::size_t>(premise::number_of)> premises{};
    pairs<8, 12> run_pairs{};
    pairs<5, 11> heart_pairs{};
    /// Drawn delays by where they lie in [nominal / 2, nominal].
    std::array<std::uint64_t, 8> jitter{};
    /// Delays that the server made longer, by where they lie in what is drawn above its wish.
    std::array<std::uint64_t, 8> spread{};
    /// The worst time from proof to verdict, relative to its bound, without and with input in the round.
    double worst_detection = 0;
    double worst_detection_with_input = 0;
    /// The same where L is taken for the longest single time that the strand did not run.
    double worst_with_longest_stall = 0;
    std::uint64_t over_longest_stall = 0;
    /// Verdicts against a peer whose proof lay in the host in time, behind input that slots were slow to
    /// handle.
    std::uint64_t unread_behind_slow_slots = 0;
    std::uint64_t stale_completions = 0;
    double worst_recovery = 0;

    void count(premise what) noexcept { ++premises[static_cast<std::size_t>(what)]; }
    void count(lifecycle::phase at, lifecycle::event what) noexcept {
        ++run_pairs[static_cast<std::size_t>(at)][static_cast<std::size_t>(what)];
    }
    void count(heart_phase at, heart_event what) noexcept {
        ++heart_pairs[static_cast<std::size_t>(at)][static_cast<std::size_t>(what)];
    }

    void add(tally const& other) noexcept {
        schedules += other.schedules;
        steps += other.steps;
        over_longest_stall += other.over_longest_stall;
        unread_behind_slow_slots += other.unread_behind_slow_slots;
        stale_completions += other.stale_completions;
        add(lengths, other.lengths);
        add(premises, other.premises);
        add(jitter, other.jitter);
        add(spread, other.spread);
        for (std::size_t row = 0; row < run_pairs.size(); ++row) add(run_pairs[row], other.run_pairs[row]);
        for (std::size_t row = 0; row < heart_pairs.size(); ++row)
            add(heart_pairs[row], other.heart_pairs[row]);
        worst_detection = std::max(worst_detection, other.worst_detection);
        worst_detection_with_input = std::max(worst_detection_with_input, other.worst_detection_with_input);
        worst_with_longest_stall = std::max(worst_with_longest_stall, other.worst_with_longest_stall);
        worst_recovery = std::max(worst_recovery, other.worst_recovery);
    }

private:
    template <std::size_t Size>
    static void add(std::array<std::uint64_t, Size>& to,
                    std::array<std::uint64_t, Size> const& from) noexcept {
        for (std::size_t index = 0; index < Size; ++index) to[index] += from[index];
    }
};

}  // namespace exploration
