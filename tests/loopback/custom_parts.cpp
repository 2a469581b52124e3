// SPDX-License-Identifier: BSL-1.0
//
// A socket with a stream and a protocol of its own: lookups that hang, beats that only the peer sends, times
// that the server sets, and a protocol that throws.
#include "world.hpp"

namespace {

/// Lookups that have begun and do not end by themselves, and whether new ones do.
struct lookups {
    std::vector<hb::detail::status_handler> hanging = {};
    bool hang = false;
};

lookups& all_lookups() {
    static lookups all;
    return all;
}

/// TCP with a resolver that may hang.
class hanging_stream : public hb::any_stream {
public:
    using any_stream::any_stream;

    template <class Handler>
    void async_resolve(hb::url const& where, Handler handler) {
        if (!all_lookups().hang) return any_stream::async_resolve(where, std::move(handler));
        all_lookups().hanging.emplace_back(std::move(handler));
    }
};

/// The server says hello with the times, then beats; the client replies.
struct server_beats {
    std::optional<hb::outbound_frame> make_beat() { return std::nullopt; }

    hb::frame_meaning classify(hb::inbound_frame const& frame) {
        if (frame.payload == "hello") return hb::negotiated_times{4s, 2s, true};
        if (frame.payload == "beat")
            return hb::peer_beat{
                hb::outbound_frame{0, hb::frame_kind::text, R"({"ModeCode":"message","msg":"reply"})"}, true};
        if (frame.payload == "throw") throw std::runtime_error("from a protocol");
        return hb::application_message{};
    }
};

using custom_socket = hb::heartbeat_socket<server_beats, hanging_stream, hb::manual_clock>;

}  // namespace

TEST_CASE("law 5: a lookup that hangs is abandoned, and ends nothing and delays nothing when it comes back") {
    world here;
    all_lookups() = {.hang = true};
    std::vector<hb::errc> failures;
    std::size_t waits = 0;
    int stops = 0;
    {
        custom_socket socket(here.io, here.options());
        socket.on<hb::attempt_failed>(
            [&](hb::attempt_failed const& event) { failures.push_back(event.reason.cause); });
        socket.on<hb::waiting>([&](hb::waiting const&) { ++waits; });
        socket.on<hb::stopped>([&](hb::stopped const&) { ++stops; });
        socket.start();
        here.until([&] { return all_lookups().hanging.size() == 1; });

        SECTION("at its deadline") {
            here.pass(5s - 1ns);
            CHECK(failures.empty());
            here.pass(1ns);
            CHECK(failures == std::vector{hb::errc::resolve_timeout});
            CHECK(waits == 1);
            here.pass(3s);
            CHECK(all_lookups().hanging.size() == 2);

            // The first one comes back while the second is under way.
            std::exchange(all_lookups().hanging.front(), nullptr)(hb::error_code{});
            here.settle();
            CHECK(socket.state() == hb::state::connecting);
            here.pass(5s);
            CHECK(failures.size() == 2);
            socket.cancel();
            here.until([&] { return stops == 1; });
        }
        SECTION("by a close") {
            bool closed = false;
            socket.async_close([&](hb::error_code) { closed = true; });
            here.until([&] { return closed; });
            CHECK(stops == 1);
            CHECK(here.clock.pending() == 0);
        }
        SECTION("by destroying the socket") {}
    }
    here.settle();
    CHECK(here.clock.pending() == 0);
    for (auto& lookup : std::exchange(all_lookups().hanging, {}))
        if (lookup) std::move(lookup)(asio::error::operation_aborted);
    here.settle();
    all_lookups() = {};
}

TEST_CASE("a server that sets the times and beats itself is replied to, and missed when it stops") {
    world here;
    auto options = here.options();
    options.heartbeat.interval = 0s;
    custom_socket socket(here.io, options);
    std::vector<std::string> received;
    std::vector<hb::reason> losses;
    socket.on<hb::message>([&](hb::message const& message) { received.emplace_back(message.text()); });
    socket.on<hb::closed>([&](hb::closed const& event) { losses.push_back(event.reason); });
    socket.start();
    here.until([&] { return socket.state() == hb::state::open; });

    // Without times there is no heartbeat.
    here.pass(1h);
    CHECK(losses.empty());
    here.server.broadcast("hello");
    here.until([&] { return !received.empty(); });
    CHECK(received[0] == "hello");
    here.server.broadcast("beat");
    here.until([&] { return here.server.messages() == 1; });
    for (std::uint64_t beat = 2; beat <= 5; ++beat) {
        here.pass(5s);
        here.server.broadcast("beat");
        here.until([&] { return here.server.messages() == beat; });
        here.until([&] { return received.size() == beat; });
    }
    CHECK(losses.empty());
    CHECK(socket.stats().beats_sent == 0);
    here.pass(6s);
    here.until([&] { return losses.size() == 1; });
    CHECK(losses[0].cause == hb::errc::heartbeat_timeout);
}

TEST_CASE("an exception in a protocol is told as one of a slot is, and the link lives on") {
    world here;
    custom_socket socket(here.io, here.options());
    int failures = 0;
    int messages = 0;
    socket.on<hb::slot_failed>([&](hb::slot_failed const&) { ++failures; });
    socket.on<hb::message>([&](hb::message const&) { ++messages; });
    socket.start();
    here.until([&] { return socket.state() == hb::state::open; });
    here.server.broadcast("throw");
    here.server.broadcast("anything else");
    here.until([&] { return messages == 1; });
    CHECK(failures == 1);
    CHECK(socket.state() == hb::state::open);
}
