// SPDX-License-Identifier: BSL-1.0
//
// A server that can be reached is reached: names with several addresses, of which some are no good.
#include "world.hpp"

#include <boost/asio/error.hpp>

#include <stdexcept>

namespace {

constexpr char const* first = "2001:db8::1";
constexpr char const* second = "192.0.2.1";

/// The name "server" has two addresses, and the echo server listens at the second.
struct two_addresses : simulated_world {
    two_addresses() {
        network.stop_listening("server", "8002");
        network.name("server", {first, second});
        serve(second);
    }

    void serve(std::string const& address) {
        network.listen(address, "8002", io.get_executor(),
                       [this](hb::simulated_stream stream) { server.serve(std::move(stream)); });
    }

    /// Accepts there and says nothing.
    void keep_silent(std::string const& address) {
        network.listen(address, "8002", io.get_executor(),
                       [this](hb::simulated_stream stream) { silent.push_back(std::move(stream)); });
    }

    void start(hb::options settings = options()) {
        socket.emplace(make_socket(std::move(settings)));
        told.emplace(*socket);
        socket->start();
        settle();
    }

    std::vector<hb::simulated_stream> silent;
    std::optional<simulated_socket> socket;
    std::optional<diary> told;
};

/// Options with a resolver of the application's.
hb::options resolved_by(hb::resolve_function function) {
    auto settings = simulated_world::options();
    settings.dial.resolve = std::move(function);
    return settings;
}

}  // namespace

TEST_CASE("law 13: an address that swallows SYNs costs a quarter of a second in each attempt") {
    two_addresses here;
    here.network.swallow(first, "8002");
    here.start();
    here.pass(250ms - 1ns);
    CHECK(here.told->opened.empty());
    here.pass(1ns);
    CHECK(here.told->opened.size() == 1);
    CHECK(here.socket->stats().attempts == 1);
    CHECK(here.socket->stats().connects == 2);
    CHECK(here.network.open_connections() == 1);

    here.server.drop_all();
    here.settle();
    here.pass(3s + 250ms);
    CHECK(here.told->opened.size() == 2);
    CHECK(here.told->failures.empty());
}

TEST_CASE("law 13: an address that refuses costs nothing") {
    two_addresses here;
    here.start();
    CHECK(here.told->opened.size() == 1);
    CHECK(here.socket->stats().connects == 2);
}

TEST_CASE("law 13: addresses of a family that this host does not have cost nothing") {
    two_addresses here;
    here.network.name("server", {first, "2001:db8::2", "2001:db8::3", second});
    here.network.set_families(true, false);
    here.start();
    CHECK(here.told->opened.size() == 1);
}

TEST_CASE("law 13: an address that accepts and is silent costs one deadline, once") {
    two_addresses here;
    here.keep_silent(first);
    here.start();
    here.pass(5s);
    REQUIRE(here.told->failures.size() == 1);
    CHECK(here.told->failures[0].reason.cause == hb::errc::upgrade_timeout);
    CHECK(here.told->opened.empty());
    here.pass(3s);
    CHECK(here.told->opened.size() == 1);
    CHECK(here.socket->stats().connects == 2);

    // It is not come back to while the other works.
    here.server.drop_all();
    here.settle();
    here.pass(3s);
    CHECK(here.told->opened.size() == 2);
    CHECK(here.told->failures.size() == 1);
}

TEST_CASE("law 13: an address that accepts and is silent does not win again since it is the quicker one") {
    two_addresses here;
    here.keep_silent(first);
    here.start();
    here.pass(8s - 1ms);
    REQUIRE(here.told->failures.size() == 1);
    // The good one does not answer for a second, as after a SYN that was lost.
    here.network.swallow(second, "8002");
    here.pass(1s);
    here.network.swallow(second, "8002", false);
    here.network.cut();
    here.network.restore();
    here.settle();
    CHECK(here.told->opened.size() == 1);
    CHECK(here.told->failures.size() == 1);
}

TEST_CASE("law 13: an address that refuses the upgrade for long does not make the next one wait for long") {
    two_addresses here;
    hb::basic_echo_server<hb::simulated_stream, hb::manual_clock> refusing(here.io.get_executor());
    refusing.refuse_upgrades({.status = 403});
    here.network.listen(first, "8002", here.io.get_executor(),
                        [&](hb::simulated_stream stream) { refusing.serve(std::move(stream)); });
    here.start();
    REQUIRE(here.told->failures.size() == 1);
    CHECK(here.told->failures[0].reason.http_status == 403);
    here.pass(3s);
    CHECK(here.told->opened.size() == 1);
}

TEST_CASE("law 13: a name server that answers after five seconds is waited for") {
    simulated_world here;
    auto settings = simulated_world::options();
    settings.deadlines = {};
    here.network.set({.lookup = 5020ms});
    auto socket = here.make_socket(settings);
    diary const told(socket);
    socket.start();
    here.pass(5020ms);
    CHECK(told.opened.size() == 1);
    CHECK(told.failures.empty());
}

TEST_CASE("law 1: of two connections that are made at once one survives, and the server has one session") {
    two_addresses here;
    here.serve(first);
    here.network.set({.latency = 200ms});
    here.start();
    here.pass(2s);
    CHECK(here.told->opened.size() == 1);
    CHECK(here.socket->stats().connects == 2);
    CHECK(here.network.dials() == 2);
    CHECK(here.network.open_connections() == 1);
}

TEST_CASE("law 4: a close while addresses are tried ends all of them") {
    two_addresses here;
    here.network.swallow(first, "8002");
    here.network.swallow(second, "8002");
    here.start();
    here.pass(300ms);
    CHECK(here.network.dials() == 2);
    bool closed = false;
    SECTION("a close") {
        here.socket->async_close([&](hb::error_code) { closed = true; });
    }
    SECTION("the end of the socket") {
        here.told.reset();
        here.socket.reset();
        closed = true;
    }
    here.settle();
    CHECK(closed);
    CHECK(here.clock.pending() == 0);
    CHECK(here.network.open_connections() == 0);
    here.pass(1h);
    CHECK(here.network.dials() == 2);
}

TEST_CASE("the evidence of an attempt is the first error that says something") {
    two_addresses here;
    here.network.stop_listening(second, "8002");
    SECTION("though others are silent") {
        here.network.swallow(second, "8002");
        here.start();
        here.pass(5s);
        REQUIRE(here.told->failures.size() == 1);
        CHECK(here.told->failures[0].reason.cause == hb::errc::connect_timeout);
        CHECK(here.told->failures[0].reason.evidence == asio::error::connection_refused);
    }
    SECTION("not that this host has no way to another") {
        here.network.set_families(true, false);
        here.start();
        REQUIRE(here.told->failures.size() == 1);
        CHECK(here.told->failures[0].reason.cause == hb::errc::connect_failed);
        CHECK(here.told->failures[0].reason.evidence == asio::error::connection_refused);
    }
    SECTION("or that, if nothing else was said") {
        here.network.set_families(false, false);
        here.start();
        REQUIRE(here.told->failures.size() == 1);
        CHECK(here.told->failures[0].reason.evidence == asio::error::network_unreachable);
    }
}

TEST_CASE("law 10: an attempt connects to no more addresses than it may") {
    two_addresses here;
    std::vector<std::string> addresses;
    for (int number = 1; number <= 20; ++number) addresses.push_back("192.0.2." + std::to_string(number));
    here.network.stop_listening(second, "8002");
    here.serve("192.0.2.20");
    here.network.name("server", addresses);
    here.start();
    CHECK(here.socket->stats().connects == 8);
    CHECK(here.told->failures.size() == 1);
    // The others come to their turn.
    here.pass(6s);
    CHECK(here.socket->stats().connects == 20);
    CHECK(here.told->opened.size() == 1);
}

TEST_CASE("an application's own resolver is asked in each attempt, for names alone") {
    two_addresses here;
    std::vector<std::string> asked;
    auto settings = resolved_by([&](std::string host, hb::resolve_handler done) {
        asked.push_back(std::move(host));
        done(std::vector<hb::endpoint>{{.address = second}});
    });
    SECTION("a name that no other resolver knows") {
        here.network.look_up(hb::lookup_result::not_found);
        settings.url = "ws://nowhere.internal:8002";
        here.start(settings);
        CHECK(here.told->opened.size() == 1);
        here.server.drop_all();
        here.settle();
        here.pass(3s);
        CHECK(here.told->opened.size() == 2);
        CHECK(asked == std::vector<std::string>{"nowhere.internal", "nowhere.internal"});
    }
    SECTION("an address") {
        settings.url = "ws://192.0.2.1:8002";
        here.start(settings);
        CHECK(here.told->opened.size() == 1);
        CHECK(asked.empty());
    }
}

TEST_CASE("what an application's own resolver answers is used, or fails the attempt with a reason") {
    two_addresses here;
    hb::reason why;
    std::vector<hb::resolve_handler> owed;
    SECTION("with a port of its own") {
        here.network.listen(second, "9000", here.io.get_executor(),
                            [&](hb::simulated_stream stream) { here.server.serve(std::move(stream)); });
        here.start(resolved_by([](std::string const&, hb::resolve_handler const& done) {
            done(std::vector<hb::endpoint>{{.address = second, .port = 9000}});
            // What comes a second time is ignored.
            done(std::vector<hb::endpoint>{{.address = first}});
        }));
        CHECK(here.told->opened.size() == 1);
        return;
    }
    SECTION("later") {
        here.start(
            resolved_by([&](std::string const&, hb::resolve_handler const& done) { owed.push_back(done); }));
        here.pass(4s);
        owed.at(0)(std::vector<hb::endpoint>{{.address = second}});
        here.settle();
        CHECK(here.told->opened.size() == 1);
        return;
    }
    SECTION("never") {
        here.start(
            resolved_by([&](std::string const&, hb::resolve_handler const& done) { owed.push_back(done); }));
        here.pass(5s);
        REQUIRE(here.told->failures.size() == 1);
        CHECK(here.told->failures[0].reason.cause == hb::errc::resolve_timeout);
        // An answer to an attempt that is over changes nothing.
        owed.at(0)(std::vector<hb::endpoint>{{.address = second}});
        here.settle();
        CHECK(here.network.dials() == 0);
        return;
    }
    SECTION("with an error") {
        here.start(resolved_by([](std::string const&, hb::resolve_handler const& done) {
            done(hb::error_code(asio::error::host_not_found_try_again));
        }));
        why = here.told->failures.at(0).reason;
        CHECK(why.evidence == asio::error::host_not_found_try_again);
    }
    SECTION("with an exception") {
        here.start(resolved_by([](std::string const&, hb::resolve_handler const&) {
            throw std::runtime_error("the registry is down");
        }));
        why = here.told->failures.at(0).reason;
        CHECK(why.explanation == "the registry is down");
    }
    SECTION("with nothing") {
        here.start(resolved_by(
            [](std::string const&, hb::resolve_handler const& done) { done(std::vector<hb::endpoint>{}); }));
        why = here.told->failures.at(0).reason;
        CHECK(why.evidence == asio::error::host_not_found);
    }
    SECTION("with what is no address") {
        here.start(resolved_by([](std::string const&, hb::resolve_handler const& done) {
            done(std::vector<hb::endpoint>{{.address = second}, {.address = "a.name"}});
        }));
        why = here.told->failures.at(0).reason;
        CHECK(why.evidence == hb::errc::invalid_option);
        CHECK(why.explanation == R"(dial.resolve gave "a.name", expected IPv4 and IPv6 addresses)");
    }
    CHECK(why.cause == hb::errc::resolve_failed);
    CHECK(here.told->waits.size() == 1);
    CHECK(here.network.dials() == 0);
}

TEST_CASE("another host and port than the URL's can be dialled") {
    two_addresses here;
    auto settings = simulated_world::options();
    settings.url = "ws://public.example/feed";
    settings.dial.host = "server";
    settings.dial.port = 8002;
    here.start(settings);
    CHECK(here.told->opened.size() == 1);
}
