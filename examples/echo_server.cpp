// SPDX-License-Identifier: BSL-1.0

// An echo server to try clients with: it logs what happens, and its faults are switched from standard input.

#include <heartbeat/testing/echo_server.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "common/line_reader.hpp"

namespace {

using heartbeat::echo_server;

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
    Number number{};
    auto const end = text.data() + text.size();
    auto const [last, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || last != end) return std::nullopt;
    return number;
}

/// `500ms` or `2s`.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    if (!text.ends_with('s')) return std::nullopt;
    bool const in_milliseconds = text.ends_with("ms");
    text.remove_suffix(in_milliseconds ? 2 : 1);
    auto const number = parse_number<std::uint32_t>(text);
    if (!number) return std::nullopt;
    return in_milliseconds ? std::chrono::milliseconds{*number} : std::chrono::seconds{*number};
}

std::optional<bool> parse_switch(std::string_view text) {
    if (text == "on") return true;
    if (text == "off") return false;
    return std::nullopt;
}

/// Takes the first word off a line, and the space around it.
std::string_view take_word(std::string_view& line) {
    auto const skip_space = [&line] {
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    };
    skip_space();
    auto const word = line.substr(0, line.find_first_of(" \t"));
    line.remove_prefix(word.size());
    skip_space();
    return word;
}

/// Something that a line of standard input can ask for.
struct command {
    using confirmation = echo_server::done_function;

    std::string_view name;
    std::string_view arguments;
    std::string_view meaning;
    /// Confirms once it is in force. False: the arguments are wrong.
    bool (*run)(echo_server& server, std::string_view arguments, confirmation const& confirm);
};

bool freeze(echo_server& server, std::string_view arguments, command::confirmation const& confirm) {
    if (!arguments.empty()) return false;
    server.freeze(confirm);
    return true;
}

bool resume(echo_server& server, std::string_view arguments, command::confirmation const& confirm) {
    if (!arguments.empty()) return false;
    server.resume(confirm);
    return true;
}

bool drop(echo_server& server, std::string_view arguments, command::confirmation const& confirm) {
    if (!arguments.empty()) return false;
    server.drop_all(confirm);
    return true;
}

template <bool Refused>
bool refuse(echo_server& server, std::string_view arguments, command::confirmation const& confirm) {
    if (!arguments.empty()) return false;
    server.refuse(Refused);
    confirm();
    return true;
}

bool close(echo_server& server, std::string_view arguments, command::confirmation const& confirm) {
    auto const first = take_word(arguments);
    auto const code = first.empty() ? std::uint16_t{1000} : parse_number<std::uint16_t>(first);
    if (!code) return false;
    server.close_all(*code, arguments, confirm);
    return true;
}

bool delay(echo_server& server, std::string_view arguments, command::confirmation const& confirm) {
    auto const length = parse_duration(arguments);
    if (!length) return false;
    server.delay_answers(*length);
    confirm();
    return true;
}

template <void (echo_server::*Switch)(bool)>
bool turn(echo_server& server, std::string_view arguments, command::confirmation const& confirm) {
    auto const on = parse_switch(arguments);
    if (!on) return false;
    (server.*Switch)(*on);
    confirm();
    return true;
}

bool say(echo_server& server, std::string_view arguments, command::confirmation const& confirm) {
    if (arguments.empty()) return false;
    server.broadcast(std::string(arguments), confirm);
    return true;
}

constexpr std::array commands{
    command{"freeze", "", "keep connections open, but answer nothing", freeze},
    command{"resume", "", "end freeze", resume},
    command{"drop", "", "reset every connection", drop},
    command{"refuse", "", "refuse new connections", refuse<true>},
    command{"accept", "", "end refuse", refuse<false>},
    command{"close", "[CODE [TEXT]]", "send a Close frame to every client", close},
    command{"delay", "DURATION", "answer that much later: 500ms, 2s, 0s", delay},
    command{"wrong-id", "on|off", "answer heartbeats with an identity that was never sent",
            turn<&echo_server::answer_wrong_id>},
    command{"swallow", "on|off", "do not answer heartbeats", turn<&echo_server::swallow_answers>},
    command{"say", "TEXT", "send TEXT to every client", say},
};

std::string list_of_commands() {
    std::string list;
    auto const add = [&list](std::string_view name, std::string_view arguments, std::string_view meaning) {
        constexpr std::size_t column = 24;
        std::string line = "  " + std::string(name) + ' ' + std::string(arguments);
        line.resize(column, ' ');
        list += '\n' + line + std::string(meaning);
    };
    for (auto const& one : commands) add(one.name, one.arguments, one.meaning);
    add("help", "", "show this list");
    add("quit", "", "end the server; the end of standard input does not");
    return list;
}

void print(std::string const& line) { std::cout << line << std::endl; }

/// The server, what ends it, and what switches it.
class program {
public:
    program(asio::io_context& io, std::uint16_t port)
        : server_(io.get_executor(), print),
          signals_(io, SIGINT, SIGTERM),
          input_(io, reopen_standard_input()) {
        server_.listen(port);
        print("listening on " + server_.url());
        signals_.async_wait([this](error_code error, int) {
            if (!error) end();
        });
        read();
    }

private:
    void read() {
        input_.read([this](std::optional<std::string> const& line) {
            if (line && obey(*line)) read();
        });
    }

    /// False when it was the last line.
    bool obey(std::string_view line) {
        auto arguments = line;
        auto const name = take_word(arguments);
        if (name.empty()) return true;
        if (name == "quit") {
            print("ok: quit");
            end();
            return false;
        }
        if (name == "help") {
            print("ok: help" + list_of_commands());
            return true;
        }
        auto const found = std::find_if(commands.begin(), commands.end(),
                                        [name](command const& one) { return one.name == name; });
        if (found == commands.end()) {
            print("unknown: " + std::string(name) + "; there are" + list_of_commands());
            return true;
        }
        try {
            auto const confirm = [text = "ok: " + std::string(name)] { print(text); };
            if (!found->run(server_, arguments, confirm))
                print("usage: " + std::string(name) + ' ' + std::string(found->arguments));
        } catch (std::exception const& error) {
            print("error: " + std::string(error.what()));
        }
        return true;
    }

    void end() {
        server_.stop();
        signals_.cancel();
        input_.cancel();
    }

    echo_server server_;
    asio::signal_set signals_;
    line_reader input_;
};

std::string usage() {
    return "Usage: echo_server [--port N]\n"
           "A websocket server on 127.0.0.1. It sends back JSON text whose ModeCode is \"heart_beat\" or "
           "\"message\".\n"
           "  --port N   the port; 8002 unless given, 0 takes a free one\n"
           "  --help     show this text\n"
           "Lines on standard input switch its faults, and are confirmed when they are in force:" +
           list_of_commands() + '\n';
}

int run(std::uint16_t port) {
    asio::io_context io{1};
    std::optional<program> running;
    try {
        running.emplace(io, port);
    } catch (boost::system::system_error const& error) {
        std::cerr << "echo_server: cannot listen on port " << port << ": "
                  << (error.code() == asio::error::address_in_use ? "it is in use" : error.code().message())
                  << '\n';
        return 1;
    }
    io.run();
    return 0;
}

}  // namespace

int main(int argc, char* argv[]) {
    // In the background of a terminal reading then fails, instead of stopping the program.
    std::signal(SIGTTIN, SIG_IGN);
    try {
        std::uint16_t port = 8002;
        for (int index = 1; index < argc; ++index) {
            std::string_view const argument = argv[index];
            if (argument == "--help") {
                std::cout << usage();
                return 0;
            }
            auto const given = argument == "--port" && index + 1 < argc
                                   ? parse_number<std::uint16_t>(argv[++index])
                                   : std::nullopt;
            if (!given) {
                std::cerr << "echo_server: expected --port and a number from 0 to 65535\n" << usage();
                return 2;
            }
            port = *given;
        }
        return run(port);
    } catch (std::exception const& error) {
        std::cerr << "echo_server: " << error.what() << '\n';
        return 1;
    }
}
