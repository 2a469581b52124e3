// SPDX-License-Identifier: BSL-1.0
//
// Servers that open the websocket as they should and then break RFC 6455. They never close on their own.
#include "frames.hpp"
#include "scenario.hpp"

namespace {

using namespace frames;

/// The server is told with 1002 and cut off when the time to close is over.
scenario violation(std::string name, std::string bytes) {
    return {std::move(name), sends(std::move(bytes)), {.cause = hb::errc::protocol_violation, .told = 1002}};
}

scenario bad_text(std::string name, std::string bytes) {
    return {std::move(name), sends(std::move(bytes)), {.cause = hb::errc::protocol_violation, .told = 1007}};
}

scenario closes(std::string name, std::string bytes, unsigned code) {
    return {std::move(name),
            sends(std::move(bytes)),
            {.cause = hb::errc::closed_by_peer, .close_code = code, .told = code}};
}

}  // namespace

std::vector<scenario> frame_scenarios() {
    auto const more = bits{.last = false};
    std::vector<scenario> rows{
        violation("masks a text frame", frame(text, "{}", {.masked = true})),
        violation("masks a ping", frame(ping, "", {.masked = true})),
        violation("sets RSV1 without an extension", frame(text, "{}", {.reserved = 4})),
        violation("sets RSV2", frame(text, "{}", {.reserved = 2})),
        violation("sets RSV3", frame(text, "{}", {.reserved = 1})),
        violation("sets RSV1 in a ping", frame(ping, "", {.reserved = 4})),
    };
    rows.push_back(violation("masks a text frame, and closes when it is told", {}));
    rows.back().server = sends_until_told(frame(text, "{}", {.masked = true}));
    rows.push_back(violation("masks a text frame, and resets when it is told", {}));
    rows.back().server = sends_and_resets_when_told(frame(text, "{}", {.masked = true}));
    for (unsigned const reserved : {3U, 7U, 11U, 15U})
        rows.push_back(violation("uses opcode " + std::to_string(reserved), frame(reserved, "")));
    for (auto row : {
             violation("sends a ping of 126 bytes", frame(ping, std::string(126, 'x'))),
             violation("sends a pong of 126 bytes", frame(pong, std::string(126, 'x'))),
             violation("sends a Close frame of 126 bytes", frame(closing, std::string(126, 'x'))),
             violation("announces a ping of 10 GB", header(ping, 10'737'418'240)),
             violation("fragments a ping", frame(ping, "x", more)),
             violation("fragments a Close frame", frame(closing, number(1000, 2), more)),
             violation("continues what was not begun", frame(continuation, "x")),
             violation("begins a message inside another", frame(text, "[", more) + frame(text, "{}")),
             violation("writes a length of 5 in two bytes", start(text, 126) + number(5, 2) + "12345"),
             violation("writes a length of 5 in eight bytes", start(text, 127) + number(5, 8) + "12345"),
             bad_text("sends text that is not UTF-8", frame(text, "\"\xff\"")),
             bad_text("sends an overlong encoding", frame(text, "\"\xc0\xaf\"")),
             bad_text("sends a surrogate", frame(text, "\"\xed\xa0\x80\"")),
             bad_text("sends a code point above U+10FFFF", frame(text, "\"\xf4\x90\x80\x80\"")),
             bad_text("ends text inside a character", frame(text, "\"\xe2\x82")),
             bad_text("breaks a character between fragments",
                      frame(text, "\"\xe2", more) + frame(continuation, "\x28\"")),
             violation("sends a Close frame of one byte", frame(closing, "x")),
             violation("sends a Close frame with a reason that is not UTF-8", close_frame(1000, "\xff")),
         })
        rows.push_back(row);
    rows.push_back(violation("continues a message that is complete",
                             frame(text, "[1", more) + frame(continuation, "]") + frame(continuation, "x")));
    rows.back().expected.delivered = 1;
    for (std::uint64_t const code : {0ULL, 999ULL, 1004ULL, 1005ULL, 1006ULL, 1015ULL, 2999ULL})
        rows.push_back(violation("closes with " + std::to_string(code), close_frame(code)));
    rows.push_back(closes("closes with 1000", close_frame(1000), 1000));
    rows.push_back(
        closes("closes with 1008 and the longest reason", close_frame(1008, std::string(123, 'x')), 1008));
    rows.back().expected.then = verdict::retry_slowly;
    rows.back().expected.attempts = 1;
    rows.push_back(closes("closes with 4999", close_frame(4999), 4999));
    rows.push_back(closes("closes without a code", frame(closing, ""), 1005));
    // Code 1005 stands for none and is never sent.
    rows.back().expected.told = 1000;
    rows.push_back(closes("closes with 1000 (`close` 20 s)", close_frame(1000), 1000));
    rows.back().adjust = [](hb::options& options) { options.deadlines.close = 20s; };
    rows.back().expected.attempts = 5;
    rows.push_back(closes("closes, then sends on", close_frame(1001) + repeated(message(), 200), 1001));
    rows.push_back(closes("closes twice", close_frame(1001) + close_frame(1008), 1001));
    return rows;
}
