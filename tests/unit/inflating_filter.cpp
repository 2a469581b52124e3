// SPDX-License-Identifier: BSL-1.0
#include "../deflate/compressor.hpp"
#include "../hostile/frames.hpp"
#include "catch.hpp"

#include <heartbeat/net/inflating_filter.hpp>

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using heartbeat::detail::inflating_filter;

constexpr frames::bits compressed{.reserved = 4};
constexpr frames::bits compressed_part{.last = false, .reserved = 4};
constexpr frames::bits part{.last = false};

inflating_filter& accepting(inflating_filter& filter, bool forgets = false) {
    filter.accept({.server_no_context_takeover = forgets});
    return filter;
}

// Puts bytes through, as many at a time as are given, and takes them into spaces of a size.
std::string pass(inflating_filter& filter, std::string_view bytes, std::size_t at_once = 1536,
                 std::size_t space = 1536) {
    std::string all;
    std::string piece(space, '\0');
    while (true) {
        if (auto const taken = filter.take(boost::asio::buffer(piece)); taken != 0) {
            all.append(piece, 0, taken);
        } else if (!bytes.empty()) {
            auto const count = boost::asio::buffer_copy(filter.space(), boost::asio::buffer(bytes), at_once);
            filter.commit(count);
            bytes.remove_prefix(count);
        } else {
            return all;
        }
    }
}

struct message {
    unsigned opcode = 0;
    std::string content = {};

    friend bool operator==(message const&, message const&) = default;
};

// The messages in frames that a websocket without compression accepts.
std::vector<message> messages_in(std::string_view bytes) {
    std::vector<message> all;
    bool inside = false;
    while (!bytes.empty()) {
        REQUIRE(bytes.size() >= 2);
        auto const byte = [&](std::size_t index) { return static_cast<unsigned char>(bytes.at(index)); };
        REQUIRE((byte(0) & 0x70U) == 0);
        unsigned const opcode = byte(0) & 0x0fU;
        std::size_t length = byte(1);
        std::size_t head = 2;
        REQUIRE(length <= 126);
        if (length == 126) {
            head = 4;
            length = static_cast<std::size_t>(byte(2) << 8U | byte(3));
            REQUIRE(length >= 126);
        }
        REQUIRE(bytes.size() >= head + length);
        // Control frames are no messages.
        if (opcode < 8) {
            REQUIRE(inside == (opcode == 0));
            if (opcode != 0) all.push_back({opcode});
            all.back().content += bytes.substr(head, length);
            inside = (byte(0) & 0x80U) == 0;
        }
        bytes.remove_prefix(head + length);
    }
    CHECK(!inside);
    return all;
}

// Compresses well, so that matches of the greatest length end anywhere.
std::string repetitive(std::mt19937& random, std::size_t size) {
    std::string text;
    while (text.size() < size) text.append(1 + random() % 300, random() % 2 == 0 ? 'a' : 'b');
    return text;
}

std::string noise(std::mt19937& random, std::size_t size) {
    std::string bytes(size, '\0');
    std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(random()); });
    return bytes;
}

}  // namespace

TEST_CASE("a compressed message comes out as one that is not") {
    inflating_filter filter;
    accepting(filter);
    compressor server;
    auto const bytes = frames::frame(frames::text, server.compress("Hello"), compressed);
    CHECK(pass(filter, bytes) == frames::frame(frames::text, "Hello"));
    // RFC 7692 section 7.2.3.2: it refers to the first one.
    auto const again = server.compress("Hello");
    CHECK(again.size() < 7);
    CHECK(pass(filter, frames::frame(frames::binary, again, compressed)) ==
          frames::frame(frames::binary, "Hello"));
    CHECK(pass(filter, frames::frame(frames::text, server.compress(""), compressed)) ==
          frames::frame(frames::text, ""));
}

TEST_CASE("what is not compressed comes out as it went in") {
    auto const large = std::string(100'000, 'x');
    auto const bytes = frames::frame(frames::text, "hello") + frames::frame(frames::ping, "1") +
                       frames::frame(frames::text, "", part) + frames::frame(frames::continuation, large) +
                       frames::frame(frames::pong, "") + frames::close_frame(1000, "bye");
    for (std::size_t const at_once : {1U, 7U, 1536U}) {
        for (std::size_t const space : {16U, 17U, 1536U}) {
            inflating_filter filter;
            CHECK(pass(filter, bytes, at_once, space) == bytes);
            accepting(filter);
            CHECK(pass(filter, bytes, at_once, space) == bytes);
        }
    }
}

TEST_CASE("nothing is inflated that was not agreed on") {
    inflating_filter filter;
    auto const bytes = frames::frame(frames::text, compressor().compress("Hello"), compressed);
    CHECK(pass(filter, bytes) == bytes);
}

TEST_CASE("what is wrong in a frame is left for the websocket to see") {
    auto const data = compressor().compress("Hello");
    std::string const wrong[] = {
        frames::frame(frames::text, data, {.reserved = 6}),
        frames::frame(frames::text, data, {.reserved = 5}),
        frames::frame(frames::text, data, {.reserved = 2}),
        frames::frame(frames::text, data, {.reserved = 4, .masked = true}),
        frames::frame(frames::ping, data, compressed),
        frames::frame(frames::continuation, data, compressed),
        frames::start(frames::text, 126, compressed) + frames::number(data.size(), 2) + data,
        frames::start(frames::text, 127, compressed) + frames::number(data.size(), 8) + data,
        frames::frame(frames::continuation, data),
    };
    for (auto const& bytes : wrong) {
        inflating_filter filter;
        CHECK(pass(accepting(filter), bytes) == bytes);
    }

    // In the middle of a message, of which the websocket may not have seen anything: a frame that it does not
    // take stands for it.
    auto const beginning = frames::frame(frames::text, data.substr(0, 2), compressed_part);
    for (auto const& bytes :
         {frames::frame(frames::text, data, compressed), frames::frame(frames::binary, data),
          frames::frame(frames::continuation, data, compressed)}) {
        inflating_filter filter;
        CHECK(pass(accepting(filter), beginning + bytes).ends_with(std::string("\x83\x00", 2)));
        CHECK(filter.fault());
    }
}

TEST_CASE("messages of all kinds survive, in pieces of all sizes") {
    std::mt19937 random(7692);
    for (int round = 0; round < 60; ++round) {
        bool const forgets = round % 3 == 0;
        inflating_filter filter;
        accepting(filter, forgets);
        compressor server;
        std::string bytes;
        std::vector<message> sent;
        for (int number = 0; number < 6; ++number) {
            auto const size = random() % 3 == 0 ? random() % 300 : random() % 50'000;
            auto const content = random() % 2 == 0 ? repetitive(random, size) : noise(random, size);
            std::string_view data = content;
            bool const squeezed = random() % 4 != 0;
            auto const packed = squeezed ? server.compress(content) : std::string();
            if (squeezed) data = packed;
            if (forgets) server.reset();
            unsigned opcode = random() % 2 == 0 ? frames::text : frames::binary;
            sent.push_back({opcode, content});
            for (bool last = false, first = true; !last; first = false, opcode = frames::continuation) {
                auto const length = std::min<std::size_t>(data.size(), random() % 20'000);
                last = length == data.size();
                bytes += frames::frame(opcode, data.substr(0, length),
                                       {.last = last, .reserved = squeezed && first ? 4U : 0U});
                data.remove_prefix(length);
                if (!last && random() % 2 == 0) bytes += frames::frame(frames::ping, "p");
            }
        }
        auto const at_once = 1 + random() % 2000;
        auto const space = inflating_filter::least_space + random() % 3000;
        auto const got = messages_in(pass(filter, bytes, at_once, space));
        INFO("round " << round << ", " << at_once << " bytes at once into " << space);
        CHECK(!filter.fault());
        CHECK(got == sent);
    }
}

TEST_CASE("a message that fills the space to the last byte does not spoil the next one") {
    // The websocket's own inflating loses its place here: its data ends with the code of a match.
    std::mt19937 random(3028);
    for (int round = 0; round < 400; ++round) {
        inflating_filter filter;
        accepting(filter);
        compressor server;
        std::string bytes;
        std::vector<message> sent;
        for (int number = 0; number < 3; ++number) {
            sent.push_back({frames::text, std::string(1500 + random() % 40'000, 'a')});
            bytes += frames::frame(frames::text, server.compress(sent.back().content), compressed);
        }
        CHECK(messages_in(pass(filter, bytes, 1536, 16 + random() % 2000)) == sent);
    }
}

TEST_CASE("blocks that call themselves the last are inflated, and what follows them") {
    inflating_filter filter;
    accepting(filter);
    // RFC 7692 section 7.2.3.4, and without the byte at its end.
    std::string const last_block("\xf3\x48\xcd\xc9\xc9\x07\x00", 7);
    auto const hello = frames::frame(frames::text, "Hello");
    CHECK(pass(filter, frames::frame(frames::text, last_block + '\0', compressed)) == hello);
    CHECK(pass(filter, frames::frame(frames::text, last_block, compressed)) == hello);
    CHECK(pass(filter, frames::frame(frames::text, last_block + last_block + '\0', compressed)) ==
          frames::frame(frames::text, "HelloHello"));
    CHECK(pass(filter, frames::frame(frames::text, compressor().compress("Hello"), compressed)) == hello);
}

TEST_CASE("data that cannot be inflated becomes a frame that no websocket accepts") {
    auto const good = compressor().compress(std::string(1000, 'x') + "Hello");
    auto const second = [] {
        compressor server;
        server.compress("Hello, hello, hello");
        return server.compress("Hello, hello, hello");
    }();
    struct row {
        char const* what;
        std::string data;
    };
    row const table[] = {
        {"a block type that does not exist", "\x07"},
        {"a stored block with a wrong length", std::string("\x00\x01\x00\x00\x00", 5)},
        {"cut off", good.substr(0, good.size() - 3)},
        {"nothing", ""},
        {"a reference to what never was", second},
        {"more than there is", good + "\x01"},
    };
    for (auto const& [what, data] : table) {
        INFO(what);
        inflating_filter filter;
        auto const out = pass(accepting(filter), frames::frame(frames::text, data, compressed) +
                                                     frames::frame(frames::text, "after"));
        CHECK(filter.fault());
        CHECK(out.ends_with(std::string("\x83\x00", 2)));
    }
}

TEST_CASE("a message may refer to earlier ones, unless the server said that none does") {
    for (bool const forgets : {false, true}) {
        inflating_filter filter;
        accepting(filter, forgets);
        compressor server;
        std::string const text = "Hello, hello, hello";
        CHECK(pass(filter, frames::frame(frames::text, server.compress(text), compressed)) ==
              frames::frame(frames::text, text));
        auto const again = pass(filter, frames::frame(frames::text, server.compress(text), compressed));
        CHECK((again == frames::frame(frames::text, text)) == !forgets);
        CHECK(bool(filter.fault()) == forgets);
    }
}

TEST_CASE("random bytes in place of compressed data do no harm") {
    std::mt19937 random(1951);
    for (int round = 0; round < 2000; ++round) {
        inflating_filter filter;
        accepting(filter, round % 2 == 0);
        auto const data = noise(random, random() % 400);
        CHECK_NOTHROW(pass(filter, frames::frame(frames::binary, data, compressed), 100, 300));
    }
}

TEST_CASE("a frame of any length is done with in as many steps as there are bytes") {
    std::string const heads[] = {"\x82\x7f", "\x89\x7f", "\x80\x7f", "\xc2\x7f"};
    for (auto const& head : heads) {
        for (unsigned last = 0; last < 256; ++last) {
            inflating_filter filter;
            accepting(filter);
            auto bytes = head + std::string(7, '\xff');
            bytes += static_cast<char>(last);
            // Ends.
            CHECK(!pass(filter, bytes + "what follows").empty());
        }
    }
}

TEST_CASE("a block that calls itself the last may end any fragment of its message") {
    // RFC 7692 section 7.2.3.4, in one frame and in two.
    std::string const data("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8);
    for (std::size_t cut = 0; cut <= data.size(); ++cut) {
        inflating_filter filter;
        accepting(filter);
        auto const bytes = frames::frame(frames::text, data.substr(0, cut), compressed_part) +
                           frames::frame(frames::continuation, data.substr(cut));
        CHECK(messages_in(pass(filter, bytes)) == std::vector{message{frames::text, "Hello"}});
        CHECK_FALSE(filter.fault());
    }
}

TEST_CASE("a new message inside of a compressed one that has given nothing yet is not passed on") {
    inflating_filter filter;
    accepting(filter);
    auto const bytes =
        frames::frame(frames::text, "", compressed_part) + frames::frame(frames::text, "plain");
    CHECK(pass(filter, bytes) == std::string("\x83\x00", 2));
    CHECK(filter.fault());
}
