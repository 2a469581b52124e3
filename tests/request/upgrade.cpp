// SPDX-License-Identifier: BSL-1.0
//
// What the upgrade request says, and what a refusal tells.
#include "world.hpp"

TEST_CASE_METHOD(client_world, "the upgrade request says what the options say") {
    auto settings = options();
    settings.request = {.headers = {{"X-Key", "a b"}, {"Cookie", "c=d"}},
                        .user_agent = "me/1",
                        .origin = "https://example.com",
                        .subprotocols = {"chat", "superchat"},
                        .bearer = "token"};
    start(settings);
    until_open();
    REQUIRE(server.requests.size() == 1);
    auto const& request = server.requests[0];
    CHECK(request.target() == "/start");
    CHECK(request.field("Host") == server.address());
    CHECK(request.field("X-Key") == "a b");
    CHECK(request.field("Cookie") == "c=d");
    CHECK(request.field("User-Agent") == "me/1");
    CHECK(request.field("Origin") == "https://example.com");
    CHECK(request.field("Sec-WebSocket-Protocol") == "chat, superchat");
    CHECK(request.field("Authorization") == "Bearer token");
    CHECK(told->opened[0].subprotocol.empty());
}

TEST_CASE_METHOD(client_world, "the header Host may be another than that of the URL") {
    auto settings = options();
    settings.request.host = "example.com:8443";
    start(settings);
    until_open();
    CHECK(server.requests.at(0).field("Host") == "example.com:8443");
    CHECK(server.requests[0].head.find(server.address()) == std::string::npos);
}

TEST_CASE_METHOD(client_world, "the upgrade request says no more than it has to") {
    auto settings = options();
    settings.request.user_agent = "";
    start(settings);
    until_open();
    for (char const* name : {"User-Agent", "Origin", "Sec-WebSocket-Protocol", "Authorization"})
        CHECK(server.requests.at(0).head.find(name) == std::string::npos);
}

TEST_CASE_METHOD(client_world, "user and password of the options or of the URL become Basic authentication") {
    auto settings = options();
    std::string expected = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
    SECTION("options") {
        settings.request.user = "Aladdin";
        settings.request.password = "open sesame";
    }
    SECTION("URL") { settings.url = "ws://Aladdin:open%20sesame@" + server.address() + "/start"; }
    start(settings);
    until_open();
    CHECK(server.requests.at(0).field("Authorization") == expected);
    CHECK(server.requests.at(0).field("Host") == server.address());
    CHECK(server.requests.at(0).target() == "/start");
}

TEST_CASE_METHOD(client_world,
                 "the subprotocol that the server chose is told, one that it made up is an error") {
    auto settings = options();
    settings.request.subprotocols = {"chat", "superchat"};
    std::string chosen;
    server.answer = [&](http_request const& request) {
        return accepts(request, "Sec-WebSocket-Protocol: " + chosen + "\r\n");
    };
    SECTION("offered") {
        chosen = "superchat";
        start(settings);
        until_open();
        CHECK(told->opened[0].subprotocol == "superchat");
    }
    SECTION("not offered") {
        chosen = "other";
        start(settings);
        until_failed();
        CHECK(failure().cause == hb::errc::upgrade_failed);
        CHECK(failure().evidence == hb::errc::subprotocol_not_offered);
        CHECK(told->opened.empty());
    }
}

TEST_CASE_METHOD(client_world, "a refusal tells status, headers and the beginning of the body") {
    std::string body = "{\"error\": \"no such room\"}";
    SECTION("short") {}
    SECTION("long") { body = std::string(5000, 'x'); }
    SECTION("empty") { body.clear(); }
    server.answer = [&](http_request const&) { return refuses(403, "X-Why: because\r\n", body); };
    start(options());
    until_failed();
    CHECK(failure().cause == hb::errc::upgrade_refused);
    CHECK(failure().http_status == 403);
    CHECK(failure().http_headers ==
          hb::http_headers{{"X-Why", "because"}, {"Content-Length", std::to_string(body.size())}});
    CHECK(failure().http_body == body.substr(0, 1024));
    auto const text = to_string(failure());
    CHECK(text.find("HTTP status 403") != std::string::npos);
    CHECK(text.size() < 300);
    if (!body.empty())
        CHECK(text.find(body.substr(0, 8) == "xxxxxxxx" ? "xxx\"..." : "no such room") != text.npos);
}

TEST_CASE_METHOD(client_world,
                 "an answer whose headers have no end is no refusal, and does not fill the memory") {
    server.answer = [](http_request const&) {
        return "HTTP/1.1 403 Forbidden\r\nX: " + std::string(100'000, 'x');
    };
    start(options());
    until_failed();
    CHECK(failure().cause == hb::errc::upgrade_failed);
    CHECK(failure().http_headers.empty());
}

TEST_CASE_METHOD(client_world, "a header with a line break never makes a socket") {
    auto settings = options();
    settings.request.headers = {{"X", "a\r\nHost: other"}};
    CHECK_THROWS_AS(test_socket(io, settings), hb::options_error);
}
