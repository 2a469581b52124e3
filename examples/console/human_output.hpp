// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../common/terminal.hpp"
#include "countdown.hpp"
#include "duration_text.hpp"
#include "output.hpp"
#include "protocol.hpp"
#include "rows.hpp"

#include <boost/asio/io_context.hpp>

#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

/// Text without control characters: what a peer sends must not command the terminal.
inline std::string printable(std::string_view text) {
    std::string result;
    bool second = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto const byte = static_cast<unsigned char>(text[i]);
        auto const next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
        // Two bytes make U+0080 to U+009F, which some terminals obey, too.
        bool const first = byte == 0xc2 && next >= 0x80 && next < 0xa0;
        char escaped[8];
        std::snprintf(escaped, sizeof escaped, "\\x%02x", byte);
        if (byte < 0x20 || byte == 0x7f || first || second)
            result += escaped;
        else
            result += text[i];
        second = first;
    }
    return result;
}

/// One line for each event, for people.
class human_output final : public output {
public:
    human_output(boost::asio::io_context& context, terminal screen, chosen_protocol protocol, std::string url)
        : screen_(screen), protocol_(std::move(protocol)), url_(std::move(url)), countdown_(context) {}

    void show(heartbeat::opened const& event) override {
        auto text = "session " + std::to_string(event.session);
        if (!event.subprotocol.empty()) text += ", subprotocol " + event.subprotocol;
        if (event.reconnected) text += ", after " + duration_text(event.downtime) + " without a link";
        line(color::green, "opened", text);
    }
    void show(heartbeat::closed const& event) override {
        line(color::red, "closed", to_string(event.reason) + ", after " + duration_text(event.uptime));
    }
    void show(heartbeat::message const& event) override { line(color::cyan, "message", content(event)); }
    void show(heartbeat::state_changed const& event) override {
        if (event.from == heartbeat::state::waiting) countdown_.stop();
        if (event.to == heartbeat::state::connecting) line(color::none, "connecting", url_);
        if (event.from == heartbeat::state::open && event.to == heartbeat::state::closing)
            line(color::none, "closing", "");
    }
    void show(heartbeat::beat const& event) override {
        line(color::dim, "beat", "answered after " + duration_text(event.round_trip));
    }
    void show(heartbeat::suspected const& event) override {
        line(color::yellow, "suspected", "silent for " + duration_text(event.silence));
    }
    void show(heartbeat::waiting const& event) override {
        auto const number = "attempt " + std::to_string(event.attempt);
        auto const delay = duration_text(event.delay);
        if (failure_.empty())
            line(color::yellow, "waiting", delay + " before " + number);
        else
            tell_failure(number + " in " + delay);
        if (screen_.redraws()) countdown_.start(event.delay);
    }
    void show(heartbeat::attempt_failed const& event) override {
        failure_ = "attempt " + std::to_string(event.attempt) + ": " + to_string(event.reason);
    }
    void show(heartbeat::malformed const& event) override {
        line(color::magenta, "malformed",
             event.text + ": at byte " + std::to_string(event.position) + ", " + event.what);
    }
    void show(heartbeat::undelivered const& event) override {
        line(color::red, "undelivered",
             content(event.message) + ": " + to_string(event.outcome.result) + ", " +
                 to_string(event.outcome.cause));
    }
    void show(heartbeat::slot_failed const& event) override { line(color::red, "slot_failed", what(event)); }
    void show(heartbeat::stopped const& event) override {
        if (!failure_.empty()) tell_failure("no further attempt");
        line(color::bold, "stopped", to_string(event.reason));
    }

    void show(status const& now) override {
        auto const& figures = now.stats;
        auto const number = [](auto value) { return std::to_string(value); };
        line(color::bold, "status", std::string(to_string(now.state)) + ", " + now.url);
        line(color::none, "",
             counted(figures.attempts, "attempt") + ", " + counted(figures.sessions, "session") +
                 ", down for " + duration_text(figures.downtime));
        line(color::none, "",
             "beats: " + number(figures.beats_sent) + " sent, " + number(figures.beats_answered) +
                 " answered; round trip " + duration_text(figures.round_trip_smoothed) + ", at least " +
                 duration_text(figures.round_trip_minimum));
        line(color::none, "",
             "messages: " + number(figures.messages_sent) + " sent, " + number(figures.messages_received) +
                 " received, " + number(figures.outbox_messages) + " queued");
        if (figures.tls_handshakes > 0)
            line(color::none, "",
                 counted(figures.tls_handshakes, "TLS handshake") + ", " + number(figures.tls_resumed) +
                     " of them short");
        line(color::none, "",
             "bytes: " + number(figures.bytes_sent) + " sent, " + number(figures.bytes_received) +
                 " received; timer at most " + duration_text(figures.longest_delay) + " late");
    }

    void accepted(std::string_view text) override { line(color::dim, "send", text); }

    void notice(std::string_view text) override {
        if (::isatty(STDERR_FILENO) == 1)
            write(std::cerr, text);
        else
            std::cerr << text << std::endl;
    }

    void line_typed() override { countdown_.draw(); }
    void interrupted() override {
        (screen_.redraws() ? std::cout : std::cerr) << std::endl;
        line_typed();
    }
    void end() override { countdown_.stop(); }

private:
    /// On one line why there is no connection, and what follows, which is known a little later.
    void tell_failure(std::string const& next) {
        line(color::red, "failed", std::exchange(failure_, {}) + "; " + next);
    }

    void line(color with, std::string_view name, std::string_view text) {
        char time[32];
        auto const now = in_seconds(std::chrono::steady_clock::now() - start_);
        std::snprintf(time, sizeof time, "%9.3f  ", now);
        std::string label(name);
        if (label.size() < 13) label.append(13 - label.size(), ' ');
        write(std::cout, screen_.paint(color::dim, time) + screen_.paint(with, label) + printable(text));
    }

    void write(std::ostream& to, std::string_view text) const {
        if (!screen_.redraws()) {
            to << text << std::endl;
            return;
        }
        if (text.ends_with('\n')) text.remove_suffix(1);
        for (auto const& row : split_into_rows(text, terminal::columns()))
            to << inserted_row(row, countdown_.rows()) << std::flush;
    }

    template <class Number>
    static std::string counted(Number number, char const* one) {
        return std::to_string(number) + ' ' + one + (number == 1 ? "" : "s");
    }

    std::string content(heartbeat::message const& shown) const {
        if (shown.is_binary()) return counted(shown.size(), "byte") + ", binary";
        auto const unwrapped = protocol_.unwrap(shown);
        if (!unwrapped) return std::string(shown.text());
        return unwrapped->is_string() ? unwrapped->get<std::string>() : unwrapped->dump();
    }

    terminal screen_;
    chosen_protocol protocol_;
    std::string url_;
    countdown countdown_;
    /// What has failed and was not told yet.
    std::string failure_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};
