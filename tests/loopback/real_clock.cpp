// SPDX-License-Identifier: BSL-1.0
//
// The default socket on the clock of the system: how fast it notices, and whether threads can share it.
#include "catch.hpp"

#include <heartbeat/heartbeat.hpp>
#include <heartbeat/testing/echo_server.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <future>
#include <iostream>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace hb = heartbeat;
namespace asio = boost::asio;
using namespace std::chrono_literals;

extern template class hb::basic_echo_server<>;

namespace {

/// Ticks on an event loop and remembers by how much a tick was late at worst.
class control_timer {
public:
    explicit control_timer(asio::io_context& io) : timer_(io) { tick(); }

    /// The verdict on a silent peer takes three waits, for the beat, for its answer and for a last look. Each
    /// may be as late as this timer is.
    /// It looks only at each tick, so of a stall it may miss as much as lies between two of them.
    hb::duration lateness() const { return 3 * (worst_ + period); }
    void reset() { worst_ = {}; }
    void stop() { timer_.cancel(); }

private:
    static constexpr hb::duration period = 250us;

    void tick() {
        timer_.expires_after(period);
        timer_.async_wait([this](hb::error_code error) {
            if (error) return;
            worst_ = std::max(worst_, std::chrono::steady_clock::now() - timer_.expiry());
            tick();
        });
    }

    asio::steady_timer timer_;
    hb::duration worst_ = {};
};

/// One client that notes when it last heard of its peer, and when it declared it dead.
struct observed_client {
    explicit observed_client(asio::io_context& io, hb::options options) : socket(io, std::move(options)) {
        socket.on<hb::opened>([this](hb::opened const&) { last_proof = std::chrono::steady_clock::now(); });
        socket.on<hb::beat>([this](hb::beat const& event) {
            last_proof = std::chrono::steady_clock::now();
            longest_round_trip = std::max(longest_round_trip, event.round_trip);
            ++beats;
        });
        socket.on<hb::closed>([this](hb::closed const& event) {
            noticed = std::chrono::steady_clock::now();
            cause = event.reason.cause;
        });
        socket.start();
    }

    hb::heartbeat_socket<> socket;
    hb::time_point last_proof;
    hb::duration longest_round_trip = {};
    int beats = 0;
    std::optional<hb::time_point> noticed;
    hb::errc cause = {};
};

double milliseconds(hb::duration span) { return std::chrono::duration<double, std::milli>(span).count(); }

/// How long clients took to notice that their server had frozen.
struct detections {
    int tries = 0;
    hb::duration worst = {};
    /// Above what was promised: the bound, and what waits are late on this machine.
    hb::duration worst_over_bound = hb::duration::min();
};

/// Freezes a server under clients that are each in another phase of their round, several times. To the bound
/// of each client comes what its longest round trip took, so many times.
detections freeze(int rounds, hb::heartbeat_options const& heartbeat, hb::duration bound, int beats,
                  int round_trips = 0) {
    constexpr int clients = 10;
    hb::io_thread server_loop;
    hb::echo_server server(server_loop.get_executor());
    hb::options const options{.url = "ws://127.0.0.1:" + std::to_string(server.listen()),
                              .heartbeat = heartbeat,
                              .reconnect = {.delay = 10ms, .growth = 1}};
    asio::io_context io;
    control_timer control(io);
    detections found;

    auto const until = [&](auto reached) {
        auto const limit = std::chrono::steady_clock::now() + 120s;
        while (!reached()) {
            io.run_one_for(100ms);
            if (std::chrono::steady_clock::now() > limit) FAIL("what was waited for did not happen");
        }
    };
    for (int round = 0; round < rounds; ++round) {
        std::deque<observed_client> all;
        // They start at different times.
        for (int client = 0; client < clients; ++client) {
            all.emplace_back(io, options);
            asio::steady_timer apart(io, 9ms);
            bool over = false;
            apart.async_wait([&](hb::error_code) { over = true; });
            until([&] { return over; });
        }
        until([&] { return std::ranges::all_of(all, [&](auto& each) { return each.beats >= beats; }); });

        control.reset();
        std::promise<hb::time_point> in_force;
        auto frozen = in_force.get_future();
        server.freeze([&] { in_force.set_value(std::chrono::steady_clock::now()); });
        until([&] { return std::ranges::all_of(all, [](auto& each) { return each.noticed.has_value(); }); });
        auto const froze = frozen.get();
        auto const lateness = control.lateness();
        for (auto& each : all) {
            auto const promised = bound + lateness + round_trips * each.longest_round_trip;
            ++found.tries;
            CHECK(each.cause == hb::errc::heartbeat_timeout);
            // An answer that was on its way when the server froze counts when it is read.
            auto const detection = *each.noticed - std::max(froze, each.last_proof);
            CHECK(milliseconds(detection) <= milliseconds(promised));
            found.worst = std::max(found.worst, detection);
            found.worst_over_bound = std::max(found.worst_over_bound, detection - promised);
        }
        all.clear();
        std::promise<void> thawed;
        server.resume([&] { thawed.set_value(); });
        thawed.get_future().wait();
    }
    control.stop();
    return found;
}

void tell(char const* heartbeat, detections const& found, hb::duration bound) {
    std::cout << "detection of a frozen server, " << heartbeat << ": worst of " << found.tries << " tries "
              << milliseconds(found.worst) << " ms, that is " << -milliseconds(found.worst_over_bound)
              << " ms inside the bound of " << milliseconds(bound)
              << " ms plus the lateness of a control timer for three waits\n";
}

}  // namespace

TEST_CASE("a peer that freezes is noticed within interval and timeout, on the clock of the system") {
    auto const found = freeze(5, {.interval = 100ms, .timeout = 50ms}, 150ms, 1);
    CHECK(found.tries == 50);
    tell("interval 100 ms and timeout 50 ms", found, 150ms);
}

TEST_CASE("with an adaptive timeout a peer that freezes is noticed soon after the interval") {
    // The smoothed time is not above the longest, and neither is the deviation, of which there are four.
    auto const found = freeze(1, {.interval = 1s, .timeout = 5s, .adaptive = true}, 1050ms, 3, 5);
    CHECK(found.tries == 10);
    tell("interval 1 s and an adaptive timeout of up to 5 s, five round trips aside", found, 1050ms);
}

TEST_CASE(
    "threads may send, close, wait, connect slots and destroy at the same time, and each send has one "
    "outcome") {
    constexpr int users = 4;
    constexpr int sockets = 6;
    constexpr int sends = 50;
    hb::io_thread server_loop;
    hb::echo_server server(server_loop.get_executor());
    auto const url = "ws://127.0.0.1:" + std::to_string(server.listen());

    asio::io_context io;
    auto work = asio::make_work_guard(io);
    std::vector<std::thread> loops;
    for (int thread = 0; thread < 3; ++thread) loops.emplace_back([&] { io.run(); });

    std::atomic<int> outcomes = 0;
    std::atomic<int> runs_ended = 0;
    std::atomic<int> slots = 0;
    for (int number = 0; number < sockets; ++number) {
        hb::heartbeat_socket socket{
            io, {.url = url, .heartbeat = {.interval = 5ms, .timeout = 10s}, .reconnect = {.delay = 1ms}}};
        socket.on<hb::state_changed>([&](hb::state_changed const&) { ++slots; });
        socket.async_run([&](hb::error_code) { ++runs_ended; });
        std::vector<std::thread> threads;
        for (int user = 0; user < users; ++user) {
            threads.emplace_back([&, user] {
                std::minstd_rand random(static_cast<unsigned>(number * users + user + 1));
                for (int send = 0; send < sends; ++send) {
                    socket.async_send(std::string(random() % 3000, 'a'), [&](hb::outcome) { ++outcomes; });
                    hb::scoped_connection const briefly =
                        socket.on<hb::beat>([&](hb::beat const&) { ++slots; });
                    static_cast<void>(socket.stats());
                    static_cast<void>(socket.state());
                    socket.async_receive([](hb::error_code, hb::message const&) {});
                    switch (random() % 16) {
                        case 0: server.drop_all(); break;
                        case 1: socket.connect_now(); break;
                        case 2: socket.async_wait(hb::state::open, [](hb::error_code) {}); break;
                        case 3: socket.async_next<hb::opened>([](hb::error_code, hb::opened) {}); break;
                    }
                }
                if (number % 3 == 1 && user == 0) socket.close();
                if (number % 3 == 2 && user == 0) socket.cancel();
            });
        }
        for (auto& thread : threads) thread.join();
        // Destroyed here, whatever is under way.
    }
    work.reset();
    for (auto& loop : loops) loop.join();
    CHECK(outcomes == sockets * users * sends);
    CHECK(runs_ended == sockets);
    CHECK(slots > 0);
}

TEST_CASE("an io_thread may be destroyed on its own thread, and hears of exceptions") {
    SECTION("on its own thread") {
        std::promise<void> destroyed;
        auto loop = std::make_unique<hb::io_thread>();
        std::promise<void> posted;
        asio::post(loop->get_executor(), [&] {
            // Nobody else may be using the loop when it is destroyed, and `post` is a use.
            posted.get_future().wait();
            loop.reset();
            destroyed.set_value();
        });
        posted.set_value();
        destroyed.get_future().wait();
        CHECK_FALSE(loop);
    }
    SECTION("exceptions") {
        std::promise<std::string> heard;
        hb::io_thread loop([&](std::exception_ptr exception) {
            try {
                std::rethrow_exception(exception);
            } catch (std::exception const& error) {
                heard.set_value(error.what());
            }
        });
        asio::post(loop.get_executor(), [] { throw std::runtime_error("from a handler"); });
        CHECK(heard.get_future().get() == "from a handler");
        // The loop goes on.
        std::promise<void> later;
        asio::post(loop.get_executor(), [&] { later.set_value(); });
        later.get_future().wait();
    }
    SECTION("a socket on it, used through futures") {
        hb::io_thread loop;
        hb::echo_server server(loop.get_executor());
        hb::heartbeat_socket socket{loop.get_executor(),
                                    {.url = "ws://127.0.0.1:" + std::to_string(server.listen())}};
        auto run = socket.async_run(asio::use_future);
        socket.async_wait(hb::state::open, asio::use_future).get();
        CHECK(socket.async_send(R"({"ModeCode":"message","msg":1})", asio::use_future).get());
        CHECK(socket.async_receive(asio::use_future).get().text() == R"({"ModeCode":"message","msg":1})");
        socket.async_close(asio::use_future).get();
        CHECK_NOTHROW(run.get());
    }
}
