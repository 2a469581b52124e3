// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/json.hpp>
#include <heartbeat/message.hpp>
#include <heartbeat/protocols/mode_code.hpp>
#include <heartbeat/protocols/ping_frame.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <utility>
#include <variant>

/// A protocol that is chosen when the program runs: it hands everything on to the one chosen. So there is one
/// type of socket to compile, whatever the number of protocols.
class chosen_protocol {
public:
    using choice = std::variant<heartbeat::mode_code, heartbeat::ping_frame>;

    explicit chosen_protocol(choice chosen) : chosen_(std::move(chosen)) {}

    std::optional<heartbeat::outbound_frame> make_beat() {
        return std::visit([](auto& protocol) { return protocol.make_beat(); }, chosen_);
    }

    heartbeat::frame_meaning classify(heartbeat::inbound_frame const& frame) const {
        return std::visit([&](auto const& protocol) { return protocol.classify(frame); }, chosen_);
    }

    /// The message with this text: in an envelope where the protocol has one. Nothing for a text that is not
    /// UTF-8.
    std::optional<heartbeat::message> wrap(std::string const& text) const {
        if (!has_envelope()) return heartbeat::message(text);
        try {
            return heartbeat::message(heartbeat::mode_code::message(text).dump());
        } catch (nlohmann::json::type_error const&) {
            return std::nullopt;
        }
    }

    /// The content of a message in an envelope; nothing for any other.
    std::optional<nlohmann::json> unwrap(heartbeat::message const& received) const {
        if (!has_envelope() || !received.is_text()) return std::nullopt;
        auto document = heartbeat::parse_json(received);
        if (!document || !document->is_object()) return std::nullopt;
        auto const mode = document->find("ModeCode");
        auto const content = document->find("msg");
        if (mode == document->end() || *mode != "message" || content == document->end()) return std::nullopt;
        return std::move(*content);
    }

private:
    bool has_envelope() const noexcept { return std::holds_alternative<heartbeat::mode_code>(chosen_); }

    choice chosen_;
};

static_assert(heartbeat::heartbeat_protocol<chosen_protocol>);
