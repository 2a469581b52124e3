// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/core/address_race.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace {

using heartbeat::time_point;
using heartbeat::detail::address_race;
using heartbeat::detail::connect_evidence;
using action = address_race::action;
using step = address_race::step;
using namespace std::chrono_literals;
namespace errc = boost::system::errc;

constexpr std::uint64_t attempt = 7;

boost::system::error_code error(errc::errc_t value) { return make_error_code(value); }

/// A race whose time the test sets.
struct course {
    explicit course(std::size_t addresses) : race(attempt, addresses, 250ms) {}

    step next() { return race.next(now); }
    void refuse(std::size_t index) { race.failed({attempt, index}, error(errc::connection_refused)); }
    void connect(std::size_t index) { race.connected({attempt, index}); }

    address_race race;
    time_point now = time_point{} + 1h;
};

constexpr step connects(std::size_t index) { return {action::connect, {attempt, index}}; }
constexpr step cancels(std::size_t index) { return {action::cancel, {attempt, index}}; }
constexpr step adopts(std::size_t index) { return {action::adopt, {attempt, index}}; }
constexpr step fails{action::fail, {attempt, 0}};
constexpr step nothing{};

}  // namespace

TEST_CASE("law 13: an address that does not answer costs 250 ms, then the next one is tried beside it") {
    course here(3);
    auto const began = here.now;
    CHECK(here.next() == connects(0));
    CHECK(here.next() == nothing);
    CHECK(here.race.due() == began + 250ms);
    here.now = began + 250ms - 1ns;
    CHECK(here.next() == nothing);
    here.now = began + 250ms;
    CHECK(here.next() == connects(1));
    CHECK(here.next() == nothing);
    CHECK(here.race.due() == began + 500ms);
    here.connect(1);
    CHECK_FALSE(here.race.due());
    CHECK(here.next() == cancels(0));
    CHECK(here.next() == adopts(1));
    CHECK(here.next() == nothing);
    CHECK(here.race.tried() == 2);
}

TEST_CASE("law 13: an address that refuses costs nothing") {
    course here(3);
    CHECK(here.next() == connects(0));
    here.refuse(0);
    CHECK(here.next() == connects(1));
    CHECK(here.next() == nothing);
    CHECK(here.race.due() == here.now + 250ms);

    // One that was tried earlier and fails later makes the next one begin, too.
    here.now += 250ms;
    CHECK(here.next() == connects(2));
    here.refuse(1);
    CHECK(here.next() == nothing);
    here.refuse(2);
    CHECK(here.next() == fails);
    CHECK(here.next() == nothing);
    CHECK(here.race.evidence() == errc::connection_refused);
}

TEST_CASE("law 13: an address whose connections broke is tried when no other is being tried any more") {
    address_race race(attempt, 3, 250ms, 1);
    auto const began = time_point{} + 1h;
    CHECK(race.next(began) == connects(0));
    CHECK(race.next(began + 250ms) == connects(1));
    race.failed({attempt, 0}, error(errc::connection_refused));
    // However quick it would be: one that is sound has not answered yet.
    CHECK(race.next(began + 250ms) == nothing);
    CHECK(race.due() == began + 250ms + address_race::patience);
    SECTION("at once when they have failed") {
        race.failed({attempt, 1}, error(errc::connection_refused));
        CHECK(race.next(began + 300ms) == connects(2));
    }
    SECTION("or when they have had their time") {
        // A SYN is repeated after 1 s and 3 s; the deadline for connecting is 5 s.
        CHECK(race.next(began + 250ms + 3500ms - 1ns) == nothing);
        CHECK(race.next(began + 250ms + 3500ms) == connects(2));
    }
    SECTION("and not at all if one of them connects") {
        race.connected({attempt, 1});
        CHECK(race.next(began + 1s) == adopts(1));
    }
}

TEST_CASE("of addresses that are all broken each is tried") {
    address_race race(attempt, 2, 250ms, 2);
    auto const began = time_point{} + 1h;
    CHECK(race.next(began) == connects(0));
    CHECK(race.next(began) == nothing);
    CHECK(race.due() == began + 250ms);
    CHECK(race.next(began + 250ms) == connects(1));
}

TEST_CASE("an address race tells whether others had no chance") {
    SECTION("which were not tried") {
        course here(2);
        CHECK(here.next() == connects(0));
        CHECK_FALSE(here.race.leaves_others());
        here.connect(0);
        CHECK(here.next() == adopts(0));
        here.race.stop();
        CHECK(here.race.leaves_others());
    }
    SECTION("which were slower") {
        course here(2);
        CHECK(here.next() == connects(0));
        here.now += 250ms;
        CHECK(here.next() == connects(1));
        here.connect(1);
        CHECK(here.next() == cancels(0));
        CHECK(here.race.leaves_others());
    }
    SECTION("not those that failed") {
        course here(2);
        CHECK(here.next() == connects(0));
        here.refuse(0);
        CHECK(here.next() == connects(1));
        here.connect(1);
        CHECK(here.next() == adopts(1));
        CHECK_FALSE(here.race.leaves_others());
    }
    SECTION("nor those that had their time before one that is broken") {
        address_race race(attempt, 2, 250ms, 1);
        auto const began = time_point{} + 1h;
        CHECK(race.next(began) == connects(0));
        CHECK(race.next(began + address_race::patience) == connects(1));
        race.connected({attempt, 1});
        CHECK(race.next(began + address_race::patience) == cancels(0));
        CHECK_FALSE(race.leaves_others());
    }
    SECTION("nor those that are broken") {
        address_race race(attempt, 2, 250ms, 1);
        CHECK(race.next(time_point{} + 1h) == connects(0));
        race.connected({attempt, 0});
        CHECK(race.next(time_point{} + 1h) == adopts(0));
        CHECK_FALSE(race.leaves_others());
    }
}

TEST_CASE("law 13: whichever address fails, the next one is tried at once") {
    course here(3);
    CHECK(here.next() == connects(0));
    here.now += 250ms;
    CHECK(here.next() == connects(1));
    CHECK(here.next() == nothing);
    here.refuse(0);
    CHECK(here.next() == connects(2));
}

TEST_CASE("an address race without addresses fails") {
    course here(0);
    CHECK(here.next() == fails);
    CHECK_FALSE(here.race.evidence());
}

TEST_CASE("an address race does nothing before it is begun and after it was stopped") {
    address_race none;
    CHECK(none.next(time_point{}) == nothing);
    CHECK_FALSE(none.due());

    course here(2);
    CHECK(here.next() == connects(0));
    here.race.stop();
    here.connect(0);
    here.now += 1h;
    CHECK(here.next() == nothing);
    CHECK_FALSE(here.race.due());
}

TEST_CASE("law 2: what is said of another attempt or of an address that is not being tried changes nothing") {
    course here(2);
    CHECK(here.next() == connects(0));
    here.race.connected({attempt - 1, 0});
    here.race.failed({attempt - 1, 0}, error(errc::connection_refused));
    here.race.connected({attempt, 1});
    here.race.failed({attempt, 1}, error(errc::connection_refused));
    here.race.connected({attempt, 2});
    here.race.failed({attempt, 99}, error(errc::connection_refused));
    CHECK(here.next() == nothing);
    CHECK_FALSE(here.race.evidence());
}

TEST_CASE("the first of two connections that are made in the same instant wins") {
    course here(2);
    CHECK(here.next() == connects(0));
    here.now += 250ms;
    CHECK(here.next() == connects(1));
    here.connect(1);
    here.connect(0);
    CHECK(here.next() == adopts(1));
    CHECK(here.next() == nothing);
}

TEST_CASE("the evidence of a connect is the first error that says something") {
    auto const of = [](std::vector<errc::errc_t> const& all) {
        connect_evidence evidence;
        for (auto const one : all) evidence.add(error(one));
        return evidence.error();
    };
    CHECK_FALSE(of({}));
    CHECK_FALSE(of({errc::operation_canceled}));
    CHECK(of({errc::operation_canceled, errc::connection_refused}) == errc::connection_refused);
    CHECK(of({errc::connection_refused, errc::host_unreachable}) == errc::connection_refused);
    CHECK(of({errc::network_unreachable, errc::connection_refused}) == errc::connection_refused);
    CHECK(of({errc::connection_refused, errc::network_unreachable}) == errc::connection_refused);
    CHECK(of({errc::address_family_not_supported, errc::too_many_files_open}) == errc::too_many_files_open);
    CHECK(of({errc::address_not_available, errc::timed_out}) == errc::timed_out);
    CHECK(of({errc::network_unreachable, errc::operation_canceled}) == errc::network_unreachable);
}

namespace {

/// Plays every sequence of events of some length against a race, with the laws checked at each step.
class explorer {
public:
    explicit explorer(std::size_t addresses) : addresses_(addresses) {}

    void run(std::size_t depth) { explore({address_race(attempt, addresses_, 250ms)}, depth); }

    std::size_t steps() const noexcept { return steps_; }

private:
    enum class place { waiting, connecting, connected, failed, cancelled };

    struct node {
        address_race race;
        time_point now = time_point{} + 1h;
        std::array<place, 4> places = {};
        std::optional<time_point> last_connect = {};
        std::optional<std::size_t> first_connected = {};
        std::size_t begun = 0;
        bool failed_since = false;
        bool over = false;
    };

    std::size_t count(node const& at, place wanted) const {
        return static_cast<std::size_t>(std::count(at.places.begin(), at.places.begin() + size(), wanted));
    }
    std::ptrdiff_t size() const { return static_cast<std::ptrdiff_t>(addresses_); }

    void perform(node& at) {
        for (int guard = 0;; ++guard) {
            REQUIRE(guard < 16);
            ++steps_;
            auto const [what, who] = at.race.next(at.now);
            if (what == action::none) break;
            REQUIRE_FALSE(at.over);
            REQUIRE(who.attempt == attempt);
            if (what == action::fail) {
                REQUIRE(count(at, place::failed) == addresses_);
                at.over = true;
                continue;
            }
            REQUIRE(who.index < addresses_);
            auto& one = at.places[who.index];
            if (what == action::connect) {
                REQUIRE(one == place::waiting);
                REQUIRE(who.index == at.begun++);
                REQUIRE_FALSE(at.first_connected);
                bool const waited = !at.last_connect || at.now - *at.last_connect >= 250ms;
                REQUIRE((waited || at.failed_since));
                at.last_connect = at.now;
                at.failed_since = false;
                one = place::connecting;
            } else if (what == action::cancel) {
                REQUIRE(one == place::connecting);
                REQUIRE(at.first_connected);
                one = place::cancelled;
            } else {
                REQUIRE(at.first_connected == who.index);
                REQUIRE(count(at, place::connecting) == 0);
                at.over = true;
            }
        }
        // It never waits for nothing.
        if (at.over) {
            REQUIRE_FALSE(at.race.due());
            return;
        }
        REQUIRE_FALSE(at.first_connected);
        REQUIRE(count(at, place::connecting) > 0);
        bool const more = at.begun < addresses_;
        REQUIRE(at.race.due().has_value() == more);
        REQUIRE_FALSE((more && at.failed_since));
        if (more) REQUIRE(*at.race.due() <= *at.last_connect + 250ms);
    }

    void explore(node at, std::size_t depth) {
        perform(at);
        if (depth == 0) return;
        for (std::size_t index = 0; index < addresses_; ++index) {
            bool const tried = at.places[index] == place::connecting;
            auto connected = at;
            connected.race.connected({attempt, index});
            if (tried && !at.over) {
                connected.places[index] = place::connected;
                if (!connected.first_connected) connected.first_connected = index;
            }
            explore(connected, depth - 1);
            auto failed = at;
            failed.race.failed({attempt, index}, error(errc::connection_refused));
            if (tried && !at.over) {
                failed.places[index] = place::failed;
                failed.failed_since = true;
            }
            explore(failed, depth - 1);
        }
        for (auto const time : {100ms, 250ms}) {
            auto later = at;
            later.now += time;
            explore(later, depth - 1);
        }
    }

    std::size_t addresses_;
    std::size_t steps_ = 0;
};

}  // namespace

TEST_CASE(
    "law 1: of every race of up to four addresses at most one connection survives, and none waits for "
    "nothing") {
    for (std::size_t addresses = 0; addresses <= 4; ++addresses) {
        explorer exploring(addresses);
        exploring.run(addresses > 3 ? 5 : 6);
        CHECK(exploring.steps() > 0);
    }
}
