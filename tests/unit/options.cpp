// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/message.hpp>
#include <heartbeat/options.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace {

using heartbeat::errc;
using heartbeat::message;
using heartbeat::message_kind;
using heartbeat::options;
using heartbeat::options_error;
using heartbeat::reason;
using namespace std::chrono_literals;

TEST_CASE("all options but the URL have a default that is valid") {
    CHECK_NOTHROW(validate(options{.url = "ws://127.0.0.1:8002"}));
    CHECK_THROWS_AS(validate(options{}), options_error);
}

TEST_CASE("options that are unusual but make sense are valid") {
    using change_function = void (*)(options&);
    change_function const table[] = {
        [](options& o) { o.heartbeat.interval = 0s; },
        [](options& o) { o.heartbeat = {.interval = 0s, .timeout = 0s}; },
        [](options& o) { o.heartbeat = {.interval = 1ns, .timeout = 1ns}; },
        [](options& o) { o.heartbeat = {.interval = 8784h, .timeout = 8784h}; },
        [](options& o) { o.heartbeat = {.timeout = 1ms, .adaptive = true, .least_timeout = 1s}; },
        [](options& o) { o.reconnect = {.delay = 1ns, .growth = 1.0, .max_delay = 1ns, .stable_after = 0s}; },
        [](options& o) { o.reconnect = {.delay = 5s, .growth = 1000.0, .max_delay = 3s}; },
        [](options& o) { o.reconnect = {.max_attempts = 1, .max_elapsed = 1ns}; },
        [](options& o) {
            o.deadlines = {.resolve = 1ns, .connect = 1ns, .upgrade = 1ns, .attempt = 1ns, .close = 1ns};
        },
        [](options& o) { o.limits = {1, 1, 1, 1, 1, heartbeat::overflow::pause, 128}; },
        [](options& o) { o.request = {.user_agent = ""}; },
        [](options& o) { o.deflate = {true, 9, 9, false, false, 1, 0, 0}; },
        [](options& o) { o.deflate = {true, 15, 15, true, true, 9, 9, std::size_t(-1)}; },
    };
    for (auto const change : table) {
        options value{.url = "ws://h"};
        change(value);
        CHECK_NOTHROW(validate(value));
    }
}

TEST_CASE("an option that makes no sense is named with its value") {
    struct row {
        char const* field;
        char const* value;
        void (*change)(options&);
    };
    row const table[] = {
        {"url", "\"\"", [](options& o) { o.url = ""; }},
        {"url", "\"http://h\"", [](options& o) { o.url = "http://h"; }},
        {"url", "\"ws://h:0\"", [](options& o) { o.url = "ws://h:0"; }},
        {"url", "\"ws://h\\x0a\"", [](options& o) { o.url = "ws://h\n"; }},
        {"url", "\"wss://h\"", [](options& o) { o.url = "wss://h"; }},
        {"deflate.client_window_bits", "8", [](options& o) { o.deflate.client_window_bits = 8; }},
        {"deflate.client_window_bits", "16", [](options& o) { o.deflate.client_window_bits = 16; }},
        {"deflate.server_window_bits", "8", [](options& o) { o.deflate.server_window_bits = 8; }},
        {"deflate.server_window_bits", "16", [](options& o) { o.deflate.server_window_bits = 16; }},
        {"deflate.memory_level", "0", [](options& o) { o.deflate.memory_level = 0; }},
        {"deflate.memory_level", "10", [](options& o) { o.deflate.memory_level = 10; }},
        {"deflate.compression_level", "-1", [](options& o) { o.deflate.compression_level = -1; }},
        {"deflate.compression_level", "10", [](options& o) { o.deflate.compression_level = 10; }},
        {"deadlines.tls", "0 ms", [](options& o) { o.deadlines.tls = 0s; }},
        {"heartbeat.interval", "-1 ms", [](options& o) { o.heartbeat.interval = -1ms; }},
        {"heartbeat.interval", "31622400000.000001 ms",
         [](options& o) { o.heartbeat.interval = 8784h + 1ns; }},
        {"heartbeat.timeout", "0 ms", [](options& o) { o.heartbeat.timeout = 0s; }},
        {"heartbeat.timeout", "-0.000001 ms", [](options& o) { o.heartbeat.timeout = -1ns; }},
        {"heartbeat.timeout", "-1 ms", [](options& o) { o.heartbeat = {.interval = 0s, .timeout = -1ms}; }},
        {"heartbeat.timeout", "31626000000 ms", [](options& o) { o.heartbeat.timeout = 8785h; }},
        {"reconnect.delay", "0 ms", [](options& o) { o.reconnect.delay = 0s; }},
        {"reconnect.delay", "-100 ms", [](options& o) { o.reconnect.delay = -100ms; }},
        {"reconnect.delay", "31626000000 ms", [](options& o) { o.reconnect.delay = 8785h; }},
        {"reconnect.growth", "0.500000", [](options& o) { o.reconnect.growth = 0.5; }},
        {"reconnect.growth", "-2.000000", [](options& o) { o.reconnect.growth = -2; }},
        {"reconnect.growth", "1000.500000", [](options& o) { o.reconnect.growth = 1000.5; }},
        {"reconnect.growth", "nan",
         [](options& o) { o.reconnect.growth = std::numeric_limits<double>::quiet_NaN(); }},
        {"reconnect.growth", "inf",
         [](options& o) { o.reconnect.growth = std::numeric_limits<double>::infinity(); }},
        {"reconnect.max_delay", "0 ms", [](options& o) { o.reconnect.max_delay = 0s; }},
        {"reconnect.max_delay", "31626000000 ms", [](options& o) { o.reconnect.max_delay = 8785h; }},
        {"reconnect.stable_after", "-1.5 ms", [](options& o) { o.reconnect.stable_after = -1500us; }},
        {"heartbeat.least_timeout", "0 ms", [](options& o) { o.heartbeat.least_timeout = 0s; }},
        {"reconnect.longest_retry_after", "0 ms", [](options& o) { o.reconnect.longest_retry_after = 0s; }},
        {"reconnect.max_elapsed", "-1000 ms", [](options& o) { o.reconnect.max_elapsed = -1s; }},
        {"deadlines.prepare", "0 ms", [](options& o) { o.deadlines.prepare = 0s; }},
        {"deadlines.resolve", "0 ms", [](options& o) { o.deadlines.resolve = 0s; }},
        {"deadlines.connect", "0 ms", [](options& o) { o.deadlines.connect = 0s; }},
        {"deadlines.upgrade", "0 ms", [](options& o) { o.deadlines.upgrade = 0s; }},
        {"deadlines.attempt", "0 ms", [](options& o) { o.deadlines.attempt = 0s; }},
        {"deadlines.close", "-5 ms", [](options& o) { o.deadlines.close = -5ms; }},
        {"limits.message_bytes", "0", [](options& o) { o.limits.message_bytes = 0; }},
        {"limits.outbox_messages", "0", [](options& o) { o.limits.outbox_messages = 0; }},
        {"limits.outbox_bytes", "0", [](options& o) { o.limits.outbox_bytes = 0; }},
        {"limits.mailbox_messages", "0", [](options& o) { o.limits.mailbox_messages = 0; }},
        {"limits.mailbox_bytes", "0", [](options& o) { o.limits.mailbox_bytes = 0; }},
        {"limits.fragment_bytes", "127", [](options& o) { o.limits.fragment_bytes = 127; }},
        {"request.user_agent", "a text with a line break or a control character",
         [](options& o) { o.request.user_agent = "a\nb"; }},
        {"dial.host", "\"[::1]\"", [](options& o) { o.dial.host = "[::1]"; }},
        {"dial.host", "\"a:80\"", [](options& o) { o.dial.host = "a:80"; }},
        {"dial.host", "\"a b\"", [](options& o) { o.dial.host = "a b"; }},
        {"dial.host", "\"::1%\"", [](options& o) { o.dial.host = "::1%"; }},
        {"dial.host", "\"::1%a b\"", [](options& o) { o.dial.host = "::1%a b"; }},
        {"dial.local_address", "\"fe80::1%0123456789abcdef\"",
         [](options& o) { o.dial.local_address = "fe80::1%0123456789abcdef"; }},
        {"dial.local_address", "\"localhost\"", [](options& o) { o.dial.local_address = "localhost"; }},
        {"dial.local_address", "\"127.0.0.1:80\"", [](options& o) { o.dial.local_address = "127.0.0.1:80"; }},
        {"dial.network_interface", "\"0123456789abcdef\"",
         [](options& o) { o.dial.network_interface = "0123456789abcdef"; }},
        {"dial.stagger", "0 ms", [](options& o) { o.dial.stagger = 0s; }},
        {"dial.stagger", "9 ms", [](options& o) { o.dial.stagger = 9ms; }},
        {"dial.max_addresses", "0", [](options& o) { o.dial.max_addresses = 0; }},
        {"dial.max_addresses", "65", [](options& o) { o.dial.max_addresses = 65; }},
        {"url", "\"ws://***@h:0\"", [](options& o) { o.url = "ws://user:secret@h:0"; }},
        {"url", "\"wss://***@h\"", [](options& o) { o.url = "wss://user:secret@h"; }},
    };
    for (auto const& row : table) {
        CAPTURE(row.field, row.value);
        options value{.url = "ws://h"};
        row.change(value);
        try {
            validate(value);
            FAIL("nothing was wrong");
        } catch (options_error const& error) {
            CHECK(error.field() == row.field);
            CHECK(error.value() == row.value);
            std::string const start = std::string("heartbeat::options: ") + row.field + " is " + row.value;
            CHECK(std::string_view(error.what()).starts_with(start + ", expected "));
        }
    }
}

TEST_CASE("hosts and addresses to dial may be of any kind") {
    for (auto const* const host : {"a.name", "127.0.0.1", "::1", "fe80::1%eth0", "under_score"}) {
        CAPTURE(host);
        options value{.url = "ws://h"};
        value.dial.host = host;
        CHECK_NOTHROW(validate(value));
    }
    for (auto const* const address : {"127.0.0.1", "::1", "fe80::1%eth0"}) {
        CAPTURE(address);
        options value{.url = "ws://h"};
        value.dial.local_address = address;
        CHECK_NOTHROW(validate(value));
    }
}

TEST_CASE("each error code has a text of its own, and no other value has") {
    std::set<std::string> texts;
    int const count = static_cast<int>(errc::connected_to_itself);
    for (int value = 1; value <= count; ++value) {
        std::string const text = to_string(static_cast<errc>(value));
        CHECK_FALSE(text.empty());
        CHECK(text.back() != '.');
        texts.insert(text);
        boost::system::error_code const code = static_cast<errc>(value);
        CHECK(code.failed());
        CHECK(code.value() == value);
        CHECK(code.message() == text);
        CHECK(code.category() == heartbeat::error_category());
    }
    CHECK(texts.size() == static_cast<std::size_t>(count));
    CHECK(texts.count("no error") == 0);
    for (int const value : {0, -1, count + 1})
        CHECK(to_string(static_cast<errc>(value)) == std::string("no error"));
    CHECK(heartbeat::error_category().name() == std::string("heartbeat"));
}

TEST_CASE("a reason is told on one line with the evidence there is") {
    struct row {
        reason why;
        char const* text;
    };
    row const table[] = {
        {{}, "no error"},
        {{.cause = errc::connection_lost}, "the connection was lost"},
        {{.cause = errc::closed_by_peer, .close_code = 1001}, "closed by the peer (code 1001)"},
        {{.cause = errc::closed_by_peer, .close_code = 1001, .close_text = "going away"},
         "closed by the peer (code 1001, \"going away\")"},
        {{.cause = errc::closed_by_peer, .close_code = 1000, .close_text = "a\nb\x1b"},
         "closed by the peer (code 1000, \"a\\x0ab\\x1b\")"},
        {{.cause = errc::upgrade_refused, .http_status = 403},
         "the server refused the upgrade to websocket (HTTP status 403)"},
        {{.cause = errc::upgrade_refused,
          .http_status = 403,
          .http_headers = {{"X", "y"}},
          .http_body = "No.\n"},
         "the server refused the upgrade to websocket (HTTP status 403, \"No.\\x0a\")"},
        {{.cause = errc::upgrade_refused, .http_status = 500, .http_body = std::string(61, 'x')},
         "the server refused the upgrade to websocket (HTTP status 500, "
         "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"...)"},
        {{.cause = errc::upgrade_refused,
          .http_status = 500,
          .http_body = std::string(59, 'x') + "\xe2\x82\xac"},
         "the server refused the upgrade to websocket (HTTP status 500, "
         "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"...)"},
        {{.cause = errc::redirect_refused, .http_status = 302, .evidence = errc::redirect_loop},
         "the server sent the client elsewhere (HTTP status 302, the redirects led in a circle)"},
        {{.cause = errc::prepare_failed, .evidence = errc::invalid_option, .explanation = "a\nb"},
         "preparing the attempt failed (an option makes no sense, a\\x0ab)"},
        {{.cause = errc::upgrade_refused, .http_status = 503, .retry_after = 119500ms},
         "the server refused the upgrade to websocket (HTTP status 503, retry after 120 s)"},
        {{.cause = errc::heartbeat_timeout, .silence = 20s},
         "the peer gave no sign of life in time (silent for 20000 ms)"},
        {{.cause = errc::closed, .evidence = errc::closed}, "closed on purpose"},
        {{.cause = errc::closed, .close_code = 1000, .evidence = errc::stopped},
         "closed on purpose (code 1000)"},
        {{.cause = errc::connect_failed, .evidence = errc::stopped},
         "the connection was not accepted (the run ended first)"},
    };
    for (auto const& row : table) CHECK(to_string(row.why) == row.text);
}

TEST_CASE("characters make a text message and bytes make a binary one") {
    std::string const text = "text";
    std::string_view const view = text;
    std::vector<std::byte> bytes(3, std::byte{0xff});
    std::array<std::byte, 2> array{};

    CHECK(message().is_text());
    CHECK(message().size() == 0);
    for (message const& made :
         {message("text"), message(text), message(std::string("text")), message(view)}) {
        CHECK(made.kind() == message_kind::text);
        CHECK(made.is_text());
        CHECK_FALSE(made.is_binary());
        CHECK(made.text() == "text");
        CHECK(made.bytes().size() == 4);
        CHECK(made.bytes()[0] == std::byte{'t'});
    }
    message const binary[] = {bytes, std::vector<std::byte>(bytes), std::span<std::byte const>(bytes),
                              message(std::span<std::byte>(bytes))};
    for (message const& made : binary) {
        CHECK(made.kind() == message_kind::binary);
        CHECK(made.is_binary());
        CHECK(made.text() == "\xff\xff\xff");
        CHECK(made.size() == 3);
    }
    CHECK(message(array) == message(message_kind::binary, std::string(2, '\0')));
    CHECK(message(std::span<std::byte const>()).is_binary());
}

TEST_CASE("a message is made implicitly of whatever holds characters or bytes") {
    static_assert(std::is_convertible_v<char const(&)[6], message>);
    static_assert(std::is_convertible_v<char const*, message>);
    static_assert(std::is_convertible_v<std::string, message>);
    static_assert(std::is_convertible_v<std::string_view, message>);
    static_assert(std::is_convertible_v<std::span<std::byte const>, message>);
    static_assert(std::is_convertible_v<std::vector<std::byte>, message>);
    static_assert(!std::is_convertible_v<int, message>);
    static_assert(std::is_nothrow_move_constructible_v<message>);
    static_assert(std::is_nothrow_move_assignable_v<message>);
}

TEST_CASE("messages are equal when kind and payload are") {
    CHECK(message("a") == message("a"));
    CHECK(message("a") != message("b"));
    CHECK(message("a") != message(message_kind::binary, "a"));
    CHECK(message(message_kind::text, "a") == message("a"));
}

TEST_CASE("the payload of a message can be moved out") {
    std::string const long_text(100, 'x');
    message made(long_text);
    CHECK(std::move(made).release() == long_text);
}

TEST_CASE("an outcome is true when the message was written") {
    using heartbeat::delivery;
    using heartbeat::outcome;
    CHECK(outcome{.result = delivery::written});
    CHECK_FALSE(outcome{.result = delivery::dropped, .cause = errc::closed});
    CHECK_FALSE(outcome{.result = delivery::unknown, .cause = errc::connection_lost});
    CHECK_FALSE(outcome{});
    CHECK(to_string(delivery::written) == std::string("written"));
    CHECK(to_string(delivery::dropped) == std::string("dropped"));
    CHECK(to_string(delivery::unknown) == std::string("unknown"));
}

}  // namespace
