// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/verdict.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace {

using heartbeat::duration;
using heartbeat::errc;
using heartbeat::reason;
using heartbeat::standard_verdict;
using heartbeat::verdict;
using namespace std::chrono_literals;

constexpr verdict retry{};
constexpr verdict refresh{.what = verdict::refresh};
constexpr verdict stop{.what = verdict::stop};

TEST_CASE("each close code has the verdict of the table") {
    struct row {
        std::uint16_t code;
        verdict expected;
    };
    row const table[] = {
        {1000, retry},
        {1001, retry},
        {1002, stop},
        {1003, stop},
        {1005, retry},
        {1006, retry},
        {1007, stop},
        {1008, stop},
        {1009, stop},
        {1010, stop},
        {1011, retry},
        {1012, {.least = 5s, .spread = 25s}},
        {1013, {.least = 40s, .spread = 20s}},
        {1014, retry},
        {1015, stop},
        {1016, retry},
        {2999, retry},
        {3000, refresh},
        {3001, retry},
        {3003, stop},
        {3008, retry},
        {3999, retry},
        {4000, retry},
        {4999, retry},
    };
    for (auto const& row : table) {
        CAPTURE(row.code);
        CHECK(standard_verdict({.cause = errc::closed_by_peer, .close_code = row.code}, 40s) == row.expected);
        // The code alone decides nothing: what this side saw of the link counts.
        CHECK(standard_verdict({.cause = errc::connection_lost, .close_code = row.code}) == retry);
    }
}

TEST_CASE("each HTTP status has the verdict of the table") {
    auto const judged = [](unsigned status) {
        return standard_verdict({.cause = errc::upgrade_refused, .http_status = status});
    };
    for (unsigned const status : {401u, 407u}) CHECK(judged(status) == refresh);
    for (unsigned const status :
         {200u, 204u, 299u, 404u, 408u, 421u, 425u, 429u, 500u, 502u, 503u, 504u, 511u, 599u}) {
        CAPTURE(status);
        CHECK(judged(status) == retry);
    }
    for (unsigned const status : {300u, 301u, 302u, 303u, 307u, 308u, 399u, 400u, 402u, 403u, 405u, 410u,
                                  426u, 451u, 499u, 501u, 505u}) {
        CAPTURE(status);
        CHECK(judged(status) == stop);
    }
}

TEST_CASE("what the server says about coming back is the least delay, with a spread above it") {
    auto const judged = [](duration retry_after, unsigned status = 503) {
        return standard_verdict(
            {.cause = errc::upgrade_refused, .http_status = status, .retry_after = retry_after}, 30s);
    };
    CHECK(judged(0s) == retry);
    CHECK(judged(1s) == verdict{.least = 1s, .spread = 500ms});
    CHECK(judged(10s, 429) == verdict{.least = 10s, .spread = 5s});
    CHECK(judged(1h) == verdict{.least = 1h, .spread = 30s});
    CHECK(judged(8784h) == verdict{.least = 8784h, .spread = 30s});
    // It does not make a refusal less final, but is there for a user who decides otherwise.
    CHECK(judged(10s, 403) == verdict{.what = verdict::stop, .least = 10s, .spread = 5s});
    CHECK(judged(10s, 401) == verdict{.what = verdict::refresh, .least = 10s, .spread = 5s});
}

TEST_CASE("a deliberate end is final") {
    CHECK(standard_verdict({.cause = errc::closed}) == stop);
    CHECK(standard_verdict({.cause = errc::close_timeout}) == stop);
    CHECK(standard_verdict({.cause = errc::cancelled, .retry_after = 1s}) == stop);
}

TEST_CASE("each verdict has a name") {
    CHECK(to_string(verdict::retry) == std::string("retry"));
    CHECK(to_string(verdict::refresh) == std::string("refresh"));
    CHECK(to_string(verdict::stop) == std::string("stop"));
}

}  // namespace
