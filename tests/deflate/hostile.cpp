// SPDX-License-Identifier: BSL-1.0
#include "../hostile/allocations.hpp"
#include "../hostile/frames.hpp"
#include "compressor.hpp"
#include "world.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace {

constexpr std::string_view accepted = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
constexpr frames::bits compressed{.reserved = 4};
constexpr std::size_t mebibyte = std::size_t{1024} * 1024;

// Answers the upgrade with header lines and, in the same breath, frames.
auto answers(std::string_view lines, std::string frames) {
    return [lines, frames = std::move(frames)](http_request const& request) {
        return accepts(request, lines) + frames;
    };
}

// A compressed message in fragments.
std::string fragments(std::string_view data, std::size_t size) {
    std::string all;
    for (std::size_t at = 0; at < data.size(); at += size)
        all += frames::frame(at == 0 ? frames::text : frames::continuation, data.substr(at, size),
                             {.last = data.size() - at <= size, .reserved = at == 0 ? 4U : 0U});
    return all;
}

// Runs until the link has ended, and says why.
hb::reason end_of(deflate_world& at, hb::options settings) {
    // The server does not answer a Close frame.
    settings.deadlines.close = 100ms;
    at.connect(settings);
    at.until([&] {
        at.pass(100ms);
        return !at.told->closed.empty();
    });
    return at.told->closed.front().reason;
}

}  // namespace

TEST_CASE("frames that come with the answer to the upgrade are inflated, or not") {
    auto const text = prose(5000);
    for (bool const accepts_it : {true, false}) {
        deflate_world at;
        auto const data = compressor().compress(text);
        auto const frame =
            accepts_it ? frames::frame(frames::text, data, compressed) : frames::frame(frames::text, text);
        at.server.answer = answers(accepts_it ? accepted : "", frame);
        at.start(at.compressing());
        at.socket->on<hb::message>([&](hb::message const& one) { at.received.push_back(one); });
        at.until([&] { return !at.received.empty(); });
        CHECK((at.received.front().text() == text));
    }
}

TEST_CASE("an answer that does not fit the offer of compression fails the attempt") {
    for (std::string const extensions :
         {"permessage-deflate; server_max_window_bits=16", "permessage-deflate; unknown", "other",
          "permessage-deflate, permessage-deflate", "permessage-deflate; client_max_window_bits=8"}) {
        deflate_world at;
        auto const line = "Sec-WebSocket-Extensions: " + extensions + "\r\n";
        at.server.answer = answers(line, "");
        at.start(at.compressing());
        at.until_failed();
        CHECK(at.failure().cause == hb::errc::upgrade_failed);
        CHECK(at.failure().evidence == hb::errc::extension_not_offered);
    }
}

TEST_CASE("a compression bomb ends the link when it is over the limit, and takes no more memory than that") {
    auto const bomb = compressor().compress(std::string(64 * mebibyte, '\0'));
    REQUIRE(bomb.size() < 80'000);
    for (auto const& bytes : {frames::frame(frames::binary, bomb, compressed), fragments(bomb, 100)}) {
        deflate_world at;
        at.server.answer = answers(accepted, bytes);
        auto settings = at.compressing();
        settings.limits.message_bytes = mebibyte;
        allocations::scope const counting(true);
        auto const before = allocations::live();
        allocations::restart_peak();
        auto const why = end_of(at, settings);
        CHECK(why.cause == hb::errc::message_too_big);
        CHECK(at.received.empty());
        // The message, what it is copied from when its buffer grows, the compressors, and what the server
        // has.
        CHECK(allocations::peak() - before < 3 * mebibyte);
    }
}

TEST_CASE("compression takes memory only where both sides have agreed on it") {
    auto const taken = [](bool offered, bool agreed) {
        deflate_world at;
        at.server.answer = answers(agreed ? accepted : "", "");
        auto settings = at.compressing();
        settings.deflate.enabled = offered;
        allocations::scope const counting(true);
        auto const before = allocations::live();
        at.connect(settings);
        REQUIRE(at.socket->send(prose(1000)));
        at.until([&] { return at.socket->stats().outbox_messages == 0; });
        return allocations::live() - before;
    };
    if (!allocations::are_counted()) return;
    auto const off = taken(false, false);
    auto const declined = taken(true, false);
    auto const on = taken(true, true);
    CHECK(declined < off + 1024);
    CHECK(off < declined + 1024);
    // The window of the compressor alone, twice (RFC 1951).
    CHECK(on > off + 64 * 1024);
}

TEST_CASE("the limit on a message counts what is inflated, to the byte") {
    for (std::size_t const size : {10'000U, 10'001U}) {
        deflate_world at;
        at.server.answer = answers(accepted, fragments(compressor().compress(std::string(size, 'a')), 5));
        auto settings = at.compressing();
        settings.limits.message_bytes = 10'000;
        if (size == 10'000) {
            at.connect(settings);
            at.until([&] { return !at.received.empty(); });
            CHECK(at.received.front().size() == size);
        } else {
            CHECK(end_of(at, settings).cause == hb::errc::message_too_big);
        }
    }
}

TEST_CASE("data that cannot be inflated ends the link, and the reason says so") {
    auto const good = compressor().compress(prose(3000));
    struct row {
        char const* what;
        std::string data;
    };
    row const table[] = {
        {"a block type that does not exist", "\x07"},
        {"noise", '\x07' + noise(5000)},
        {"cut off", good.substr(0, good.size() - 10)},
        {"nothing", ""},
    };
    for (auto const& [what, data] : table) {
        INFO(what);
        deflate_world at;
        at.server.answer = answers(accepted, frames::frame(frames::binary, data, compressed));
        auto const why = end_of(at, at.compressing());
        CHECK(why.cause == hb::errc::protocol_violation);
        CHECK(why.evidence);
        CHECK(at.received.empty());
    }
}

TEST_CASE("a compressed text that is not UTF-8 ends the link") {
    deflate_world at;
    at.server.answer =
        answers(accepted, frames::frame(frames::text, compressor().compress("a\xff"), compressed));
    CHECK(end_of(at, at.compressing()).cause == hb::errc::protocol_violation);
}

TEST_CASE("reserved bits are an error where compression has no use for them") {
    auto const data = compressor().compress("hello");
    struct row {
        char const* what;
        std::string_view lines;
        std::string bytes;
    };
    row const table[] = {
        {"compressed without agreement", "", frames::frame(frames::text, data, compressed)},
        {"RSV2", accepted, frames::frame(frames::text, data, {.reserved = 6})},
        {"RSV3", accepted, frames::frame(frames::text, data, {.reserved = 1})},
        {"a compressed ping", accepted, frames::frame(frames::ping, data, compressed)},
        {"a continuation that is compressed by itself", accepted,
         frames::frame(frames::text, data, {.last = false, .reserved = 4}) +
             frames::frame(frames::continuation, data, compressed)},
        {"a compressed message inside another", accepted,
         frames::frame(frames::text, "hello", {.last = false}) +
             frames::frame(frames::text, data, compressed)},
    };
    for (auto const& [what, lines, bytes] : table) {
        INFO(what);
        deflate_world at;
        at.server.answer = answers(lines, bytes);
        CHECK(end_of(at, at.compressing()).cause == hb::errc::protocol_violation);
    }
}
