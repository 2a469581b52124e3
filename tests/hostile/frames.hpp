// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Frames of RFC 6455 section 5.2, right and wrong ones, byte by byte.
namespace frames {

enum opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, closing = 8, ping = 9, pong = 10 };

/// The bits that a frame of a server may get wrong.
struct bits {
    /// FIN.
    bool last = true;
    /// RSV1 to RSV3 as the numbers 4, 2 and 1.
    unsigned reserved = 0;
    bool masked = false;
};

/// The two bytes with which each frame begins. `length` is the field of 7 bits: 126 and 127 announce a
/// longer field.
inline std::string start(unsigned operation, unsigned length, bits given = {}) {
    auto const first = (given.last ? 0x80U : 0U) | given.reserved << 4U | operation;
    auto const second = (given.masked ? 0x80U : 0U) | length;
    return {static_cast<char>(first), static_cast<char>(second)};
}

/// A number in network byte order.
inline std::string number(std::uint64_t value, std::size_t bytes) {
    std::string text(bytes, '\0');
    for (auto byte = text.rbegin(); byte != text.rend(); ++byte, value >>= 8U)
        *byte = static_cast<char>(value & 0xffU);
    return text;
}

/// Everything before the payload, with a mask of zeros if there is one.
inline std::string header(unsigned operation, std::uint64_t length, bits given = {}) {
    auto const mask = given.masked ? std::string(4, '\0') : std::string();
    if (length < 126) return start(operation, static_cast<unsigned>(length), given) + mask;
    if (length < 65536) return start(operation, 126, given) + number(length, 2) + mask;
    return start(operation, 127, given) + number(length, 8) + mask;
}

inline std::string frame(unsigned operation, std::string_view payload, bits given = {}) {
    return header(operation, payload.size(), given).append(payload);
}

inline std::string close_frame(std::uint64_t code, std::string_view reason = {}) {
    return frame(closing, number(code, 2).append(reason));
}

/// A message such as the echo server would send.
inline std::string message(std::string_view content = "hello") {
    return frame(text, std::string(R"({"ModeCode":"message","msg":")").append(content).append(R"("})"));
}

inline std::string repeated(std::string_view what, std::size_t times) {
    std::string all;
    all.reserve(what.size() * times);
    for (std::size_t count = 0; count < times; ++count) all += what;
    return all;
}

/// A frame of the client's.
struct received {
    unsigned operation = 0;
    std::string payload = {};
};

/// Takes the first whole frame out of what a client has sent.
inline std::optional<received> take(std::string& bytes) {
    auto const byte = [&bytes](std::size_t index) { return static_cast<unsigned char>(bytes[index]); };
    if (bytes.size() < 2) return std::nullopt;
    std::uint64_t length = byte(1) & 0x7fU;
    std::size_t const extra = length == 127 ? 8 : length == 126 ? 2 : 0;
    std::size_t const before = 2 + extra + 4;
    if (bytes.size() < before) return std::nullopt;
    if (extra != 0) length = 0;
    for (std::size_t index = 0; index < extra; ++index) length = length << 8U | byte(2 + index);
    if (bytes.size() - before < length) return std::nullopt;
    received found{byte(0) & 0x0fU, bytes.substr(before, length)};
    for (std::size_t index = 0; index < found.payload.size(); ++index)
        found.payload[index] = static_cast<char>(static_cast<unsigned char>(found.payload[index]) ^
                                                 byte(before - 4 + index % 4));
    bytes.erase(0, before + length);
    return found;
}

}  // namespace frames
