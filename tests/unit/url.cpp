// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/core/ipv6_zone.hpp>
#include <heartbeat/url.hpp>

#include <random>
#include <string>
#include <string_view>

namespace {

using heartbeat::host_header;
using heartbeat::parse_url;
using heartbeat::url;
using heartbeat::url_error;
using heartbeat::detail::without_zone;

std::string expected_by(std::string_view text) {
    try {
        static_cast<void>(parse_url(text));
    } catch (url_error const& error) {
        return error.expected();
    }
    return "nothing else";
}

TEST_CASE("a websocket URL is taken apart into what a connection needs") {
    struct row {
        char const* text;
        url parts;
        char const* header;
    };
    row const table[] = {
        {"ws://example.com", {false, "example.com", "80", "/"}, "example.com"},
        {"wss://example.com", {true, "example.com", "443", "/"}, "example.com"},
        {"WS://example.com/", {false, "example.com", "80", "/"}, "example.com"},
        {"wSs://Example.COM/", {true, "Example.COM", "443", "/"}, "Example.COM"},
        {"ws://h/a/b", {false, "h", "80", "/a/b"}, "h"},
        {"ws://h//", {false, "h", "80", "//"}, "h"},
        {"ws://h?q=1", {false, "h", "80", "/?q=1"}, "h"},
        {"ws://h?", {false, "h", "80", "/?"}, "h"},
        {"ws://h/p?q=/?&x", {false, "h", "80", "/p?q=/?&x"}, "h"},
        {"ws://h/user@place:1[2]", {false, "h", "80", "/user@place:1[2]"}, "h"},
        {"ws://h?user@place:1", {false, "h", "80", "/?user@place:1"}, "h"},
        {"ws://h/%23%20|{}\"^", {false, "h", "80", "/%23%20|{}\"^"}, "h"},
        {"ws://h:8002", {false, "h", "8002", "/"}, "h:8002"},
        {"ws://h:8002/x?y", {false, "h", "8002", "/x?y"}, "h:8002"},
        {"ws://h:8002?y", {false, "h", "8002", "/?y"}, "h:8002"},
        {"ws://h:80", {false, "h", "80", "/"}, "h"},
        {"ws://h:443", {false, "h", "443", "/"}, "h:443"},
        {"wss://h:443", {true, "h", "443", "/"}, "h"},
        {"wss://h:80", {true, "h", "80", "/"}, "h:80"},
        {"ws://h:1", {false, "h", "1", "/"}, "h:1"},
        {"ws://h:65535", {false, "h", "65535", "/"}, "h:65535"},
        {"ws://h:", {false, "h", "80", "/"}, "h"},
        {"wss://h:/x", {true, "h", "443", "/x"}, "h"},
        {"ws://h:0080", {false, "h", "80", "/"}, "h"},
        {"ws://h:000000000000000000008002", {false, "h", "8002", "/"}, "h:8002"},
        {"ws://127.0.0.1:8002", {false, "127.0.0.1", "8002", "/"}, "127.0.0.1:8002"},
        {"ws://a-b.c_d.~e!.example.", {false, "a-b.c_d.~e!.example.", "80", "/"}, "a-b.c_d.~e!.example."},
        {"ws://[::1]", {false, "::1", "80", "/"}, "[::1]"},
        {"ws://[::1]/x", {false, "::1", "80", "/x"}, "[::1]"},
        {"ws://[::1]?x", {false, "::1", "80", "/?x"}, "[::1]"},
        {"ws://[::1]:", {false, "::1", "80", "/"}, "[::1]"},
        {"ws://[::1]:80", {false, "::1", "80", "/"}, "[::1]"},
        {"wss://[2001:DB8::a]:8443/x", {true, "2001:DB8::a", "8443", "/x"}, "[2001:DB8::a]:8443"},
    };
    for (auto const& row : table) {
        CAPTURE(row.text);
        url const parts = parse_url(row.text);
        CHECK(parts.secure == row.parts.secure);
        CHECK(parts.host == row.parts.host);
        CHECK(parts.port == row.parts.port);
        CHECK(parts.target == row.parts.target);
        CHECK(parts == row.parts);
        CHECK(host_header(parts) == row.header);
    }
}

TEST_CASE("user and password in a URL are decoded and no part of the host") {
    struct row {
        char const* text;
        char const* user;
        char const* password;
    };
    row const table[] = {
        {"ws://h", "", ""},
        {"ws://@h", "", ""},
        {"ws://:@h", "", ""},
        {"ws://user@h", "user", ""},
        {"ws://user:@h", "user", ""},
        {"ws://:secret@h", "", "secret"},
        {"ws://user:secret@h", "user", "secret"},
        {"ws://user:a:b@h", "user", "a:b"},
        {"ws://us%40er:%2f%3A%c3%B6%25@h", "us@er", "/:\xc3\xb6%"},
        {"wss://a!$&'()*+,;=:-._~@h", "a!$&'()*+,;=", "-._~"},
    };
    for (auto const& row : table) {
        CAPTURE(row.text);
        url const parts = parse_url(row.text);
        CHECK(parts.user == row.user);
        CHECK(parts.password == row.password);
        CHECK(host_header(parts) == "h");
        CHECK(to_string(parts) == (parts.secure ? "wss://h/" : "ws://h/"));
    }
    CHECK(parse_url("ws://user:secret@[::1]:8002/x@y").host == "::1");
    CHECK(to_string(parse_url("ws://user:secret@[::1]:8002/x@y?z")) == "ws://[::1]:8002/x@y?z");
}

TEST_CASE("no error text shows a password or a query, which often holds a key, however the URL is wrong") {
    for (char const* text :
         {"ws://user:secret@h:0", "ws://user:secret@", "http://user:secret@h", "user:secret@h",
          "ws:/user:secret@h", "ws://user:se/cret@h", "ws://user:se?cret@h:x", "ws://user:secret@h@h",
          "ws://user:secret%@h", "ws://user:se#cret@h", "ws://secret%3a:x@h", "://user:secret@h",
          "secret://x@h", "ws://h/feed?token=secret#x", "ws://h:0?secret", "h?secret?secret",
          "ws://user:x@h:0/y?token=secret@z", "wss://h:0/?user=me@x.com&token=secret"}) {
        CAPTURE(text);
        try {
            static_cast<void>(parse_url(text));
            FAIL("nothing was wrong");
        } catch (url_error const& error) {
            std::string_view const what = error.what();
            CHECK(what.find("cret") == std::string_view::npos);
            CHECK(what.find("***") != std::string_view::npos);
        }
    }
}

TEST_CASE("a host has up to 254 characters") {
    CHECK(parse_url("ws://" + std::string(254, 'a')).host.size() == 254);
    CHECK_THROWS_AS(parse_url("ws://" + std::string(255, 'a')), url_error);
}

TEST_CASE("an IPv6 address in a URL is accepted in every form of RFC 3986 and in no other") {
    for (char const* address :
         {"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::8", "1:2::7:8",
          "abcd:EF01:2345:6789:ABCD:ef01:2345:6789", "::127.0.0.1", "::ffff:255.255.255.255",
          "1:2:3:4:5:6:7.8.9.10", "1::7.8.9.10", "1:2:3:4:5::7.8.9.10", "0000::0000"}) {
        CAPTURE(address);
        CHECK(parse_url(std::string("ws://[") + address + "]:1/").host == address);
    }
    for (char const* address : {"",
                                ":",
                                ":::",
                                "1",
                                "1:",
                                ":1",
                                "1:2:3:4:5:6:7",
                                "1:2:3:4:5:6:7:8:9",
                                "1:2:3:4:5:6:7:8::",
                                "1::2::3",
                                "1:::2",
                                "::1:",
                                "12345::",
                                "g::",
                                "::1 ",
                                "localhost",
                                "127.0.0.1",
                                "::1.2.3",
                                "::1.2.3.4.5",
                                "::256.1.1.1",
                                "::1.2.3.04",
                                "::1..2.3",
                                "::1.2.3.",
                                "::.1.2.3",
                                "1:2:3:4:5:6:7:1.2.3.4",
                                "1:2:3:4:5:6::1.2.3.4:5",
                                "::1.2.3.4:5",
                                "::a.2.3.4",
                                "v1.x",
                                "[::1"}) {
        CAPTURE(address);
        CHECK_THROWS_AS(parse_url(std::string("ws://[") + address + "]:1/"), url_error);
    }
}

TEST_CASE("an IPv6 address in a URL may have a zone, which is no part of the header Host") {
    struct row {
        char const* inside;
        char const* host;
        char const* shown;
    };
    row const table[] = {
        {"fe80::1%25eth0", "fe80::1%eth0", "fe80::1%25eth0"},
        {"fe80::1%eth0", "fe80::1%eth0", "fe80::1%25eth0"},
        {"fe80::1%251", "fe80::1%1", "fe80::1%251"},
        {"fe80::1%1", "fe80::1%1", "fe80::1%251"},
        {"fe80::1%2525", "fe80::1%25", "fe80::1%2525"},
        {"fe80::1%2", "fe80::1%2", "fe80::1%252"},
        {"fe80::1%ed0", "fe80::1%ed0", "fe80::1%25ed0"},
        {"fe80::1%25br-lan.1_~", "fe80::1%br-lan.1_~", "fe80::1%25br-lan.1_~"},
        {"fe80::1%25a%3ab%25%5D", "fe80::1%a:b%]", "fe80::1%25a%3Ab%25%5D"},
        {"fe80::1%25%c3%b6", "fe80::1%\xc3\xb6", "fe80::1%25%C3%B6"},
        {"fe80::1%25a23456789012345", "fe80::1%a23456789012345", "fe80::1%25a23456789012345"},
        {"FE80::1%25Eth0", "FE80::1%Eth0", "FE80::1%25Eth0"},
    };
    for (auto const& row : table) {
        CAPTURE(row.inside);
        auto const parts = parse_url(std::string("ws://[") + row.inside + "]:8002/x%25");
        CHECK(parts.host == row.host);
        CHECK(parts.port == "8002");
        auto const address = std::string(row.inside).substr(0, 7);
        CHECK(without_zone(parts.host) == address);
        CHECK(host_header(parts) == '[' + address + "]:8002");
        CHECK(to_string(parts) == std::string("ws://[") + row.shown + "]:8002/x%25");
        CHECK(parse_url(to_string(parts)) == parts);
    }
    CHECK(host_header(parse_url("wss://[fe80::1%25eth0]")) == "[fe80::1]");
    CHECK(without_zone("::1") == "::1");
    CHECK(without_zone("example.com") == "example.com");
}

TEST_CASE("what is not a websocket URL is refused with what was expected") {
    struct row {
        std::string_view text;
        char const* expected;
    };
    constexpr char const* scheme = "a URL that begins with ws:// or wss://";
    constexpr char const* visible = "visible ASCII characters only, others percent-encoded";
    constexpr char const* fragment = "no fragment: # has to be written as %23";
    constexpr char const* user =
        "user and password before the host to be percent-encoded UTF-8 without control characters, and no "
        "colon "
        "in the user";
    constexpr char const* host = "a host after the scheme";
    constexpr char const* letters = "a host of letters, digits, hyphens and dots";
    constexpr char const* port = "a port from 1 to 65535";
    constexpr char const* one_port = "one port, or an IPv6 address in brackets";
    constexpr char const* brackets = "an IPv6 address between the brackets";
    constexpr char const* behind = "a port or a path after the brackets";
    constexpr char const* zone =
        "after the IPv6 address %25 and a zone of 1 to 15 letters, digits or -._~, others percent-encoded, "
        "like [fe80::1%25eth0]";
    row const table[] = {
        {"", scheme},
        {"w", scheme},
        {"ws", scheme},
        {"ws:/", scheme},
        {"ws:/h", scheme},
        {"ws:h", scheme},
        {"h", scheme},
        {"//h", scheme},
        {"http://h", scheme},
        {"wsss://h", scheme},
        {"xws://h", scheme},
        {" ws://h", scheme},
        {"ws ://h", scheme},
        {std::string_view("ws\0://h", 7), scheme},
        {"ws://", host},
        {"wss://", host},
        {"ws:///path", host},
        {"ws://?query", host},
        {"ws://:80", host},
        {"ws://:", host},
        {"ws://h ", visible},
        {"ws://h\n", visible},
        {"ws://h/a b", visible},
        {"ws://h/\r\nHost: other", visible},
        {"ws://h/\t", visible},
        {"ws://h/\x7f", visible},
        {"ws://h/\x80", visible},
        {"ws://h\xc3\xb6st/", visible},
        {std::string_view("ws://h\0", 7), visible},
        {"ws://h#", fragment},
        {"ws://h/#f", fragment},
        {"ws://h/?q#f", fragment},
        {"ws://#h", fragment},
        {"ws://user%@h", user},
        {"ws://user%4@h", user},
        {"ws://user%4g@h", user},
        {"ws://user:p%0ass@h", user},
        {"ws://user%7f@h", user},
        {"ws://a%3ab@h", user},
        {"ws://user:%ff@h", user},
        {"ws://a@b@h", letters},
        {"ws://user@", host},
        {"ws://user@:80", host},
        {"ws://h:0", port},
        {"ws://h:65536", port},
        {"ws://h:4294967376", port},
        {"ws://h:18446744073709551696", port},
        {"ws://h:80x", port},
        {"ws://h:-1", port},
        {"ws://h:+80", port},
        {"ws://[::1]:0", port},
        {"ws://h:80:80", one_port},
        {"ws://h::", one_port},
        {"ws://::1", one_port},
        {"ws://::1/", one_port},
        {"ws://2001:db8::1/", one_port},
        {"ws://h\\x", letters},
        {"ws://a<b", letters},
        {"ws://h%41", letters},
        {"ws://h[1]", letters},
        {"ws://[::1", brackets},
        {"ws://[::1/", brackets},
        {"ws://[]", brackets},
        {"ws://[", brackets},
        {"ws://[host]", brackets},
        {"ws://[::1/x]", brackets},
        {"ws://[%25eth0]", brackets},
        {"ws://[fe80::%25eth0", brackets},
        {"ws://[127.0.0.1%25eth0]", brackets},
        {"ws://[fe80::1%]", zone},
        {"ws://[fe80::1%25]", zone},
        {"ws://[fe80::1%25a234567890123456]", zone},
        {"ws://[fe80::1%25e%4]", zone},
        {"ws://[fe80::1%25e%4g]", zone},
        {"ws://[fe80::1%25eth0%00]", zone},
        {"ws://[fe80::1%25eth0%0a]", zone},
        {"ws://[fe80::1%25eth0%20]", zone},
        {"ws://[fe80::1%25eth0%7f]", zone},
        {"ws://[fe80::1%25eth%c3]", zone},
        {"ws://[fe80::1%2%A66]", zone},
        {"ws://[fe80::1%25eth:0]", zone},
        {"ws://[fe80::1%25eth0!]", zone},
        {"ws://[fe80::1%25eth0]x", behind},
        {"ws://h%25eth0", letters},
        {"ws://[::1]x", behind},
        {"ws://[::1]8002", behind},
        {"ws://[::1]]", behind},
    };
    for (auto const& row : table) {
        CAPTURE(row.text);
        CHECK(expected_by(row.text) == row.expected);
    }
}

TEST_CASE("every byte that is not visible ASCII is refused wherever it stands behind the scheme") {
    std::string const whole = "ws://host:8002/path?query";
    for (int value = 0; value < 256; ++value) {
        bool const visible = value > 0x20 && value < 0x7f;
        for (std::size_t position = 5; position <= whole.size(); ++position) {
            std::string text = whole;
            text.insert(position, 1, static_cast<char>(value));
            if (!visible) {
                CAPTURE(value, position);
                CHECK(expected_by(text) == "visible ASCII characters only, others percent-encoded");
            }
        }
    }
}

TEST_CASE("the error for a URL names the text on one line and what was expected") {
    using namespace std::string_view_literals;
    url_error const error("ws://h\r\n\0\x7f"sv, "something else");
    CHECK(error.expected() == "something else");
    CHECK(error.what() == "\"ws://h\\x0d\\x0a\\x00\\x7f\" is not a websocket URL: expected something else"sv);
    CHECK_THROWS_AS(parse_url("http://h"), std::invalid_argument);
}

TEST_CASE("whatever the text, parsing gives a URL that can be dialled or a url_error") {
    std::string_view const pieces[] = {"ws://", "wss://", "h",  "[",  "]",       "::", ":", "1",
                                       "80",    "65536",  "/",  "?",  "#",       "@",  "%", " ",
                                       "\n",    ".",      "\\", "a1", "1.2.3.4", "%25"};
    std::mt19937 random(20);
    unsigned accepted = 0;
    for (int round = 0; round < 20000; ++round) {
        std::string text = random() % 8 == 0 ? "" : "ws://";
        for (auto count = random() % 8; count > 0; --count) text += pieces[random() % std::size(pieces)];
        CAPTURE(text);
        url parts;
        try {
            parts = parse_url(text);
        } catch (url_error const& error) {
            if (error.expected().empty()) FAIL("nothing was expected");
            continue;
        }
        ++accepted;
        bool const sound = !parts.host.empty() && !parts.port.empty() && parts.target.starts_with('/') &&
                           parts.port.find_first_not_of("0123456789") == std::string::npos;
        if (!sound) FAIL("a part is missing");
        auto shown = parts;
        shown.user.clear();
        shown.password.clear();
        if (parse_url(to_string(parts)) != shown) FAIL("the parts do not make the same URL again");
    }
    CHECK(accepted > 1000);
}

}  // namespace
