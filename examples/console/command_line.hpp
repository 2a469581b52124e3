// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cause.hpp"
#include "commands.hpp"
#include "duration_text.hpp"
#include "header_text.hpp"
#include "protocol.hpp"
#include "settings.hpp"

#include <heartbeat/options.hpp>
#include <heartbeat/tls.hpp>

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
        app_.add_option("--url", options.url,
                        "Where to connect: ws://[user[:password]@]host[:port][/path][?query], or wss://")
            ->capture_default_str();
        add_trust();
        add_request();
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
            result_.options.tls = heartbeat::tls(result_.trust);
            heartbeat::validate(result_.options);
            if (!result_.trust.verify)
                std::cerr << "console: warning: --insecure: the server is not verified; it may be anyone.\n";
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
    void add_trust() {
        auto* const file =
            add("--ca", "FILE", "Trust the authorities in FILE, in PEM, and not those of the system",
                result_.trust.ca_file, "the name of a file", parse_text);
        app_.add_flag_callback(
                "--insecure", [this] { result_.trust.verify = false; },
                "Accept any certificate of a wss server. Whoever can come in between can then read and "
                "change "
                "everything")
            ->excludes(file);
        fields_.emplace_back("tls.ca_file", "--ca");
    }

    void add_request() {
        auto& request = result_.options.request;
        add_each("--header", "NAME:VALUE", "Ask the server with this header, too; may be repeated",
                 [&request](std::string const& text) {
                     auto header = parse_header(text);
                     if (header) add_header(request, std::move(*header));
                     return header ? "" : "\"" + start_of(text) + "\", expected NAME:VALUE";
                 });
        add_each("--subprotocol", "NAME",
                 "Offer the server this subprotocol; may be repeated, the most wanted one first",
                 [&request](std::string const& text) {
                     request.subprotocols.push_back(text);
                     return std::string();
                 });
        add("--bearer", "TOKEN",
            "Authenticate with this token; others on this machine may see it in the list of processes",
            request.bearer, "a token", parse_text);
        app_.add_flag("--deflate", result_.options.deflate.enabled,
                      "Compress messages, if the server does, too (permessage-deflate)");
        fields_.emplace_back("request.headers", "--header");
        fields_.emplace_back("request.subprotocols", "--subprotocol");
        fields_.emplace_back("request.bearer", "--bearer");
    }

    void add_times() {
        auto& retry = result_.options.reconnect;
        auto& deadlines = result_.options.deadlines;
        add_duration("--interval", "heartbeat.interval", "From a sign of life to the next heartbeat; 0: none",
                     result_.options.heartbeat.interval);
        add_duration("--timeout", "heartbeat.timeout", "How long an answer to a heartbeat may take",
                     result_.options.heartbeat.timeout);
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
        add_duration("--tls-timeout", "deadlines.tls", "How long the TLS handshake may take", deadlines.tls);
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

    /// An option that may be repeated. `take` says what is wrong, if anything is.
    template <class Take>
    void add_each(std::string const& name, std::string const& type, std::string const& help, Take take) {
        auto const check = [=](std::string const& text) {
            std::string const wrong = take(text);
            if (!wrong.empty()) throw CLI::ValidationError(name + " is " + wrong);
        };
        app_.add_option_function<std::string>(name, check, help)->type_name(type)->trigger_on_parse();
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

    static std::optional<std::string> parse_text(std::string const& text) {
        if (text.empty()) return std::nullopt;
        return text;
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
        if (error.field() == "request")
            return "there are " + error.value() +
                   ", expected one of --bearer, a user and password in --url, or "
                   "--header Authorization:...";
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
