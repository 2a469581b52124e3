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
constexpr verdict slow{.nominal = 60s};

TEST_CASE("each close code has the verdict of the table") {
    struct row {
        std::uint16_t code;
        verdict expected;
    };
    row const table[] = {
        {1000, retry},
        {1001, retry},
        {1002, slow},
        {1003, slow},
        {1005, retry},
        {1006, retry},
        {1007, slow},
        {1008, slow},
        {1009, slow},
        {1010, slow},
        {1011, retry},
        {1012, {.least = 5s, .spread = 25s}},
        {1013, {.least = 40s, .spread = 20s}},
        {1014, retry},
        {1015, slow},
        {1016, retry},
        {2999, retry},
        {3000, refresh},
        {3001, retry},
        {3003, slow},
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
    auto const expected = [](unsigned status) {
        switch (status) {
            case 401: return refresh;
            case 410: return stop;
            case 301:
            case 308:
            case 501:
            case 505: return slow;
            case 404:
            case 408:
            case 421:
            case 425:
            case 429: return retry;
            default: return status >= 400 && status < 500 ? slow : retry;
        }
    };
    for (unsigned status = 0; status < 1000; ++status) {
        CAPTURE(status);
        CHECK(standard_verdict({.cause = errc::upgrade_refused, .http_status = status}) == expected(status));
    }
}

TEST_CASE("a certificate that is not accepted is retried slowly") {
    for (errc const cause :
         {errc::tls_certificate_expired, errc::tls_certificate_not_yet_valid,
          errc::tls_certificate_self_signed, errc::tls_wrong_host, errc::tls_unknown_ca,
          errc::tls_certificate_rejected, errc::tls_pin_mismatch, errc::tls_client_certificate_required})
        CHECK(standard_verdict({.cause = cause}) == slow);
    CHECK(standard_verdict({.cause = errc::tls_failed}) == retry);
    CHECK(standard_verdict({.cause = errc::tls_timeout}) == retry);
}

TEST_CASE("a slow retry has a nominal delay of a minute, or of the longest delay where that is more") {
    auto const nominal = [](duration longest) {
        return standard_verdict({.cause = errc::upgrade_refused, .http_status = 403}, longest).nominal;
    };
    CHECK(nominal(15s) == 60s);
    CHECK(nominal(60s) == 60s);
    CHECK(nominal(5min) == 5min);
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
    CHECK(judged(10s, 401) == verdict{.what = verdict::refresh, .least = 10s, .spread = 5s});
}

TEST_CASE("what carries a Retry-After is retried, and not slowly, whatever its value") {
    auto const judged = [](unsigned status, char const* name, char const* value, duration retry_after = {}) {
        return standard_verdict({.cause = errc::upgrade_refused,
                                 .http_status = status,
                                 .http_headers = {{"Server", "x"}, {name, value}},
                                 .retry_after = retry_after},
                                30s);
    };
    for (unsigned const status : {301u, 403u, 407u, 410u, 451u, 501u, 503u}) {
        CAPTURE(status);
        CHECK(judged(status, "Retry-After", "10", 10s) == verdict{.least = 10s, .spread = 5s});
        CHECK(judged(status, "Retry-After", "0") == retry);
        CHECK(judged(status, "retry-AFTER", "Sun, 06 Nov 1994 08:49:37 GMT") == retry);
    }
    CHECK(judged(410, "Retry-Before", "10") == stop);
    CHECK(judged(403, "Retry-After-All", "10") == slow);
    CHECK(judged(401, "Retry-After", "0") == refresh);
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
