// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/core/outbox.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

using heartbeat::errc;
using heartbeat::message;
using heartbeat::message_kind;

/// A receipt that only one owner can hold.
using receipt = std::unique_ptr<int>;
using outbox = heartbeat::detail::outbox<receipt>;
using place = outbox::place;

static_assert(std::is_nothrow_move_constructible_v<outbox::entry>);
static_assert(std::is_nothrow_move_assignable_v<outbox::entry>);

/// Queues a text with a receipt of the given number.
std::uint64_t queue(outbox& box, std::string text, int number = 0, place where = place::back) {
    return box.accept(std::move(text), std::make_unique<int>(number), where).ticket;
}

errc refusal(outbox& box, message content) {
    auto mine = std::make_unique<int>(7);
    message const copy = content;
    auto const result = box.accept(std::move(content), std::move(mine));
    bool const kept = mine != nullptr && content == copy;
    bool const given = mine == nullptr;
    CHECK((result ? given : kept));
    CHECK((result.ticket != 0) == (result.refusal == errc{}));
    return result.refusal;
}

std::string taken(outbox& box) {
    auto const next = box.take();
    return next ? std::string(next->content.text()) : "nothing";
}

TEST_CASE("messages leave in the order in which they were accepted, each with its receipt") {
    outbox box(10, 100);
    CHECK(box.empty());
    CHECK_FALSE(box.take());
    std::vector<std::uint64_t> tickets;
    for (int number = 0; number < 3; ++number) tickets.push_back(queue(box, std::to_string(number), number));
    CHECK(tickets == std::vector<std::uint64_t>{1, 2, 3});
    CHECK_FALSE(box.empty());
    for (int number = 0; number < 3; ++number) {
        auto const next = box.take();
        REQUIRE(next);
        CHECK(next->ticket == tickets[static_cast<std::size_t>(number)]);
        CHECK(next->content == message(std::to_string(number)));
        CHECK(*next->receipt == number);
    }
    CHECK(box.empty());
    CHECK_FALSE(box.take());
}

TEST_CASE("what opens a session leaves before what was queued earlier, in its own order") {
    outbox box(10, 100);
    queue(box, "a");
    queue(box, "b");
    queue(box, "login", 0, place::front_of_session);
    queue(box, "subscribe", 0, place::front_of_session);
    queue(box, "c");
    for (char const* expected : {"login", "subscribe", "a", "b", "c", "nothing"})
        CHECK(taken(box) == expected);
}

TEST_CASE("what was left over of opening a session leaves after what opens the next, and before the rest") {
    outbox box(10, 100);
    queue(box, "a");
    queue(box, "login 1", 0, place::front_of_session);
    queue(box, "subscribe 1", 0, place::front_of_session);
    queue(box, "order 1", 0, place::front_of_session);
    CHECK(taken(box) == "login 1");
    box.begin_session();
    queue(box, "login 2", 0, place::front_of_session);
    for (char const* expected : {"login 2", "subscribe 1", "order 1", "a", "nothing"})
        CHECK(taken(box) == expected);
}

TEST_CASE("a message that is put back is the next of its own place, also in another session") {
    outbox box(10, 100);
    queue(box, "a");
    queue(box, "b");
    auto first = box.take();
    REQUIRE(first);
    box.put_back(std::move(*first));
    box.begin_session();
    auto const login = queue(box, "login", 0, place::front_of_session);
    queue(box, "subscribe", 0, place::front_of_session);
    auto taken_login = box.take();
    REQUIRE(taken_login);
    CHECK(taken_login->ticket == login);
    box.put_back(std::move(*taken_login));
    for (char const* expected : {"login", "subscribe", "a", "b", "nothing"}) CHECK(taken(box) == expected);
}

TEST_CASE("clearing up to a ticket leaves what was accepted later") {
    outbox box(10, 100);
    queue(box, "a", 1);
    queue(box, "login", 2, place::front_of_session);
    auto const limit = box.last_ticket();
    queue(box, "b", 3);
    queue(box, "subscribe", 4, place::front_of_session);
    auto const old = box.clear(limit);
    REQUIRE(old.size() == 2);
    CHECK(*old[0].receipt == 2);
    CHECK(*old[1].receipt == 1);
    CHECK(box.messages() == 2);
    CHECK(box.bytes() == 10);
    for (char const* expected : {"subscribe", "b", "nothing"}) CHECK(taken(box) == expected);
}

TEST_CASE("a taken message counts against the limits until it is settled") {
    outbox box(2, 100);
    queue(box, "12345");
    queue(box, "123");
    CHECK(box.messages() == 2);
    CHECK(box.bytes() == 8);
    CHECK(refusal(box, "") == errc::outbox_full);
    CHECK(taken(box) == "12345");
    CHECK(taken(box) == "123");
    CHECK(box.empty());
    CHECK(box.messages() == 2);
    CHECK(box.bytes() == 8);
    CHECK(refusal(box, "") == errc::outbox_full);
    box.settle(5);
    CHECK(box.messages() == 1);
    CHECK(box.bytes() == 3);
    CHECK(refusal(box, "") == errc{});
    box.settle(3);
    CHECK(box.messages() == 1);
    CHECK(box.bytes() == 0);
}

TEST_CASE("the limits are reached exactly and never exceeded") {
    struct row {
        std::size_t most_messages;
        std::size_t most_bytes;
        std::vector<std::size_t> sizes;
        std::vector<bool> accepted;
    };
    row const table[] = {
        {1, 10, {0, 0}, {true, false}},
        {3, 10, {1, 1, 1, 1}, {true, true, true, false}},
        {9, 10, {10, 0, 1}, {true, true, false}},
        {9, 10, {11, 10}, {false, true}},
        {9, 10, {6, 5, 4, 1, 0}, {true, false, true, false, true}},
        {9, 1, {1, 1, 0}, {true, false, true}},
        {9, static_cast<std::size_t>(-1), {100, 100}, {true, true}},
    };
    for (auto const& row : table)
        for (auto const kind : {message_kind::text, message_kind::binary}) {
            outbox box(row.most_messages, row.most_bytes);
            for (std::size_t index = 0; index < row.sizes.size(); ++index) {
                CAPTURE(row.most_messages, row.most_bytes, index);
                CHECK(refusal(box, {kind, std::string(row.sizes[index], 'x')}) ==
                      (row.accepted[index] ? errc{} : errc::outbox_full));
            }
        }
}

TEST_CASE("a refused message stays with the caller and uses no ticket") {
    outbox box(1, 4);
    CHECK(refusal(box, "too big") == errc::outbox_full);
    CHECK(refusal(box, "\xff") == errc::invalid_utf8);
    box.close();
    CHECK(refusal(box, "a") == errc::closed);
    box.open();
    CHECK(box.messages() == 0);
    CHECK(box.bytes() == 0);
    CHECK(queue(box, "a") == 1);
}

TEST_CASE("of several reasons for refusing a message the lasting one is told") {
    struct row {
        bool closed;
        message content;
        bool full;
        errc expected;
    };
    message const bad("\xc3");
    message const bad_bytes(message_kind::binary, "\xc3");
    row const table[] = {
        {false, "a", false, errc{}},
        {false, "a", true, errc::outbox_full},
        {false, bad, false, errc::invalid_utf8},
        {false, bad, true, errc::invalid_utf8},
        {true, "a", false, errc::closed},
        {true, "a", true, errc::closed},
        {true, bad, false, errc::closed},
        {true, bad, true, errc::closed},
        {false, bad_bytes, false, errc{}},
        {false, bad_bytes, true, errc::outbox_full},
    };
    for (auto const& row : table) {
        CAPTURE(row.closed, row.full, std::string(row.content.text()));
        outbox box(1, 10);
        if (row.full) queue(box, "first");
        if (row.closed) box.close();
        CHECK(refusal(box, row.content) == row.expected);
    }
}

TEST_CASE("a closed outbox refuses new messages, lets queued ones leave, and can be opened again") {
    outbox box(10, 100);
    CHECK(box.accepting());
    queue(box, "a");
    box.close();
    CHECK_FALSE(box.accepting());
    CHECK(refusal(box, "b") == errc::closed);
    CHECK(taken(box) == "a");
    box.settle(1);
    CHECK_FALSE(box.accepting());
    box.open();
    CHECK(box.accepting());
    CHECK(refusal(box, "c") == errc{});
    CHECK(taken(box) == "c");
}

TEST_CASE("a queued message can be removed by its ticket, once, wherever it stands") {
    for (int wanted = 0; wanted < 6; ++wanted) {
        outbox box(10, 100);
        std::vector<std::uint64_t> tickets;
        // In the order of leaving: 1, 3, 5, 0, 2, 4.
        for (int number = 0; number < 6; ++number)
            tickets.push_back(queue(box, std::string(static_cast<std::size_t>(number), 'x'), number,
                                    number % 2 == 1 ? place::front_of_session : place::back));
        auto const ticket = tickets[static_cast<std::size_t>(wanted)];
        auto const removed = box.remove(ticket);
        REQUIRE(removed);
        CHECK(removed->ticket == ticket);
        CHECK(*removed->receipt == wanted);
        CHECK(removed->content.size() == static_cast<std::size_t>(wanted));
        CHECK_FALSE(box.remove(ticket));
        CHECK(box.messages() == 5);
        CHECK(box.bytes() == static_cast<std::size_t>(15 - wanted));
        for (int const number : {1, 3, 5, 0, 2, 4})
            if (number != wanted) CHECK(*box.take()->receipt == number);
        CHECK(box.empty());
    }
}

TEST_CASE("a message that was taken, refused or never offered cannot be removed") {
    outbox box(10, 100);
    CHECK_FALSE(box.remove(1));
    auto const ticket = queue(box, "a");
    CHECK_FALSE(box.remove(0));
    CHECK_FALSE(box.remove(ticket + 1));
    CHECK(taken(box) == "a");
    CHECK_FALSE(box.remove(ticket));
    CHECK(box.messages() == 1);
}

TEST_CASE("clearing gives all queued messages in order and leaves the taken ones to be settled") {
    outbox box(10, 100);
    CHECK(box.clear().empty());
    for (int number = 0; number < 4; ++number)
        queue(box, "xx", number, number >= 2 ? place::front_of_session : place::back);
    CHECK(*box.take()->receipt == 2);
    auto const all = box.clear();
    REQUIRE(all.size() == 3);
    CHECK(*all[0].receipt == 3);
    CHECK(*all[1].receipt == 0);
    CHECK(*all[2].receipt == 1);
    CHECK(box.empty());
    CHECK(box.accepting());
    CHECK(box.messages() == 1);
    CHECK(box.bytes() == 2);
    box.settle(2);
    CHECK(box.messages() == 0);
    CHECK(box.bytes() == 0);
}

TEST_CASE("an outbox that is destroyed releases the receipts in it") {
    auto const watched = std::make_shared<int>();
    {
        heartbeat::detail::outbox<std::shared_ptr<int>> box(10, 100);
        box.accept("a", std::shared_ptr<int>(watched));
        box.accept("b", std::shared_ptr<int>(watched), decltype(box)::place::front_of_session);
        CHECK(watched.use_count() == 3);
    }
    CHECK(watched.use_count() == 1);
}

/// What an outbox should do, in the most obvious way.
struct model {
    struct item {
        std::uint64_t ticket;
        std::size_t size;
        int number;
    };
    std::vector<item> front, back;
    std::vector<std::size_t> taken;

    std::vector<item> queued() const {
        std::vector<item> all = front;
        all.insert(all.end(), back.begin(), back.end());
        return all;
    }
    std::optional<item> erase(std::uint64_t ticket) {
        for (auto* const list : {&front, &back})
            for (auto at = list->begin(); at != list->end(); ++at)
                if (at->ticket == ticket) {
                    item const found = *at;
                    list->erase(at);
                    return found;
                }
        return std::nullopt;
    }
    std::size_t messages() const { return front.size() + back.size() + taken.size(); }
    std::size_t bytes() const {
        std::size_t sum = 0;
        for (auto const& waiting : queued()) sum += waiting.size;
        for (auto const size : taken) sum += size;
        return sum;
    }
};

bool is_same(std::optional<outbox::entry> const& entry, std::optional<model::item> const& item) {
    if (!entry || !item) return !entry && !item;
    return entry->ticket == item->ticket && entry->content.size() == item->size && entry->receipt &&
           *entry->receipt == item->number;
}

TEST_CASE("whatever is done to an outbox, it does what the model does") {
    for (unsigned const seed : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u}) {
        std::mt19937 random(seed);
        std::size_t const most_messages = 1 + random() % 12;
        std::size_t const most_bytes = 1 + random() % 60;
        outbox box(most_messages, most_bytes);
        model expected;
        bool open = true;
        std::uint64_t last_ticket = 0;
        for (int step = 0; step < 3000; ++step) {
            CAPTURE(seed, step);
            switch (auto const choice = random() % 20) {
                default: {
                    bool const front = choice % 4 == 0;
                    std::size_t const size = random() % 14;
                    bool const bad = size > 0 && random() % 16 == 0;
                    errc refused = {};
                    if (expected.messages() == most_messages || expected.bytes() + size > most_bytes)
                        refused = errc::outbox_full;
                    if (bad) refused = errc::invalid_utf8;
                    if (!open) refused = errc::closed;
                    message content(std::string(size, bad ? '\xff' : 'x'));
                    auto mine = std::make_unique<int>(step);
                    auto const result = box.accept(std::move(content), std::move(mine),
                                                   front ? place::front_of_session : place::back);
                    REQUIRE(result.refusal == refused);
                    REQUIRE((mine != nullptr) == (refused != errc{}));
                    REQUIRE(result.ticket == (refused == errc{} ? ++last_ticket : 0));
                    if (result) (front ? expected.front : expected.back).push_back({last_ticket, size, step});
                    break;
                }
                case 0:
                case 1:
                case 2:
                case 3: {
                    auto const all = expected.queued();
                    auto const next = all.empty() ? std::nullopt : expected.erase(all.front().ticket);
                    if (next) expected.taken.push_back(next->size);
                    REQUIRE(is_same(box.take(), next));
                    break;
                }
                case 4:
                case 5:
                case 6:
                case 7:
                    if (expected.taken.empty()) break;
                    box.settle(expected.taken.front());
                    expected.taken.erase(expected.taken.begin());
                    break;
                case 8:
                case 9: {
                    std::uint64_t const ticket =
                        last_ticket + 1 - std::min<std::uint64_t>(last_ticket, random() % 16);
                    REQUIRE(is_same(box.remove(ticket), expected.erase(ticket)));
                    break;
                }
                case 10:
                    open = random() % 4 != 0;
                    open ? box.open() : box.close();
                    break;
                case 11: {
                    if (random() % 8 != 0) break;
                    auto all = box.clear();
                    auto const items = expected.queued();
                    REQUIRE(all.size() == items.size());
                    for (std::size_t index = 0; index < all.size(); ++index)
                        REQUIRE(is_same(std::move(all[index]), items[index]));
                    expected.front.clear();
                    expected.back.clear();
                    break;
                }
            }
            REQUIRE(box.messages() == expected.messages());
            REQUIRE(box.bytes() == expected.bytes());
            REQUIRE(box.messages() <= most_messages);
            REQUIRE(box.bytes() <= most_bytes);
            REQUIRE(box.empty() == expected.queued().empty());
            REQUIRE(box.accepting() == open);
        }
    }
}

}  // namespace
