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
using heartbeat::verdict;
using heartbeat::detail::retry_decision;
using heartbeat::detail::retry_history;
using heartbeat::detail::retry_policy;
using namespace std::chrono_literals;

std::vector<errc> every_cause() {
    std::vector<errc> all;
    for (int value = 1; value <= static_cast<int>(errc::invalid_option); ++value)
        all.push_back(static_cast<errc>(value));
    return all;
}

bool is_deliberate(errc cause) {
    return cause == errc::closed || cause == errc::close_timeout || cause == errc::cancelled;
}

bool is_certificate(errc cause) {
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

retry_decision decided(reconnect_options const& options, reason const& why, retry_history const& past = {}) {
    retry_policy const policy(options);
    return policy.decide(why, policy.judge(why), past);
}

/// What the user always says.
auto always(verdict::action what) {
    return [what](reason const&, verdict) { return verdict{.what = what}; };
}

TEST_CASE("by default every cause without a word of the peer's is retried for ever but a deliberate end") {
    for (errc const cause : every_cause()) {
        if (cause == errc::upgrade_refused || cause == errc::closed_by_peer) continue;
        CAPTURE(to_string(cause));
        auto const expected = is_deliberate(cause) ? retry_decision{false, cause} : retry_decision{true, {}};
        CHECK(decided({}, {.cause = cause}) == expected);
        CHECK(decided({}, {.cause = cause}, {.attempts = 1000000, .elapsed = 8784h}) == expected);
    }
}

TEST_CASE("with stop_on_rejected_certificate a certificate that is not accepted ends the run") {
    reconnect_options options;
    options.stop_on_rejected_certificate = true;
    for (errc const cause : every_cause()) {
        CAPTURE(to_string(cause));
        auto const usual = retry_policy({}).judge({.cause = cause});
        bool const certificate = is_certificate(cause);
        CHECK(retry_policy(options).judge({.cause = cause}) ==
              (certificate ? verdict{.what = verdict::stop} : usual));
        if (certificate) CHECK(usual == verdict{.nominal = 60s});
    }
    // The user's verdict still has the last word.
    options.judge = always(verdict::retry);
    CHECK(decided(options, {.cause = errc::tls_unknown_ca}).retry);
}

TEST_CASE("every combination of cause, options and history has the decision of the first rule that applies") {
    unsigned decisions = 0;
    for (errc const cause : every_cause())
        for (bool const enabled : {true, false})
            for (auto const user : {verdict::retry, verdict::refresh, verdict::stop})
                for (unsigned const max_attempts : {0u, 1u, 3u})
                    for (duration const max_elapsed : {duration{}, duration{10s}})
                        for (unsigned const attempts : {0u, 1u, 2u, 3u, 4u})
                            for (duration const elapsed : {duration{}, duration{10s}, duration{10s} + 1ns})
                                for (unsigned const bits : {0u, 1u, 2u, 3u}) {
                                    reconnect_options options;
                                    options.enabled = enabled;
                                    options.max_attempts = max_attempts;
                                    options.max_elapsed = max_elapsed;
                                    options.judge = always(user);
                                    bool const can_refresh = (bits & 1) != 0;
                                    bool const in_vain = (bits & 2) != 0;

                                    bool const refresh = user == verdict::refresh;
                                    retry_decision expected{true, {}, refresh};
                                    if (is_deliberate(cause) || !enabled || user == verdict::stop ||
                                        (refresh && (!can_refresh || in_vain)))
                                        expected = {false, cause};
                                    else if ((max_attempts > 0 && attempts >= max_attempts) ||
                                             (max_elapsed > 0s && elapsed > max_elapsed))
                                        expected = {false, errc::retries_exhausted};

                                    auto const decision = decided(options, {.cause = cause},
                                                                  {attempts, elapsed, can_refresh, in_vain});
                                    if (decision != expected) {
                                        CAPTURE(to_string(cause), enabled, to_string(user), max_attempts,
                                                max_elapsed.count(), attempts, elapsed.count(), bits);
                                        CHECK(decision.retry == expected.retry);
                                        CHECK(decision.cause == expected.cause);
                                        CHECK(decision.refresh == expected.refresh);
                                    }
                                    ++decisions;
                                }
    CHECK(decisions == every_cause().size() * 2 * 3 * 3 * 2 * 5 * 3 * 4);
}

TEST_CASE("the user's verdict sees the whole reason and that of the library, and may return it") {
    reconnect_options options;
    options.judge = [](reason const& why, verdict standard) {
        if (why.close_code == 4001) standard.what = verdict::stop;
        if (why.close_code == 1008) standard.what = verdict::retry;
        return standard;
    };
    auto const after = [&](std::uint16_t code) {
        return decided(options, {.cause = errc::closed_by_peer, .close_code = code}).retry;
    };
    CHECK(after(1001));
    CHECK(after(1008));
    CHECK_FALSE(after(4001));
    CHECK_FALSE(after(3000));
}

TEST_CASE("the longest delay that the standard verdict knows is that of the options") {
    reason const overloaded{.cause = errc::closed_by_peer, .close_code = 1013};
    CHECK(retry_policy({.delay = 1s, .max_delay = 8s}).judge(overloaded) ==
          verdict{.least = 8s, .spread = 4s});
    CHECK(retry_policy({.delay = 10s, .max_delay = 8s}).judge(overloaded) ==
          verdict{.least = 10s, .spread = 5s});
    reason const forbidden{.cause = errc::closed_by_peer, .close_code = 3003};
    CHECK(retry_policy({.delay = 1s, .max_delay = 8s}).judge(forbidden) == verdict{.nominal = 60s});
    CHECK(retry_policy({.delay = 90s, .max_delay = 8s}).judge(forbidden) == verdict{.nominal = 90s});
}

TEST_CASE("times of the user's that make no sense are brought into their range") {
    reconnect_options options;
    verdict users{.least = -1s, .spread = duration::max(), .nominal = duration::max()};
    options.judge = [&users](reason const&, verdict) { return users; };
    auto const judged = [&] { return retry_policy(options).judge({.cause = errc::connection_lost}); };
    CHECK(judged() == verdict{.least = 0s, .spread = 8784h, .nominal = 8784h});
    users.nominal = -1s;
    CHECK(judged().nominal == 0s);
}

TEST_CASE("the user's verdict is not asked about a deliberate end nor when retrying is off") {
    unsigned asked = 0;
    reconnect_options options;
    options.judge = [&asked](reason const&, verdict standard) { return ++asked, standard; };
    static_cast<void>(decided(options, {.cause = errc::closed}));
    static_cast<void>(decided(options, {.cause = errc::cancelled}));
    options.enabled = false;
    static_cast<void>(decided(options, {.cause = errc::connection_lost}));
    CHECK(asked == 0);
    options.enabled = true;
    static_cast<void>(decided(options, {.cause = errc::connection_lost}));
    CHECK(asked == 1);
}

TEST_CASE("credentials that are refused are renewed once, and the second refusal ends the run") {
    reconnect_options limited;
    limited.max_attempts = 3;
    reason const why{.cause = errc::upgrade_refused, .http_status = 401};
    retry_decision const stop{false, why.cause};
    CHECK(decided({}, why, {.attempts = 1, .can_refresh = true}) == retry_decision{true, {}, true});
    CHECK(decided({}, why, {.attempts = 2, .can_refresh = true, .in_vain = true}) == stop);
    CHECK(decided({}, why, {.attempts = 1}) == stop);
    CHECK(decided(limited, why, {.attempts = 3, .can_refresh = true}) ==
          retry_decision{false, errc::retries_exhausted});
}

TEST_CASE("a refusal with a Retry-After is retried where new credentials would be in vain") {
    for (char const* const value : {"0", "120", "Sun, 06 Nov 1994 08:49:37 GMT"}) {
        CAPTURE(value);
        reason const why{
            .cause = errc::upgrade_refused, .http_status = 401, .http_headers = {{"retry-after", value}}};
        CHECK(decided({}, why, {.can_refresh = true}) == retry_decision{true, {}, true});
        CHECK(decided({}, why, {.can_refresh = true, .in_vain = true}) == retry_decision{true, {}, true});
        // Nothing can make new ones, so they are not asked for.
        CHECK(decided({}, why) == retry_decision{true, {}, false});
        reconnect_options options;
        options.max_attempts = 3;
        CHECK(decided(options, why, {.attempts = 3}) == retry_decision{false, errc::retries_exhausted});
        options.judge = always(verdict::stop);
        CHECK(decided(options, why) == retry_decision{false, why.cause});
    }
}

TEST_CASE("what the user's verdict throws reaches the caller") {
    reconnect_options options;
    options.judge = [](reason const&, verdict) -> verdict { throw std::runtime_error("no verdict"); };
    CHECK_THROWS_AS(retry_policy(options).judge({.cause = errc::connection_lost}), std::runtime_error);
}

}  // namespace

TEST_CASE("law 13: what one address says is not waited out slowly while another had no chance") {
    retry_policy const policy{reconnect_options{}};
    reason const refused{.cause = errc::upgrade_refused, .http_status = 403};
    CHECK(policy.judge(refused).nominal > duration{});
    CHECK(policy.judge(refused, true).nominal == duration{});
    // What ends the run ends it.
    reason const gone{.cause = errc::upgrade_refused, .http_status = 410};
    CHECK(policy.judge(gone, true).what == verdict::stop);
}
