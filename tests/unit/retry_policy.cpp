// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/core/retry_policy.hpp>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <stdexcept>
#include <vector>

namespace {

using heartbeat::duration;
using heartbeat::errc;
using heartbeat::reason;
using heartbeat::reconnect_options;
using heartbeat::detail::retry_decision;
using heartbeat::detail::retry_policy;
using namespace std::chrono_literals;

std::vector<errc> every_cause() {
    std::vector<errc> all;
    for (int value = 1; value <= static_cast<int>(errc::invalid_option); ++value)
        all.push_back(static_cast<errc>(value));
    return all;
}

bool is_deliberate(errc cause) { return cause == errc::closed || cause == errc::cancelled; }

/// What trying again does not mend.
bool is_hopeless(errc cause) {
    errc const all[] = {
        errc::tls_certificate_expired,
        errc::tls_certificate_not_yet_valid,
        errc::tls_certificate_self_signed,
        errc::tls_wrong_host,
        errc::tls_unknown_ca,
        errc::tls_certificate_rejected,
        errc::tls_pin_mismatch,
        errc::tls_client_certificate_required,
    };
    return std::ranges::find(all, cause) != std::end(all);
}

TEST_CASE(
    "by default every cause is retried for ever but a deliberate end and a certificate that is not "
    "accepted") {
    retry_policy const policy{reconnect_options{}};
    for (errc const cause : every_cause()) {
        CAPTURE(to_string(cause));
        bool const stops = is_deliberate(cause) || is_hopeless(cause);
        auto const expected = stops ? retry_decision{false, cause} : retry_decision{true, {}};
        CHECK(policy.decide({.cause = cause}, 0, 0s) == expected);
        CHECK(policy.decide({.cause = cause}, 1000000, 8784h) == expected);
    }
}

TEST_CASE("every combination of cause, options and history has the decision of the first rule that applies") {
    enum class verdict { none, yes, no };
    unsigned decided = 0;
    for (errc const cause : every_cause())
        for (bool const enabled : {true, false})
            for (verdict const user : {verdict::none, verdict::yes, verdict::no})
                for (unsigned const max_attempts : {0u, 1u, 3u})
                    for (duration const max_elapsed : {duration{}, duration{10s}})
                        for (unsigned const attempts : {0u, 1u, 2u, 3u, 4u})
                            for (duration const elapsed : {duration{}, duration{10s}, duration{10s} + 1ns}) {
                                reconnect_options options;
                                options.enabled = enabled;
                                options.max_attempts = max_attempts;
                                options.max_elapsed = max_elapsed;
                                if (user != verdict::none)
                                    options.retry_if = [user](reason const&) { return user == verdict::yes; };

                                retry_decision expected{true, {}};
                                if (is_deliberate(cause) || !enabled || user == verdict::no ||
                                    (is_hopeless(cause) && user == verdict::none))
                                    expected = {false, cause};
                                else if ((max_attempts > 0 && attempts >= max_attempts) ||
                                         (max_elapsed > 0s && elapsed > max_elapsed))
                                    expected = {false, errc::retries_exhausted};

                                auto const decision =
                                    retry_policy(options).decide({.cause = cause}, attempts, elapsed);
                                if (decision != expected) {
                                    CAPTURE(to_string(cause), enabled, static_cast<int>(user), max_attempts,
                                            max_elapsed.count(), attempts, elapsed.count());
                                    CHECK(decision.retry == expected.retry);
                                    CHECK(decision.cause == expected.cause);
                                }
                                ++decided;
                            }
    CHECK(decided == every_cause().size() * 2 * 3 * 3 * 2 * 5 * 3);
}

TEST_CASE("the user's verdict sees the whole reason") {
    reconnect_options options;
    options.retry_if = [](reason const& why) { return why.close_code != 1008 && why.http_status != 403; };
    retry_policy const policy{options};
    CHECK(policy.decide({.cause = errc::closed_by_peer, .close_code = 1001}, 0, 0s) ==
          retry_decision{true, {}});
    CHECK(policy.decide({.cause = errc::closed_by_peer, .close_code = 1008}, 0, 0s) ==
          retry_decision{false, errc::closed_by_peer});
    CHECK(policy.decide({.cause = errc::upgrade_refused, .http_status = 403}, 0, 0s) ==
          retry_decision{false, errc::upgrade_refused});
}

TEST_CASE("the user's verdict is not asked about a deliberate end nor when retrying is off") {
    unsigned asked = 0;
    reconnect_options options;
    options.retry_if = [&asked](reason const&) { return ++asked != 0; };
    retry_policy const on{options};
    static_cast<void>(on.decide({.cause = errc::closed}, 0, 0s));
    static_cast<void>(on.decide({.cause = errc::cancelled}, 0, 0s));
    options.enabled = false;
    static_cast<void>(retry_policy(options).decide({.cause = errc::connection_lost}, 0, 0s));
    CHECK(asked == 0);
    static_cast<void>(on.decide({.cause = errc::connection_lost}, 0, 0s));
    CHECK(asked == 1);
}

TEST_CASE("credentials that are refused are renewed once, and the second refusal ends the run") {
    reconnect_options const plain;
    reconnect_options with_verdict;
    with_verdict.retry_if = [](reason const&) { return true; };
    reconnect_options limited;
    limited.max_attempts = 3;
    for (unsigned const status : {401u, 407u}) {
        CAPTURE(status);
        reason const why{.cause = errc::upgrade_refused, .http_status = status};
        retry_decision const stop{false, why.cause};
        retry_decision const wait{true, {}};
        retry_decision const at_once{true, {}, true};
        CHECK(retry_policy(plain).decide(why, 1, 0s, {.renewable = true}) == at_once);
        CHECK(retry_policy(plain).decide(why, 2, 0s, {.renewable = true, .renewed = true}) == stop);
        CHECK(retry_policy(plain).decide(why, 1, 0s, {.renewable = false}) == wait);
        CHECK(retry_policy(with_verdict).decide(why, 1, 0s, {.renewable = true}) == at_once);
        CHECK(retry_policy(with_verdict).decide(why, 2, 0s, {.renewable = true, .renewed = true}) == wait);
        CHECK(retry_policy(limited).decide(why, 3, 0s, {.renewable = true}) ==
              retry_decision{false, errc::retries_exhausted});
    }
    reason const other{.cause = errc::upgrade_refused, .http_status = 403};
    CHECK(retry_policy(plain).decide(other, 1, 0s, {.renewable = true}) == retry_decision{true, {}});
}

TEST_CASE("what the user's verdict throws reaches the caller") {
    reconnect_options options;
    options.retry_if = [](reason const&) -> bool { throw std::runtime_error("no verdict"); };
    CHECK_THROWS_AS(retry_policy(options).decide({.cause = errc::connection_lost}, 0, 0s),
                    std::runtime_error);
}

}  // namespace
