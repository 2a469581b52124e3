// SPDX-License-Identifier: BSL-1.0
//
// The socket through a proxy that ends TLS, nginx, with an echo server behind it.
#include "nginx_process.hpp"

#include <heartbeat/heartbeat_socket.hpp>
#include <heartbeat/protocols/mode_code.hpp>
#include <heartbeat/testing/echo_server.hpp>
#include <heartbeat/tls.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace hb = heartbeat;
using namespace std::chrono_literals;

namespace {

class proxied_world {
public:
    proxied_world()
        : server(io.get_executor()),
          proxy(io, server.listen(), trusted_.issue()),
          socket(io, options(), hb::mode_code{}) {
        socket.on<hb::opened>([this](hb::opened const&) { ++opened; });
        socket.on<hb::message>([this](hb::message const& message) { received.emplace_back(message.text()); });
        socket.on<hb::closed>([this](hb::closed const& event) { closed.push_back(event.reason); });
        socket.on<hb::attempt_failed>(
            [this](hb::attempt_failed const& event) { failures.push_back(event.reason); });
        proxy.start();
        socket.start();
        until([this] { return opened == 1; });
        // Of the dials before it listened.
        failures.clear();
    }

    /// Runs the event loop until something is so. The limit is there to end a test that fails.
    template <class Predicate>
    void until(Predicate reached) {
        auto const limit = std::chrono::steady_clock::now() + 60s;
        while (!reached()) {
            io.restart();
            io.run_one_until(limit);
            if (std::chrono::steady_clock::now() > limit) FAIL("what was waited for did not happen");
        }
    }

    void echo(std::string const& text) {
        auto const envelope = hb::mode_code::message(text).dump();
        REQUIRE(socket.send(envelope));
        until([&] { return !received.empty() && received.back() == envelope; });
    }

    boost::asio::io_context io;

private:
    authority const trusted_{"the authority of this test"};

    hb::options options() const {
        return {
            .url = proxy.url(),
            .heartbeat = {.interval = 50ms, .timeout = 20s},
            .reconnect = {.delay = 50ms, .max_delay = 200ms},
            .tls = hb::tls({.ca_pem = trusted_.certificate()}),
        };
    }

public:
    hb::echo_server server;
    nginx_process proxy;
    hb::heartbeat_socket<hb::mode_code> socket;
    unsigned opened = 0;
    std::vector<std::string> received;
    std::vector<hb::reason> closed;
    std::vector<hb::reason> failures;
};

}  // namespace

TEST_CASE("messages and heartbeats pass through nginx, which ends TLS") {
    if (!nginx_process::possible()) return;
    proxied_world here;
    here.echo("hello");
    here.echo(std::string(100'000, 'x'));
    here.until([&] { return here.server.heartbeats() >= 3; });
    CHECK(here.closed.empty());
    CHECK(here.socket.stats().tls_handshakes >= 1);
    bool ended = false;
    here.socket.async_close([&](hb::error_code) { ended = true; });
    here.until([&] { return ended; });
    CHECK(here.closed.size() == 1);
}

TEST_CASE("a reload of nginx ends the link after its grace, and the socket goes on with the new workers") {
    if (!nginx_process::possible()) return;
    proxied_world here;
    here.echo("before");
    here.proxy.reload();
    here.until([&] { return here.opened == 2; });
    REQUIRE(here.closed.size() == 1);
    CHECK(here.closed[0].cause == hb::errc::connection_lost);
    here.echo("after");
}

TEST_CASE("a restart of nginx is waited out") {
    if (!nginx_process::possible()) return;
    proxied_world here;
    here.echo("before");
    here.proxy.stop();
    here.until([&] { return !here.failures.empty(); });
    CHECK(here.failures[0].cause == hb::errc::connect_failed);
    auto const queued = hb::mode_code::message("queued while there was no proxy").dump();
    REQUIRE(here.socket.send(queued));
    here.proxy.start();
    here.until([&] { return here.opened == 2; });
    here.until([&] { return !here.received.empty() && here.received.back() == queued; });
    CHECK(here.closed.size() == 1);
}

TEST_CASE("nginx without the server behind it refuses with 502, and the socket tries again") {
    if (!nginx_process::possible()) return;
    proxied_world here;
    here.server.refuse(true);
    here.server.drop_all();
    here.until([&] { return !here.failures.empty(); });
    CHECK(here.failures[0].cause == hb::errc::upgrade_refused);
    CHECK(here.failures[0].http_status == 502);
    here.server.refuse(false);
    here.until([&] { return here.opened == 2; });
    here.echo("back");
}
