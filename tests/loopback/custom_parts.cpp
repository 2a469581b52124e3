// SPDX-License-Identifier: BSL-1.0
//
// A socket with a stream and a protocol of its own: lookups that hang or fail, reads that complete when their
// link is long over, beats that only the peer sends, times that the server sets, and a protocol that throws.
#include "world.hpp"

namespace {

/// Lookups that have begun and do not end by themselves, and whether new ones do.
struct lookups {
    std::vector<hb::detail::resolved_handler> hanging = {};
    bool hang = false;
};

lookups& all_lookups() {
    static lookups all;
    return all;
}

/// A read that does not even end when its stream is closed.
struct stuck_read {
    asio::mutable_buffer space;
    hb::detail::transfer_handler handler;
};

/// Reads that have begun and do not end by themselves, and whether new ones do.
struct reads {
    std::vector<stuck_read> stuck = {};
    bool stick = false;
};

reads& all_reads() {
    static reads all;
    return all;
}

/// What a test that failed has left there must not outlive its event loop.
struct forget_operations {
    forget_operations() = default;
    forget_operations(forget_operations const&) = delete;
    forget_operations& operator=(forget_operations const&) = delete;
    ~forget_operations() {
        all_lookups() = {};
        all_reads() = {};
    }
};

/// TCP with a resolver that may hang, and reads that may complete at any time.
class hanging_stream : public hb::any_stream {
public:
    using any_stream::any_stream;

    template <class Buffers, class Token>
    auto async_read_some(Buffers const& space, Token&& token) {
        return asio::async_initiate<Token, void(hb::error_code, std::size_t)>(
            [](auto handler, hanging_stream* self, Buffers const& buffers) {
                if (!all_reads().stick) return self->any_stream::async_read_some(buffers, std::move(handler));
                all_reads().stuck.push_back({*asio::buffer_sequence_begin(buffers), std::move(handler)});
            },
            token, this, space);
    }

    template <class Handler>
    void async_resolve(std::string const& host, std::uint16_t port, Handler handler) {
        if (!all_lookups().hang) return any_stream::async_resolve(host, port, std::move(handler));
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
    forget_operations const forgotten;
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
            std::exchange(all_lookups().hanging.front(), nullptr)(hb::error_code{},
                                                                  std::vector<hb::endpoint>());
            here.settle();
            CHECK(socket.state() == hb::state::connecting);
            here.pass(5s);
            CHECK(failures.size() == 2);
            socket.cancel();
            here.until([&] { return stops == 1; });
        }
        SECTION("before, when it ends with an error") {
            std::exchange(all_lookups().hanging.front(), nullptr)(hb::error_code(asio::error::host_not_found),
                                                                  std::vector<hb::endpoint>());
            here.settle();
            CHECK(failures == std::vector{hb::errc::resolve_failed});
            CHECK(waits == 1);
            here.pass(3s);
            CHECK(all_lookups().hanging.size() == 2);
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
        if (lookup)
            std::move(lookup)(hb::error_code(asio::error::operation_aborted), std::vector<hb::endpoint>());
    here.settle();
    all_lookups() = {};
}

TEST_CASE("law 2: what completes for an old link changes nothing, and the new link lives on") {
    world here;
    all_reads() = {};
    forget_operations const forgotten;
    custom_socket socket(here.io, here.options());
    std::vector<std::string> received;
    std::vector<hb::reason> losses;
    std::uint64_t links = 0;
    socket.on<hb::message>([&](hb::message const& message) { received.emplace_back(message.text()); });
    socket.on<hb::closed>([&](hb::closed const& event) { losses.push_back(event.reason); });
    socket.on<hb::opened>([&](hb::opened const& event) { links = event.session; });
    socket.start();
    here.until([&] { return links == 1; });
    here.server.broadcast("hello");
    here.until([&] { return received.size() == 1; });
    // The read that is outstanding ends with this; the next one does not even when its link is over.
    all_reads().stick = true;
    here.server.broadcast("anything");
    here.until([&] { return all_reads().stuck.size() == 1; });
    CHECK(received.size() == 2);
    here.pass(6s);
    REQUIRE(losses.size() == 1);
    CHECK(losses[0].cause == hb::errc::heartbeat_timeout);
    all_reads().stick = false;
    here.pass(3s);
    here.until([&] { return links == 2; });
    here.settle();

    auto const before = socket.stats();
    auto const timers = here.clock.pending();
    auto late = std::move(all_reads().stuck.front());
    std::string frames;
    SECTION("a message") { frames = std::string("\x81\x05ghost", 7); }
    SECTION("new times for the heartbeat") { frames = std::string("\x81\x05hello", 7); }
    SECTION("a Close frame") { frames = std::string("\x88\x02\x03\xe8", 4); }
    SECTION("a ping") { frames = std::string("\x89\x04ping", 6); }
    SECTION("a broken frame") { frames = std::string("\xff\xff", 2); }
    SECTION("an error") {}
    auto const count = asio::buffer_copy(late.space, asio::buffer(frames));
    std::move(late.handler)(frames.empty() ? asio::error::connection_reset : hb::error_code{}, count);
    here.settle();
    CHECK(received.size() == before.messages_received);
    CHECK(losses.size() == 1);
    CHECK(here.clock.pending() == timers);
    auto const after = socket.stats();
    CHECK(after.messages_received == before.messages_received);
    CHECK(after.bytes_received == before.bytes_received);
    CHECK(after.bytes_sent == before.bytes_sent);
    CHECK(after.attempts == 2);

    here.server.broadcast("still there");
    here.until([&] { return received.back() == "still there"; });
    CHECK(socket.state() == hb::state::open);
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
