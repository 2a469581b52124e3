// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/core/retry_after.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace {

using heartbeat::duration;
using heartbeat::detail::http_date;
using heartbeat::detail::retry_after;
using heartbeat::detail::wall_time;
using namespace std::chrono_literals;
using namespace std::chrono;

constexpr wall_time now = sys_days(2026y / March / 1) + 12h;
constexpr std::string_view no_date = "";

duration asked(std::string_view field, std::string_view date = no_date) {
    return retry_after(field, date, now, 1h);
}

TEST_CASE("a number of seconds is that long, and at most the longest") {
    struct row {
        char const* field;
        duration expected;
    };
    row const table[] = {
        {"0", 0s},
        {"1", 1s},
        {"120", 120s},
        {"0120", 120s},
        {"3600", 1h},
        {"3601", 1h},
        {"99999999999999999999999999999999", 1h},
    };
    for (auto const& row : table) {
        CAPTURE(row.field);
        CHECK(asked(row.field) == row.expected);
        CHECK(asked(row.field, "Sun, 01 Mar 2020 12:00:00 GMT") == row.expected);
    }
    CHECK(retry_after("2", no_date, now, 1500ms) == 1500ms);
}

TEST_CASE("a date in each of its three forms is that far away") {
    for (char const* const field :
         {"Sun, 01 Mar 2026 12:01:30 GMT", "Sunday, 01-Mar-26 12:01:30 GMT", "Sun Mar  1 12:01:30 2026"})
        CHECK(asked(field) == 90s);
    CHECK(asked("Sun, 01 Mar 2026 12:00:01 GMT") == 1s);
    CHECK(asked("Sun, 01 Mar 2026 13:00:00 GMT") == 1h);
    CHECK(asked("Sun, 01 Mar 2026 13:00:01 GMT") == 1h);
    CHECK(asked("Fri, 31 Dec 9999 23:59:59 GMT") == 1h);
}

TEST_CASE("a date that has passed asks for nothing") {
    CHECK(asked("Sun, 01 Mar 2026 12:00:00 GMT") == 0s);
    CHECK(asked("Sun, 01 Mar 2026 11:59:59 GMT") == 0s);
    CHECK(asked("Thu, 01 Jan 0000 00:00:00 GMT") == 0s);
}

TEST_CASE("the server's own clock counts where it tells its time, in whichever form") {
    // A server whose clock is a year behind.
    char const* const field = "Sat, 01 Mar 2025 08:00:30 GMT";
    CHECK(asked(field) == 0s);
    CHECK(asked(field, "Sat, 01 Mar 2025 08:00:00 GMT") == 30s);
    CHECK(asked(field, "Saturday, 01-Mar-25 08:00:00 GMT") == 30s);
    CHECK(asked(field, "Sat Mar  1 08:00:00 2025") == 30s);
    CHECK(asked("Sun, 01 Mar 2026 12:00:30 GMT", "yesterday") == 30s);
}

TEST_CASE("nonsense asks for nothing") {
    for (char const* const field : {
             "",
             " ",
             "-1",
             "+1",
             "1.5",
             "1 ",
             "0x10",
             "1e3",
             "soon",
             "12:00",
             ",",
             "Sun",
             "Sun,",
             "Sunday,",
             "Sun, 01 Mar 2026 12:01:30",
             "Sun, 01 Mar 2026 12:01:30 UTC",
             "Sun, 01 Mar 2026 12:01:30 GMT ",
             "sun, 01 mar 2026 12:01:30 gmt",
             "Sun, 1 Mar 2026 12:01:30 GMT",
             "Sun, 01 Mar 26 12:01:30 GMT",
             "Sun, 01  Mar 2026 12:01:30 GMT",
             "Sun,01 Mar 2026 12:01:30 GMT",
             "Xyz, 01 Mar 2026 12:01:30 GMT",
             "Sun, 01 Xyz 2026 12:01:30 GMT",
             "Sun, 00 Mar 2027 12:01:30 GMT",
             "Sun, 32 Mar 2027 12:01:30 GMT",
             "Sun, 29 Feb 2027 12:01:30 GMT",
             "Sun, 31 Apr 2027 12:01:30 GMT",
             "Sun, 01 Mar 2027 24:00:00 GMT",
             "Sun, 01 Mar 2027 23:60:00 GMT",
             "Sun, 01 Mar 2027 23:59:61 GMT",
             "Sun, 01 Mar 2027 -1:00:00 GMT",
             "Sunday, 01-Mar-2027 12:01:30 GMT",
             "Sunday, 01 Mar 27 12:01:30 GMT",
             "Sun, 01-Mar-27 12:01:30 GMT",
             "Sun Mar 1 12:01:30 2027",
             "Sun Mar  1 12:01:30 2027 GMT",
             "Sun Mar 01 12:01:30 27",
             "2027-03-01T12:01:30Z",
             "Sun, 01 Mar 2027 12:01:3",
             "Sun, \xff\xff Mar 2027 12:01:30 GMT",
         }) {
        CAPTURE(field);
        CHECK(asked(field) == 0s);
    }
}

TEST_CASE("the days of the calendar are right") {
    CHECK(http_date("Thu, 01 Jan 1970 00:00:00 GMT", now)->time_since_epoch() == 0s);
    CHECK(http_date("Sun, 06 Nov 1994 08:49:37 GMT", now)->time_since_epoch() == 784111777s);
    CHECK(http_date("Sunday, 06-Nov-94 08:49:37 GMT", now)->time_since_epoch() == 784111777s);
    CHECK(http_date("Sun Nov  6 08:49:37 1994", now)->time_since_epoch() == 784111777s);
    CHECK(http_date("Tue Feb 29 23:59:60 2000", now)->time_since_epoch() == 951868800s);
    CHECK(http_date("Wed, 31 Dec 1969 23:59:59 GMT", now)->time_since_epoch() == -1s);
}

TEST_CASE("a year of two digits is at most 50 years ahead") {
    auto const year_of = [](std::string_view digits, wall_time today) {
        auto const text = "Sunday, 01-Mar-" + std::string(digits) + " 12:00:00 GMT";
        return static_cast<int>(year_month_day(floor<days>(*http_date(text, today))).year());
    };
    CHECK(year_of("26", now) == 2026);
    CHECK(year_of("76", now) == 2076);
    CHECK(year_of("77", now) == 1977);
    CHECK(year_of("00", now) == 2000);
    auto const later = sys_days(2099y / December / 31);
    CHECK(year_of("99", later) == 2099);
    CHECK(year_of("00", later) == 2100);
    CHECK(year_of("49", later) == 2149);
    CHECK(year_of("50", later) == 2050);
}

}  // namespace
