// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/core/utf8.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace {

using heartbeat::detail::is_valid_utf8;
using namespace std::string_view_literals;

static_assert(is_valid_utf8(""));
static_assert(is_valid_utf8("a text that is longer than eight bytes"));
static_assert(is_valid_utf8("\xf0\x9f\x92\x93 beats"));
static_assert(!is_valid_utf8("12345678\xff"));
static_assert(!is_valid_utf8("12345678\xc3"));

std::string encoded(unsigned code_point) {
    auto const byte = [](unsigned value) { return static_cast<char>(static_cast<unsigned char>(value)); };
    auto const tail = [&](unsigned shift) { return byte(0x80u | ((code_point >> shift) & 0x3fu)); };
    if (code_point < 0x80) return {byte(code_point)};
    if (code_point < 0x800) return {byte(0xc0u | code_point >> 6), tail(0)};
    if (code_point < 0x10000) return {byte(0xe0u | code_point >> 12), tail(6), tail(0)};
    return {byte(0xf0u | code_point >> 18), tail(12), tail(6), tail(0)};
}

/// Whether the whole text is one character: decodes it without any rule, and sees if encoding gives it back.
bool is_one_character(std::string_view text) {
    unsigned code_point = static_cast<unsigned char>(text[0]);
    if (code_point >= 0xf0)
        code_point &= 0x07;
    else if (code_point >= 0xe0)
        code_point &= 0x0f;
    else if (code_point >= 0xc0)
        code_point &= 0x1f;
    for (std::size_t index = 1; index < text.size(); ++index)
        code_point = code_point << 6 | (static_cast<unsigned char>(text[index]) & 0x3fu);
    bool const surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
    return code_point <= 0x10ffff && !surrogate && encoded(code_point) == text;
}

/// In a block of its own size, so that a sanitizer sees a read past the end.
bool valid_in_exact_block(std::string_view text) {
    std::unique_ptr<char[]> const block(new char[text.size()]);
    text.copy(block.get(), text.size());
    return is_valid_utf8({block.get(), text.size()});
}

TEST_CASE("well-formed texts are valid UTF-8 and all others are not") {
    struct row {
        std::string_view text;
        bool valid;
    };
    row const table[] = {
        {"", true},
        {"\0"sv, true},
        {"hello world", true},
        {"\x7f", true},
        {"\xc2\x80", true},
        {"\xdf\xbf", true},
        {"\xe0\xa0\x80", true},
        {"\xed\x9f\xbf", true},
        {"\xee\x80\x80", true},
        {"\xef\xbf\xbf", true},
        {"\xf0\x90\x80\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"a\xc3\xb6z\xe2\x82\xac!\xf0\x9f\x92\x93", true},
        {"\x80", false},  // a continuation alone
        {"\xbf", false},
        {"a\x80", false},
        {"\xc3\xb6\xb6", false},
        {"\xc0\x80", false},  // longer than needed
        {"\xc1\xbf", false},
        {"\xe0\x80\x80", false},
        {"\xe0\x9f\xbf", false},
        {"\xf0\x80\x80\x80", false},
        {"\xf0\x8f\xbf\xbf", false},
        {"\xed\xa0\x80", false},  // surrogates, alone and as a pair
        {"\xed\xbf\xbf", false},
        {"\xed\xa0\xbd\xed\xb2\x93", false},
        {"\xf4\x90\x80\x80", false},  // above U+10FFFF
        {"\xf5\x80\x80\x80", false},
        {"\xf8\x88\x80\x80\x80", false},
        {"\xfc\x84\x80\x80\x80\x80", false},
        {"\xfe", false},
        {"\xff", false},
        {"\xc3", false},  // cut off
        {"\xe2\x82", false},
        {"\xe2", false},
        {"\xf0\x9f\x92", false},
        {"\xf0\x9f", false},
        {"\xf0", false},
        {"\xc3"
         "a",
         false},  // continued by something else
        {"\xe2\x82"
         "a",
         false},
        {"\xe2"
         "a\xac",
         false},
        {"\xf0\x9f\x92"
         "a",
         false},
        {"\xf0\x9f"
         "a\x93",
         false},
        {"\xc3\xc3\xb6", false},
        {"\xe2\x82\xc3\xb6", false},
    };
    for (auto const& row : table) {
        CAPTURE(std::string(row.text));
        CHECK(valid_in_exact_block(row.text) == row.valid);
        CHECK(valid_in_exact_block(std::string(row.text) + "a") == row.valid);
        CHECK(valid_in_exact_block("12345678" + std::string(row.text)) == row.valid);
    }
}

TEST_CASE("every code point but the surrogates is valid UTF-8") {
    unsigned wrong = 0;
    for (unsigned code_point = 0; code_point <= 0x10ffff; ++code_point) {
        bool const surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
        if (is_valid_utf8(encoded(code_point)) == surrogate) ++wrong;
    }
    CHECK(wrong == 0);
}

TEST_CASE("of all sequences of one and two bytes exactly those that encode a character are valid UTF-8") {
    unsigned wrong = 0;
    for (unsigned first = 0; first < 256; ++first) {
        std::string text{static_cast<char>(static_cast<unsigned char>(first))};
        if (is_valid_utf8(text) != is_one_character(text)) ++wrong;
        text.push_back('\0');
        for (unsigned second = 0; second < 256; ++second) {
            text[1] = static_cast<char>(static_cast<unsigned char>(second));
            bool const expected = first < 0x80 ? second < 0x80 : is_one_character(text);
            if (is_valid_utf8(text) != expected) ++wrong;
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("of sequences of three and four bytes exactly those that encode a character are valid UTF-8") {
    char const last[] = {'\0', '\x7f', '\x80', '\x81', '\xbf', '\xc0', '\xff'};
    unsigned wrong = 0;
    for (unsigned first = 0xe0; first < 256; ++first) {
        for (unsigned second = 0; second < 256; ++second) {
            std::string text{static_cast<char>(static_cast<unsigned char>(first)),
                             static_cast<char>(static_cast<unsigned char>(second))};
            for (char const third : last) {
                std::string const three = text + third;
                if (is_valid_utf8(three) != is_one_character(three)) ++wrong;
                for (char const fourth : last) {
                    // Three bytes of one character and an ASCII byte behind it are two characters.
                    std::string const four = three + fourth;
                    bool const two = is_one_character(three) && static_cast<unsigned char>(fourth) < 0x80;
                    if (is_valid_utf8(four) != (two || is_one_character(four))) ++wrong;
                }
            }
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE(
    "a wrong byte is found at every position, whatever the alignment, and no byte past the end is read") {
    std::unique_ptr<char[]> const block(new char[48]);
    unsigned wrong = 0;
    for (std::size_t offset = 0; offset < 8; ++offset) {
        for (std::size_t size = 0; size <= 40; ++size) {
            char* const begin = block.get() + 48 - size - offset % (48 - size);
            std::string_view const text(begin, size);
            for (std::size_t index = 0; index < size; ++index) begin[index] = 'a';
            if (!is_valid_utf8(text)) ++wrong;
            for (std::size_t at = 0; at < size; ++at) {
                begin[at] = '\x80';
                if (is_valid_utf8(text)) ++wrong;
                if (at + 1 < size) {
                    begin[at] = '\xc3';
                    if (is_valid_utf8(text)) ++wrong;
                    begin[at + 1] = '\xb6';
                    if (!is_valid_utf8(text)) ++wrong;
                    if (is_valid_utf8(text.substr(0, at + 1))) ++wrong;
                    begin[at + 1] = 'a';
                }
                begin[at] = 'a';
            }
        }
    }
    CHECK(wrong == 0);
}

}  // namespace
