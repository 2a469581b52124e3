// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "coverage.hpp"

#include <cstdint>
#include <ostream>
#include <string>

/// What a schedule came to.
struct played {
    /// The first law that was broken, and how; empty if all held.
    std::string breach = {};
    coverage tried = {};
};

/// Plays the schedule of a seed: a socket, an echo server and a network, in simulated time, with an
/// application and faults that do what the seed says, and checks the laws after every step. Writes a timeline
/// to `trace` if it is given.
played play(std::uint64_t seed, std::ostream* trace = nullptr);
