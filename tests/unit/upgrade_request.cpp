// SPDX-License-Identifier: BSL-1.0

// First, since it brings std::quoted: an argument of namespace std must not make the library's calls
// ambiguous.
#include <iomanip>

#include "catch.hpp"

#include <heartbeat/core/request_rules.hpp>
#include <heartbeat/core/upgrade_request.hpp>
#include <heartbeat/options.hpp>

#include <string>
#include <string_view>

namespace {

using heartbeat::http_headers;
using heartbeat::options;
using heartbeat::options_error;
using heartbeat::parse_url;
using heartbeat::request_options;
using namespace heartbeat::detail;

/// The field of the error, or nothing.
std::string field_refused(request_options const& request, std::string const& url = "ws://h") {
    try {
        validate(options{.url = url, .request = request});
    } catch (options_error const& error) {
        CHECK(std::string_view(error.what()).find("secret") == std::string_view::npos);
        return error.field();
    }
    return {};
}

}  // namespace

TEST_CASE("base64 is that of RFC 4648") {
    char const* const table[][2] = {{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"}};
    for (auto const& row : table) CHECK(base64(row[0]) == row[1]);
    CHECK(base64("\xff\xfe\xfd\xfb") == "//79+w==");
    CHECK(base64(std::string_view("\0\0\0", 3)) == "AAAA");
}

TEST_CASE("headers of your own are tokens with one line of text") {
    for (char const* name : {"X-Key", "x", "!#$%&'*+-.^_`|~09AZaz", "Authorization", "Cookie", "Accept"})
        CHECK(field_refused({.headers = {{name, "value"}}}).empty());
    for (char const* name :
         {"", " ", "X Key", "X:", "X\n", "X\r\nHost", "\xc3\xb6", "X\"", "(x)", "a/b", "x\x7f"})
        CHECK(field_refused({.headers = {{name, "secret"}}}) == "request.headers");
    for (char const* value : {"", " ", "a\tb", "\xc3\xb6", "\xff", "a, b; c=\"d\""})
        CHECK(field_refused({.headers = {{"X", value}}}).empty());
    for (std::string const value :
         {"secret\r\nHost: other", "secret\n", "\rsecret", "secret\x01", "\x7fsecret"})
        CHECK(field_refused({.headers = {{"X", value}}}) == "request.headers");
    CHECK(field_refused({.headers = {{"X", std::string("secret\0", 7)}}}) == "request.headers");
}

TEST_CASE("headers of the handshake and those with a field of their own are refused in any case") {
    for (char const* name : {"Host", "HOST", "upgrade", "Connection", "Sec-WebSocket-Key",
                             "sec-websocket-protocol", "Sec-WebSocket-Anything", "Sec-WebSocket-",
                             "Content-Length", "Transfer-Encoding", "User-Agent", "origin"})
        CHECK(field_refused({.headers = {{name, "secret"}}}) == "request.headers");
    CHECK(field_refused({.headers = {{"Sec-WebSocket", "x"}}}).empty());
    CHECK(field_refused({.headers = {{"Hosts", "x"}}}).empty());
}

TEST_CASE("a header Host of its own is a host with an optional port, and nothing else") {
    for (char const* host : {"", "example.com", "a_b:8080", "192.0.2.1", "[2001:db8::1]", "[::1]:1", "h:"})
        CHECK(field_refused({.host = host}).empty());
    for (std::string const host : {"a b", "a\r\nX: y", "a\n", "a/", "a?b", "a#b", "u@a", ":80", "a:0",
                                   "a:65536", "a:x", "::1", "[::1", "[fe80::1%25eth0]", "\xc3\xb6", "a%20b"})
        CHECK(field_refused({.host = host}) == "request.host");
    CHECK(field_refused({.host = std::string("a\0b", 3)}) == "request.host");
    CHECK(field_refused({.host = std::string(255, 'a')}) == "request.host");
    auto const where = parse_url("ws://h:1/x");
    CHECK(host_to_ask({}, where) == "h:1");
    CHECK(host_to_ask({.host = "example.com"}, where) == "example.com");
}

TEST_CASE("user agent and origin are one line, subprotocols are tokens and different") {
    CHECK(field_refused({.user_agent = "a\nb"}) == "request.user_agent");
    CHECK(field_refused({.origin = "https://example.com"}).empty());
    CHECK(field_refused({.origin = "null\r\nX: y"}) == "request.origin");
    CHECK(field_refused({.subprotocols = {"chat", "Chat", "v1.example.com"}}).empty());
    CHECK(field_refused({.subprotocols = {"chat", "other", "chat"}}) == "request.subprotocols");
    for (char const* name : {"", "a b", "a,b", "a\r\n", "\xc3\xb6"})
        CHECK(field_refused({.subprotocols = {name}}) == "request.subprotocols");
}

TEST_CASE("credentials that their scheme cannot carry are refused, and not shown") {
    CHECK(field_refused({.user = "\xc3\xb6", .password = "a:b \xe2\x82\xac"}).empty());
    CHECK(field_refused({.user = "secret:x"}) == "request.user");
    CHECK(field_refused({.user = "secret\n"}) == "request.user");
    CHECK(field_refused({.user = "x", .password = "secret\x7f"}) == "request.password");
    CHECK(field_refused({.user = "x", .password = "secret\xff"}) == "request.password");
    CHECK(field_refused({.bearer = "aZ09-._~+/=="}).empty());
    for (char const* token : {"=", "secret token", "secret=x", "secret\r\n", "\xc3\xb6", "\"secret\""})
        CHECK(field_refused({.bearer = token}) == "request.bearer");
}

TEST_CASE("no header is longer than Beast takes") {
    // Of what is sent: base64, a list, a scheme and the name count.
    CHECK(field_refused({.bearer = std::string(32'000, 'a')}).empty());
    CHECK(field_refused({.bearer = std::string(33'000, 'a')}) == "request");
    CHECK(field_refused({.user = "u", .password = std::string(24'000, 'a')}).empty());
    CHECK(field_refused({.user = "u", .password = std::string(25'000, 'a')}) == "request");
    CHECK(field_refused({.headers = {{"X", std::string(33'000, 'a')}}}) == "request");
    CHECK(field_refused({.headers = {{std::string(33'000, 'X'), ""}}}) == "request");
    CHECK(field_refused({.origin = std::string(33'000, 'a')}) == "request");
    std::vector<std::string> many(100);
    for (std::size_t index = 0; index < many.size(); ++index)
        many[index] = std::string(400, 'a') + std::to_string(index);
    CHECK(field_refused({.subprotocols = many}) == "request");
    CHECK(field_refused({}, "ws://u:" + std::string(25'000, 'a') + "@h") == "request");
}

TEST_CASE("there is one way of authentication at most") {
    http_headers const own{{"authorization", "Digest secret"}};
    CHECK(field_refused({.headers = own}).empty());
    CHECK(field_refused({}, "ws://user:secret@h").empty());
    CHECK(field_refused({.headers = own, .bearer = "secret"}) == "request");
    CHECK(field_refused({.headers = own, .user = "secret"}) == "request");
    CHECK(field_refused({.headers = own}, "ws://user:secret@h") == "request");
    CHECK(field_refused({.password = "secret", .bearer = "secret"}) == "request");
    CHECK(field_refused({.bearer = "secret"}, "ws://user:secret@h") == "request");
    CHECK(field_refused({.user = "secret"}, "ws://:secret@h") == "request");
}

TEST_CASE("an upgrade request says what the options say") {
    auto const where = parse_url("ws://h");
    CHECK(upgrade_headers({}, where) == http_headers{{"User-Agent", "heartbeat_socket"}});
    CHECK(upgrade_headers({.user_agent = ""}, where).empty());
    request_options const all{.headers = {{"X", "1"}, {"Cookie", "a=b"}, {"X", "2"}},
                              .user_agent = "me/1",
                              .origin = "https://example.com",
                              .subprotocols = {"a", "b"},
                              .bearer = "token"};
    CHECK(upgrade_headers(all, where) == http_headers{{"User-Agent", "me/1"},
                                                      {"Origin", "https://example.com"},
                                                      {"Sec-WebSocket-Protocol", "a, b"},
                                                      {"Authorization", "Bearer token"},
                                                      {"X", "1"},
                                                      {"Cookie", "a=b"},
                                                      {"X", "2"}});
}

TEST_CASE("Basic authentication is that of RFC 7617, from the options or the URL") {
    CHECK(authorization({.user = "Aladdin", .password = "open sesame"}, {}) ==
          "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    CHECK(authorization({.user = "test", .password = "123\xc2\xa3"}, {}) == "Basic dGVzdDoxMjPCow==");
    CHECK(authorization({}, parse_url("ws://Aladdin:open%20sesame@h")) ==
          "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    CHECK(authorization({}, parse_url("ws://user@h")) == "Basic dXNlcjo=");
    CHECK(authorization({}, parse_url("ws://h")).empty());
}
