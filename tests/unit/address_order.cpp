// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/core/address_order.hpp>

#include <optional>
#include <string>
#include <vector>

namespace {

using heartbeat::endpoint;
using heartbeat::detail::address_memory;
using heartbeat::detail::in_order;
using experience = address_memory::experience;

std::vector<endpoint> at_port(std::vector<std::string> const& addresses) {
    std::vector<endpoint> all;
    for (auto const& one : addresses) all.push_back({one, 80});
    return all;
}

std::vector<std::string> ordered(std::vector<std::string> const& found, address_memory const& memory = {},
                                 std::size_t max_addresses = 8) {
    std::vector<std::string> all;
    for (auto const& one : in_order(at_port(found), memory, max_addresses).all) all.push_back(one.address);
    return all;
}

using list = std::vector<std::string>;

}  // namespace

TEST_CASE("the families of addresses alternate, beginning with that of the first") {
    CHECK(ordered({}) == list{});
    CHECK(ordered({"1.1.1.1"}) == list{"1.1.1.1"});
    CHECK(ordered({"::1", "::2", "::3", "1.1.1.1", "2.2.2.2"}) ==
          list{"::1", "1.1.1.1", "::2", "2.2.2.2", "::3"});
    CHECK(ordered({"1.1.1.1", "::1", "::2"}) == list{"1.1.1.1", "::1", "::2"});
    CHECK(ordered({"1.1.1.1", "2.2.2.2", "::1"}) == list{"1.1.1.1", "::1", "2.2.2.2"});
}

TEST_CASE("an address that was found twice is tried once, and with each of its ports") {
    CHECK(ordered({"1.1.1.1", "1.1.1.1", "2.2.2.2", "1.1.1.1"}) == list{"1.1.1.1", "2.2.2.2"});
    std::vector<endpoint> const ports = {{"1.1.1.1", 80}, {"1.1.1.1", 81}};
    CHECK(in_order(ports, {}, 8).all == ports);
}

TEST_CASE("law 10: an attempt tries at most so many addresses") {
    CHECK(ordered({"1.1.1.1", "2.2.2.2", "3.3.3.3"}, {}, 2) == list{"1.1.1.1", "2.2.2.2"});
}

TEST_CASE("law 13: an address whose connection broke is tried last by the next attempt") {
    address_memory memory;
    memory.learn({"1.1.1.1", 80}, experience::broken);
    CHECK(ordered({"1.1.1.1", "2.2.2.2", "3.3.3.3"}, memory) == list{"2.2.2.2", "3.3.3.3", "1.1.1.1"});
    // At another port it is another.
    CHECK(in_order({{"1.1.1.1", 81}, {"2.2.2.2", 81}}, memory, 8).all.front().address == "1.1.1.1");
    CHECK(in_order({{"1.1.1.1", 80}, {"2.2.2.2", 80}}, memory, 8).broken == 1);
    // Of two, the one that broke last.
    memory.learn({"2.2.2.2", 80}, experience::broken);
    CHECK(ordered({"1.1.1.1", "2.2.2.2", "3.3.3.3"}, memory) == list{"3.3.3.3", "1.1.1.1", "2.2.2.2"});
    memory.learn({"1.1.1.1", 80}, experience::broken);
    CHECK(ordered({"1.1.1.1", "2.2.2.2", "3.3.3.3"}, memory) == list{"3.3.3.3", "2.2.2.2", "1.1.1.1"});
    memory.learn({"2.2.2.2", 80}, experience::good);
    CHECK(ordered({"1.1.1.1", "2.2.2.2", "3.3.3.3"}, memory) == list{"2.2.2.2", "3.3.3.3", "1.1.1.1"});
}

TEST_CASE("an attempt that failed tells of the address that it used, or else of those that it tried") {
    auto const all = at_port({"1.1.1.1", "2.2.2.2", "3.3.3.3"});
    struct row {
        std::size_t tried;
        std::optional<endpoint> adopted;
        std::vector<experience> known;
    };
    using enum address_memory::experience;
    for (auto const& [tried, adopted, known] : {
             row{0, {}, {good, good, good}},
             row{2, {}, {unanswered, unanswered, good}},
             row{3, {}, {unanswered, unanswered, unanswered}},
             row{1, all[0], {broken, good, good}},
             row{3, all[1], {good, broken, good}},
         }) {
        address_memory memory;
        memory.attempt_failed(all, tried, adopted);
        for (std::size_t index = 0; index < all.size(); ++index) CHECK(memory.of(all[index]) == known[index]);
    }
}

TEST_CASE("law 13: of more addresses than an attempt tries, each comes to its turn") {
    address_memory memory;
    memory.learn({"1.1.1.1", 80}, experience::unanswered);
    memory.learn({"2.2.2.2", 80}, experience::unanswered);
    CHECK(ordered({"1.1.1.1", "2.2.2.2", "3.3.3.3"}, memory, 2) == list{"3.3.3.3", "1.1.1.1"});
    // Also an attempt that has room for all need not come to all.
    CHECK(ordered({"1.1.1.1", "2.2.2.2", "3.3.3.3"}, memory) == list{"3.3.3.3", "1.1.1.1", "2.2.2.2"});
    // One that breaks is worse, however long that has been known.
    address_memory other;
    other.learn({"1.1.1.1", 80}, experience::broken);
    other.learn({"2.2.2.2", 80}, experience::unanswered);
    CHECK(ordered({"1.1.1.1", "2.2.2.2"}, other) == list{"2.2.2.2", "1.1.1.1"});
    // All were tried: the order is that of the lookup again.
    memory.learn({"3.3.3.3", 80}, experience::unanswered);
    CHECK(ordered({"1.1.1.1", "2.2.2.2", "3.3.3.3"}, memory) == list{"1.1.1.1", "2.2.2.2", "3.3.3.3"});
}

TEST_CASE("law 13: one that broke once comes to its turn though there are many that do not answer") {
    address_memory memory;
    memory.learn({"9.9.9.9", 80}, experience::broken);
    list found = {"9.9.9.9"};
    for (int number = 1; number <= 8; ++number) found.push_back("1.1.1." + std::to_string(number));
    std::size_t tried = 0;
    for (int attempt = 0; attempt < 9; ++attempt) {
        for (auto const& one : ordered(found, memory)) {
            if (one == "9.9.9.9")
                ++tried;
            else
                memory.learn({one, 80}, experience::unanswered);
        }
    }
    CHECK(tried >= 1);
}

TEST_CASE("law 11: what is known of addresses is bounded") {
    address_memory memory;
    for (std::size_t number = 0; number < address_memory::capacity + 1; ++number)
        memory.learn({"10.0.0." + std::to_string(number), 80}, experience::broken);
    CHECK(memory.of({"10.0.0.0", 80}) == experience::good);
    CHECK(memory.of({"10.0.0.1", 80}) == experience::broken);
    CHECK(memory.of({"10.0.0.64", 80}) == experience::broken);
}
