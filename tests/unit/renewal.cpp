// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/core/renewal.hpp>

namespace {

using heartbeat::detail::renewal;
using ended = renewal::ended;
using pace = renewal::pace;

/// Everything that can be told of one.
enum class state { fresh, wanted, hurried, both };

/// One that has come to a state.
renewal at(state wanted) {
    renewal made;
    if (wanted == state::wanted) made.retry(ended::link, true);
    if (wanted == state::hurried || wanted == state::both) made.retry(ended::attempt, true);
    if (wanted == state::hurried) made.retry(ended::attempt, false);
    return made;
}

state seen(renewal const& one) {
    bool const hurried = one.next(ended::unprepared, true) == pace::wait;
    if (one.wanted()) return hurried ? state::both : state::wanted;
    return hurried ? state::hurried : state::fresh;
}

}  // namespace

TEST_CASE("law 10: whatever has ended, it is clear who needs new credentials, and whether they wait") {
    struct row {
        state before;
        ended what;
        bool asked;
        pace next;
        state after;
    };
    using enum state;
    constexpr auto unprepared = ended::unprepared;
    constexpr auto attempt = ended::attempt;
    constexpr auto link = ended::link;
    constexpr auto wait = pace::wait;
    constexpr auto at_once = pace::at_once;
    row const table[] = {
        {fresh, unprepared, false, wait, fresh},     {fresh, unprepared, true, at_once, both},
        {fresh, attempt, false, wait, fresh},        {fresh, attempt, true, at_once, both},
        {fresh, link, false, wait, fresh},           {fresh, link, true, wait, wanted},
        {wanted, unprepared, false, wait, wanted},   {wanted, unprepared, true, at_once, both},
        {wanted, attempt, false, wait, fresh},       {wanted, attempt, true, wait, wanted},
        {wanted, link, false, wait, fresh},          {wanted, link, true, wait, wanted},
        {hurried, unprepared, false, wait, hurried}, {hurried, unprepared, true, wait, both},
        {hurried, attempt, false, wait, hurried},    {hurried, attempt, true, wait, both},
        {hurried, link, false, wait, hurried},       {hurried, link, true, wait, both},
        {both, unprepared, false, wait, both},       {both, unprepared, true, wait, both},
        {both, attempt, false, wait, hurried},       {both, attempt, true, wait, both},
        {both, link, false, wait, hurried},          {both, link, true, wait, both},
    };
    for (auto const& [before, what, asked, next, after] : table) {
        auto one = at(before);
        REQUIRE(seen(one) == before);
        INFO("state " << static_cast<int>(before) << ", ended " << static_cast<int>(what) << ", asked "
                      << asked);
        CHECK(one.next(what, asked) == next);
        CHECK(one.in_vain(what, asked) == (asked && one.wanted() && what != unprepared));
        CHECK(seen(one) == before);
        one.retry(what, asked);
        CHECK(seen(one) == after);
    }
}

TEST_CASE("law 9: credentials that were just made and refused are in vain, others are not") {
    auto one = at(state::fresh);
    CHECK_FALSE(one.in_vain(ended::attempt, true));
    one.retry(ended::attempt, true);
    // Nobody has made any yet.
    CHECK_FALSE(one.in_vain(ended::unprepared, true));
    CHECK_FALSE(one.in_vain(ended::attempt, false));
    CHECK(one.in_vain(ended::attempt, true));
    // They may have been good before what else went wrong.
    one.retry(ended::attempt, false);
    CHECK_FALSE(one.in_vain(ended::attempt, true));
}

TEST_CASE("law 10: an open link, or a new run, begins anew with the credentials that there are") {
    for (auto const before : {state::fresh, state::wanted, state::hurried, state::both}) {
        auto one = at(before);
        one.reset();
        CHECK(seen(one) == state::fresh);
    }
}
