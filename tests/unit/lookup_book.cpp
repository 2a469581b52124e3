// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/core/lookup_book.hpp>

#include <map>
#include <string>
#include <vector>

namespace {

using heartbeat::time_point;
using heartbeat::detail::lookup_answer;
using heartbeat::detail::lookup_book;
using namespace std::chrono_literals;

using waiters = std::vector<lookup_book::waiter>;

lookup_answer const found{.addresses = {"192.0.2.1"}};
lookup_answer const found_later{.addresses = {"192.0.2.2"}};
lookup_answer const failed{.error = make_error_code(boost::system::errc::host_unreachable)};

/// A book whose time the test sets.
struct desk {
    lookup_book::reply ask(std::string const& host, lookup_book::waiter who) {
        return book.ask(host, who, now);
    }
    std::string take() {
        auto const host = book.take(now);
        if (host) began[*host] = now;
        return host.value_or("none");
    }
    waiters finish(std::string const& host, lookup_answer const& answer) {
        return book.finish(host, answer, began[host], now);
    }

    lookup_book book;
    /// Of each name, when its last lookup began.
    std::map<std::string, time_point> began = {};
    time_point now = time_point{} + 1h;
};

}  // namespace

TEST_CASE("one lookup of a name serves all who ask for it") {
    desk here;
    CHECK(here.ask("a", 1).start_thread);
    CHECK_FALSE(here.ask("a", 2).start_thread);
    CHECK(here.take() == "a");
    auto const third = here.ask("a", 3);
    CHECK_FALSE(third.start_thread);
    CHECK_FALSE(third.answer);
    CHECK(here.finish("a", found) == waiters{1, 2, 3});
    CHECK(here.take() == "none");
    CHECK(here.book.threads() == 0);
    CHECK(here.book.names() == 0);

    // Names whose lookup is prompt are looked up anew each time.
    auto const again = here.ask("a", 4);
    CHECK(again.start_thread);
    CHECK_FALSE(again.answer);
}

TEST_CASE("law 13: a lookup that hangs holds no other up, as long as there are threads") {
    desk here;
    for (std::size_t number = 0; number < lookup_book::max_threads; ++number) {
        auto const host = std::to_string(number);
        CHECK(here.ask(host, number).start_thread);
        CHECK(here.take() == host);
    }
    CHECK_FALSE(here.ask("one more", 1000).start_thread);
    CHECK_FALSE(here.ask("and another", 1001).start_thread);
    // The first that ends takes them over.
    here.finish("7", found);
    CHECK(here.take() == "one more");
    CHECK(here.finish("one more", found) == waiters{1000});
    CHECK(here.take() == "and another");
    CHECK(here.finish("and another", found) == waiters{1001});
    CHECK(here.take() == "none");
    CHECK(here.book.threads() == lookup_book::max_threads - 1);
}

TEST_CASE("a lookup that everybody has given up before it began does not begin") {
    desk here;
    here.ask("a", 1);
    here.ask("a", 2);
    here.book.give_up(1);
    CHECK(here.book.names() == 1);
    here.book.give_up(2);
    CHECK(here.book.names() == 0);
    CHECK(here.take() == "none");
}

TEST_CASE("law 13: an answer that comes when all have given up serves the next attempt") {
    desk here;
    here.ask("a", 1);
    CHECK(here.take() == "a");
    here.book.give_up(1);
    here.now += 10s;
    SECTION("which asks while it still runs") {
        // Another one begins beside it, since it may hang for a reason that is gone.
        CHECK(here.ask("a", 2).start_thread);
        CHECK(here.finish("a", found) == waiters{2});
    }
    SECTION("which asks afterwards") {
        CHECK(here.finish("a", found).empty());
        CHECK(here.take() == "none");
        CHECK(here.book.kept() == 1);
        auto const second = here.ask("a", 2);
        REQUIRE(second.answer);
        CHECK(second.answer->addresses == found.addresses);

        // Beside it a new lookup begins, for the attempt after that.
        CHECK(second.start_thread);
        CHECK(here.take() == "a");
        CHECK(here.ask("a", 3).answer->addresses == found.addresses);
        SECTION("and is slow again") {
            here.now += 10s;
            CHECK(here.finish("a", found_later).empty());
            CHECK(here.ask("a", 4).answer->addresses == found_later.addresses);
        }
        SECTION("and is prompt now") {
            here.now += lookup_book::prompt;
            CHECK(here.finish("a", found_later).empty());
            CHECK_FALSE(here.ask("a", 4).answer);
        }
        SECTION("and fails") {
            here.now += 10s;
            CHECK(here.finish("a", failed).empty());
            CHECK_FALSE(here.ask("a", 4).answer);
        }
    }
}

TEST_CASE("law 13: a name server that is dead costs its five seconds once") {
    desk here;
    here.ask("a", 1);
    here.take();
    here.now += 5020ms;
    CHECK(here.finish("a", found) == waiters{1});
    here.take();
    CHECK(here.ask("a", 2).answer);
}

TEST_CASE("an answer that came late is kept for an hour") {
    desk here;
    here.ask("a", 1);
    here.take();
    here.book.give_up(1);
    here.now += 1s;
    here.finish("a", found);
    here.take();
    here.now += lookup_book::max_age;
    SECTION("and no less") { CHECK(here.ask("a", 2).answer); }
    SECTION("and no longer") {
        here.now += 1ns;
        auto const late = here.ask("a", 2);
        CHECK_FALSE(late.answer);
        CHECK(late.start_thread);
    }
}

TEST_CASE("law 13: a lookup that hangs does not hold up those who ask for the same name later") {
    desk here;
    here.ask("a", 1);
    CHECK(here.take() == "a");
    here.now += lookup_book::prompt;
    CHECK_FALSE(here.ask("a", 2).start_thread);
    here.now += 1ns;
    CHECK(here.ask("a", 3).start_thread);
    CHECK_FALSE(here.ask("a", 4).start_thread);
    CHECK(here.take() == "a");
    SECTION("the first that finds it tells all") {
        CHECK(here.finish("a", found) == waiters{1, 2, 3, 4});
        // The one that hangs may come back.
        CHECK(here.finish("a", found_later).empty());
        CHECK(here.book.names() == 0);
    }
    SECTION("one that fails says nothing while another runs") {
        CHECK(here.finish("a", failed).empty());
        CHECK(here.finish("a", failed) == waiters{1, 2, 3, 4});
    }
    SECTION("they are bounded in number") {
        here.now += 10s;
        CHECK(here.ask("a", 5).start_thread);
        CHECK(here.take() == "a");
        here.now += 10s;
        CHECK_FALSE(here.ask("a", 6).start_thread);
    }
    SECTION("one whose thread cannot be started says nothing either") {
        here.now += 10s;
        CHECK(here.ask("a", 5).start_thread);
        CHECK(here.book.not_started("a").empty());
    }
}

TEST_CASE("a prompt answer is not kept, whoever has given up") {
    desk here;
    here.ask("a", 1);
    here.take();
    here.book.give_up(1);
    here.now += lookup_book::short_time;
    here.finish("a", found);
    CHECK(here.book.names() == 0);
}

TEST_CASE("an error that comes late is not kept") {
    desk here;
    here.ask("a", 1);
    here.take();
    here.book.give_up(1);
    here.now += 1s;
    here.finish("a", failed);
    CHECK(here.book.names() == 0);
}

TEST_CASE("law 11: answers that came late are bounded in number") {
    desk here;
    for (std::size_t number = 0; number <= lookup_book::max_kept; ++number) {
        auto const host = std::to_string(number);
        here.now += 1s;
        here.ask(host, number);
        here.take();
        here.book.give_up(number);
        here.now += 1s;
        here.finish(host, found);
        CHECK(here.take() == "none");
    }
    CHECK(here.book.kept() == lookup_book::max_kept);
    CHECK_FALSE(here.ask("0", 1000).answer);
    CHECK(here.ask("1", 1001).answer);
}

TEST_CASE("those who wait for a lookup whose thread cannot be started are told") {
    desk here;
    CHECK(here.ask("a", 1).start_thread);
    CHECK(here.book.not_started("a") == waiters{1});
    CHECK(here.book.threads() == 0);
    CHECK(here.book.names() == 0);

    // Unless another thread has taken it meanwhile.
    CHECK(here.ask("a", 1).start_thread);
    CHECK(here.take() == "a");
    CHECK(here.ask("b", 2).start_thread);
    here.finish("a", found);
    CHECK(here.take() == "b");
    CHECK(here.book.not_started("b").empty());
    CHECK(here.finish("b", found) == waiters{2});
}
