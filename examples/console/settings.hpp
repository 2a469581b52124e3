// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cause.hpp"
#include "commands.hpp"
#include "duration_text.hpp"
#include "protocol.hpp"

#include <heartbeat/options.hpp>

#include <CLI/CLI.hpp>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

/// What the command line says.
struct settings {
    heartbeat::options options = {};
    std::string protocol = "mode_code";
    bool json = false;
    bool color = true;
    bool connect = true;

    chosen_protocol make_protocol() const {
        if (protocol == "ping") return chosen_protocol(heartbeat::ping_frame());
        return chosen_protocol(heartbeat::mode_code());
    }
};

/// The command line as it is declared to CLI11.
class command_line {
public:
    command_line() {
        auto& options = result_.options;
        options.url = "ws://127.0.0.1:8002";
        options.heartbeat = {.interval = std::chrono::seconds(4), .timeout = std::chrono::seconds(2)};
        options.reconnect = {.delay = std::chrono::seconds(3), .growth = 1};

        app_.footer(command_help() + end_of_input_help + "\n" + exit_status_help + "\nDurations are " +
                    expected_duration + ".");
        app_.add_option("--url", options.url, "Where to connect: ws://host[:port][/path][?query]")
            ->capture_default_str();
        add("--protocol", "mode_code|ping",
            "What a heartbeat looks like: JSON text, or a ping frame. With ping, text is sent as it is, and "
            "our "
            "echo_server sends back only JSON text like {\"ModeCode\":\"message\",\"msg\":\"hello\"}",
            result_.protocol, "mode_code or ping", [](std::string const& text) -> std::optional<std::string> {
                if (text == "mode_code" || text == "ping") return text;
                return std::nullopt;
            });
        add_times();
        app_.add_flag("--json", result_.json, "Print events as JSON, one object a line, and nothing else");
        app_.add_flag_callback(
            "--no-color", [this] { result_.color = false; }, "No colours on a terminal either");
        app_.add_flag_callback(
            "--no-connect", [this] { result_.connect = false; }, "Wait for /connect");
    }

    /// Reads the command line; nothing, and the exit status, where the program has nothing else to do.
    std::optional<settings> parse(int argument_count, char const* const* arguments, int& status) {
        try {
            app_.parse(argument_count, arguments);
            heartbeat::validate(result_.options);
            return result_;
        } catch (CLI::Success const& wanted) {
            status = app_.exit(wanted);
        } catch (CLI::ParseError const& error) {
            status = complain(error.what());
        } catch (heartbeat::options_error const& error) {
            status = complain(in_our_words(error));
        }
        return std::nullopt;
    }

private:
    void add_times() {
        auto& [url, heart, retry, deadlines, limits, request, prepare, seed] = result_.options;
        add_duration("--interval", "heartbeat.interval", "From a sign of life to the next heartbeat; 0: none",
                     heart.interval);
        add_duration("--timeout", "heartbeat.timeout", "How long an answer to a heartbeat may take",
                     heart.timeout);
        add_duration("--reconnect", "reconnect.delay",
                     "The delay before dialling again; the real one is between half of it and all",
                     retry.delay);
        add("--growth", "NUMBER", "Each further delay is this many times longer; 1: they stay the same",
            retry.growth, "a number from 1 to 1000", parse_number<double>);
        add_duration("--max-delay", "reconnect.max_delay", "But not longer than this", retry.max_delay);
        app_.add_flag_callback(
            "--no-reconnect", [this] { result_.options.reconnect.enabled = false; },
            "Do not dial again by itself");
        add("--max-attempts", "NUMBER",
            "Give up after so many dials since the last connection that lived as long as --stable-after; "
            "those "
            "that led to a shorter one count, too; 0: never",
            retry.max_attempts, "a whole number, 0 or more", parse_number<unsigned>);
        add_duration("--max-elapsed", "reconnect.max_elapsed",
                     "Give up after so long without a connection, counted together since the last one that "
                     "lived as long as --stable-after; 0: never",
                     retry.max_elapsed);
        add_duration("--stable-after", "reconnect.stable_after",
                     "A connection that lived this long starts the delays and the attempts anew",
                     retry.stable_after);
        add_duration("--resolve-timeout", "deadlines.resolve", "How long looking up the host name may take",
                     deadlines.resolve);
        add_duration("--connect-timeout", "deadlines.connect", "How long the TCP connection may take",
                     deadlines.connect);
        add_duration("--upgrade-timeout", "deadlines.upgrade", "How long the answer to the upgrade may take",
                     deadlines.upgrade);
        add_duration("--attempt-timeout", "deadlines.attempt", "How long all of that together may take",
                     deadlines.attempt);
        add_duration("--close-timeout", "deadlines.close",
                     "How long sending what is queued and closing may take together", deadlines.close);
        fields_.emplace_back("url", "--url");
        fields_.emplace_back("reconnect.growth", "--growth");
    }

    /// An option whose value `read` understands, or else it is an error that says what was expected.
    template <class Value, class Parse>
    CLI::Option* add(std::string const& name, std::string const& type, std::string const& help, Value& value,
                     std::string const& expected, Parse read) {
        auto const take = [=, &value](std::string const& text) {
            auto const parsed = read(text);
            if (!parsed) throw CLI::ValidationError(name + " is \"" + text + "\", expected " + expected);
            value = *parsed;
        };
        return app_.add_option_function<std::string>(name, take, help)
            ->type_name(type)
            ->default_str(default_text(value));
    }

    void add_duration(std::string const& name, std::string field, std::string const& help,
                      heartbeat::duration& value) {
        add(name, "DURATION", help, value, expected_duration, parse_duration);
        fields_.emplace_back(std::move(field), name);
    }

    template <class Number>
    static std::optional<Number> parse_number(std::string_view text) {
        Number value = {};
        auto const end = text.data() + text.size();
        auto const [rest, failure] = std::from_chars(text.data(), end, value);
        if (failure != std::errc{} || rest != end) return std::nullopt;
        return value;
    }

    static std::string default_text(std::string const& value) { return value; }
    static std::string default_text(double value) {
        char text[32];
        std::snprintf(text, sizeof text, "%g", value);
        return text;
    }
    static std::string default_text(unsigned value) { return std::to_string(value); }
    static std::string default_text(heartbeat::duration value) {
        if (value == heartbeat::duration{}) return "0";
        return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(value).count()) + "s";
    }

    /// The library names the field; here it is an option.
    std::string in_our_words(heartbeat::options_error const& error) const {
        std::string text = error.what();
        for (auto const& [field, option] : fields_)
            if (auto const at = text.find(field + " is "); field == error.field() && at != std::string::npos)
                return option + text.substr(at + field.size());
        return text;
    }

    static int complain(std::string const& text) {
        std::cerr << "console: " << text << "\nconsole --help tells what is possible.\n";
        return exit_usage;
    }

    CLI::App app_{"A websocket client for the terminal and for scripts, which stays connected by itself.",
                  "console"};
    settings result_;
    std::vector<std::pair<std::string, std::string>> fields_;
};
