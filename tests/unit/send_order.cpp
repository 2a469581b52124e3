// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/core/send_order.hpp>

#include <cstddef>
#include <iterator>

namespace {

using heartbeat::detail::next_send;
using heartbeat::detail::send_action;
using heartbeat::detail::send_situation;
using enum heartbeat::detail::send_action;

struct row {
    bool beat_due;
    bool reply_due;
    bool inside_message;
    bool message_queued;
    bool draining;
    send_action expected;
};

constexpr bool y = true;
constexpr bool n = false;

constexpr row table[] = {
    // beat, reply, inside, queued, draining
    {n, n, n, n, n, rest},     {n, n, n, n, y, drained},  {n, n, n, y, n, message},
    {n, n, n, y, y, message},  {n, n, y, n, n, fragment}, {n, n, y, n, y, fragment},
    {n, n, y, y, n, fragment}, {n, n, y, y, y, fragment}, {n, y, n, n, n, reply},
    {n, y, n, n, y, reply},    {n, y, n, y, n, reply},    {n, y, n, y, y, reply},
    {n, y, y, n, n, fragment}, {n, y, y, n, y, fragment}, {n, y, y, y, n, fragment},
    {n, y, y, y, y, fragment}, {y, n, n, n, n, beat},     {y, n, n, n, y, beat},
    {y, n, n, y, n, beat},     {y, n, n, y, y, beat},     {y, n, y, n, n, ping},
    {y, n, y, n, y, ping},     {y, n, y, y, n, ping},     {y, n, y, y, y, ping},
    {y, y, n, n, n, beat},     {y, y, n, n, y, beat},     {y, y, n, y, n, beat},
    {y, y, n, y, y, beat},     {y, y, y, n, n, ping},     {y, y, y, n, y, ping},
    {y, y, y, y, n, ping},     {y, y, y, y, y, ping},
};

constexpr bool complete() {
    for (std::size_t index = 0; index < std::size(table); ++index) {
        auto const& row = table[index];
        std::size_t const number = row.beat_due * 16u + row.reply_due * 8u + row.inside_message * 4u +
                                   row.message_queued * 2u + row.draining * 1u;
        if (number != index) return false;
    }
    return std::size(table) == 32;
}
static_assert(complete(), "one row for every situation");

constexpr send_situation situation(row const& row) {
    return {.beat_due = row.beat_due,
            .reply_due = row.reply_due,
            .inside_message = row.inside_message,
            .message_queued = row.message_queued,
            .draining = row.draining};
}

TEST_CASE("every situation of a link has the next write of the table") {
    for (auto const& row : table) {
        CAPTURE(row.beat_due, row.reply_due, row.inside_message, row.message_queued, row.draining);
        CHECK(next_send(situation(row)) == row.expected);
    }
}

TEST_CASE("between the fragments of a message only control frames leave") {
    for (auto const& row : table) {
        if (!row.inside_message) continue;
        auto const next = next_send(situation(row));
        CHECK((next == ping || next == fragment));
    }
}

TEST_CASE("a link that drains is drained only when nothing is left to write") {
    for (auto const& row : table) {
        bool const left = row.beat_due || row.reply_due || row.inside_message || row.message_queued;
        CHECK((next_send(situation(row)) == drained) == (row.draining && !left));
    }
}

TEST_CASE("a link does everything that was due once, beat first, and then rests") {
    send_situation now{.beat_due = true, .reply_due = true, .inside_message = true, .message_queued = true};
    auto const next_is = [&now](send_action expected, bool send_situation::*done) {
        CHECK(next_send(now) == expected);
        now.*done = false;
    };
    next_is(ping, &send_situation::beat_due);
    next_is(fragment, &send_situation::inside_message);
    next_is(reply, &send_situation::reply_due);
    next_is(message, &send_situation::message_queued);
    CHECK(next_send(now) == rest);
    now.draining = true;
    CHECK(next_send(now) == drained);
}

}  // namespace
