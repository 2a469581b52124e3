// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cause.hpp"
#include "duration_text.hpp"
#include "output.hpp"
#include "protocol.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>

/// One JSON object a line for each event, for programs.
class json_output final : public output {
    using json = nlohmann::ordered_json;

public:
    explicit json_output(chosen_protocol protocol) : protocol_(std::move(protocol)) {}

    void show(heartbeat::opened const& event) override {
        write("opened", {{"session", event.session},
                         {"reconnected", event.reconnected},
                         {"downtime", in_seconds(event.downtime)},
                         {"subprotocol", event.subprotocol}});
    }
    void show(heartbeat::closed const& event) override {
        write("closed", {{"session", event.session},
                         {"reason", value(event.reason)},
                         {"uptime", in_seconds(event.uptime)}});
    }
    void show(heartbeat::message const& event) override { write("message", value(event)); }
    void show(heartbeat::state_changed const& event) override {
        write("state_changed", {{"from", to_string(event.from)}, {"to", to_string(event.to)}});
    }
    void show(heartbeat::beat const& event) override {
        write("beat", {{"id", event.id}, {"round_trip", in_seconds(event.round_trip)}});
    }
    void show(heartbeat::suspected const& event) override {
        write("suspected", {{"session", event.session}, {"silence", in_seconds(event.silence)}});
    }
    void show(heartbeat::waiting const& event) override {
        write(
            "waiting",
            {{"attempt", event.attempt}, {"delay", in_seconds(event.delay)}, {"cause", value(event.cause)}});
    }
    void show(heartbeat::attempt_failed const& event) override {
        write("attempt_failed", {{"attempt", event.attempt}, {"reason", value(event.reason)}});
    }
    void show(heartbeat::malformed const& event) override {
        write("malformed", {{"text", event.text}, {"position", event.position}, {"what", event.what}});
    }
    void show(heartbeat::undelivered const& event) override {
        json outcome = {{"result", to_string(event.outcome.result)},
                        {"cause", cause_name(event.outcome.cause)}};
        write("undelivered", {{"message", value(event.message)}, {"outcome", std::move(outcome)}});
    }
    void show(heartbeat::slot_failed const& event) override { write("slot_failed", {{"what", what(event)}}); }
    void show(heartbeat::stopped const& event) override {
        write("stopped", {{"reason", value(event.reason)}});
    }

    void show(status const& now) override {
        auto const& figures = now.stats;
        json stats = {{"attempts", figures.attempts},
                      {"sessions", figures.sessions},
                      {"tls_handshakes", figures.tls_handshakes},
                      {"tls_resumed", figures.tls_resumed},
                      {"beats_sent", figures.beats_sent},
                      {"beats_answered", figures.beats_answered},
                      {"round_trip_last", in_seconds(figures.round_trip_last)},
                      {"round_trip_smoothed", in_seconds(figures.round_trip_smoothed)},
                      {"round_trip_minimum", in_seconds(figures.round_trip_minimum)},
                      {"round_trip_median", in_seconds(figures.round_trip_median)},
                      {"round_trip_99th", in_seconds(figures.round_trip_99th)},
                      {"messages_sent", figures.messages_sent},
                      {"messages_received", figures.messages_received},
                      {"messages_discarded", figures.messages_discarded},
                      {"bytes_sent", figures.bytes_sent},
                      {"bytes_received", figures.bytes_received},
                      {"outbox_messages", figures.outbox_messages},
                      {"outbox_bytes", figures.outbox_bytes},
                      {"downtime", in_seconds(figures.downtime)},
                      {"longest_delay", in_seconds(figures.longest_delay)},
                      {"reading_paused", figures.reading_paused}};
        write("status", {{"state", to_string(now.state)}, {"url", now.url}, {"stats", std::move(stats)}});
    }

    void accepted(std::string_view) override {}
    void notice(std::string_view text) override { std::cerr << text << std::endl; }
    void line_typed() override {}
    void interrupted() override { std::cerr << std::endl; }
    void end() override {}

private:
    void write(char const* event, json const& fields) {
        json line = {{"event", event}, {"time", in_seconds(std::chrono::steady_clock::now() - start_)}};
        line.update(fields);
        // What comes from the command line or the operating system need not be UTF-8.
        std::cout << line.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
    }

    json value(heartbeat::reason const& why) const {
        json result = {{"cause", cause_name(why.cause)},    {"text", to_string(why)},
                       {"close_code", why.close_code},      {"close_text", why.close_text},
                       {"http_status", why.http_status},    {"retry_after", in_seconds(why.retry_after)},
                       {"silence", in_seconds(why.silence)}};
        if (why.evidence.category() == heartbeat::error_category())
            result["evidence"] = cause_name(static_cast<heartbeat::errc>(why.evidence.value()));
        else
            result["evidence"] = why.evidence ? why.evidence.message() : "";
        return result;
    }

    json value(heartbeat::message const& content) const {
        if (content.is_binary()) return {{"kind", "binary"}, {"bytes", hexadecimal(content.bytes())}};
        json result = {{"kind", "text"}, {"text", content.text()}};
        if (auto unwrapped = protocol_.unwrap(content)) result["msg"] = std::move(*unwrapped);
        return result;
    }

    static std::string hexadecimal(std::span<std::byte const> bytes) {
        std::string text;
        for (auto const byte : bytes) {
            text += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> 4];
            text += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 15];
        }
        return text;
    }

    chosen_protocol protocol_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};
