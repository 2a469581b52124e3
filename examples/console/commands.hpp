// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/state.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <variant>

enum class command { connect, send, close, status, help, quit };

struct command_name {
    command what;
    std::string_view name;
    std::string_view explanation;
};

inline constexpr command_name commands[] = {
    {command::connect, "/connect", "connects; while the next attempt is being waited for, dials at once"},
    {command::send, "/send TEXT", "sends TEXT, or else \"hello world\"; only while connected"},
    {command::close, "/close", "closes the connection, or stops the attempts to connect, and stays closed"},
    {command::status, "/status", "shows the state and figures"},
    {command::help, "/help", "shows this"},
    {command::quit, "/quit", "closes and ends the program"},
};

inline constexpr std::string_view bare_name(command_name const& of) {
    return of.name.substr(0, of.name.find(' '));
}

inline std::string_view name_of(command what) {
    for (auto const& known : commands)
        if (known.what == what) return bare_name(known);
    return {};
}

inline std::string command_help() {
    std::string text = "Commands, one a line; any other line is sent as it is:\n";
    for (auto const& known : commands) {
        text.append("  ").append(known.name).append(12 - known.name.size(), ' ');
        text.append(known.explanation).append("\n");
    }
    return text;
}

inline constexpr char const* end_of_input_help =
    "The end of input closes the connection and ends the program, after what was read has been sent. Answers "
    "are\n"
    "not waited for; `(echo hello; sleep 1) | console` leaves them time.\n";

/// The gates: /connect only while there is no connection, /send and /close only while there is one. /close
/// also works where it is the only way to stop connecting.
constexpr bool is_allowed(command what, heartbeat::state now) noexcept {
    using heartbeat::state;
    switch (what) {
        case command::connect: return now == state::stopped || now == state::waiting;
        case command::send: return now == state::open;
        case command::close: return now == state::open || now == state::connecting || now == state::waiting;
        case command::status:
        case command::help:
        case command::quit: return true;
    }
    return false;
}

/// True if the state is about to change into one in which the command may be allowed. Input that nobody types
/// waits for that.
constexpr bool is_worth_waiting(command what, heartbeat::state now) noexcept {
    using heartbeat::state;
    if (is_allowed(what, now)) return false;
    return now == state::closing || (now == state::connecting && what == command::send);
}

/// Why a command is not allowed, and which are.
inline std::string refusal(command what, heartbeat::state now) {
    using heartbeat::state;
    std::string text(name_of(what));
    switch (now) {
        case state::stopped: text += ": not connected."; break;
        case state::connecting: text += ": an attempt to connect is under way."; break;
        case state::open: text += ": connected already."; break;
        case state::waiting: text += ": not connected, the next attempt is being waited for."; break;
        case state::closing: text += ": the connection is being closed."; break;
    }
    text += " Possible now:";
    for (auto const& known : commands)
        if (is_allowed(known.what, now)) text.append(" ").append(bare_name(known));
    return text;
}

struct request {
    command what = command::send;
    /// The text to send.
    std::string text = {};
};

/// What a line asks for, or why it makes no sense.
inline std::variant<request, std::string> parse_command(std::string line) {
    if (!line.starts_with('/')) return request{command::send, std::move(line)};
    auto const space = line.find(' ');
    auto const name = line.substr(0, space);
    auto text = space == std::string::npos ? std::string() : line.substr(space + 1);
    for (auto const& known : commands) {
        if (bare_name(known) != name) continue;
        if (known.what != command::send && text.find_first_not_of(' ') != std::string::npos)
            return name + " takes no text.";
        if (known.what == command::send && text.empty()) text = "hello world";
        return request{known.what, std::move(text)};
    }
    return name + " is no command; /help lists them. /send sends a text that begins with a slash.";
}
