// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../common/line_reader.hpp"
#include "cause.hpp"
#include "commands.hpp"
#include "output.hpp"
#include "protocol.hpp"
#include "settings.hpp"

#include <heartbeat/heartbeat_socket.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <variant>

/// The program while it runs: carries out lines of input, and shows what the socket tells.
class session {
public:
    /// Takes over the descriptor `input`.
    session(asio::io_context& context, int input, settings const& chosen, output& shown)
        : protocol_(chosen.make_protocol()),
          url_(chosen.shown_url()),
          shown_(shown),
          socket_(context, chosen.options, protocol_),
          input_(context, input),
          signals_(context, SIGINT, SIGTERM) {
        show_all<heartbeat::opened, heartbeat::closed, heartbeat::message, heartbeat::beat,
                 heartbeat::suspected, heartbeat::attempt_failed, heartbeat::malformed,
                 heartbeat::slot_failed>();
        socket_.on<heartbeat::state_changed>([this](auto const& event) {
            shown_.show(event);
            carry_on();
        });
        socket_.on<heartbeat::waiting>([this](auto const& event) {
            shown_.show(event);
            waits_for_ = event.cause;
        });
        socket_.on<heartbeat::undelivered>([this](auto const& event) {
            shown_.show(event);
            line_failed_ = true;
        });
        socket_.on<heartbeat::stopped>([this](auto const& event) {
            shown_.show(event);
            ended_ = event.reason;
            // Where nobody types there is nobody who could decide to connect again.
            if (!typed_ && ::exit_status(event.reason) != 0) leave();
            if (typed_ && !leaving_) shown_.notice("/connect connects again, /quit ends the program.");
        });

        await_signal();
        read();
        if (chosen.connect) socket_.start();
    }

    /// After the event loop has ended.
    int exit_status() const {
        if (int const status = ::exit_status(ended_); status != 0) return status;
        return !typed_ && line_failed_ ? exit_line_failed : 0;
    }

private:
    template <class... Events>
    void show_all() {
        (socket_.on<Events>([this](Events const& event) { shown_.show(event); }), ...);
    }

    void read() {
        input_.read([this](std::optional<std::string> line) {
            if (typed_ && line) shown_.line_typed();
            if (!line) {
                pending_ = request{command::quit};
                input_ended_ = true;
            } else if (line->empty()) {
                return read();
            } else {
                auto parsed = parse_command(std::move(*line));
                if (auto const* wrong = std::get_if<std::string>(&parsed)) {
                    reject(*wrong);
                    return read();
                }
                pending_ = std::move(std::get<request>(parsed));
            }
            carry_on();
        });
    }

    /// Looks at the line that was read, after what is under way on the socket's strand. The next one is read
    /// when this one has been carried out or refused.
    void carry_on() {
        asio::post(socket_.get_executor(), [this] {
            if (leaving_ || !pending_ || has_to_wait()) return;
            auto const next = *std::exchange(pending_, std::nullopt);
            if (input_ended_ && !typed_ && socket_.state() == heartbeat::state::waiting) gave_up_ = true;
            if (is_allowed(next.what, socket_.state()))
                carry_out(next);
            else
                reject(refusal(next.what, socket_.state()));
            if (!leaving_) read();
        });
    }

    /// At a terminal the gates are as they stand. Other input does not know how far the socket is, so it
    /// waits while that is about to change; its end waits for an attempt to connect as a message does.
    bool has_to_wait() const {
        if (typed_) return false;
        return is_worth_waiting(input_ended_ ? command::send : pending_->what, socket_.state());
    }

    void carry_out(request const& next) {
        switch (next.what) {
            case command::connect:
                if (socket_.state() == heartbeat::state::waiting)
                    socket_.connect_now();
                else
                    socket_.start();
                return;
            case command::send: return send(next.text);
            case command::close: return socket_.close();
            case command::status: return shown_.show(status{socket_.state(), url_, socket_.stats()});
            case command::help: return shown_.notice(command_help());
            case command::quit: return leave();
        }
    }

    void send(std::string const& text) {
        auto message = protocol_.wrap(text);
        if (message && socket_.send(std::move(*message)))
            shown_.accepted(text);
        else
            reject("The message was refused: it is not valid UTF-8, or too much is queued.");
    }

    void reject(std::string const& why) {
        shown_.notice(why);
        line_failed_ = true;
    }

    void await_signal() {
        signals_.async_wait([this](error_code error, int number) {
            if (error) return;
            if (typed_) shown_.interrupted();
            if (leaving_) {
                shown_.end();
                std::_Exit(128 + number);
            }
            if (socket_.state() != heartbeat::state::stopped)
                shown_.notice("Closing; once more leaves at once.");
            leave();
        });
    }

    /// Closes the connection and ends the program.
    void leave() {
        if (std::exchange(leaving_, true)) return;
        input_.cancel();
        await_signal();
        socket_.async_close([this](error_code) {
            if (gave_up_) ended_ = waits_for_;
            shown_.end();
            // From here on a signal does what it does without a handler: a lookup may still hold the program
            // up.
            error_code ignored;
            signals_.clear(ignored);
            signals_.cancel(ignored);
        });
    }

    chosen_protocol const protocol_;
    std::string const url_;
    output& shown_;
    heartbeat::heartbeat_socket<chosen_protocol> socket_;
    line_reader input_;
    asio::signal_set signals_;

    /// Somebody sits at a terminal.
    bool const typed_ = ::isatty(STDIN_FILENO) == 1;
    std::optional<request> pending_;
    bool input_ended_ = false;
    bool line_failed_ = false;
    bool leaving_ = false;
    /// Input ended while there was no connection.
    bool gave_up_ = false;
    /// Why the next attempt is, or was, being waited for.
    heartbeat::reason waits_for_ = {};
    /// Why the last run ended; as if on purpose before there was one.
    heartbeat::reason ended_ = {.cause = heartbeat::errc::closed};
};
