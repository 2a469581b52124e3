// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/event_bus.hpp>
#include <heartbeat/events.hpp>
#include <heartbeat/json.hpp>
#include <heartbeat/message.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using heartbeat::json_router;
using heartbeat::malformed;
using heartbeat::message;
using heartbeat::message_kind;
using heartbeat::parse_json;
using nlohmann::json;

struct order {
    std::string symbol;
    int amount = 0;
};

void from_json(json const& content, order& made) {
    content.at("symbol").get_to(made.symbol);
    content.at("amount").get_to(made.amount);
}

TEST_CASE("JSON in a message of either kind is read") {
    std::string const text = R"({"a":[1,2]})";
    CHECK(parse_json(message(text)) == json{{"a", {1, 2}}});
    CHECK(parse_json(message(message_kind::binary, text)) == json{{"a", {1, 2}}});
    CHECK(parse_json(message("null")) == json(nullptr));
    CHECK(parse_json(message("7")) == json(7));
}

TEST_CASE("a message that is not JSON gives nothing but its text, the byte where reading failed, and why") {
    struct row {
        std::string text;
        std::size_t position;
    };
    row const table[] = {
        {"", 0},
        {"hello", 0},
        {"  hello", 2},
        {"{", 1},
        {R"({"a":1,})", 7},
        {R"({"a":1}})", 7},
        {R"({"ModeCode":"message","msg":"hello)", 34},
        {"{\"a\":\"\xff\"}", 6},
        {std::string(100'000, '['), 512},
    };
    for (auto const& row : table) {
        CAPTURE(row.text.substr(0, 100));
        malformed wrong;
        CHECK_FALSE(parse_json(message(row.text), &wrong));
        CHECK(wrong.text == row.text);
        CHECK(wrong.position == row.position);
        CHECK_FALSE(wrong.what.empty());
        CHECK_FALSE(parse_json(message(row.text)));

        auto const routed = json_router{}(message(row.text));
        REQUIRE(routed);
        CHECK(routed->text == row.text);
        CHECK(routed->position == row.position);
        CHECK(routed->what == wrong.what);
    }
}

TEST_CASE("what is read leaves the report of what is wrong alone") {
    malformed wrong{"before", 7, "before"};
    CHECK(parse_json(message("{}"), &wrong));
    CHECK(wrong.text == "before");
}

TEST_CASE("a message goes to the handler of its kind, as the type that it asked for") {
    std::vector<std::string> seen;
    json_router router;
    router.on<std::string>("text", [&](std::string const& content) { seen.push_back("text " + content); })
        .on<int>("number", [&](int content) { seen.push_back("number " + std::to_string(content)); })
        .on<order>("order",
                   [&](order const& made) { seen.push_back(made.symbol + std::to_string(made.amount)); })
        .on<std::vector<int>>(
            "list", [&](std::vector<int> const& list) { seen.push_back(std::to_string(list.size())); })
        .on("any", [&](json const& content) { seen.push_back("any " + content.dump()); });

    struct row {
        char const* text;
        char const* expected;
    };
    row const table[] = {
        {R"({"ModeCode":"text","msg":"hello world"})", "text hello world"},
        {R"({"msg":5,"ModeCode":"number","more":true})", "number 5"},
        {R"({"ModeCode":"order","msg":{"symbol":"X","amount":3}})", "X3"},
        {R"({"ModeCode":"list","msg":[1,2,3]})", "3"},
        {R"({"ModeCode":"any","msg":{"a":[null]}})", R"(any {"a":[null]})"},
        {R"({"ModeCode":"any","msg":null})", "any null"},
        {R"({"ModeCode":"text","msg":""})", "text "},
    };
    for (auto const& row : table) {
        CAPTURE(row.text);
        seen.clear();
        CHECK_FALSE(router(message(row.text)));
        CHECK(seen == std::vector<std::string>{row.expected});
    }
}

TEST_CASE("a message that lacks what its handler needs is reported with its text, and no handler runs") {
    int called = 0;
    json_router router;
    router.on<std::string>("text", [&](std::string const&) { ++called; })
        .on<int>("number", [&](int) { ++called; })
        .on<order>("order", [&](order const&) { ++called; })
        .otherwise([&](json const&) { ++called; });

    char const* const table[] = {
        "[]",
        "7",
        "null",
        R"("text")",
        R"([{"ModeCode":"text","msg":"x"}])",
        "{}",
        R"({"msg":"x"})",
        R"({"ModeCode":7,"msg":"x"})",
        R"({"ModeCode":null,"msg":"x"})",
        R"({"ModeCode":["text"],"msg":"x"})",
        R"({"ModeCode":"text"})",
        R"({"ModeCode":"text","MSG":"x"})",
        R"({"ModeCode":"text","msg":5})",
        R"({"ModeCode":"text","msg":null})",
        R"({"ModeCode":"number","msg":"5"})",
        R"({"ModeCode":"number","msg":[5]})",
        R"({"ModeCode":"order","msg":{"symbol":"X"}})",
        R"({"ModeCode":"order","msg":{"symbol":"X","amount":"3"}})",
        R"({"ModeCode":"order","msg":[]})",
    };
    for (char const* const text : table) {
        CAPTURE(text);
        auto const wrong = router(message(text));
        REQUIRE(wrong);
        CHECK(wrong->text == text);
        CHECK(wrong->position == 0);
        CHECK_FALSE(wrong->what.empty());
    }
    CHECK(called == 0);
}

TEST_CASE("a report names the field that is missing or wrong") {
    json_router router("kind", "content");
    router.on<int>("number", [](int) {});
    struct row {
        char const* text;
        char const* field;
    };
    row const table[] = {
        {R"({"ModeCode":"number","msg":5})", "kind"},
        {R"({"kind":"number","msg":5})", "content"},
        {R"({"kind":"number","content":"five"})", "content"},
    };
    for (auto const& row : table) {
        auto const wrong = router(message(row.text));
        REQUIRE(wrong);
        CHECK(wrong->what.find(row.field) != std::string::npos);
    }
    CHECK_FALSE(router(message(R"({"kind":"number","content":5})")));
}

TEST_CASE("a kind without a handler goes, whole, to the one for all others, or nowhere") {
    json_router router;
    router.on("known", [](json const&) {});
    CHECK_FALSE(router(message(R"({"ModeCode":"unknown","msg":5})")));
    std::vector<json> others;
    router.otherwise([&](json const& whole) { others.push_back(whole); });
    CHECK_FALSE(router(message(R"({"ModeCode":"known","msg":5})")));
    CHECK(others.empty());
    CHECK_FALSE(router(message(R"({"ModeCode":"unknown","msg":5})")));
    CHECK_FALSE(router(message(R"({"ModeCode":""})")));
    CHECK(others == std::vector<json>{{{"ModeCode", "unknown"}, {"msg", 5}}, {{"ModeCode", ""}}});
}

TEST_CASE(
    "a later handler of the same kind replaces the earlier one, and copies of a router share their "
    "handlers") {
    std::string seen;
    json_router router;
    json_router const copy = router;
    router.on("x", [&](json const&) { seen += "first "; });
    CHECK_FALSE(copy(message(R"({"ModeCode":"x","msg":1})")));
    router.on("x", [&](json const&) { seen += "second "; });
    CHECK_FALSE(copy(message(R"({"ModeCode":"x","msg":1})")));
    CHECK(seen == "first second ");
}

TEST_CASE("a handler may keep state, and what it throws leaves the router") {
    json_router router;
    int seen = 0;
    router.on("count", [&seen, calls = 0](json const&) mutable { seen = ++calls; });
    router.on("throw", [](json const&) { throw std::runtime_error("from the handler"); });
    for (int call = 0; call < 3; ++call) CHECK_FALSE(router(message(R"({"ModeCode":"count","msg":1})")));
    CHECK(seen == 3);
    CHECK_THROWS_AS(router(message(R"({"ModeCode":"throw","msg":1})")), std::runtime_error);
}

TEST_CASE("a number beyond all bounds is malformed, and does not throw") {
    malformed wrong;
    CHECK_FALSE(heartbeat::parse_json(message("1e999"), &wrong));
    CHECK(wrong.text == "1e999");
    CHECK_FALSE(wrong.what.empty());
    json_router router;
    auto const report = router(message(R"({"ModeCode":"message","msg":1e999})"));
    REQUIRE(report);
    CHECK(report->text == R"({"ModeCode":"message","msg":1e999})");
}

TEST_CASE("brackets in too many levels are malformed, and cost no stack") {
    auto const nested = [](std::size_t levels) {
        return message(std::string(levels, '[') + std::string(levels, ']'));
    };
    CHECK(heartbeat::parse_json(nested(512)));
    malformed wrong;
    CHECK_FALSE(heartbeat::parse_json(nested(513), &wrong));
    CHECK(wrong.position == 512);
    CHECK_FALSE(heartbeat::parse_json(nested(1'000'000), &wrong));
    CHECK(heartbeat::parse_json(message('"' + std::string(1000, '[') + '"')));
}

TEST_CASE("what follows a byte 0 is not overlooked") {
    malformed wrong;
    CHECK_FALSE(heartbeat::parse_json(message(std::string("{}\0x", 4)), &wrong));
    CHECK(wrong.position == 2);
}

TEST_CASE("a number that its handler's type cannot hold is malformed, not changed") {
    int calls = 0;
    json_router router;
    router.on<int>("message", [&](int) { ++calls; });
    router.on<unsigned char>("byte", [&](unsigned char) { ++calls; });
    for (char const* wrong : {"4294967297", "-2147483649", "1.5", "true", "null"})
        CHECK(router(message(R"({"ModeCode":"message","msg":)" + std::string(wrong) + "}")));
    for (char const* wrong : {"256", "-1"})
        CHECK(router(message(R"({"ModeCode":"byte","msg":)" + std::string(wrong) + "}")));
    CHECK(calls == 0);
    for (char const* right : {"2147483647", "-2147483648", "0"})
        CHECK_FALSE(router(message(R"({"ModeCode":"message","msg":)" + std::string(right) + "}")));
    CHECK_FALSE(router(message(R"({"ModeCode":"byte","msg":255})")));
    CHECK(calls == 4);
}

TEST_CASE("an exception of JSON's own that a handler throws leaves the router, too") {
    json_router router;
    router.on("message", [](json const& content) { static_cast<void>(content.at("missing")); });
    CHECK_THROWS_AS(router(message(R"({"ModeCode":"message","msg":{}})")), json::out_of_range);
}

TEST_CASE("a router that is attached gets the messages of a bus, and its reports go back to it") {
    heartbeat::socket_events bus;
    std::vector<std::string> seen;
    std::vector<std::string> wrong;
    auto const slot = bus.on<malformed>([&](malformed const& report) { wrong.push_back(report.text); });
    heartbeat::connection attached;
    {
        json_router router;
        router.on<std::string>("message", [&](std::string const& content) { seen.push_back(content); });
        attached = router.attach(bus);
    }
    bus.emit(message(R"({"ModeCode":"message","msg":"hello world"})"));
    bus.emit(message("not JSON"));
    bus.emit(message(R"({"ModeCode":"message","msg":5})"));
    CHECK(seen == std::vector<std::string>{"hello world"});
    CHECK(wrong == std::vector<std::string>{"not JSON", R"({"ModeCode":"message","msg":5})"});
    attached.disconnect();
    bus.emit(message("not JSON"));
    CHECK(wrong.size() == 2);
}

}  // namespace
