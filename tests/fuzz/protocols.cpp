// SPDX-License-Identifier: BSL-1.0
//
// Any frame before each protocol's classifier. The first byte says which kind of frame it is.
#include "script.hpp"

#include <heartbeat/protocols/mode_code.hpp>
#include <heartbeat/protocols/ping_frame.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace hb = heartbeat;
using nlohmann::json;

namespace {

template <class Meaning>
bool is(hb::frame_meaning const& meaning) {
    return std::holds_alternative<Meaning>(meaning);
}

std::optional<std::uint64_t> answered(hb::frame_meaning const& meaning) {
    auto const* const answer = std::get_if<hb::beat_answer>(&meaning);
    return answer == nullptr ? std::nullopt : std::optional(answer->id);
}

/// A number of decimal digits that fits into 64 bits.
std::optional<std::uint64_t> number_of(std::string_view digits) {
    unsigned __int128 value = 0;
    for (char const c : digits) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + static_cast<unsigned>(c - '0');
        if (value >> 64U != 0) return std::nullopt;
    }
    return digits.empty() ? std::nullopt : std::optional(static_cast<std::uint64_t>(value));
}

void check_ping_frame(hb::inbound_frame const& frame) {
    hb::ping_frame protocol;
    auto const meaning = protocol.classify(frame);
    switch (frame.kind) {
        case hb::frame_kind::text:
        case hb::frame_kind::binary:
            return require(is<hb::application_message>(meaning), "messages are the application's");
        case hb::frame_kind::ping: return require(is<hb::protocol_noise>(meaning), "a ping means nothing");
        case hb::frame_kind::pong: break;
    }
    auto const number = number_of(frame.payload);
    require(answered(meaning) == number, "a pong with a number answers the beat with that number");
    require(number || is<hb::protocol_noise>(meaning), "another pong means nothing");
}

/// What a text means, from the whole document; nothing if fields occur twice, where anything goes.
std::optional<hb::frame_meaning> meaning_of(std::string_view text) {
    std::size_t fields = 0;
    auto const document = json::parse(
        text,
        [&](int depth, json::parse_event_t event, json&) {
            if (event == json::parse_event_t::key && depth == 1) ++fields;
            return true;
        },
        false);
    if (document.is_discarded() || text.find('\0') != std::string_view::npos) return hb::malformed_frame{};
    if (!document.is_object()) return hb::application_message{};
    if (document.size() != fields) return std::nullopt;
    auto const kind = document.find("ModeCode");
    if (kind == document.end() || *kind != "heart_beat") return hb::application_message{};
    auto const identity = document.find("msg");
    if (identity == document.end() || !identity->is_number_unsigned()) return hb::protocol_noise{};
    return hb::beat_answer{identity->get<std::uint64_t>()};
}

void check_mode_code(hb::inbound_frame const& frame) {
    hb::mode_code protocol([] { return std::int64_t{1}; });
    auto const meaning = protocol.classify(frame);
    switch (frame.kind) {
        case hb::frame_kind::binary:
            return require(is<hb::application_message>(meaning), "binary messages are the application's");
        case hb::frame_kind::ping:
        case hb::frame_kind::pong:
            return require(is<hb::protocol_noise>(meaning), "control frames mean nothing");
        case hb::frame_kind::text: break;
    }
    if (auto const* const wrong = std::get_if<hb::malformed_frame>(&meaning)) {
        require(wrong->position <= frame.payload.size(), "it went wrong within the text");
        require(!wrong->what.empty(), "a malformed frame says what is wrong");
    }
    auto const expected = meaning_of(frame.payload);
    if (!expected) return;
    require(meaning.index() == expected->index(), "the whole document means the same");
    require(answered(meaning) == answered(*expected), "the whole document answers the same beat");
}

/// The text as the content of a message is never mistaken for a heartbeat.
void check_envelope(std::string_view text) {
    auto const content = json::parse(text, nullptr, false);
    if (content.is_discarded()) return;
    auto const envelope = hb::mode_code::message(content).dump();
    require(is<hb::application_message>(hb::mode_code().classify({hb::frame_kind::text, envelope})),
            "a message in its envelope is the application's");
}

/// Beats are answered by their echoes, whatever the wall clock does.
template <class Protocol>
void check_beats(Protocol protocol) {
    std::optional<std::uint64_t> earlier;
    for (int count = 0; count < 3; ++count) {
        auto const beat = protocol.make_beat();
        require(beat.has_value(), "there is always a beat");
        auto const echo = beat->kind == hb::frame_kind::ping ? hb::frame_kind::pong : beat->kind;
        require(answered(protocol.classify({echo, beat->payload})) == beat->id, "its echo answers a beat");
        require(beat->payload.size() <= 125, "a beat fits into a control frame");
        require(!earlier || beat->id > *earlier, "beats have increasing identities");
        earlier = beat->id;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    script input(data, size);
    auto const kind = static_cast<hb::frame_kind>(input.below(4));
    auto const payload = input.rest();
    check_ping_frame({kind, payload});
    check_mode_code({kind, payload});
    if (kind == hb::frame_kind::text) check_envelope(payload);
    check_beats(hb::ping_frame());
    std::size_t reading = 0;
    check_beats(hb::mode_code([payload, &reading]() -> std::int64_t {
        return reading < payload.size() ? static_cast<signed char>(payload[reading++]) : 0;
    }));
    return 0;
}
