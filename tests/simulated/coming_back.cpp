// SPDX-License-Identifier: BSL-1.0
//
// When a socket comes back: what the server asks for, whose turn it is, and how long a silence may last.
#include "world.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

namespace {

/// A server that answers the upgrade request with this text, whatever it says.
class refusing_server {
public:
    refusing_server(simulated_world& world, std::string says) : answer(std::move(says)) {
        world.network.listen("server", "8002", world.io.get_executor(),
                             [this](hb::simulated_stream stream) { take(std::move(stream)); });
    }

    void take(hb::simulated_stream stream) {
        streams_.push_back(std::move(stream));
        auto& here = streams_.back();
        here.async_read_some(asio::buffer(input_), [this, &here](hb::error_code, std::size_t count) {
            received_ = count;
            here.async_write_some(asio::buffer(answer), [](hb::error_code, std::size_t) {});
        });
    }

    std::string answer;
    /// The last request, as it came.
    std::string request() const { return {input_.data(), received_}; }

private:
    std::array<char, 4096> input_{};
    std::size_t received_ = 0;
    std::deque<hb::simulated_stream> streams_;
};

/// A server that closes each link with this code as soon as it is open.
class closing_server {
public:
    closing_server(simulated_world& world, std::uint16_t code) {
        world.network.listen(
            "server", "8002", world.io.get_executor(), [this, code](hb::simulated_stream stream) {
                auto& here = links_.emplace_back(std::move(stream));
                here.async_accept([&here, code](hb::error_code) {
                    here.async_close(beast::websocket::close_reason(code), [](hb::error_code) {});
                });
            });
    }

private:
    std::deque<beast::websocket::stream<hb::simulated_stream>> links_;
};

}  // namespace

TEST_CASE("law 10: a Retry-After of the server's is waited out, and up to half as much again") {
    struct row {
        char const* answer;
        hb::duration asked;
    };
    row const table[] = {
        {"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n", 60s},
        {"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 100000\r\nContent-Length: 0\r\n\r\n", 1h},
        {"HTTP/1.1 500 Oops\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
         "Retry-After: Sun, 06 Nov 1994 08:51:07 GMT\r\nContent-Length: 0\r\n\r\n",
         90s},
        {"HTTP/1.1 503 Service Unavailable\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n", 0s},
        {"HTTP/1.1 200 OK\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n", 0s},
        {"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", 0s},
    };
    for (auto const& row : table) {
        CAPTURE(row.answer);
        simulated_world here;
        refusing_server const server(here, row.answer);
        auto settings = here.options();
        settings.reconnect.jitter = true;
        settings.reconnect.max_delay = 20s;
        settings.seed = 1;
        auto socket = here.make_socket(settings);
        diary const told(socket);
        socket.start();
        here.settle();
        REQUIRE(told.waits.size() == 1);
        auto const& wait = told.waits[0];
        CHECK(wait.cause.cause == hb::errc::upgrade_refused);
        CHECK(wait.cause.retry_after == row.asked);
        if (row.asked == 0s) {
            CHECK(wait.delay <= 3s);
            continue;
        }
        CHECK(wait.delay > row.asked);
        CHECK(wait.delay <= row.asked + std::min<hb::duration>(row.asked / 2, 20s));
        here.pass(wait.delay - 1ns);
        CHECK(here.network.dials() == 1);
        here.pass(1ns);
        CHECK(here.network.dials() == 2);
    }
}

TEST_CASE("a longest Retry-After can be set, and a shorter one than the usual delay changes nothing") {
    for (auto const& [longest, expected] : {std::pair{10s, 10s}, std::pair{2s, 3s}}) {
        simulated_world here;
        refusing_server const server(here,
                                     "HTTP/1.1 503 Busy\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n");
        auto settings = here.options();
        settings.reconnect.longest_retry_after = longest;
        auto socket = here.make_socket(settings);
        diary const told(socket);
        socket.start();
        here.settle();
        REQUIRE(told.waits.size() == 1);
        CHECK(told.waits[0].delay == expected);
    }
}

TEST_CASE("by default a close code says when to come back, if at all, and the user can overrule it") {
    enum class user { none, retries, stops };
    struct row {
        std::uint16_t code;
        user says;
        /// 0: the run ends.
        hb::duration delay;
    };
    row const table[] = {
        {1000, user::none, 3s},   {1001, user::none, 3s}, {1002, user::none, 1min}, {1008, user::none, 1min},
        {1008, user::stops, 0s},  {1011, user::none, 3s}, {3000, user::none, 0s},   {3000, user::retries, 3s},
        {3003, user::none, 1min}, {4000, user::none, 3s}, {4000, user::stops, 0s},
    };
    for (auto const& row : table) {
        CAPTURE(row.code);
        simulated_world here;
        closing_server const server(here, row.code);
        auto settings = here.options();
        if (row.says != user::none)
            settings.reconnect.judge = [&row](hb::reason const&, hb::verdict standard) {
                standard.what = row.says == user::retries ? hb::verdict::retry : hb::verdict::stop;
                return standard;
            };
        auto socket = here.make_socket(settings);
        diary const told(socket);
        socket.start();
        here.pass(2s);
        REQUIRE(told.closed.size() == 1);
        CHECK(told.closed[0].reason.close_code == row.code);
        bool const retried = row.delay > 0s;
        REQUIRE(told.waits.size() == (retried ? 1 : 0));
        if (retried) CHECK(told.waits[0].delay == row.delay);
        CHECK(told.stopped.size() == (retried ? 0 : 1));
        if (!retried) CHECK(told.stopped[0].reason.cause == hb::errc::closed_by_peer);
    }
}

TEST_CASE("law 9: whatever a captive portal answers, the link opens once the client has passed it") {
    for (char const* const status : {"200 OK", "302 Found", "303 See Other", "307 Temporary Redirect",
                                     "511 Network Authentication Required"}) {
        CAPTURE(status);
        simulated_world here;
        refusing_server const portal(here, "HTTP/1.1 " + std::string(status) +
                                               "\r\nLocation: http://login.portal/\r\n"
                                               "Content-Length: 0\r\n\r\n");
        auto socket = here.make_socket();
        diary const told(socket);
        std::size_t received = 0;
        socket.on<hb::message>([&](hb::message const&) { ++received; });
        socket.send(hb::mode_code::message("kept"));
        socket.start();
        here.pass(10s);
        CHECK(told.failures.size() == 4);
        CHECK(told.stopped.empty());
        here.network.listen("server", "8002", here.io.get_executor(),
                            [&here](hb::simulated_stream stream) { here.server.serve(std::move(stream)); });
        here.pass(3s);
        CHECK(told.opened.size() == 1);
        CHECK(received == 1);
    }
}

TEST_CASE("law 10: what hurry does not mend is retried slowly, and with jitter, until it is mended") {
    bool const jitter = GENERATE(false, true);
    for (char const* const status :
         {"301 Moved Permanently", "308 Permanent Redirect", "400 Bad Request", "403 Forbidden",
          "407 Proxy Authentication Required", "426 Upgrade Required", "451 Unavailable For Legal Reasons",
          "501 Not Implemented", "505 HTTP Version Not Supported"}) {
        CAPTURE(status, jitter);
        simulated_world here;
        refusing_server const server(here,
                                     "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 0\r\n\r\n");
        auto settings = here.options();
        settings.reconnect.jitter = jitter;
        settings.seed = 1;
        auto socket = here.make_socket(settings);
        diary const told(socket);
        socket.start();
        here.pass(10min - 1ms);
        CHECK(told.stopped.empty());
        CHECK(told.failures.size() == told.waits.size());
        CHECK(told.waits.size() >= 10);
        CHECK(told.waits.size() <= (jitter ? 20 : 10));
        auto const [least, most] = std::ranges::minmax(told.waits, {}, &hb::waiting::delay);
        CHECK(least.delay >= (jitter ? 30s : 60s));
        CHECK(most.delay <= 60s);
        CHECK((least.delay < most.delay) == jitter);
        here.network.listen("server", "8002", here.io.get_executor(),
                            [&here](hb::simulated_stream stream) { here.server.serve(std::move(stream)); });
        here.pass(1min);
        CHECK(told.opened.size() == 1);
    }
}

TEST_CASE("connect_now cuts a slow retry short") {
    simulated_world here;
    here.server.refuse_upgrades({.status = 403});
    auto socket = here.make_socket();
    diary const told(socket);
    socket.start();
    here.settle();
    REQUIRE(told.waits.size() == 1);
    CHECK(told.waits[0].delay == 1min);
    here.server.refuse_upgrades({});
    here.pass(1s);
    CHECK(told.opened.empty());
    socket.connect_now();
    here.settle();
    CHECK(told.opened.size() == 1);
}

TEST_CASE("a slow retry waits longer where the usual delays may be longer") {
    simulated_world here;
    here.server.refuse_upgrades({.status = 403});
    auto settings = here.options();
    settings.reconnect.max_delay = 5min;
    auto socket = here.make_socket(settings);
    diary const told(socket);
    socket.start();
    here.settle();
    REQUIRE(told.waits.size() == 1);
    CHECK(told.waits[0].delay == 5min);
}

TEST_CASE("status 410 ends the run, unless the server says Retry-After") {
    struct row {
        char const* lines;
        /// 0: the run ends.
        hb::duration delay;
    };
    row const table[] = {
        {"", 0s},
        {"Retry-After: 120\r\n", 2min},
        {"Retry-After: 0\r\n", 3s},
        {"retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 3s},
    };
    for (auto const& row : table) {
        CAPTURE(row.lines);
        simulated_world here;
        refusing_server const server(
            here, "HTTP/1.1 410 Gone\r\n" + std::string(row.lines) + "Content-Length: 0\r\n\r\n");
        auto socket = here.make_socket();
        diary const told(socket);
        socket.start();
        here.settle();
        bool const retried = row.delay > 0s;
        CHECK(told.stopped.size() == (retried ? 0 : 1));
        REQUIRE(told.waits.size() == (retried ? 1 : 0));
        if (retried) CHECK(told.waits[0].delay == row.delay);
    }
}

TEST_CASE("law 10: a refusal of credentials with Retry-After is retried, but not at once") {
    simulated_world here;
    refusing_server const server(here,
                                 "HTTP/1.1 401 Unauthorized\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n");
    auto settings = here.options();
    std::vector<bool> refreshed;
    bool const can_refresh = GENERATE(false, true);
    if (can_refresh)
        settings.prepare = [&](hb::preparation const& what, hb::prepare_handler const& done) {
            refreshed.push_back(what.refresh);
            done(what.current);
        };
    auto socket = here.make_socket(settings);
    diary const told(socket);
    socket.start();
    here.pass(10s);
    CHECK(told.stopped.empty());
    std::vector<hb::duration> delays;
    for (auto const& wait : told.waits) delays.push_back(wait.delay);
    if (can_refresh) {
        // One attempt with new credentials is made at once.
        CHECK(delays == std::vector<hb::duration>{0s, 3s, 3s, 3s, 3s});
        CHECK(refreshed == std::vector{false, true, true, true, true});
    } else {
        CHECK(delays == std::vector<hb::duration>{3s, 3s, 3s, 3s});
    }
}

TEST_CASE("an IPv6 address is dialled with its zone, which is not told to the server") {
    simulated_world here;
    refusing_server server(here, "");
    here.network.listen("fe80::1%eth0", "8002", here.io.get_executor(),
                        [&](hb::simulated_stream stream) { server.take(std::move(stream)); });
    server.answer = "HTTP/1.1 302 Found\r\nLocation: http://[fe80::1]:8002/b\r\nContent-Length: 0\r\n\r\n";
    auto settings = here.options();
    settings.url = "ws://[fe80::1%25eth0]:8002/a";
    settings.request.most_redirects = 1;
    auto socket = here.make_socket(settings);
    diary const told(socket);
    socket.start();
    here.settle();
    // The redirect led to the same server, which redirects to where it had been.
    CHECK(here.network.dials() == 2);
    CHECK(server.request().find("GET /b HTTP/1.1\r\n") == 0);
    CHECK(server.request().find("\r\nHost: [fe80::1]:8002\r\n") != std::string::npos);
    REQUIRE(told.failures.size() == 1);
    CHECK(told.failures[0].reason.evidence == hb::errc::redirect_loop);
}

TEST_CASE("a verdict of the user's that throws is told, and leaves that of the library") {
    bool const retried = GENERATE(true, false);
    simulated_world here;
    closing_server const server(here, retried ? 1011 : 3000);
    auto settings = here.options();
    settings.reconnect.judge = [](hb::reason const&, hb::verdict) -> hb::verdict {
        throw std::runtime_error("no idea");
    };
    auto socket = here.make_socket(settings);
    diary const told(socket);
    int thrown = 0;
    socket.on<hb::slot_failed>([&](hb::slot_failed const&) { ++thrown; });
    socket.start();
    here.pass(2s);
    CHECK(thrown == 1);
    CHECK(told.closed.size() == 1);
    CHECK(told.waits.size() == (retried ? 1 : 0));
    CHECK(told.stopped.size() == (retried ? 0 : 1));
}

TEST_CASE("law 10: while there is no link, new credentials are tried at once only once") {
    simulated_world here;
    auto settings = here.options();
    std::vector<bool> refreshed;
    settings.prepare = [&](hb::preparation const& what, hb::prepare_handler const& done) {
        refreshed.push_back(what.refresh);
        here.server.refuse_upgrades({.status = refreshed.size() == 2 ? 503U : 401U});
        done(what.current);
    };
    auto socket = here.make_socket(settings);
    diary const told(socket);
    socket.start();
    here.pass(10s);
    CHECK(refreshed == std::vector{false, true, false, true});
    REQUIRE(told.waits.size() == 3);
    CHECK(told.waits[0].delay == 0s);
    CHECK(told.waits[1].delay == 3s);
    CHECK(told.waits[2].delay == 3s);
    // The ones just made were refused.
    CHECK(told.stopped.size() == 1);
}

TEST_CASE("law 10: after a link that was open, new credentials wait for the back-off") {
    simulated_world here;
    closing_server const server(here, 3000);
    auto settings = here.options();
    // Else it would go on for ever within the same instant.
    settings.reconnect.max_attempts = 10;
    std::vector<bool> refreshed;
    settings.prepare = [&](hb::preparation const& what, hb::prepare_handler const& done) {
        refreshed.push_back(what.refresh);
        done(what.current);
    };
    auto socket = here.make_socket(settings);
    diary const told(socket);
    socket.start();
    here.pass(7s);
    CHECK(refreshed == std::vector{false, true, true});
    REQUIRE(told.waits.size() == 3);
    for (auto const& wait : told.waits) CHECK(wait.delay == 3s);
}

TEST_CASE(
    "law 9: whoever could not make new credentials may be asked again, whatever the user's verdict says") {
    simulated_world here;
    here.server.refuse_upgrades({.status = 401});
    auto settings = here.options();
    settings.reconnect.judge = [](hb::reason const& why, hb::verdict standard) {
        return why.cause == hb::errc::prepare_failed ? hb::verdict{.what = hb::verdict::refresh} : standard;
    };
    std::vector<bool> refreshed;
    settings.prepare = [&](hb::preparation const& what, hb::prepare_handler const& done) {
        refreshed.push_back(what.refresh);
        if (refreshed.size() == 4) here.server.refuse_upgrades({});
        if (what.attempt == 2 || what.attempt == 3)
            return done(hb::error_code(asio::error::host_unreachable));
        done(what.current);
    };
    auto socket = here.make_socket(settings);
    diary const told(socket);
    socket.start();
    here.pass(7s);
    CHECK(refreshed == std::vector{false, true, true, true});
    CHECK(told.opened.size() == 1);
    CHECK(told.stopped.empty());
}

TEST_CASE("the longest time without a link counts the wait that there will be, also where that is none") {
    simulated_world here;
    here.server.refuse_upgrades({.status = 401});
    auto settings = here.options();
    settings.reconnect.max_elapsed = 1s;
    settings.prepare = [&](hb::preparation const& what, hb::prepare_handler const& done) {
        if (what.refresh) here.server.refuse_upgrades({});
        done(what.current);
    };
    auto socket = here.make_socket(settings);
    diary const told(socket);
    socket.start();
    here.settle();
    CHECK(told.opened.size() == 1);
    CHECK(told.stopped.empty());
}

TEST_CASE("law 10: clients whose credentials were refused come back when the server says, and not together") {
    simulated_world here;
    here.server.refuse_upgrades({.status = 401, .retry_after = 10s});
    auto settings = here.options();
    settings.reconnect.jitter = true;
    settings.reconnect.max_delay = 20s;
    settings.prepare = [](hb::preparation const& what, hb::prepare_handler const& done) {
        done(what.current);
    };
    std::vector<hb::duration> delays;
    for (settings.seed = 1; settings.seed <= 20; ++settings.seed) {
        auto socket = here.make_socket(settings);
        diary const told(socket);
        socket.start();
        here.settle();
        REQUIRE(told.waits.size() == 1);
        delays.push_back(told.waits[0].delay);
    }
    auto const [least, most] = std::ranges::minmax(delays);
    CHECK(least >= 10s);
    CHECK(least < 11s);
    CHECK(most > 14s);
    CHECK(most <= 15s);
}

TEST_CASE("law 10: a server that restarts or is overloaded is given the time that it asks for") {
    struct row {
        std::uint16_t code;
        hb::duration least;
        hb::duration most;
    };
    for (auto const& row : {row{1012, 5s, 30s}, row{1013, 8s, 12s}}) {
        simulated_world here;
        closing_server const server(here, row.code);
        auto settings = here.options();
        settings.reconnect = {.delay = 1s, .max_delay = 8s};
        settings.seed = 3;
        auto socket = here.make_socket(settings);
        diary const told(socket);
        socket.start();
        here.pass(1min);
        REQUIRE(told.waits.size() > 1);
        CHECK(told.waits[0].delay != told.waits[1].delay);
        for (auto const& wait : told.waits) {
            CHECK(wait.delay >= row.least);
            CHECK(wait.delay <= row.most);
        }
    }
}

TEST_CASE("law 10: a thousand sockets that share a budget dial no more often than it says") {
    simulated_world here;
    auto const budget = std::make_shared<hb::dial_budget>(50, 10);
    auto settings = here.options();
    settings.heartbeat.interval = 0s;
    settings.reconnect = {.delay = 100ms, .max_delay = 1s, .budget = budget};
    std::vector<hb::time_point> dials;
    std::deque<simulated_socket> sockets;
    for (int count = 0; count < 1000; ++count) {
        auto& socket = sockets.emplace_back(here.make_socket(settings));
        socket.on<hb::opened>([&](hb::opened const&) { dials.push_back(here.clock.now()); });
        socket.on<hb::attempt_failed>([&](hb::attempt_failed const&) { dials.push_back(here.clock.now()); });
        socket.start();
    }
    here.pass(15s);
    CHECK(dials.size() == 10 + 15 * 50);
    // The server goes, and all want to come back at once, some of them with more haste.
    here.network.stop_listening("server", "8002");
    here.network.reset_connections();
    for (auto& socket : sockets) socket.connect_now();
    here.pass(5s);
    for (auto& socket : sockets) socket.connect_now();
    here.pass(5s);
    CHECK(dials.size() >= 10 + 25 * 50 - 10);
    CHECK(here.network.dials() == dials.size());
    for (std::size_t first = 0; first + 10 < dials.size(); ++first)
        for (std::size_t last : {first + 10, std::min(first + 60, dials.size() - 1)})
            if (static_cast<hb::duration::rep>(last - first + 1) > 10 + (dials[last] - dials[first]) / 20ms)
                FAIL("a storm");
}

TEST_CASE("who waits for a turn is connecting, and can be closed, cancelled and destroyed at once") {
    simulated_world here;
    auto const budget = std::make_shared<hb::dial_budget>(0.1);
    auto settings = here.options();
    settings.reconnect.budget = budget;
    static_cast<void>(budget->take(here.clock.now()));
    std::optional<simulated_socket> socket(here.make_socket(settings));
    diary told(*socket);
    bool ended = false;
    socket->async_run([&](hb::error_code) { ended = true; });
    here.pass(9s);
    CHECK(socket->state() == hb::state::connecting);
    CHECK(socket->stats().attempts == 0);
    CHECK(here.network.dials() == 0);
    SECTION("closed") { socket->close(); }
    SECTION("cancelled") { socket->cancel(); }
    SECTION("destroyed") { socket.reset(); }
    here.settle();
    CHECK(ended);
    CHECK(here.network.dials() == 0);
    CHECK(here.clock.pending() == 0);
    CHECK(told.failures.empty());
    // The turn was given back: the next one has it.
    CHECK(budget->take(here.clock.now()) == here.clock.now() + 1s);
}

TEST_CASE("a turn is given back when its socket goes with its execution context") {
    auto const budget = std::make_shared<hb::dial_budget>(0.1);
    hb::time_point now;
    {
        simulated_world here;
        now = here.clock.now();
        static_cast<void>(budget->take(now));
        auto settings = here.options();
        settings.reconnect.budget = budget;
        auto socket = here.make_socket(settings);
        socket.start();
        here.settle();
    }
    CHECK(budget->take(now) == now + 10s);
}

TEST_CASE("the deadline of an attempt counts from its turn on") {
    simulated_world here;
    here.network.cut();
    auto const budget = std::make_shared<hb::dial_budget>(0.01);
    static_cast<void>(budget->take(here.clock.now()));
    auto settings = here.options();
    settings.reconnect.budget = budget;
    auto socket = here.make_socket(settings);
    diary const told(socket);
    socket.start();
    here.pass(100s + 5s - 1ns);
    CHECK(here.network.dials() == 1);
    CHECK(told.failures.empty());
    here.pass(1ns);
    REQUIRE(told.failures.size() == 1);
    CHECK(told.failures[0].attempt == 1);
    CHECK(told.failures[0].reason.cause == hb::errc::connect_timeout);
}

TEST_CASE("connect_now does not jump the queue") {
    simulated_world here;
    auto const budget = std::make_shared<hb::dial_budget>(0.1);
    auto settings = here.options();
    settings.reconnect.budget = budget;
    auto socket = here.make_socket(settings);
    diary const told(socket);
    socket.start();
    here.settle();
    REQUIRE(told.opened.size() == 1);
    here.network.reset_connections();
    here.settle();
    REQUIRE(socket.state() == hb::state::waiting);
    socket.connect_now();
    here.settle();
    CHECK(socket.state() == hb::state::connecting);
    here.pass(10s - 1ns);
    CHECK(here.network.dials() == 1);
    here.pass(1ns);
    CHECK(here.network.dials() == 2);
    CHECK(told.opened.size() == 2);
}

TEST_CASE("law 7: with an adaptive timeout a silent peer is noticed soon, without one later") {
    for (bool const adaptive : {true, false}) {
        connected_simulation here([&](hb::options& options) {
            options.heartbeat = {.interval = 1s, .timeout = 5s, .adaptive = adaptive};
            options.reconnect.delay = 300s;
        });
        here.network.set({.latency = 50us});
        here.pass(10s + 500ms);
        REQUIRE(here.told.beats.size() >= 9);
        here.network.cut();
        here.pass(10s);
        REQUIRE(here.told.closed.size() == 1);
        auto const& why = here.told.closed[0].reason;
        CHECK(why.cause == hb::errc::heartbeat_timeout);
        CHECK(why.silence == (adaptive ? 1050100us : 6s));
    }
}

TEST_CASE("law 8: with an adaptive timeout a link that is sending in bulk has the whole timeout") {
    connected_simulation here(
        [](hb::options& options) { options.heartbeat = {.interval = 1s, .timeout = 5s, .adaptive = true}; });
    here.pass(3s);
    here.network.cut();
    here.socket.send(std::string(100'000, 'x'));
    here.pass(6s - 1ns);
    CHECK(here.told.closed.empty());
    here.pass(1s);
    REQUIRE(here.told.closed.size() == 1);
    CHECK(here.told.closed[0].reason.silence == 6s);
}

TEST_CASE("law 8: with an adaptive timeout a slow link is not declared dead while it stays as slow") {
    connected_simulation here(
        [](hb::options& options) { options.heartbeat = {.interval = 1s, .timeout = 5s, .adaptive = true}; });
    here.network.set({.latency = 200ms, .jitter = 20ms});
    here.pass(1h);
    CHECK(here.told.closed.empty());
    CHECK(here.told.beats.size() > 2000);
}

TEST_CASE("law 5: neither prepare nor judge is called once the socket has been destroyed on its strand") {
    simulated_world here;
    auto options = simulated_world::options();
    SECTION("prepare, for a start that was under way") {
        options.prepare = [](hb::preparation const& what, hb::prepare_handler const& answer) {
            FAIL_CHECK("prepare was called");
            answer(what.current);
        };
        auto socket = std::make_unique<simulated_socket>(here.make_socket(options));
        socket->start();
        socket.reset();
    }
    SECTION("judge, for a loss that was under way") {
        options.reconnect.judge = [](hb::reason const&, hb::verdict standard) {
            FAIL_CHECK("judge was called");
            return standard;
        };
        auto socket = std::make_unique<simulated_socket>(here.make_socket(options));
        socket->start();
        here.settle();
        REQUIRE(socket->state() == hb::state::open);
        here.network.reset_connections();
        socket.reset();
    }
    here.pass(1min);
    CHECK(here.clock.pending() == 0);
}
