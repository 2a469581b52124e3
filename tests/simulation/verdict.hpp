// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

/// The laws that the README promises, by their numbers.
inline constexpr std::size_t law_count = 12;

/// What the checks of a schedule have to say: how often each law had something to judge, and the first
/// breach.
class verdict {
public:
    /// The premise of a law has arisen.
    void arose(std::size_t law) noexcept { ++premises_[law - 1]; }

    /// The law was broken, unless `holds`.
    void require(std::size_t law, bool holds, char const* what) {
        if (holds || breach_) return;
        breach_ = "law " + std::to_string(law) + ": " + what;
    }
    /// Both.
    void judge(std::size_t law, bool holds, char const* what) {
        arose(law);
        require(law, holds, what);
    }

    std::optional<std::string> const& breach() const noexcept { return breach_; }
    std::array<std::uint64_t, law_count> const& premises() const noexcept { return premises_; }

private:
    std::array<std::uint64_t, law_count> premises_ = {};
    std::optional<std::string> breach_;
};

/// How much of the time the strand did not run, since slots were slow.
class lateness {
public:
    void add(heartbeat::duration slow) noexcept { total_ += slow; }
    heartbeat::duration total() const noexcept { return total_; }

private:
    heartbeat::duration total_ = {};
};

/// How long something took, and how long it may take at most.
struct measured {
    heartbeat::duration took = {};
    heartbeat::duration bound = heartbeat::duration(1);

    double part() const noexcept {
        return static_cast<double>(took.count()) / static_cast<double>(bound.count());
    }
    void keep_worse(measured const& other) noexcept {
        if (other.part() > part()) *this = other;
    }
};

/// A point of time, and how late the strand had been until then.
struct moment {
    heartbeat::time_point at = {};
    heartbeat::duration late = {};
};
