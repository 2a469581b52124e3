// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

/// Reads one direction of a websocket connection, for the checks: first the upgrade, then frames (RFC 6455
/// section 5.2), whose fragments it puts together. Knows nothing of the library.
class wire {
public:
    static constexpr unsigned ping = 9;
    static constexpr unsigned pong = 10;

    /// Calls `message(opcode, payload)` for each message and control frame whose last byte has come.
    template <class Function>
    void read(std::string_view bytes, Function const& message) {
        held_ += bytes;
        if (!upgraded_) {
            auto const end = held_.find("\r\n\r\n");
            if (end == std::string::npos) return;
            held_.erase(0, end + 4);
            upgraded_ = true;
        }
        while (take(message)) {}
    }

private:
    std::uint64_t byte(std::size_t index) const { return static_cast<unsigned char>(held_[index]); }

    template <class Function>
    bool take(Function const& message) {
        if (held_.size() < 2) return false;
        auto size = byte(1) & 0x7f;
        std::size_t const extended = size == 127 ? 8 : size == 126 ? 2 : 0;
        bool const masked = (byte(1) & 0x80) != 0;
        std::size_t const header = 2 + extended + (masked ? 4 : 0);
        if (held_.size() < header) return false;
        if (extended != 0) size = 0;
        for (std::size_t index = 0; index < extended; ++index) size = size << 8 | byte(2 + index);
        if (held_.size() < header + size) return false;

        auto payload = held_.substr(header, size);
        for (std::size_t index = 0; masked && index < size; ++index)
            payload[index] = static_cast<char>(payload[index] ^ held_[header - 4 + index % 4]);
        auto const opcode = static_cast<unsigned>(byte(0) & 0x0f);
        bool const last = (byte(0) & 0x80) != 0;
        held_.erase(0, header + size);
        if (opcode >= 8) {
            message(opcode, std::string_view(payload));
        } else {
            if (opcode != 0) kind_ = opcode;
            whole_ += payload;
            if (last) message(kind_, std::string_view(std::exchange(whole_, {})));
        }
        return true;
    }

    std::string held_;
    std::string whole_;
    unsigned kind_ = 0;
    bool upgraded_ = false;
};
