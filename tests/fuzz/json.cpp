// SPDX-License-Identifier: BSL-1.0
//
// Any message before the JSON reader and the router: nothing is thrown but by a handler, and nothing is
// handed over but what was written. Nesting goes deeper than an input is long: the byte 1 repeats the one
// after it.
#include "script.hpp"

#include <heartbeat/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hb = heartbeat;
using nlohmann::json;

namespace {

struct handler_error {};

/// A message of any length. True in `repeats` if it is longer than its input.
std::string unfolded(script& input, bool& repeats) {
    constexpr std::size_t times = 20'000;
    std::string text;
    for (int left = 3; !input.done();) {
        auto const byte = static_cast<char>(input.byte());
        repeats |= byte == 1;
        if (byte == 1 && left-- > 0)
            text.append(times, static_cast<char>(input.byte()));
        else
            text += byte;
    }
    return text;
}

void check_malformed(hb::malformed const& wrong, std::string const& text) {
    require(wrong.text == text, "a report has the whole message");
    require(wrong.position <= text.size(), "it went wrong within the message");
    require(!wrong.what.empty(), "a report says what is wrong");
}

std::optional<json> check_parse(hb::message const& received, bool repeats) {
    std::string const text(received.text());
    hb::malformed wrong;
    auto document = hb::parse_json(received, &wrong);
    if (!document) {
        check_malformed(wrong, text);
        return document;
    }
    require(wrong.what.empty(), "what was read is not reported");
    require(text.find('\0') == std::string::npos, "JSON has no byte 0");
    // Writing is recursive.
    if (!repeats) {
        auto const again = hb::parse_json(hb::message(document->dump()));
        require(again == document, "what was read is the same after writing and reading it");
    }
    return document;
}

/// What came to the handlers.
struct calls {
    int all = 0;
    std::optional<json> content = {};

    template <class Content>
    void note(Content const& value) {
        ++all;
        content = json(value);
    }
};

hb::json_router make_router(calls& made) {
    hb::json_router router;
    router.on<std::string>("text", [&](std::string const& value) { made.note(value); });
    router.on<int>("int", [&](int value) { made.note(value); });
    router.on<std::uint8_t>("byte", [&](std::uint8_t value) { made.note(value); });
    router.on<bool>("flag", [&](bool value) { made.note(value); });
    router.on<double>("real", [&](double) { ++made.all; });
    router.on<std::vector<int>>("list", [&](std::vector<int> const&) { ++made.all; });
    router.on("any", [&](json const&) { ++made.all; });
    router.on("throws", [&](json const&) {
        ++made.all;
        throw handler_error();
    });
    router.otherwise([&](json const&) { ++made.all; });
    return router;
}

/// The handlers of whole numbers, texts and flags get the content as it was written.
void check_content(json const& document, calls const& made) {
    if (made.content) require(*made.content == document["msg"], "a handler gets what was written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    script input(data, size);
    bool repeats = false;
    hb::message const received(unfolded(input, repeats));
    auto const document = check_parse(received, repeats);

    calls made;
    auto const router = make_router(made);
    bool threw = false;
    std::optional<hb::malformed> wrong;
    try {
        wrong = router(received);
    } catch (handler_error const&) {
        threw = true;
    }
    if (wrong) check_malformed(*wrong, std::string(received.text()));
    require(made.all == (wrong ? 0 : 1), "a message is reported, or handled once");
    require(document || wrong, "what is no JSON is reported");
    if (document && !wrong) check_content(*document, made);
    if (threw) require((*document)["ModeCode"] == "throws", "only a handler throws");
    return 0;
}
