// SPDX-License-Identifier: BSL-1.0
//
// Where an answer may send the client, and what it takes along.
#include "world.hpp"

namespace {

std::string redirects(unsigned status, std::string const& location) {
    return refuses(status, "Location: " + location + "\r\n");
}

/// Sends what asks for /start to another place.
struct redirecting_world : client_world {
    hb::options options(unsigned most_redirects = 5) const {
        auto settings = client_world::options();
        settings.request.most_redirects = most_redirects;
        return settings;
    }

    void send_to(std::string const& location, unsigned status = 302) {
        server.answer = [location, status](http_request const& request) {
            return request.target() == "/start" ? redirects(status, location) : accepts(request);
        };
    }

    void check_refused(hb::errc why) {
        until_failed();
        CHECK(failure().cause == hb::errc::redirect_refused);
        CHECK(failure().evidence == why);
        CHECK(failure().http_status == 302);
        CHECK_FALSE(failure().http_headers.empty());
        CHECK(told->opened.empty());
    }
};

}  // namespace

TEST_CASE_METHOD(redirecting_world, "five statuses are followed, within one attempt") {
    unsigned const status = GENERATE(301u, 302u, 303u, 307u, 308u);
    CAPTURE(status);
    send_to("/there?x", status);
    start(options());
    until_open();
    REQUIRE(server.requests.size() == 2);
    CHECK(server.requests[1].target() == "/there?x");
    CHECK(told->failures.empty());
    CHECK(told->waits.empty());
    CHECK(socket->stats().attempts == 1);
}

TEST_CASE_METHOD(redirecting_world,
                 "law 1: the connection that was redirected is closed before the next is made") {
    send_to("ws://" + other.address() + "/there");
    std::size_t open = 99;
    other.answer = [&](http_request const& request) {
        // What the client did first has arrived first.
        io.poll();
        open = server.open_connections();
        return accepts(request);
    };
    start(options());
    until_open();
    CHECK(open == 0);
}

TEST_CASE_METHOD(redirecting_world, "a redirect is told as a refusal when none is to be followed") {
    send_to("/there");
    start(options(0));
    until_failed();
    CHECK(failure().cause == hb::errc::upgrade_refused);
    CHECK(failure().http_status == 302);
    CHECK(failure().http_headers.at(0) == hb::http_header{"Location", "/there"});
    CHECK(server.requests.size() == 1);
}

TEST_CASE_METHOD(redirecting_world, "credentials come along to the same host and port") {
    send_to("/there");
    auto settings = options();
    settings.request.headers = {{"X-Key", "secret"}, {"Cookie", "secret"}};
    settings.request.bearer = "secret";
    settings.request.host = "secret.example.com";
    start(settings);
    until_open();
    CHECK(server.requests.at(1).field("Authorization") == "Bearer secret");
    CHECK(server.requests[1].field("Host") == "secret.example.com");
    CHECK(server.requests[1].field("X-Key") == "secret");
    CHECK(server.requests[1].field("Cookie") == "secret");
}

TEST_CASE_METHOD(redirecting_world, "credentials never cross to another port, whatever form they have") {
    send_to("http://" + other.address() + "/there");
    auto settings = options();
    settings.request.headers = {{"X-Key", "secret"}, {"Cookie", "secret"}};
    settings.request.subprotocols = {"chat"};
    settings.request.host = "secret.example.com";
    SECTION("bearer") { settings.request.bearer = "secret"; }
    SECTION("Basic") { settings.request.user = settings.request.password = "secret"; }
    SECTION("URL") { settings.url = "ws://secret:secret@" + server.address() + "/start"; }
    SECTION("own") { settings.request.headers.push_back({"Authorization", "secret"}); }
    start(settings);
    until_open();
    CHECK(server.requests.at(0).head.find("Authorization") != std::string::npos);
    auto const& head = other.requests.at(0).head;
    CHECK(head.find("Authorization") == std::string::npos);
    CHECK(head.find("secret") == std::string::npos);
    CHECK(head.find("Cookie") == std::string::npos);
    CHECK(other.requests[0].field("Sec-WebSocket-Protocol") == "chat");
    CHECK(other.requests[0].field("Host") == other.address());
}

TEST_CASE_METHOD(redirecting_world, "the next attempt begins where the first did, with its credentials") {
    send_to("ws://" + other.address() + "/there");
    auto settings = options();
    settings.request.bearer = "secret";
    start(settings);
    until_open();
    other.drop();
    until([&] { return told->waits.size() == 1; });
    pass(3s);
    until_open(2);
    REQUIRE(server.requests.size() == 2);
    CHECK(server.requests[1].field("Authorization") == "Bearer secret");
}

TEST_CASE_METHOD(redirecting_world, "redirects without end are not followed for ever") {
    server.answer = [number = 0](http_request const&) mutable {
        return redirects(302, "/" + std::to_string(++number));
    };
    start(options(3));
    check_refused(hb::errc::too_many_redirects);
    CHECK(server.requests.size() == 4);
}

TEST_CASE_METHOD(redirecting_world, "redirects in a circle are not followed") {
    server.answer = [](http_request const& request) {
        return redirects(302, request.target() == "/start" ? "/there" : "/start");
    };
    start(options());
    check_refused(hb::errc::redirect_loop);
    CHECK(server.requests.size() == 2);
}

TEST_CASE_METHOD(redirecting_world, "a redirect to what cannot be dialled is refused") {
    SECTION("another scheme") { send_to("ftp://h/"); }
    SECTION("no URL") { send_to("/a b"); }
    SECTION("wss without TLS") { send_to("https://" + server.address()); }
    SECTION("user and password of the server's") { send_to("ws://a:b@" + other.address()); }
    SECTION("two") { send_to("/a\r\nLocation: /b"); }
    SECTION("none") {
        server.answer = [](http_request const&) { return refuses(302); };
    }
    start(options());
    check_refused(hb::errc::redirect_invalid);
    CHECK(server.requests.size() == 1);
    CHECK(other.requests.empty());
}

TEST_CASE_METHOD(redirecting_world, "a redirect to a place where nobody listens fails as a connection does") {
    // Port 1 of a loopback address of its own.
    send_to("ws://127.0.0.9:1/");
    start(options());
    until_failed();
    CHECK(failure().cause == hb::errc::connect_failed);
    CHECK(failure().http_status == 0);
}

TEST_CASE_METHOD(redirecting_world, "a redirect is followed though its body never comes") {
    server.answer = [](http_request const& request) {
        return request.target() == "/start"
                   ? std::string("HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 100\r\n\r\n<")
                   : accepts(request);
    };
    start(options());
    until_open();
    CHECK(server.requests.size() == 2);
}

TEST_CASE_METHOD(redirecting_world,
                 "each leg has a deadline for its upgrade, and all have that of the attempt") {
    hb::duration limit = 5s;
    hb::errc expected = hb::errc::upgrade_timeout;
    auto settings = options();
    SECTION("its own") {}
    SECTION("that of the attempt") {
        settings.deadlines.attempt = limit = 4s;
        expected = hb::errc::attempt_timeout;
    }
    server.answer = [](http_request const& request) {
        return request.target() == "/start" ? redirects(302, "/there") : std::string();
    };
    start(settings);
    until([&] { return server.requests.size() == 2; });
    pass(limit - 1ms);
    CHECK(told->failures.empty());
    pass(1ms);
    REQUIRE(told->failures.size() == 1);
    CHECK(failure().cause == expected);
}

TEST_CASE_METHOD(redirecting_world, "the time of all legs counts for the attempt") {
    server.answer = [&, number = 0](http_request const&) mutable {
        clock.advance(4s);
        return redirects(302, "/" + std::to_string(++number));
    };
    start(options(100));
    until_failed();
    CHECK(failure().cause == hb::errc::attempt_timeout);
    CHECK(server.requests.size() == 3);
}

TEST_CASE_METHOD(redirecting_world, "a close between two legs ends the run") {
    server.answer = [&](http_request const& request) {
        if (request.target() == "/start") return redirects(302, "/there");
        socket->close();
        return std::string();
    };
    start(options());
    until([&] { return end.has_value(); });
    CHECK_FALSE(*end);
    CHECK(told->stopped.at(0).reason.cause == hb::errc::closed);
    until([&] { return server.open_connections() == 0; });
}
