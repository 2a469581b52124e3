// SPDX-License-Identifier: BSL-1.0
//
// Both directions of a link over TLS at once, on the clock of the system. With each version of TLS for as
// many seconds as the environment says in HEARTBEAT_TLS_STRESS_SECONDS, else for a short time.
#include "world.hpp"

#include <charconv>
#include <cstdlib>
#include <iostream>
#include <string_view>

namespace {

using real_socket = hb::heartbeat_socket<hb::mode_code>;

std::chrono::seconds stress_time() {
    char const* const text = std::getenv("HEARTBEAT_TLS_STRESS_SECONDS");
    int seconds = 1;
    if (text != nullptr) {
        std::string_view const digits(text);
        std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
    }
    return std::chrono::seconds{seconds};
}

/// Keeps a number of messages on their way, of sizes from a few bytes to several records.
class sender {
public:
    sender(real_socket& socket, int at_once) : socket_(socket) {
        for (int number = 0; number < at_once; ++number) send();
    }

    void stop() { stopped_ = true; }
    std::uint64_t accepted = 0;
    std::uint64_t written = 0;
    std::uint64_t outcomes = 0;

private:
    void send() {
        constexpr std::size_t sizes[] = {10, 100, 1000, 17'000, 70'000};
        ++accepted;
        socket_.async_send(hb::mode_code::message(std::string(sizes[accepted % std::size(sizes)], 'x')),
                           [this](hb::outcome outcome) {
                               ++outcomes;
                               if (outcome) ++written;
                               if (!stopped_) send();
                           });
    }

    real_socket& socket_;
    bool stopped_ = false;
};

}  // namespace

TEST_CASE("both directions may be saturated, through losses and to the end", "[stress]") {
    int const version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    CAPTURE(version);
    auto const context = server_context(tls_world::test_authority().issue(), version);
    hb::io_thread server_loop;
    hb::basic_echo_server<hb::tls_server_stream> server(
        server_loop.get_executor(), {}, [context](asio::ip::tcp::socket socket) {
            return hb::tls_server_stream(std::move(socket), context);
        });

    asio::io_context io;
    hb::options settings{.url = "wss://127.0.0.1:" + std::to_string(server.listen()),
                         .heartbeat = {.interval = 20ms, .timeout = 60s},
                         .reconnect = {.delay = 1ms, .growth = 1},
                         .tls = make_tls(tls_world::trusting())};
    real_socket socket{io, settings, hb::mode_code{}};
    std::uint64_t received = 0;
    std::uint64_t bytes = 0;
    std::uint64_t beats = 0;
    int losses = 0;
    socket.on<hb::message>([&](hb::message const& message) {
        ++received;
        bytes += message.text().size();
    });
    socket.on<hb::beat>([&](hb::beat const&) { ++beats; });
    socket.on<hb::closed>([&](hb::closed const& event) {
        if (event.reason.cause == hb::errc::connection_lost) ++losses;
    });
    socket.start();
    sender load(socket, 40);

    auto const until = [&](auto reached) {
        auto const limit = std::chrono::steady_clock::now() + 60s;
        while (!reached()) {
            io.run_one_for(100ms);
            if (std::chrono::steady_clock::now() > limit) FAIL("what was waited for did not happen");
        }
    };
    auto const end = std::chrono::steady_clock::now() + stress_time();
    int cuts = 0;
    while (std::chrono::steady_clock::now() < end) {
        auto const before = received;
        until([&] { return received >= before + 2000 || std::chrono::steady_clock::now() >= end; });
        // In the midst of it, and then on with the next link.
        if (std::chrono::steady_clock::now() >= end) break;
        auto const sessions = socket.stats().sessions;
        if (++cuts % 2 == 0) {
            server.drop_all();
        } else {
            server.close_all(1001);
        }
        until([&] { return socket.stats().sessions > sessions; });
    }
    // At least one message has come back since the last loss.
    auto const before = received;
    until([&] { return received > before; });
    load.stop();
    socket.close();
    io.run();

    auto const stats = socket.stats();
    CHECK(load.outcomes == load.accepted);
    CHECK(received > 0);
    CHECK(beats > 0);
    CHECK(stats.tls_handshakes >= stats.sessions);
    std::cout << "TLS 1." << (version == TLS1_2_VERSION ? 2 : 3) << " in both directions for "
              << stress_time().count() << " s: " << load.written << " messages out, " << received << " with "
              << bytes / 1'000'000 << " MB in, " << beats << " heartbeats, " << stats.sessions
              << " links of which " << stats.tls_resumed << " resumed\n";
}
