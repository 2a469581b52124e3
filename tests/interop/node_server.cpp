// SPDX-License-Identifier: BSL-1.0
//
// The socket against a server that is not ours: examples/node_server, run by Node. The environment variable
// HEARTBEAT_NODE_SERVER is the directory of server.js, in which `npm ci` has been run.
#include "catch.hpp"
#include "node_process.hpp"
#include "tls/certificates.hpp"
#include "tls/scratch_directory.hpp"

#include <heartbeat/heartbeat_socket.hpp>
#include <heartbeat/json.hpp>
#include <heartbeat/protocols/mode_code.hpp>
#include <heartbeat/protocols/ping_frame.hpp>
#include <heartbeat/tls.hpp>

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace hb = heartbeat;
using namespace std::chrono_literals;

namespace {

/// One of two protocols, so that the socket is compiled once.
class either_protocol {
public:
    using choice = std::variant<hb::mode_code, hb::ping_frame>;

    explicit either_protocol(choice chosen = {}) : chosen_(std::move(chosen)) {}

    std::optional<hb::outbound_frame> make_beat() {
        return std::visit([](auto& protocol) { return protocol.make_beat(); }, chosen_);
    }
    hb::frame_meaning classify(hb::inbound_frame const& frame) const {
        return std::visit([&](auto const& protocol) { return protocol.classify(frame); }, chosen_);
    }

private:
    choice chosen_;
};

using node_socket = hb::heartbeat_socket<either_protocol>;

/// What a socket has told, in order.
struct diary {
    explicit diary(node_socket& socket) {
        keep(socket, opened);
        keep(socket, messages);
        keep(socket, closed);
        keep(socket, beats);
        keep(socket, waits);
        keep(socket, failures);
        keep(socket, malformed);
        keep(socket, stopped);
    }

    template <class Event>
    static void keep(node_socket& socket, std::vector<Event>& page) {
        socket.on<Event>([&page](Event const& event) { page.push_back(event); });
    }

    bool received(std::string const& text) const {
        return std::find(messages.begin(), messages.end(), hb::message(text)) != messages.end();
    }

    std::vector<hb::opened> opened;
    std::vector<hb::message> messages;
    std::vector<hb::closed> closed;
    std::vector<hb::beat> beats;
    std::vector<hb::waiting> waits;
    std::vector<hb::attempt_failed> failures;
    std::vector<hb::malformed> malformed;
    std::vector<hb::stopped> stopped;
};

/// A Node server that listens, and a socket that is connected to it.
class node_world {
public:
    /// The default timeout is far longer than a busy machine takes.
    explicit node_world(either_protocol protocol, hb::duration timeout = 20s,
                        std::shared_ptr<hb::tls_provider const> const& tls = {},
                        std::vector<std::string> its_arguments = {}, hb::deflate_options const& deflate = {})
        : arguments(std::move(its_arguments)),
          server(std::in_place, io, "0", arguments),
          socket(io, options(timeout, tls, deflate), std::move(protocol)),
          told(socket) {
        socket.start();
        until([this] { return !told.opened.empty(); });
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

    /// Runs it until the server's log, which comes a way of its own, has this in it.
    void until_server_said(std::string const& part) {
        INFO("server: " << part);
        until([&] { return server->said(part); });
    }

    /// Starts another server at the port of the first, which has ended or is killed.
    void restart_server() {
        auto const address = server->url();
        auto const port = hb::parse_url(address).port;
        server.emplace(io, port, arguments);
        until([&] { return server->url() == address; });
    }

    asio::io_context io;
    std::vector<std::string> arguments;
    std::optional<node_process> server;
    node_socket socket;
    diary told;

private:
    hb::options options(hb::duration timeout, std::shared_ptr<hb::tls_provider const> const& tls,
                        hb::deflate_options const& deflate) {
        until([this] { return !server->url().empty(); });
        return {
            .url = server->url(),
            .heartbeat = {.interval = 50ms, .timeout = timeout},
            .reconnect = {.delay = 50ms, .max_delay = 200ms},
            .deadlines = {.upgrade = 1s},
            .deflate = deflate,
            .tls = tls,
        };
    }
};

either_protocol chosen(bool json) {
    return json ? either_protocol(hb::mode_code{}) : either_protocol(hb::ping_frame{});
}

/// The reasons of those links, or attempts, that ended for this cause.
template <class Event>
std::vector<hb::reason> ended_by(hb::errc cause, std::vector<Event> const& events) {
    std::vector<hb::reason> found;
    for (auto const& event : events)
        if (event.reason.cause == cause) found.push_back(event.reason);
    return found;
}

std::string text_of(nlohmann::json content) { return hb::mode_code::message(std::move(content)).dump(); }

}  // namespace

TEST_CASE("a Node server sends messages back") {
    if (!node_process::possible()) return;
    bool const json = GENERATE(true, false);
    CAPTURE(json);
    node_world here(chosen(json));
    auto const hello = text_of("hello world, \u00e4\u4e16\U0001f310");
    // It leaves in several fragments.
    auto const large = text_of(std::string(300'000, 'x'));

    here.socket.send(hello);
    here.socket.send(large);
    here.until([&] { return here.told.received(large); });

    CHECK(here.told.received(hello));
    CHECK(here.told.opened.size() == 1);
    here.until_server_said("[1] message {\"ModeCode\":\"message\",\"msg\":\"hello world");
}

TEST_CASE(
    "a Node server over TLS sends messages back, is found again after it was killed, and says goodbye") {
    if (!node_process::possible()) return;
    scratch_directory const files;
    authority const ca("the tests' authority");
    auto const shown = ca.issue();
    node_world here(chosen(true), 20s, hb::tls({.ca_pem = ca.certificate()}),
                    {"--certificate", files.write("server.pem", shown.certificate), "--key",
                     files.write("server.key", shown.key)});
    CHECK(here.server->url().starts_with("wss://"));
    auto const large = text_of(std::string(300'000, 'x'));
    here.socket.send(large);
    here.until([&] { return here.told.received(large) && !here.told.beats.empty(); });

    here.server->signal(SIGKILL);
    here.until([&] { return here.told.closed.size() == 1; });
    CHECK(here.told.closed[0].reason.cause == hb::errc::connection_lost);
    here.restart_server();
    here.until([&] { return here.told.opened.size() == 2; });

    here.server->signal(SIGTERM);
    here.until([&] { return here.told.closed.size() == 2; });
    CHECK(here.told.closed[1].reason.cause == hb::errc::closed_by_peer);
    CHECK(here.told.closed[1].reason.close_code == 1001);
    here.restart_server();
    here.until([&] { return here.told.opened.size() == 3; });

    // A server that restarts in the same way resumes none of the old sessions, but those of one process it
    // does.
    auto const resumed = here.socket.stats().tls_resumed;
    here.socket.close();
    here.until([&] { return here.told.stopped.size() == 1; });
    CHECK(here.told.closed[2].reason.cause == hb::errc::closed);
    here.socket.start();
    here.until([&] { return here.told.opened.size() == 4; });
    CHECK(here.socket.stats().tls_resumed == resumed + 1);
}

TEST_CASE("a Node server answers heartbeats in JSON, and the application does not see them") {
    if (!node_process::possible()) return;
    node_world here(chosen(true));
    here.until([&] { return here.told.beats.size() >= 3; });

    here.until_server_said("{\"ModeCode\":\"heart_beat\",\"msg\":" + std::to_string(here.told.beats[0].id) +
                           "}");
    CHECK(here.told.beats[0].id < here.told.beats[1].id);
    CHECK(here.told.beats[0].round_trip > 0ns);
    CHECK(here.told.messages.empty());
    CHECK(here.told.closed.empty());
}

TEST_CASE("a Node server answers heartbeats that are ping frames") {
    if (!node_process::possible()) return;
    node_world here(chosen(false));
    here.until([&] { return here.told.beats.size() >= 3; });

    CHECK(here.told.beats[0].id == 1);
    CHECK(here.told.beats[0].round_trip > 0ns);
    CHECK(here.told.messages.empty());
    CHECK(here.told.closed.empty());

    // Whatever else there was would stand before this.
    here.socket.send("last");
    here.until_server_said("[1] message last");
    CHECK(!here.server->said("heart_beat"));
}

TEST_CASE(
    "after a Node server was killed, the socket finds the next one at its port, and sends what was queued") {
    if (!node_process::possible()) return;
    bool const json = GENERATE(true, false);
    CAPTURE(json);
    node_world here(chosen(json));
    here.until([&] { return !here.told.beats.empty(); });

    here.server->signal(SIGKILL);
    here.until([&] { return !ended_by(hb::errc::connect_failed, here.told.failures).empty(); });
    REQUIRE(here.told.closed.size() == 1);
    CHECK(here.told.closed[0].reason.cause == hb::errc::connection_lost);
    CHECK(here.told.opened.size() == 1);
    auto const first = text_of("queued first");
    auto const second = text_of("queued second");
    REQUIRE(here.socket.send(first));
    REQUIRE(here.socket.send(second));
    CHECK(here.socket.stats().outbox_messages == 2);

    here.restart_server();
    here.until([&] { return here.told.received(second); });
    REQUIRE(here.told.opened.size() == 2);
    CHECK(here.told.opened[1].session == 2);
    CHECK(here.told.opened[1].reconnected);
    CHECK(here.told.messages == std::vector<hb::message>{first, second});

    auto const beats = here.told.beats.size();
    here.until([&] { return here.told.beats.size() > beats; });
    CHECK(here.told.closed.size() == 1);
}

TEST_CASE("a Node server that stands still is dead after the timeout, and is found again when it goes on") {
    if (!node_process::possible()) return;
    bool const json = GENERATE(true, false);
    CAPTURE(json);
    node_world here(chosen(json), 500ms);
    here.until([&] { return !here.told.beats.empty(); });

    here.server->signal(SIGSTOP);
    // The kernel goes on taking connections in, but nobody answers the upgrade.
    here.until([&] { return !ended_by(hb::errc::upgrade_timeout, here.told.failures).empty(); });
    auto const deaths = ended_by(hb::errc::heartbeat_timeout, here.told.closed);
    REQUIRE(!deaths.empty());
    CHECK(deaths[0].silence >= 500ms);

    auto const sessions = here.told.opened.size();
    auto const beats = here.told.beats.size();
    here.server->signal(SIGCONT);
    here.until([&] { return here.told.opened.size() > sessions && here.told.beats.size() > beats; });
}

TEST_CASE("a Node server that says goodbye is connected to again when it is back") {
    if (!node_process::possible()) return;
    bool const json = GENERATE(true, false);
    CAPTURE(json);
    node_world here(chosen(json));

    here.server->signal(SIGTERM);
    here.until([&] { return here.server->ended(); });
    here.until_server_said("[1] close 1001");
    here.until([&] { return !here.told.closed.empty(); });
    CHECK(here.told.closed[0].reason.cause == hb::errc::closed_by_peer);
    CHECK(here.told.closed[0].reason.close_code == 1001);
    CHECK(here.told.closed[0].reason.close_text == "the server is going away");

    here.restart_server();
    here.until([&] { return here.told.opened.size() == 2; });
}

TEST_CASE("a Node server sees a deliberate close with code 1000, after what was queued") {
    if (!node_process::possible()) return;
    bool const json = GENERATE(true, false);
    CAPTURE(json);
    node_world here(chosen(json));

    here.socket.send(text_of("my last words"));
    here.socket.close();
    here.until([&] { return !here.told.stopped.empty(); });
    here.until_server_said("[1] close 1000");

    CHECK(here.server->said("my last words"));
    REQUIRE(here.told.closed.size() == 1);
    CHECK(here.told.closed[0].reason.cause == hb::errc::closed);
    CHECK(here.told.closed[0].reason.close_code == 1000);
    CHECK(here.told.stopped[0].reason.cause == hb::errc::closed);
    CHECK(here.told.waits.empty());
    CHECK(here.socket.state() == hb::state::stopped);
}

TEST_CASE("text from a Node server that is not JSON is reported, and the link lives on") {
    if (!node_process::possible()) return;
    node_world here(chosen(true));

    here.server->broadcast("{\"ModeCode\":\"message\",oops");
    here.until([&] { return !here.told.malformed.empty(); });
    CHECK(here.told.malformed[0].text == "{\"ModeCode\":\"message\",oops");
    CHECK(here.told.malformed[0].position == 22);

    auto const after = text_of("still here");
    here.socket.send(after);
    here.until([&] { return here.told.received(after); });
    CHECK(here.told.messages.size() == 1);
    CHECK(here.told.opened.size() == 1);
    CHECK(here.told.closed.empty());
}

TEST_CASE("a Node server does not answer what is neither heartbeat nor message, and the link lives on") {
    if (!node_process::possible()) return;
    bool const json = GENERATE(true, false);
    CAPTURE(json);
    node_world here(chosen(json));

    here.socket.send("this is not JSON");
    here.socket.send(R"({"ModeCode":"other","msg":1})");
    here.socket.send("null");
    here.socket.send(hb::message(hb::message_kind::binary, std::string("\0\xff", 2)));
    auto const after = text_of("still here");
    here.socket.send(after);
    here.until([&] { return here.told.received(after); });

    here.until_server_said("[1] error: not JSON");
    here.until_server_said("[1] message, binary, of 2 bytes");
    CHECK(here.told.messages == std::vector<hb::message>{after});
    CHECK(here.told.malformed.empty());
    CHECK(here.told.opened.size() == 1);
    CHECK(here.told.closed.empty());
}

TEST_CASE("a Node server and the socket exchange compressed messages of all sizes and kinds") {
    if (!node_process::possible()) return;
    hb::deflate_options const least{.enabled = true,
                                    .client_window_bits = 9,
                                    .server_window_bits = 9,
                                    .client_context_takeover = false,
                                    .server_context_takeover = false,
                                    .memory_level = 1};
    for (auto const& deflate : {hb::deflate_options{.enabled = true}, least}) {
        node_world world(chosen(false), 20s, nullptr, {"--echo", "--deflate"}, deflate);
        std::mt19937 random(7692);
        std::size_t expected = 0;
        for (std::size_t const size : {0U, 10U, 2'000U, 70'000U, 1'048'576U}) {
            std::string text;
            while (text.size() < size) text += "quote " + std::to_string(random() % 1000) + ", ";
            text.resize(size);
            std::string noise(size, '\0');
            std::generate(noise.begin(), noise.end(), [&] { return static_cast<char>(random()); });
            auto const before = world.socket.stats();
            for (auto const& sent : {hb::message(text), hb::message(hb::message_kind::binary, text),
                                     hb::message(hb::message_kind::binary, noise)}) {
                INFO("a message of " << size << " bytes");
                REQUIRE(world.socket.send(sent));
                world.until(
                    [&] { return world.told.messages.size() > expected || !world.told.closed.empty(); });
                REQUIRE(world.told.closed.empty());
                CHECK((world.told.messages.at(expected++) == sent));
            }
            // The two that compress take less than one that does not.
            auto const after = world.socket.stats();
            if (size < 2'000) continue;
            CHECK(after.bytes_sent - before.bytes_sent < 2 * size);
            CHECK(after.bytes_received - before.bytes_received < 2 * size);
        }
    }
}

TEST_CASE("a Node server with compression gets heartbeats in JSON, which are too small to be compressed") {
    if (!node_process::possible()) return;
    node_world world(chosen(true), 20s, nullptr, {"--deflate"}, {.enabled = true});
    world.until([&] { return world.told.beats.size() >= 3; });
    auto const first = world.socket.stats();
    world.until([&] { return world.told.beats.size() >= 6; });
    auto const last = world.socket.stats();
    constexpr std::size_t frame =
        6 + std::string_view(R"({"ModeCode":"heart_beat","msg":1690000000000})").size();
    CHECK(last.bytes_sent - first.bytes_sent == (last.beats_sent - first.beats_sent) * frame);

    auto const text = text_of(std::string(5000, 'x'));
    REQUIRE(world.socket.send(text));
    world.until([&] { return world.told.received(text); });
    CHECK(world.socket.stats().bytes_sent - last.bytes_sent < 1000);
    CHECK(world.told.closed.empty());
}
