// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/core/redirects.hpp>

#include <string>

namespace {

using heartbeat::errc;
using heartbeat::http_headers;
using heartbeat::parse_url;
using heartbeat::request_options;
using heartbeat::detail::is_redirect;
using heartbeat::detail::itinerary;
using heartbeat::detail::resolve_location;

std::string resolved(char const* base, char const* location) {
    auto const found = resolve_location(parse_url(base), location);
    return found ? to_string(*found) : "nothing";
}

request_options with_secrets(unsigned most_redirects) {
    return {.headers = {{"Cookie", "secret"}, {"X-Key", "secret"}},
            .origin = "https://example.com",
            .host = "secret.example.com",
            .subprotocols = {"chat"},
            .user = "user",
            .password = "secret",
            .most_redirects = most_redirects};
}

bool has_secrets(itinerary const& trip) {
    auto const& request = trip.request();
    return !request.headers.empty() || !request.host.empty() || !request.user.empty() ||
           !request.password.empty() || !request.bearer.empty() || !trip.where().user.empty() ||
           !trip.where().password.empty();
}

}  // namespace

TEST_CASE("a location is resolved against the URL as in RFC 3986 section 5.4") {
    char const* const table[][2] = {
        {"g", "ws://a/b/c/g"},
        {"./g", "ws://a/b/c/g"},
        {"g/", "ws://a/b/c/g/"},
        {"/g", "ws://a/g"},
        {"//g", "ws://g/"},
        {"?y", "ws://a/b/c/d;p?y"},
        {"g?y", "ws://a/b/c/g?y"},
        {"#s", "ws://a/b/c/d;p?q"},
        {"g#s", "ws://a/b/c/g"},
        {"g?y#s", "ws://a/b/c/g?y"},
        {";x", "ws://a/b/c/;x"},
        {"g;x", "ws://a/b/c/g;x"},
        {"", "ws://a/b/c/d;p?q"},
        {".", "ws://a/b/c/"},
        {"./", "ws://a/b/c/"},
        {"..", "ws://a/b/"},
        {"../", "ws://a/b/"},
        {"../g", "ws://a/b/g"},
        {"../..", "ws://a/"},
        {"../../", "ws://a/"},
        {"../../g", "ws://a/g"},
        {"../../../g", "ws://a/g"},
        {"../../../../g", "ws://a/g"},
        {"/./g", "ws://a/g"},
        {"/../g", "ws://a/g"},
        {"g.", "ws://a/b/c/g."},
        {".g", "ws://a/b/c/.g"},
        {"g..", "ws://a/b/c/g.."},
        {"..g", "ws://a/b/c/..g"},
        {"./../g", "ws://a/b/g"},
        {"./g/.", "ws://a/b/c/g/"},
        {"g/./h", "ws://a/b/c/g/h"},
        {"g/../h", "ws://a/b/c/h"},
        {"g;x=1/./y", "ws://a/b/c/g;x=1/y"},
        {"g?y/./x", "ws://a/b/c/g?y/./x"},
        {"g?y/../x", "ws://a/b/c/g?y/../x"},
    };
    for (auto const& row : table) {
        CAPTURE(row[0]);
        CHECK(resolved("ws://a/b/c/d;p?q", row[0]) == row[1]);
    }
}

TEST_CASE("the zone of an IPv6 address is kept by references of the server to itself, and by no others") {
    char const* const table[][3] = {
        {"ws://[fe80::1%25eth0]:8002/a/b", "c", "ws://[fe80::1%25eth0]:8002/a/c"},
        {"ws://[fe80::1%25eth0]:8002/a/b", "?c", "ws://[fe80::1%25eth0]:8002/a/b?c"},
        {"ws://[fe80::1%25eth0]:8002/a/b", "", "ws://[fe80::1%25eth0]:8002/a/b"},
        {"ws://[fe80::1%25a%3Ab]/", "/c", "ws://[fe80::1%25a%3Ab]/c"},
        // As it was told by Host, which has no zone.
        {"ws://[fe80::1%25eth0]:8002/", "http://[fe80::1]:8002/c", "ws://[fe80::1%25eth0]:8002/c"},
        {"ws://[fe80::1%25eth0]/", "//[fe80::1]:81/c", "ws://[fe80::1%25eth0]:81/c"},
        {"ws://[fe80::1%25eth0]/", "http://[fe80::2]/", "ws://[fe80::2]/"},
        {"ws://[fe80::1%25eth0]/", "http://[fe80::1%25eth1]/", "ws://[fe80::1%25eth1]/"},
    };
    for (auto const& row : table) {
        CAPTURE(row[0], row[1]);
        CHECK(resolved(row[0], row[1]) == row[2]);
    }
}

TEST_CASE("the same address in another zone is another server, which is not shown what is secret") {
    auto const led = [](char const* location) {
        itinerary trip(parse_url("ws://[fe80::1%25eth0]/"), with_secrets(1));
        CHECK(trip.follow(location, false) == errc{});
        return trip;
    };
    CHECK(has_secrets(led("http://[fe80::1]/x")));
    CHECK(has_secrets(led("http://[FE80::1%25eth0]/x")));
    CHECK_FALSE(has_secrets(led("http://[fe80::1%25eth1]/x")));
    CHECK_FALSE(has_secrets(led("http://[fe80::1%25ETH0]/x")));
}

TEST_CASE("a location may have a host and a scheme of its own, which are websocket's or HTTP's") {
    char const* const table[][3] = {
        {"ws://a:1/x", "http://b/y", "ws://b/y"},
        {"ws://a:1/x", "HTTP://b:2/../y?z#f", "ws://b:2/y?z"},
        {"ws://a:1/x", "https://b", "wss://b/"},
        {"ws://a:1/x", "wss://b:443/", "wss://b/"},
        {"wss://a/x", "ws://b/", "ws://b/"},
        {"wss://a/x", "//b:8/y", "wss://b:8/y"},
        {"ws://[::1]:1/x", "y", "ws://[::1]:1/y"},
        {"ws://user:secret@a:1/x", "y", "ws://a:1/y"},
        {"ws://a/x", "y:z", "nothing"},
        {"ws://a/x", "./y:z", "ws://a/y:z"},
        {"ws://a/x", "ftp://b/", "nothing"},
        {"ws://a/x", "http:y", "nothing"},
        {"ws://a/x", "http:///y", "nothing"},
        {"ws://a/x", "//", "nothing"},
        {"ws://a/x", "//b:0/", "nothing"},
        {"ws://a/x", "/y z", "nothing"},
        {"ws://a/x", "/y, /z", "nothing"},
        {"ws://a/x", "/\xc3\xb6", "nothing"},
    };
    for (auto const& row : table) {
        CAPTURE(row[0], row[1]);
        CHECK(resolved(row[0], row[1]) == row[2]);
    }
}

TEST_CASE("five statuses are redirects") {
    for (unsigned status = 0; status < 1000; ++status) {
        bool const expected =
            status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
        CHECK(is_redirect(status) == expected);
    }
}

TEST_CASE("credentials and headers stay where they are only at the same scheme, host and port") {
    for (char const* location : {"/y", "ws://H:1/y", "http://h:1/y", "//h:1/y"}) {
        itinerary trip(parse_url("ws://h:1/x"), with_secrets(5));
        CHECK(trip.follow(location, true) == errc{});
        CHECK(trip.request() == with_secrets(5));
        CHECK_FALSE(trip.crossed());
        itinerary other(parse_url("ws://user:secret@h:1/x"), {.most_redirects = 1});
        CHECK(other.follow(location, true) == errc{});
        CHECK(other.where().user == "user");
        CHECK(other.where().password == "secret");
    }
    for (char const* location :
         {"//h/y", "//h:2/y", "//g:1/y", "//h.evil:1/y", "wss://h:1/y", "https://h:1/y"}) {
        CAPTURE(location);
        itinerary trip(parse_url("ws://h:1/x"), with_secrets(5));
        CHECK(trip.follow(location, true) == errc{});
        CHECK_FALSE(has_secrets(trip));
        CHECK(trip.crossed());
        CHECK(trip.request().origin == "https://example.com");
        CHECK(trip.request().subprotocols.size() == 1);
        itinerary bearer(parse_url("ws://h:1/x"), {.bearer = "secret", .most_redirects = 1});
        CHECK(bearer.follow(location, true) == errc{});
        CHECK_FALSE(has_secrets(bearer));
        itinerary other(parse_url("ws://user:secret@h:1/x"), {.most_redirects = 1});
        CHECK(other.follow(location, true) == errc{});
        CHECK_FALSE(has_secrets(other));
    }
}

TEST_CASE("credentials do not come back with the way") {
    itinerary trip(parse_url("ws://h:1/x"), with_secrets(5));
    CHECK(trip.follow("//g:1/y", true) == errc{});
    CHECK(trip.follow("//h:1/z", true) == errc{});
    CHECK_FALSE(has_secrets(trip));
}

TEST_CASE("a redirect that is not followed changes nothing and says why") {
    itinerary trip(parse_url("wss://h/x"), with_secrets(2));
    auto const refused = [&](char const* location, bool tls = true) {
        auto const before = to_string(trip.where());
        auto const why = trip.follow(location, tls);
        CHECK(to_string(trip.where()) == before);
        CHECK(has_secrets(trip));
        return why;
    };
    CHECK(refused("ws://h/y") == errc::redirect_insecure);
    CHECK(refused("http://h/y") == errc::redirect_insecure);
    CHECK(refused("") == errc::redirect_invalid);
    CHECK(refused("#again") == errc::redirect_loop);
    CHECK(refused("//H/x#again") == errc::redirect_loop);
    CHECK(refused("ftp://h/y") == errc::redirect_invalid);
    CHECK(refused("wss://other:secret@h/y") == errc::redirect_invalid);
    CHECK(refused("wss://h/y", false) == errc::redirect_invalid);
    CHECK(trip.follow("y", true) == errc{});
    CHECK(refused("x") == errc::redirect_loop);
    CHECK(trip.follow("z", true) == errc{});
    CHECK(refused("y") == errc::redirect_loop);
    CHECK(refused("zz") == errc::too_many_redirects);
}

TEST_CASE("without a number of redirects none is followed") {
    itinerary trip(parse_url("ws://h/x"), {});
    CHECK_FALSE(trip.follows());
    CHECK(trip.follow("y", true) == errc::too_many_redirects);
}
