// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "player.hpp"

#include <cstdint>
#include <ostream>

/// A fixed session, from the dial over messages and a heartbeat to the close, in which something happens at
/// exactly one step: each kind of disturbance at each step. Bytes arrive one by one, so that an operation of
/// either end is also cut after each byte.
inline constexpr std::uint64_t disturbance_count = 20;

/// Plays the session, with a disturbance before the given step. With a step that it does not reach it is
/// undisturbed.
played play_fixed(std::uint64_t disturbance, std::uint64_t step, std::ostream* trace = nullptr);
/// The name of a disturbance.
char const* disturbance_name(std::uint64_t disturbance);
