// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/protocols/mode_code.hpp>
#include <heartbeat/protocols/ping_frame.hpp>
#include <heartbeat/protocols/protocol.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace {

using namespace heartbeat;
using namespace std::string_literals;

/// Says in one line what a frame means.
std::string text_of(frame_meaning const& meaning) {
    struct visitor {
        std::string operator()(application_message) const { return "message"; }
        std::string operator()(beat_answer const& answer) const {
            return "answer " + std::to_string(answer.id);
        }
        std::string operator()(peer_beat const& beat) const {
            return beat.reply ? "beat of the peer, reply" : "beat of the peer";
        }
        std::string operator()(negotiated_times const&) const { return "times"; }
        std::string operator()(protocol_noise) const { return "noise"; }
        std::string operator()(malformed_frame const& wrong) const {
            return "malformed at " + std::to_string(wrong.position);
        }
    };
    return std::visit(visitor{}, meaning);
}

template <class Protocol>
std::string meaning_of(Protocol const& protocol, frame_kind kind, std::string_view payload) {
    return text_of(protocol.classify({kind, payload}));
}

struct row {
    std::string payload;
    std::string expected;
};

TEST_CASE("the beats of ping_frame are pings with their number, from 1") {
    ping_frame protocol;
    for (std::uint64_t number = 1; number <= 3; ++number) {
        auto const beat = protocol.make_beat();
        REQUIRE(beat);
        CHECK(beat->id == number);
        CHECK(beat->kind == frame_kind::ping);
        CHECK(beat->payload == std::to_string(number));
        CHECK(meaning_of(protocol, frame_kind::pong, beat->payload) == "answer " + std::to_string(number));
    }
}

TEST_CASE(
    "ping_frame takes a pong for an answer if it carries a number, and gives messages to the application") {
    ping_frame const protocol;
    row const pongs[] = {
        {"7", "answer 7"},
        {"0", "answer 0"},
        {"18446744073709551615", "answer 18446744073709551615"},
        {"18446744073709551616", "noise"},
        {"99999999999999999999999999", "noise"},
        {"", "noise"},
        {"-7", "noise"},
        {"+7", "noise"},
        {" 7", "noise"},
        {"7 ", "noise"},
        {"7\0"s, "noise"},
        {"7.0", "noise"},
        {"0x7", "noise"},
        {"seven", "noise"},
        {"\xff\xfe", "noise"},
        {std::string(125, '9'), "noise"},
    };
    for (auto const& row : pongs) {
        CAPTURE(row.payload);
        CHECK(meaning_of(protocol, frame_kind::pong, row.payload) == row.expected);
        CHECK(meaning_of(protocol, frame_kind::ping, row.payload) == "noise");
        CHECK(meaning_of(protocol, frame_kind::text, row.payload) == "message");
        CHECK(meaning_of(protocol, frame_kind::binary, row.payload) == "message");
    }
    CHECK(text_of(protocol.classify({.kind = frame_kind::pong})) == "noise");
}

TEST_CASE(
    "the beats of mode_code carry the wall clock's time, and increase also when it stands still or jumps "
    "back") {
    std::vector<std::int64_t> const clock = {
        1690000000000, 1690000000000, 1690000000000, 1690000000001, 1600000000000, -5, 0,
        1690000000004, 1700000000000};
    std::vector<std::uint64_t> const ids = {1690000000000, 1690000000001, 1690000000002,
                                            1690000000003, 1690000000004, 1690000000005,
                                            1690000000006, 1690000000007, 1700000000000};
    std::size_t index = 0;
    mode_code protocol([&] { return clock[index]; });
    for (; index < clock.size(); ++index) {
        auto const beat = protocol.make_beat();
        REQUIRE(beat);
        CHECK(beat->id == ids[index]);
        CHECK(beat->kind == frame_kind::text);
        CHECK(beat->payload == R"({"ModeCode":"heart_beat","msg":)" + std::to_string(ids[index]) + "}");
        CHECK(meaning_of(protocol, frame_kind::text, beat->payload) ==
              "answer " + std::to_string(ids[index]));
    }
}

TEST_CASE("a clock before its epoch gives beats from 1") {
    mode_code protocol([] { return std::numeric_limits<std::int64_t>::min(); });
    CHECK(protocol.make_beat()->id == 1);
    CHECK(protocol.make_beat()->id == 2);
}

TEST_CASE("without a clock of its own mode_code takes the system's") {
    mode_code protocol;
    CHECK(protocol.make_beat()->id > 1'690'000'000'000);
}

TEST_CASE("the envelope of mode_code holds any content") {
    CHECK(mode_code::message("hello world").dump() == R"({"ModeCode":"message","msg":"hello world"})");
    for (char const* const content :
         {"null", "5", "[]", "[1]", R"(["a","b"])", R"(["a",1,["b"]])", R"({"a":1})", "{}"}) {
        auto const envelope = mode_code::message(nlohmann::json::parse(content));
        CHECK(envelope.dump() == R"({"ModeCode":"message","msg":)"s + content + "}");
    }
}

TEST_CASE("mode_code knows the echo of a beat by the two fields of the outermost object") {
    mode_code const protocol;
    row const table[] = {
        {R"({"ModeCode":"heart_beat","msg":7})", "answer 7"},
        {R"({"msg":7,"ModeCode":"heart_beat"})", "answer 7"},
        {R"( { "msg" : 7 , "other" : [ {} ] , "ModeCode" : "heart_beat" } )", "answer 7"},
        {R"({"ModeCode":"heart\u005fbeat","ms\u0067":7})", "answer 7"},
        {R"({"ModeCode":"heart_beat","msg":18446744073709551615})", "answer 18446744073709551615"},

        {R"({"ModeCode":"message","msg":7})", "message"},
        {R"({"ModeCode":"Heart_Beat","msg":7})", "message"},
        {R"({"modecode":"heart_beat","msg":7})", "message"},
        {R"({"ModeCode":7,"msg":7})", "message"},
        {R"({"ModeCode":null,"msg":7})", "message"},
        {R"({"ModeCode":["heart_beat"],"msg":7})", "message"},
        {R"({"ModeCode":{"ModeCode":"heart_beat"},"msg":7})", "message"},
        {R"({"msg":7})", "message"},
        {"{}", "message"},

        {R"({"ModeCode":"message","msg":{"ModeCode":"heart_beat","msg":7}})", "message"},
        {R"({"ModeCode":"message","msg":[{"ModeCode":"heart_beat","msg":7}]})", "message"},
        {R"({"msg":{"ModeCode":"heart_beat","msg":7}})", "message"},
        {R"({"ModeCode":"heart_beat","msg":7,"other":{"ModeCode":"message","msg":8}})", "answer 7"},
        {R"({"ModeCode":"heart_beat","msg":{"msg":7}})", "noise"},
        {R"({"ModeCode":"heart_beat","msg":[7]})", "noise"},
        {R"({"msg":{"a":1},"ModeCode":"heart_beat"})", "noise"},

        {R"([{"ModeCode":"heart_beat","msg":7}])", "message"},
        {R"(["ModeCode","heart_beat","msg",7])", "message"},
        {"[]", "message"},
        {R"("heart_beat")", "message"},
        {"7", "message"},
        {"null", "message"},
        {"true", "message"},

        {R"({"ModeCode":"message","ModeCode":"heart_beat","msg":7})", "answer 7"},
        {R"({"ModeCode":"heart_beat","ModeCode":"message","msg":7})", "message"},
        {R"({"ModeCode":"heart_beat","msg":7,"msg":8})", "answer 8"},

        {R"({"ModeCode":"heart_beat"})", "noise"},
        {R"({"ModeCode":"heart_beat","msg":-7})", "noise"},
        {R"({"ModeCode":"heart_beat","msg":7.5})", "noise"},
        {R"({"ModeCode":"heart_beat","msg":7.0})", "noise"},
        {R"({"ModeCode":"heart_beat","msg":7e0})", "noise"},
        {R"({"ModeCode":"heart_beat","msg":"7"})", "noise"},
        {R"({"ModeCode":"heart_beat","msg":null})", "noise"},
        {R"({"ModeCode":"heart_beat","msg":true})", "noise"},
        {R"({"ModeCode":"heart_beat","msg":18446744073709551616})", "noise"},
        {R"({"ModeCode":"heart_beat","msg":1e300})", "noise"},
    };
    for (auto const& row : table) {
        CAPTURE(row.payload);
        CHECK(meaning_of(protocol, frame_kind::text, row.payload) == row.expected);
        CHECK(meaning_of(protocol, frame_kind::binary, row.payload) == "message");
        CHECK(meaning_of(protocol, frame_kind::ping, row.payload) == "noise");
        CHECK(meaning_of(protocol, frame_kind::pong, row.payload) == "noise");
    }
}

TEST_CASE("mode_code reports text that is not JSON with the byte where reading it failed") {
    mode_code const protocol;
    row const table[] = {
        {"", "malformed at 0"},
        {"   ", "malformed at 3"},
        {"hello", "malformed at 0"},
        {"  hello", "malformed at 2"},
        {"{", "malformed at 1"},
        {"{\"ModeCode\":\"heart_beat\",\"msg\":7", "malformed at 32"},
        {"{\"ModeCode\":\"heart_beat\",\"msg\":7]", "malformed at 32"},
        {"{\"ModeCode\":\"heart_beat\",\"msg\":7}}", "malformed at 33"},
        {"{\"ModeCode\":\"heart_beat\",\"msg\":07}", "malformed at 32"},
        {"{\"a\":1,}", "malformed at 7"},
        {"[1,2", "malformed at 4"},
        {"{'a':1}", "malformed at 1"},
        {"7 8", "malformed at 2"},
        {"{\"a\":\"\n\"}", "malformed at 6"},
        {"{\"a\":\"\xff\"}", "malformed at 6"},
        {"{\"a\":1e999}", "malformed at 9"},
    };
    for (auto const& row : table) {
        CAPTURE(row.payload);
        auto const meaning = protocol.classify({frame_kind::text, row.payload});
        CHECK(text_of(meaning) == row.expected);
        auto const* const wrong = std::get_if<malformed_frame>(&meaning);
        CHECK((wrong != nullptr && !wrong->what.empty()));
        CHECK(meaning_of(protocol, frame_kind::binary, row.payload) == "message");
    }
}

TEST_CASE("mode_code reads text of any depth") {
    mode_code const protocol;
    constexpr std::size_t depth = 100'000;
    std::string objects;
    for (std::size_t level = 0; level < depth; ++level) objects += "{\"msg\":";
    std::string const arrays = std::string(depth, '[') + std::string(depth, ']');
    CHECK(meaning_of(protocol, frame_kind::text, arrays) == "message");
    CHECK(meaning_of(protocol, frame_kind::text, std::string(depth, '[')) == "malformed at 100000");
    CHECK(meaning_of(protocol, frame_kind::text, std::string(depth, ']')) == "malformed at 0");
    CHECK(meaning_of(protocol, frame_kind::text, objects) == "malformed at 700000");
    CHECK(meaning_of(protocol, frame_kind::text, objects + "7" + std::string(depth, '}')) == "message");
    CHECK(meaning_of(protocol, frame_kind::text,
                     R"({"ModeCode":"heart_beat","x":)" + arrays + R"(,"msg":7})") == "answer 7");
}

/// What a user writes: the peer asks with "are you there?" and wants "yes"; we never ask.
class questions {
public:
    std::optional<outbound_frame> make_beat() { return std::nullopt; }

    frame_meaning classify(inbound_frame const& frame) {
        if (frame.kind != frame_kind::text || frame.payload != "are you there?") return application_message{};
        return peer_beat{.reply = outbound_frame{.kind = frame_kind::text, .payload = "yes"},
                         .proves_life = ++asked_ > 1};
    }

private:
    int asked_ = 0;
};

struct no_optional : questions {
    outbound_frame make_beat() { return {}; }
};
struct one_meaning : questions {
    application_message classify(inbound_frame const&) const { return {}; }
};
struct no_beat {
    frame_meaning classify(inbound_frame const&) { return {}; }
};
struct no_classification {
    std::optional<outbound_frame> make_beat() { return {}; }
};
struct wrong_beat : questions {
    std::string make_beat() { return {}; }
};
struct wrong_meaning : questions {
    bool classify(inbound_frame const&) { return true; }
};
struct wrong_frame : questions {
    frame_meaning classify(inbound_frame&) { return {}; }
};
struct not_copyable : questions {
    std::unique_ptr<int> state;
};

static_assert(heartbeat_protocol<questions>);
static_assert(heartbeat_protocol<no_optional>);
static_assert(heartbeat_protocol<one_meaning>);
static_assert(!heartbeat_protocol<no_beat>);
static_assert(!heartbeat_protocol<no_classification>);
static_assert(!heartbeat_protocol<wrong_beat>);
static_assert(!heartbeat_protocol<wrong_meaning>);
static_assert(!heartbeat_protocol<wrong_frame>);
static_assert(!heartbeat_protocol<not_copyable>);
static_assert(!heartbeat_protocol<int>);

TEST_CASE("a protocol of the user's own may carry the state of a link, and a copy has its own") {
    questions const prototype;
    for (int link = 0; link < 2; ++link) {
        questions protocol = prototype;
        for (bool const again : {false, true}) {
            auto const meaning = protocol.classify({frame_kind::text, "are you there?"});
            REQUIRE(std::holds_alternative<peer_beat>(meaning));
            CHECK(std::get<peer_beat>(meaning).proves_life == again);
            CHECK(std::get<peer_beat>(meaning).reply->payload == "yes");
        }
    }
}

}  // namespace
