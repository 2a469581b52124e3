// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "tally.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <iostream>

namespace exploration {

// Which pairs the operations can bring about: '1' for yes, in the order of the names in tally.hpp. The others
// are hit by the exhaustive part alone.
//
// start: `connection::start` refuses a second run itself. turn, connected, drained, close_expired: reported
// only while the lifecycle waits for them; `cut` ends the link before anything else. ended_retry: once an end
// was asked for, an end is always ended_stop; it comes in `collecting` as what `cut` brings about.
// wait_elapsed: a wait that was cut short is over. close: without a run it completes at once. collected:
// looked for while collecting only.
inline constexpr std::array<char const*, 8> possible_in_a_run = {
    "100000101000",  // stopped
    "010000111000",  // queued
    "001110111000",  // connecting
    "000110111000",  // open
    "000010111110",  // draining
    "000010111010",  // closing
    "000001111000",  // waiting
    "000010111001",  // collecting
};

// start: a heart is started once, or after a pause. resume_due: nothing is due while stopped. resume_early:
// the verdict is due at once while doubting.
inline constexpr std::array<char const*, 5> possible_in_a_heart = {
    "11111011111",  // stopped
    "01111111111",  // resting
    "01111111111",  // asking
    "01111111111",  // suspecting
    "01110111111",  // doubting
};

template <std::size_t Rows, std::size_t Columns>
void show_pairs(char const* what, pairs<Rows, Columns> const& hit,
                std::array<char const*, Rows> const& possible, std::array<char const*, Rows> const& rows,
                std::array<char const*, Columns> const& columns, bool& complete, bool& wrong) {
    int missed = 0;
    std::uint64_t rarest = UINT64_MAX;
    int impossible = 0;
    for (std::size_t row = 0; row < Rows; ++row)
        for (std::size_t column = 0; column < columns.size(); ++column) {
            auto const count = hit[row][column];
            bool const can_be = possible[row][column] == '1';
            impossible += can_be ? 0 : 1;
            if (can_be && count < rarest) rarest = count;
            if (can_be == (count != 0)) continue;
            std::cout << (can_be ? "  never hit: " : "  hit, though impossible: ") << what << ' ' << rows[row]
                      << " x " << columns[column] << '\n';
            if (can_be)
                ++missed;
            else
                wrong = true;
        }
    std::cout << "  pairs of " << what << ": " << missed << " never hit, " << impossible
              << " cannot occur, the rarest arose " << rarest << " times\n";
    if (missed != 0) complete = false;
}

/// Prints how often each of eight parts was drawn, equally often if all is well. False if not.
inline bool show_parts(char const* what, std::array<std::uint64_t, 8> const& parts) {
    std::uint64_t drawn = 0;
    for (auto const count : parts) drawn += count;
    std::cout << "  " << drawn << ' ' << what << ", in permille:";
    bool uniform = true;
    for (auto const count : parts) {
        std::cout << ' ' << (drawn == 0 ? 0 : count * 1000 / drawn);
        uniform = uniform && count * 8 >= drawn / 10 * 9 && count * 8 <= drawn / 10 * 11;
    }
    uniform = uniform || drawn <= 10'000;
    std::cout << (uniform ? "\n" : "\nlaw 10 does not hold: the jitter is not uniform\n");
    return uniform;
}

/// Prints what was seen. False if something in it is wrong.
inline bool show(tally const& seen) {
    std::uint64_t median = 0;
    for (std::uint64_t below = 0; median < seen.lengths.size(); ++median)
        if ((below += seen.lengths[median]) * 2 >= seen.schedules) break;
    std::cout << "schedules " << seen.schedules << ", steps " << seen.steps << ", median steps " << median
              << ", completions of old links " << seen.stale_completions << "\n\nlaw      premise arose\n";
    bool complete = true;
    bool wrong = false;
    for (std::size_t index = 0; index < premise_texts.size(); ++index) {
        std::cout << std::setw(3) << premise_texts[index].law << std::setw(15) << seen.premises[index] << "  "
                  << premise_texts[index].text << '\n';
        if (seen.premises[index] == 0) complete = false;
    }
    std::cout << '\n';
    show_pairs("lifecycle", seen.run_pairs, possible_in_a_run, phase_names, event_names, complete, wrong);
    show_pairs("heartbeat", seen.heart_pairs, possible_in_a_heart, heart_phase_names, heart_event_names,
               complete, wrong);

    wrong =
        !show_parts("delays drawn with jitter, by eighths of [nominal / 2, nominal]", seen.jitter) || wrong;
    wrong =
        !show_parts("delays drawn above the server's wish, by eighths of the spread", seen.spread) || wrong;
    std::cout
        << std::fixed << std::setprecision(6)
        << "  worst detection relative to its bound, L being all of the time that the strand did not run: "
        << seen.worst_detection << ", with input in the round " << seen.worst_detection_with_input
        << "\n  L being the longest single one: " << seen.worst_with_longest_stall << ", above the bound "
        << seen.over_longest_stall << " times"
        << "\n  worst recovery relative to its bound: " << seen.worst_recovery
        << "\n  declared dead with proof in the host, behind input that slots took long to handle: "
        << seen.unread_behind_slow_slots << '\n';
    if (seen.schedules >= 1'000'000 && !complete) {
        std::cout << "Something never arose that can.\n";
        wrong = true;
    }
    return !wrong;
}

}  // namespace exploration
