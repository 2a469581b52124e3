// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>

/// Answers the key of an upgrade request (RFC 6455 section 4.2.2): SHA-1 (RFC 3174) and base64 (RFC 4648).
namespace accept_key {

using digest = std::array<std::uint32_t, 5>;

inline void add_block(digest& hash, unsigned char const* block) {
    std::array<std::uint32_t, 80> words{};
    for (std::size_t index = 0; index < 64; ++index)
        words[index / 4] = words[index / 4] << 8U | std::uint32_t{block[index]};
    for (std::size_t index = 16; index < 80; ++index)
        words[index] =
            std::rotl(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1);
    auto [a, b, c, d, e] = hash;
    for (std::size_t index = 0; index < 80; ++index) {
        std::uint32_t mix = 0;
        switch (index / 20) {
            case 0: mix = ((b & c) | (~b & d)) + 0x5a827999U; break;
            case 1: mix = (b ^ c ^ d) + 0x6ed9eba1U; break;
            case 2: mix = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcU; break;
            default: mix = (b ^ c ^ d) + 0xca62c1d6U; break;
        }
        auto const next = std::rotl(a, 5) + mix + e + words[index];
        e = d;
        d = c;
        c = std::rotl(b, 30);
        b = a;
        a = next;
    }
    hash = {hash[0] + a, hash[1] + b, hash[2] + c, hash[3] + d, hash[4] + e};
}

inline std::string sha1(std::string text) {
    std::uint64_t const size = text.size() * 8;
    text += '\x80';
    while (text.size() % 64 != 56) text += '\0';
    for (unsigned shift = 64; shift != 0; shift -= 8) text += static_cast<char>(size >> (shift - 8) & 0xffU);
    digest hash{0x67452301U, 0xefcdab89U, 0x98badcfeU, 0x10325476U, 0xc3d2e1f0U};
    for (std::size_t offset = 0; offset < text.size(); offset += 64)
        add_block(hash, reinterpret_cast<unsigned char const*>(text.data()) + offset);
    std::string bytes;
    for (auto const word : hash)
        for (unsigned shift = 32; shift != 0; shift -= 8)
            bytes += static_cast<char>(word >> (shift - 8) & 0xffU);
    return bytes;
}

inline std::string base64(std::string const& bytes) {
    constexpr char const* letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (char const byte : bytes) {
        bits = bits << 8U | static_cast<unsigned char>(byte);
        for (held += 8; held >= 6; held -= 6) text += letters[bits >> (held - 6) & 63U];
    }
    if (held != 0) text += letters[bits << (6 - held) & 63U];
    while (text.size() % 4 != 0) text += '=';
    return text;
}

inline std::string of(std::string const& key) {
    return base64(sha1(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
}

}  // namespace accept_key
