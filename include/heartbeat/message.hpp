// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/error.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace heartbeat {

/// The two kinds of websocket message (RFC 6455 section 5.6).
enum class message_kind { text, binary };

/// An owned message, text or binary; the type that is sent, and the event of one that was received.
class message {
public:
    /// An empty text message.
    message() = default;

    /// A text message of exactly these bytes. Implicit, so that `send("hello")` works. The text has to be
    /// valid UTF-8; that is checked when it is sent.
    message(std::string text) noexcept : payload_(std::move(text)) {}
    message(char const* text) : payload_(text) {}

    /// A text message with a copy of `text`.
    message(std::string_view text) : payload_(text) {}

    /// A binary message with a copy of `bytes`.
    message(std::span<std::byte const> bytes)
        : kind_(message_kind::binary), payload_(reinterpret_cast<char const*>(bytes.data()), bytes.size()) {}

    /// A binary message with a copy of `bytes`.
    message(std::vector<std::byte> const& bytes) : message(std::span<std::byte const>(bytes)) {}

    /// A message of the given kind that takes over `payload`.
    message(message_kind kind, std::string payload) : kind_(kind), payload_(std::move(payload)) {}

    message_kind kind() const noexcept { return kind_; }
    bool is_text() const noexcept { return kind_ == message_kind::text; }
    bool is_binary() const noexcept { return kind_ == message_kind::binary; }

    /// The payload as characters, whatever the kind. Valid as long as the message.
    std::string_view text() const noexcept { return payload_; }

    /// The payload as bytes, whatever the kind. Valid as long as the message.
    std::span<std::byte const> bytes() const noexcept {
        return {reinterpret_cast<std::byte const*>(payload_.data()), payload_.size()};
    }

    /// The size of the payload in bytes.
    std::size_t size() const noexcept { return payload_.size(); }

    /// Moves the payload out.
    std::string release() && noexcept { return std::move(payload_); }

    friend bool operator==(message const&, message const&) = default;

private:
    message_kind kind_ = message_kind::text;
    std::string payload_;
};

/// What became of a message that was accepted for sending. Each gets exactly one.
enum class delivery {
    /// Handed to the operating system on an open link. Not proof that the peer has it.
    written,
    /// Never given to the wire; `outcome::cause` says why.
    dropped,
    /// The link broke while it was being written: the peer has all of it, or not.
    unknown,
};

/// The name as written in the enumeration.
constexpr char const* to_string(delivery value) noexcept {
    switch (value) {
        case delivery::written: return "written";
        case delivery::dropped: return "dropped";
        case delivery::unknown: return "unknown";
    }
    return "unknown";
}

/// The end of an accepted message, with its cause where it was not written.
struct outcome {
    delivery result = delivery::dropped;
    /// Zero for `written`.
    errc cause = {};

    /// True for `written`.
    explicit operator bool() const noexcept { return result == delivery::written; }
    friend bool operator==(outcome const&, outcome const&) = default;
};

}  // namespace heartbeat
