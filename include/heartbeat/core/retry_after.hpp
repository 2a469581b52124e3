// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace heartbeat::detail {

/// Takes a text apart from its beginning. What does not fit makes all that follows fail.
class date_reader {
public:
    explicit constexpr date_reader(std::string_view text) noexcept : left_(text) {}

    constexpr bool done() const noexcept { return good_ && left_.empty(); }

    constexpr date_reader& skip(std::string_view expected) noexcept {
        good_ = good_ && left_.starts_with(expected);
        if (good_) left_.remove_prefix(expected.size());
        return *this;
    }

    /// A number of exactly so many digits. With `padded`, the first may be a space.
    constexpr int number(std::size_t digits, bool padded = false) noexcept {
        good_ = good_ && left_.size() >= digits;
        int value = 0;
        for (std::size_t index = 0; good_ && index < digits; ++index) {
            char const c = left_[index];
            bool const is_pad = padded && index == 0 && c == ' ';
            good_ = is_pad || (c >= '0' && c <= '9');
            value = value * 10 + (is_pad ? 0 : c - '0');
        }
        if (good_) left_.remove_prefix(digits);
        return value;
    }

    /// Which of the names comes next.
    template <std::size_t Count>
    constexpr std::size_t one_of(std::array<std::string_view, Count> const& names) noexcept {
        for (std::size_t index = 0; good_ && index < Count; ++index) {
            if (!left_.starts_with(names[index])) continue;
            left_.remove_prefix(names[index].size());
            return index;
        }
        good_ = false;
        return 0;
    }

private:
    std::string_view left_;
    bool good_ = true;
};

/// Whole seconds since 1970-01-01 UTC.
using wall_time = std::chrono::sys_seconds;

/// Reads an HTTP-date (RFC 9110 section 5.6.7) in any of its three forms. Whether the day of the week is that
/// of the date is not looked at.
/// \param now  tells which century a year of two digits belongs to: not more than 50 years from now
constexpr std::optional<wall_time> http_date(std::string_view text, wall_time now) noexcept {
    using namespace std::chrono;
    constexpr std::array<std::string_view, 7> short_days = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    constexpr std::array<std::string_view, 7> long_days = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                           "Friday", "Saturday", "Sunday"};
    constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int of_year = 0, of_day = 0, hour = 0, minute = 0, second = 0;
    std::size_t of_month = 0;
    date_reader read(text);
    auto const time_of_day = [&] {
        hour = read.number(2), read.skip(":");
        minute = read.number(2), read.skip(":");
        second = read.number(2);
    };
    auto const comma = text.find(',');
    if (comma == 3) {  // Sun, 06 Nov 1994 08:49:37 GMT
        read.one_of(short_days), read.skip(", ");
        of_day = read.number(2), read.skip(" ");
        of_month = read.one_of(months), read.skip(" ");
        of_year = read.number(4), read.skip(" ");
        time_of_day(), read.skip(" GMT");
    } else if (comma != std::string_view::npos) {  // Sunday, 06-Nov-94 08:49:37 GMT
        read.one_of(long_days), read.skip(", ");
        of_day = read.number(2), read.skip("-");
        of_month = read.one_of(months), read.skip("-");
        of_year = read.number(2), read.skip(" ");
        time_of_day(), read.skip(" GMT");
        int const this_year = static_cast<int>(year_month_day(floor<days>(now)).year());
        of_year += this_year / 100 * 100;
        if (of_year > this_year + 50) of_year -= 100;
        if (of_year <= this_year - 50) of_year += 100;
    } else {  // Sun Nov  6 08:49:37 1994
        read.one_of(short_days), read.skip(" ");
        of_month = read.one_of(months), read.skip(" ");
        of_day = read.number(2, true), read.skip(" ");
        time_of_day(), read.skip(" ");
        of_year = read.number(4);
    }
    auto const date =
        year{of_year} / month{static_cast<unsigned>(of_month + 1)} / day{static_cast<unsigned>(of_day)};
    // A second of 60 is a leap second.
    if (!read.done() || !date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    return sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
}

/// How long a server asks to stay away: the field `Retry-After` (RFC 9110 section 10.2.3), a number of
/// seconds or a date. Gives 0 for what is neither, for a date that has passed, and for no field; at most
/// `longest`.
///
/// \param field    the value of `Retry-After`
/// \param date     the value of `Date` in the same answer: the server's own clock, so that one that is wrong
///                 does not matter; empty or no date: `now` counts
/// \param now      the time of this host
constexpr duration retry_after(std::string_view field, std::string_view date, wall_time now,
                               duration longest) noexcept {
    auto const limit = std::chrono::floor<std::chrono::seconds>(longest).count();
    auto const bounded = [&](std::int64_t seconds) {
        return seconds > limit ? longest : duration(std::chrono::seconds(std::max<std::int64_t>(seconds, 0)));
    };
    if (field.empty()) return {};
    if (field.find_first_not_of("0123456789") == std::string_view::npos) {
        std::int64_t seconds = 0;
        for (char const digit : field) seconds = std::min(seconds * 10 + (digit - '0'), limit + 1);
        return bounded(seconds);
    }
    auto const until = http_date(field, now);
    if (!until) return {};
    return bounded((*until - http_date(date, now).value_or(now)).count());
}

}  // namespace heartbeat::detail
