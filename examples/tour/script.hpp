// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "actor.hpp"
#include "client_event.hpp"
#include "stage.hpp"
#include "timeline.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

/// What the tour shows, step after step. A step that fails throws `step_failed`.
class script {
public:
    script(stage& where, timeline& shown, std::string server_program, std::string console_program)
        : stage_(where),
          timeline_(shown),
          server_program_(std::move(server_program)),
          console_program_(std::move(console_program)),
          server_(where, "server",
                  [this](moment when, std::string const& line) {
                      timeline_.add(when, color::magenta, "server", line);
                      return line;
                  }),
          client_(where, "client", [this](moment when, std::string const& line) {
              auto event = client_event::parse(line);
              if (event.is_shown()) timeline_.add(when, event.shown_in(), "client", event.text());
              return event;
          }) {}

    void play() {
        start();
        connect();
        send();
        beat();
        freeze();
        resume();
        kill();
        restart();
        close();
        stay_closed();
        leave();
    }

private:
    using clock = std::chrono::steady_clock;

    // The client's settings. What is promised follows from them.
    static constexpr span_of_time interval = std::chrono::seconds(1);
    static constexpr span_of_time timeout = std::chrono::milliseconds(500);
    static constexpr span_of_time delay = std::chrono::seconds(1);
    static constexpr span_of_time upgrade = std::chrono::milliseconds(500);
    static constexpr span_of_time attempt = std::chrono::seconds(1);
    static constexpr span_of_time close_deadline = std::chrono::seconds(2);
    /// How long it is watched that nothing happens: twice the longest delay.
    static constexpr span_of_time watch = 2 * delay;

    static std::string text(span_of_time value) {
        return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(value).count()) + "ms";
    }

    moment expect_server(std::string const& ending) {
        return server_.expect(ending, [&](std::string const& line) { return line.ends_with(ending); }).when;
    }
    moment expect_client(char const* event) {
        return client_.expect(event, [&](client_event const& seen) { return seen.is(event); }).when;
    }
    moment expect_client(char const* event, char const* cause) {
        return client_
            .expect(std::string(event) + ", cause " + cause,
                    [&](client_event const& seen) { return seen.is(event, cause); })
            .when;
    }

    void start_server(std::string const& port) {
        server_.start({server_program_, "--port", port});
        std::string const greeting = "listening on ";
        url_ = server_.expect(greeting, [&](std::string const& line) { return line.starts_with(greeting); })
                   .line;
        url_.erase(0, greeting.size());
    }

    void start() {
        timeline_.heading("An echo server, and a client that beats every " + seconds_text(interval) +
                          ", waits " + seconds_text(timeout) +
                          " for the answer,\nand dials again after at most " + seconds_text(delay));
        start_server("0");
        client_.start({console_program_, "--json", "--no-connect", "--url", url_, "--interval",
                       text(interval), "--timeout", text(timeout), "--reconnect", text(delay),
                       "--upgrade-timeout", text(upgrade), "--attempt-timeout", text(attempt),
                       "--close-timeout", text(close_deadline)});
    }

    void connect() {
        timeline_.heading("Connecting");
        auto const asked = tell_client("/connect");
        report("connected", expect_client("opened") - asked, attempt);
    }

    void send() {
        timeline_.heading("A message comes back");
        auto const sent = tell_client("/send hello world");
        auto const echo = client_.expect("message \"hello world\"", [](client_event const& seen) {
            return seen.is("message") && seen.at("msg") == "hello world";
        });
        report("echo of a message", echo.when - sent);
    }

    void beat() {
        timeline_.heading("The heart beats");
        stage_.take_lateness();
        auto const start = expect_client("beat");
        expect_client("beat");
        report("two further heartbeats", expect_client("beat") - start, 2 * (interval + timeout));
    }

    void freeze() {
        timeline_.heading("The server freezes: the connection stays open, but nothing answers");
        stage_.take_lateness();
        tell_server("freeze");
        auto const frozen = expect_server("ok: freeze");
        expect_client("suspected");
        auto const noticed = expect_client("closed", "heartbeat_timeout");
        expect_client("waiting");
        // The promise is about the client's own clock; both programs may have been late.
        auto const lateness = stage_.take_lateness() + client_lateness();
        timeline_.add({"death of a frozen server noticed", noticed - frozen, interval + timeout, lateness});
        timeline_.act("the server is still frozen and will not answer the next attempt either");
        expect_client("attempt_failed", "upgrade_timeout");
    }

    void resume() {
        timeline_.heading("The server is well again");
        stage_.take_lateness();
        tell_server("resume");
        auto const resumed = expect_server("ok: resume");
        report("connected again after the freeze", expect_client("opened") - resumed, delay + attempt);
        expect_client("beat");
    }

    void kill() {
        timeline_.heading("The server's process is killed");
        stage_.take_lateness();
        auto const killed = clock::now();
        timeline_.act("SIGKILL to the server");
        server_.kill();
        report("death of a killed server noticed", expect_client("closed") - killed, interval + timeout);
        server_.expect_end();
        expect_client("attempt_failed", "connect_failed");
    }

    void restart() {
        timeline_.heading("It is started again on the same port");
        auto const was = url_;
        start_server(was.substr(was.rfind(':') + 1));
        stage_.take_lateness();
        auto const restarted = clock::now();
        if (url_ != was) throw step_failed("the server came back as " + url_ + " instead of " + was);
        report("connected again after the restart", expect_client("opened") - restarted, delay + attempt);
        expect_client("beat");
    }

    void close() {
        timeline_.heading("Closed on purpose");
        stage_.take_lateness();
        auto const asked = tell_client("/close");
        expect_client("closed", "closed");
        report("closed on purpose", expect_client("stopped", "closed") - asked, close_deadline);
        expect_server("closed: code 1000");
    }

    void stay_closed() {
        timeline_.act("watches for " + seconds_text(watch) + " that it stays closed");
        auto const start = clock::now();
        if (server_.has_more() || client_.has_more() ||
            stage_.wait_until([&] { return server_.has_more() || client_.has_more(); }, watch))
            throw step_failed("something happened after a deliberate close");
        report("no dial and no event after that", clock::now() - start);
    }

    void leave() {
        auto const figures = client_figures();
        timeline_.act(figures.at("sessions").dump() + " sessions, " + figures.at("attempts").dump() +
                      " attempts; heartbeats: " + figures.at("beats_sent").dump() + " sent, " +
                      figures.at("beats_answered").dump() + " answered");
        if (figures.at("sessions") != 3) throw step_failed("there should have been 3 sessions");
        tell_client("/quit");
        expect_status("client", client_.expect_end());
        tell_server("quit");
        expect_status("server", server_.expect_end());
    }

    nlohmann::json client_figures() {
        tell_client("/status");
        return client_.expect("status", [](client_event const& seen) { return seen.is("status"); })
            .line.at("stats");
    }

    /// By how much the timer of its heartbeat was late at most.
    span_of_time client_lateness() {
        std::chrono::duration<double> const lateness(client_figures().at("longest_delay").get<double>());
        return std::chrono::duration_cast<span_of_time>(lateness);
    }

    moment tell_client(std::string const& line) {
        timeline_.act("to the client: " + line);
        client_.tell(line);
        return clock::now();
    }

    void tell_server(std::string const& line) {
        timeline_.act("to the server: " + line);
        server_.tell(line);
    }

    template <class... Promise>
    void report(std::string what, span_of_time measured, Promise... promised) {
        // The time of a line is when it was read here, which may be a moment after what it tells.
        timeline_.add(
            {std::move(what), std::max(measured, span_of_time{}), {promised...}, stage_.take_lateness()});
    }

    static void expect_status(std::string const& who, int status) {
        if (status != 0) throw step_failed("the " + who + " ended with status " + std::to_string(status));
    }

    stage& stage_;
    timeline& timeline_;
    std::string server_program_;
    std::string console_program_;
    std::string url_;
    actor<std::string> server_;
    actor<client_event> client_;
};
