// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/protocols/protocol.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace heartbeat {

/// A heartbeat in JSON text that a server echoes: `{"ModeCode":"heart_beat","msg":1690000000000}`, where
/// `msg` is the client's time in milliseconds since the epoch. Messages have the same envelope: `ModeCode`
/// says the kind, `msg` is the content.
///
/// `msg` is the identity of the beat: it is strictly increasing, also when the wall clock is not, so that a
/// late echo answers only its own beat. Text that is not JSON is reported as `malformed`; binary messages
/// pass unread.
class mode_code {
public:
    /// Gives the wall clock's time in milliseconds since the epoch.
    using wall_clock = std::function<std::int64_t()>;

    mode_code() : mode_code(system_time) {}
    explicit mode_code(wall_clock now) : now_(std::move(now)) {}

    /// The envelope of a message: `{"ModeCode":"message","msg":...}`.
    static nlohmann::json message(nlohmann::json content) {
        return {{"ModeCode", "message"}, {"msg", std::move(content)}};
    }

    std::optional<outbound_frame> make_beat() {
        last_ = std::max(last_ + 1, now_());
        auto const id = std::to_string(last_);
        return outbound_frame{static_cast<std::uint64_t>(last_), frame_kind::text,
                              R"({"ModeCode":"heart_beat","msg":)" + id + "}"};
    }

    frame_meaning classify(inbound_frame const& frame) const {
        switch (frame.kind) {
            case frame_kind::binary: return application_message{};
            case frame_kind::ping:
            case frame_kind::pong: return protocol_noise{};
            case frame_kind::text: break;
        }
        // To the parser the text ends there.
        if (auto const at = frame.payload.find('\0'); at != std::string_view::npos)
            return malformed_frame{at, "a byte 0"};
        reader found;
        if (!nlohmann::json::sax_parse(frame.payload, &found))
            return malformed_frame{found.position, std::move(found.what)};
        if (found.mode != "heart_beat") return application_message{};
        if (!found.identity) return protocol_noise{};
        return beat_answer{*found.identity};
    }

private:
    static std::int64_t system_time() {
        using namespace std::chrono;
        return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
    }

    // Finds the two fields of the outermost object without building a document.
    struct reader {
        using json = nlohmann::json;

        std::string mode = {};
        std::optional<std::uint64_t> identity = {};
        std::size_t position = 0;
        std::string what = {};
        std::string field = {};
        int depth = 0;

        bool null() { return true; }
        bool boolean(bool) { return true; }
        bool number_float(json::number_float_t, json::string_t const&) { return true; }
        bool binary(json::binary_t&) { return true; }
        bool number_integer(json::number_integer_t) { return true; }
        bool number_unsigned(json::number_unsigned_t value) {
            if (depth == 1 && field == "msg") identity = value;
            return true;
        }
        bool string(json::string_t& value) {
            if (depth == 1 && field == "ModeCode") mode = value;
            return true;
        }
        bool key(json::string_t& value) {
            if (depth == 1) field = value;
            return true;
        }
        bool start_object(std::size_t) { return enter(1); }
        bool end_object() { return leave(1); }
        // A pair of array brackets is two levels, so that an outermost array has no fields.
        bool start_array(std::size_t) { return enter(2); }
        bool end_array() { return leave(2); }
        bool parse_error(std::size_t read, std::string const&, json::exception const& error) {
            position = read == 0 ? 0 : read - 1;
            what = error.what();
            return false;
        }

    private:
        bool enter(int levels) {
            depth += levels;
            return true;
        }
        bool leave(int levels) {
            depth -= levels;
            return true;
        }
    };

    wall_clock now_;
    std::int64_t last_ = 0;
};

static_assert(heartbeat_protocol<mode_code>);

}  // namespace heartbeat
