// SPDX-License-Identifier: BSL-1.0
//
// What the library promises about links: one at a time, each told exactly once, dead ones noticed, none
// hammered.
#include "world.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>

using tcp = asio::ip::tcp;

namespace {

/// Accepts one connection after the other, answers each upgrade request with the same text, and hangs up.
class refusing_server {
public:
    refusing_server(asio::io_context& io, std::string answer)
        : acceptor_(io, {asio::ip::address_v4::loopback(), 0}), peer_(io), answer_(std::move(answer)) {
        accept();
    }

    std::string url() const { return "ws://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }

private:
    void accept() {
        acceptor_.async_accept(peer_, [this](hb::error_code error) {
            if (error) return;
            asio::async_read_until(
                peer_, asio::dynamic_buffer(request_), "\r\n\r\n", [this](hb::error_code, std::size_t) {
                    asio::async_write(peer_, asio::buffer(answer_), [this](hb::error_code, std::size_t) {
                        peer_ = tcp::socket(acceptor_.get_executor());
                        request_.clear();
                        accept();
                    });
                });
        });
    }

    tcp::acceptor acceptor_;
    tcp::socket peer_;
    std::string request_;
    std::string answer_;
};

}  // namespace

TEST_CASE(
    "laws 1 and 3: opened and closed alternate, one loss starts one wait, and one link is open at a time") {
    connected_world here;
    for (std::size_t loss = 1; loss <= 10; ++loss) {
        switch (loss % 3) {
            case 0: here.server.drop_all(); break;
            case 1: here.server.close_all(1001, "restart"); break;
            case 2: here.server.swallow_answers(true); break;
        }
        if (loss % 3 == 2) {
            here.pass(4s);
            here.pass(1s);
            here.pass(1s);
        }
        here.until([&] { return here.told.waits.size() == loss; });
        here.server.swallow_answers(false);
        here.until([&] { return here.server.open_sessions() == 0; });
        here.pass(3s);
        here.until([&] { return here.told.opened.size() == loss + 1; });
        CHECK(here.server.open_sessions() == 1);
    }
    CHECK(here.told.closed.size() == 10);
    for (std::size_t index = 0; index < here.told.opened.size(); ++index) {
        CHECK(here.told.opened[index].session == index + 1);
        CHECK(here.told.opened[index].reconnected == (index > 0));
        if (index > 0) CHECK(here.told.opened[index].downtime == 3s);
    }
    for (std::size_t index = 0; index < here.told.closed.size(); ++index)
        CHECK(here.told.closed[index].session == index + 1);
    CHECK(here.socket.stats().sessions == 11);
    CHECK(here.socket.stats().attempts == 11);
    CHECK(here.socket.stats().downtime == 30s);
}

TEST_CASE("a peer's Close frame is told with its code and text") {
    connected_world here;
    here.server.close_all(4321, "enough");
    here.until([&] { return here.told.closed.size() == 1; });
    auto const& reason = here.told.closed[0].reason;
    CHECK(reason.cause == hb::errc::closed_by_peer);
    CHECK(reason.close_code == 4321);
    CHECK(reason.close_text == "enough");
    CHECK(here.told.waits.size() == 1);
    CHECK(here.told.waits[0].cause.close_code == 4321);
}

TEST_CASE("law 7: a peer that falls silent is suspected, probed and declared dead in time") {
    connected_world here;
    here.pass(4s);
    here.until([&] { return here.told.beats.size() == 1; });
    bool frozen = false;
    here.server.freeze([&] { frozen = true; });
    here.until([&] { return frozen; });

    here.pass(4s);
    CHECK(here.told.suspicions.empty());
    here.pass(1s);
    REQUIRE(here.told.suspicions.size() == 1);
    CHECK(here.told.suspicions[0].silence == 5s);
    CHECK(here.socket.stats().beats_sent == 3);
    here.pass(1s - 1ns);
    CHECK(here.told.closed.empty());
    here.pass(1ns);
    REQUIRE(here.told.closed.size() == 1);
    CHECK(here.told.closed[0].reason.cause == hb::errc::heartbeat_timeout);
    CHECK(here.told.closed[0].reason.silence == 6s);
    CHECK(here.told.waits.size() == 1);
}

TEST_CASE("law 7: a dead peer is declared dead in time also when nothing can be written") {
    connected_world here([](hb::options& options) {
        options.limits.outbox_bytes = 64 * 1024 * 1024;
        options.limits.outbox_messages = 64;
    });
    bool frozen = false;
    here.server.freeze([&] { frozen = true; });
    here.until([&] { return frozen; });
    // More than all the buffers on the way can hold.
    for (int part = 0; part < 60; ++part) REQUIRE(here.socket.send(std::string(1024 * 1024, 'x')));
    auto sent = here.socket.stats().bytes_sent;
    do {
        sent = here.socket.stats().bytes_sent;
        here.settle();
    } while (here.socket.stats().bytes_sent != sent);

    here.pass(6s);
    here.until([&] { return here.told.closed.size() == 1; });
    CHECK(here.told.closed[0].reason.cause == hb::errc::heartbeat_timeout);
    CHECK(here.told.closed[0].reason.silence == 6s);
    // The message that was being written has an unknown fate; the others wait for the next link.
    CHECK(here.socket.stats().outbox_messages + here.told.undelivered.size() +
              here.socket.stats().messages_sent ==
          60);
    here.until([&] { return here.told.undelivered.size() == 1; });
    CHECK(here.told.undelivered[0].outcome == hb::outcome{hb::delivery::unknown, hb::errc::connection_lost});
}

TEST_CASE("law 8: an answer that has reached this host is read before a late deadline gives its verdict") {
    world here;
    // The server has an event loop of its own, so that it answers while the client does not run.
    asio::io_context elsewhere;
    hb::echo_server server(elsewhere.get_executor());
    auto options = here.options();
    options.url = "ws://127.0.0.1:" + std::to_string(server.listen());
    auto socket = here.make_socket(options);
    diary told(socket);
    socket.start();
    auto const serve = [&] {
        elsewhere.restart();
        elsewhere.poll();
        return true;
    };
    here.until([&] { return serve() && told.opened.size() == 1; });

    hb::duration late = GENERATE(0s, 1s, 2s, 1h);
    CAPTURE(late.count());
    here.pass(4s);
    while (server.heartbeats() == 0) elsewhere.run_one_for(1s);
    serve();
    here.clock.advance(2s + late);
    here.until([&] { return told.beats.size() == 1; });
    CHECK(told.closed.empty());
    CHECK(socket.state() == hb::state::open);
    socket.cancel();
    here.until([&] { return serve() && told.stopped.size() == 1; });
}

TEST_CASE("law 10: what opens and drops at once does not start the back-off again") {
    connected_world here([](hb::options& options) {
        options.reconnect = {.delay = 1s, .growth = 2, .max_delay = 8s, .jitter = false, .stable_after = 10s};
    });
    std::vector<hb::duration> const expected{1s, 2s, 4s, 8s, 8s};
    for (std::size_t loss = 0; loss < expected.size(); ++loss) {
        here.server.drop_all();
        here.until([&] { return here.told.waits.size() == loss + 1; });
        CHECK(here.told.waits[loss].delay == expected[loss]);
        CHECK(here.told.waits[loss].attempt == loss + 2);
        here.pass(expected[loss] - 1ns);
        CHECK(here.socket.state() == hb::state::waiting);
        here.pass(1ns);
        here.until([&] { return here.told.opened.size() == loss + 2; });
    }

    // Ten seconds, two heartbeats, make the link stable.
    for (std::size_t beat = 1; beat <= 2; ++beat) {
        here.pass(4s);
        here.until([&] { return here.told.beats.size() == beat; });
    }
    here.pass(2s);
    here.server.drop_all();
    here.until([&] { return here.told.waits.size() == expected.size() + 1; });
    CHECK(here.told.waits.back().delay == 1s);
    CHECK(here.told.waits.back().attempt == 1);
}

TEST_CASE("attempts end after max_attempts, max_elapsed, a verdict of the user, or when retrying is off") {
    world here;
    here.server.refuse(true);
    here.settle();
    auto options = here.options();
    auto expected = hb::errc::retries_exhausted;
    std::size_t failures = 3;
    bool asked = false;
    SECTION("max_attempts") { options.reconnect.max_attempts = 3; }
    SECTION("max_elapsed") { options.reconnect.max_elapsed = 7s; }
    SECTION("judge") {
        options.reconnect.judge = [&](hb::reason const& why, hb::verdict standard) {
            asked = why.cause == hb::errc::connect_failed && standard == hb::verdict{};
            return hb::verdict{.what = hb::verdict::stop};
        };
        failures = 1;
        expected = hb::errc::connect_failed;
    }
    SECTION("enabled") {
        options.reconnect.enabled = false;
        failures = 1;
        expected = hb::errc::connect_failed;
    }
    auto socket = here.make_socket(options);
    diary told(socket);
    hb::error_code result;
    bool ended = false;
    socket.async_run([&](hb::error_code error) {
        ended = true;
        result = error;
    });
    for (std::size_t failure = 1; failure <= failures; ++failure) {
        here.until([&] { return told.failures.size() == failure; });
        CHECK(told.failures.back().attempt == failure);
        CHECK(told.failures.back().reason.cause == hb::errc::connect_failed);
        if (failure < failures) here.pass(3s);
    }
    here.until([&] { return ended; });
    CHECK(result == expected);
    REQUIRE(told.stopped.size() == 1);
    CHECK(told.stopped[0].reason.cause == expected);
    if (expected == hb::errc::retries_exhausted)
        CHECK(told.stopped[0].reason.evidence == hb::errc::connect_failed);
    CHECK(asked == (failures == 1 && options.reconnect.enabled));
    CHECK(here.clock.pending() == 0);
}

TEST_CASE("max_elapsed counts the time without a link, since the last stable one") {
    connected_world here([](hb::options& options) {
        options.reconnect.max_elapsed = 7s;
        options.reconnect.stable_after = 10s;
    });
    auto const lose = [&](std::size_t losses) {
        here.server.drop_all();
        here.until([&] { return here.told.closed.size() == losses; });
        here.settle();
    };
    here.pass(1s);
    lose(1);
    REQUIRE(here.told.waits.size() == 1);
    here.pass(3s);
    here.until([&] { return here.told.opened.size() == 2; });
    // Three seconds before, and three to come.
    lose(2);
    REQUIRE(here.told.waits.size() == 2);
    here.pass(3s);
    here.until([&] { return here.told.opened.size() == 3; });
    SECTION("a link that was not stable leaves the count as it is") {
        lose(3);
        REQUIRE(here.told.stopped.size() == 1);
        CHECK(here.told.stopped[0].reason.cause == hb::errc::retries_exhausted);
    }
    SECTION("a stable link starts it again") {
        here.pass(4s);
        here.until([&] { return here.told.beats.size() == 1; });
        here.pass(4s);
        here.until([&] { return here.told.beats.size() == 2; });
        here.pass(2s);
        lose(3);
        CHECK(here.told.stopped.empty());
        CHECK(here.told.waits.size() == 3);
    }
}

TEST_CASE("a refused or broken upgrade is told with the status") {
    world here;
    struct answer {
        std::string text;
        hb::errc cause;
        unsigned status;
    };
    auto const given = GENERATE(
        answer{"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", hb::errc::upgrade_refused, 404},
        answer{"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno", hb::errc::upgrade_refused,
               503},
        answer{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
               "Sec-WebSocket-Accept: wrong\r\n\r\n",
               hb::errc::upgrade_failed, 0},
        answer{"220 mail.example.org ESMTP\r\n\r\n", hb::errc::upgrade_failed, 0},
        answer{"", hb::errc::upgrade_failed, 0});
    CAPTURE(given.text);
    refusing_server server(here.io, given.text);
    auto options = here.options();
    options.url = server.url();
    auto socket = here.make_socket(options);
    diary told(socket);
    socket.start();
    here.until([&] { return told.failures.size() == 1; });
    CHECK(told.failures[0].reason.cause == given.cause);
    CHECK(told.failures[0].reason.http_status == given.status);
    here.pass(3s);
    here.until([&] { return told.failures.size() == 2; });
    CHECK(told.opened.empty());
}

TEST_CASE("connect_now skips the wait, once, and means nothing in other states") {
    connected_world here;
    here.socket.connect_now();
    here.settle();
    CHECK(here.socket.stats().attempts == 1);
    here.server.drop_all();
    here.until([&] { return here.told.waits.size() == 1; });
    here.socket.connect_now();
    here.socket.connect_now();
    here.until([&] { return here.told.opened.size() == 2; });
    here.pass(3s);
    CHECK(here.socket.stats().attempts == 2);
    CHECK(here.told.opened[1].downtime == 0s);
}

TEST_CASE(
    "law 9: once the server can be reached, the link is open within an attempt, the longest delay and a "
    "dial") {
    bool const hangs = GENERATE(false, true);
    auto const outage = GENERATE(hb::duration{100ms}, 7s, 31s, 5min);
    connected_world here([](hb::options& options) {
        options.reconnect = {.delay = 1s, .growth = 2, .max_delay = 20s};
        options.deadlines = {.resolve = 5s, .connect = 5s, .upgrade = 5s, .attempt = 4s, .close = 1s};
    });
    // No simulated time passes while a connection is made or refused.
    auto const dial = [&] { here.until([&] { return here.socket.state() != hb::state::connecting; }); };
    auto const step = [&](hb::duration limit) {
        auto const next = here.clock.next_expiry();
        here.pass(next ? std::min(limit, *next - here.clock.now()) : limit);
    };

    if (hangs) {
        here.server.freeze();
    } else {
        here.server.refuse(true);
        here.server.drop_all();
        here.until([&] { return here.told.closed.size() == 1; });
    }
    for (auto const end = here.clock.now() + outage; here.clock.now() < end;) {
        if (!hangs) dial();
        step(end - here.clock.now());
    }
    if (hangs) {
        here.server.resume();
    } else {
        here.server.refuse(false);
    }
    auto const well = here.clock.now();
    here.settle();
    for (dial(); here.socket.state() != hb::state::open; dial()) step(1min);
    CHECK(here.clock.now() - well <= 4s + 20s);
    CHECK(here.told.stopped.empty());
}
