// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/core/attempt.hpp>

namespace {

using heartbeat::errc;
using heartbeat::detail::attempt;
using heartbeat::detail::attempt_step;
using heartbeat::detail::rules_of;
using action = attempt::action;
using event = attempt::event;

/// An attempt that has come to a step.
attempt at(attempt_step step) {
    attempt made;
    if (step == attempt_step::over) return made;
    made.use_tls(step == attempt_step::secure);
    made.begin(true);
    for (int steps = 0; made.now() != step; ++steps) {
        INFO("step " << static_cast<int>(step) << " is never come to");
        REQUIRE(steps < 10);
        made.resume(event::succeeded);
    }
    return made;
}

}  // namespace

TEST_CASE("an attempt begins with the application's word or with the lookup") {
    attempt made;
    CHECK(made.begin(true) == action::prepare);
    CHECK(made.now() == attempt_step::prepare);
    attempt other;
    CHECK(other.begin(false) == action::resolve);
    CHECK(other.now() == attempt_step::resolve);
}

TEST_CASE("each step of an attempt has what follows its success, its failure and a redirect") {
    struct row {
        attempt_step step;
        event happened;
        action what;
        attempt_step next;
    };
    using enum attempt_step;
    row const table[] = {
        {prepare, event::succeeded, action::resolve, resolve},
        {prepare, event::failed, action::fail, over},
        {prepare, event::redirected, action::none, prepare},
        {resolve, event::succeeded, action::connect, connect},
        {resolve, event::failed, action::fail, over},
        {resolve, event::redirected, action::none, resolve},
        {connect, event::succeeded, action::upgrade, upgrade},
        {connect, event::failed, action::fail, over},
        {connect, event::redirected, action::none, connect},
        {secure, event::succeeded, action::upgrade, upgrade},
        {secure, event::failed, action::fail, over},
        {secure, event::redirected, action::none, secure},
        {upgrade, event::succeeded, action::open, over},
        {upgrade, event::failed, action::fail, over},
        {upgrade, event::redirected, action::follow, over},
        {over, event::succeeded, action::none, over},
        {over, event::failed, action::none, over},
        {over, event::redirected, action::none, over},
    };
    for (auto const& row : table) {
        CAPTURE(static_cast<int>(row.step), static_cast<int>(row.happened));
        auto made = at(row.step);
        CHECK(made.resume(row.happened) == row.what);
        CHECK(made.now() == row.next);
    }
}

TEST_CASE("each step has its own error, its own error for lateness, and its own deadline") {
    heartbeat::deadline_options limits;
    CHECK(rules_of(attempt_step::prepare).failed == errc::prepare_failed);
    CHECK(rules_of(attempt_step::prepare).timed_out == errc::prepare_timeout);
    CHECK(&(limits.*rules_of(attempt_step::prepare).limit) == &limits.prepare);
    CHECK(rules_of(attempt_step::resolve).failed == errc::resolve_failed);
    CHECK(rules_of(attempt_step::resolve).timed_out == errc::resolve_timeout);
    CHECK(&(limits.*rules_of(attempt_step::resolve).limit) == &limits.resolve);
    CHECK(rules_of(attempt_step::connect).failed == errc::connect_failed);
    CHECK(rules_of(attempt_step::connect).timed_out == errc::connect_timeout);
    CHECK(&(limits.*rules_of(attempt_step::connect).limit) == &limits.connect);
    CHECK(rules_of(attempt_step::secure).failed == errc::tls_failed);
    CHECK(rules_of(attempt_step::secure).timed_out == errc::tls_timeout);
    CHECK(&(limits.*rules_of(attempt_step::secure).limit) == &limits.tls);
    CHECK(rules_of(attempt_step::upgrade).failed == errc::upgrade_failed);
    CHECK(rules_of(attempt_step::upgrade).timed_out == errc::upgrade_timeout);
    CHECK(&(limits.*rules_of(attempt_step::upgrade).limit) == &limits.upgrade);
}

TEST_CASE("an attempt with TLS shakes hands between the connection and the upgrade") {
    auto made = at(attempt_step::connect);
    made.use_tls(true);
    CHECK(made.resume(event::succeeded) == action::secure);
    CHECK(made.resume(event::succeeded) == action::upgrade);
}
