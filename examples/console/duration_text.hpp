// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

inline constexpr char const* expected_duration = "a number with its unit, like 500ms, 4s or 2m, or 0";

/// Reads a duration like `500ms`; nothing for what is none, or longer than a year.
inline std::optional<heartbeat::duration> parse_duration(std::string_view text) {
    std::int64_t count = 0;
    auto const end = text.data() + text.size();
    auto const [rest, failure] = std::from_chars(text.data(), end, count);
    if (failure != std::errc{} || count < 0) return std::nullopt;
    std::string_view const unit(rest, static_cast<std::size_t>(end - rest));
    if (unit.empty() && count == 0) return heartbeat::duration{};

    using namespace std::chrono;
    auto const in = [count](auto one) -> std::optional<heartbeat::duration> {
        if (count > hours(24 * 366) / one) return std::nullopt;
        return count * one;
    };
    if (unit == "ms") return in(milliseconds(1));
    if (unit == "s") return in(seconds(1));
    if (unit == "m") return in(minutes(1));
    return std::nullopt;
}

inline double in_seconds(heartbeat::duration value) { return std::chrono::duration<double>(value).count(); }

/// For people: `2.250 s`, and in milliseconds what is under a second.
inline std::string duration_text(heartbeat::duration value) {
    auto const seconds = in_seconds(value);
    char text[32];
    if (seconds < 1)
        std::snprintf(text, sizeof text, "%.3g ms", seconds * 1000);
    else
        std::snprintf(text, sizeof text, "%.3f s", seconds);
    return text;
}
