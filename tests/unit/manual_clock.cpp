// SPDX-License-Identifier: BSL-1.0
#include <heartbeat/net/timer_for.hpp>
#include <heartbeat/testing/manual_clock.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace asio = boost::asio;
using boost::system::error_code;
using heartbeat::manual_clock;
using namespace std::chrono_literals;

using timer = heartbeat::timer_for<manual_clock>;

static_assert(std::is_same_v<timer, heartbeat::manual_timer>);
static_assert(std::is_same_v<heartbeat::timer_for<std::chrono::steady_clock>,
                             asio::basic_waitable_timer<std::chrono::steady_clock>>);

namespace {

// What has happened, in order: a letter for each wait, `!` after it if the wait was cancelled.
struct diary {
    std::string text = {};

    auto note(char letter) {
        return [this, letter](error_code error) {
            text += letter;
            if (error == asio::error::operation_aborted) text += '!';
        };
    }
};

struct simulation {
    asio::io_context io;
    asio::any_io_executor executor = io.get_executor();
    manual_clock clock{io};
    diary seen;

    timer make(heartbeat::duration delay, char letter) {
        timer made{executor};
        made.expires_after(delay);
        made.async_wait(seen.note(letter));
        return made;
    }

    std::string const& poll() {
        io.restart();
        io.poll();
        return seen.text;
    }
};

}  // namespace

TEST_CASE("the handles and timers of one context share one time, which only the test moves") {
    asio::io_context io;
    asio::io_context other_io;
    manual_clock clock{io};
    manual_clock const same{asio::any_io_executor{io.get_executor()}};
    manual_clock const other{other_io};
    heartbeat::clock_source<manual_clock> const source{asio::make_strand(io)};
    auto const start = clock.now();
    CHECK(start > heartbeat::time_point{} + 24h);
    CHECK(other.now() == start);

    clock.advance(3s);
    CHECK(clock.now() == start + 3s);
    CHECK(same.now() == start + 3s);
    CHECK(source.now() == start + 3s);
    CHECK(other.now() == start);
}

TEST_CASE("manual time never goes backwards and does not overflow") {
    asio::io_context io;
    manual_clock clock{io};
    auto const start = clock.now();
    clock.advance(-1s);
    clock.advance_to(start - 1s);
    CHECK(clock.now() == start);
    clock.advance(heartbeat::duration::max());
    CHECK(clock.now() == heartbeat::time_point::max());
    timer late{io.get_executor()};
    late.expires_after(1s);
    CHECK(late.expiry() == heartbeat::time_point::max());
}

TEST_CASE("a clock of the standard library gets Asio's timer and tells its own time") {
    asio::io_context io;
    heartbeat::clock_source<std::chrono::steady_clock> const source{io.get_executor()};
    auto const before = std::chrono::steady_clock::now();
    CHECK(source.now() >= before);

    heartbeat::timer_for<std::chrono::steady_clock> due{io.get_executor()};
    due.expires_at(before);
    bool done = false;
    due.async_wait([&done](error_code error) { done = !error; });
    io.run();
    CHECK(done);
}

TEST_CASE("a wait completes when its time has come and not before") {
    simulation test;
    auto const due = test.make(10ms, 'a');
    CHECK(test.clock.pending() == 1);
    CHECK(test.clock.next_expiry() == test.clock.now() + 10ms);
    test.clock.advance(9ms);
    CHECK(test.poll().empty());
    test.clock.advance(1ms);
    CHECK(test.clock.pending() == 0);
    CHECK_FALSE(test.clock.next_expiry());
    CHECK(test.seen.text.empty());
    CHECK(test.poll() == "a");
}

TEST_CASE("one advance posts all that is due by expiry, and first come first served among equals") {
    simulation test;
    auto const third = test.make(3ms, 'c');
    auto const first = test.make(1ms, 'a');
    auto const fifth = test.make(5ms, 'e');
    auto const also_third = test.make(3ms, 'd');
    auto const second = test.make(2ms, 'b');
    test.clock.advance(4ms);
    CHECK(test.poll() == "abcd");
    CHECK(test.clock.pending() == 1);
}

TEST_CASE("a wait for an expiry in the past completes at once and not inside its initiation") {
    simulation test;
    timer unset{test.executor};
    unset.async_wait(test.seen.note('a'));
    auto const now = test.make(0ms, 'b');
    CHECK(test.seen.text.empty());
    CHECK(test.clock.pending() == 0);
    CHECK(test.poll() == "ab");
}

TEST_CASE("cancelling ends all waits of that timer alone and counts them") {
    simulation test;
    auto cancelled = test.make(1ms, 'a');
    auto const other = test.make(1ms, 'b');
    cancelled.async_wait(test.seen.note('c'));
    CHECK(cancelled.cancel() == 2);
    CHECK(cancelled.cancel() == 0);
    CHECK(test.seen.text.empty());
    CHECK(test.poll() == "a!c!");
    test.clock.advance(1ms);
    CHECK(test.poll() == "a!c!b");
}

TEST_CASE("cancelling a wait that is due but has not run is too late") {
    simulation test;
    auto due = test.make(1ms, 'a');
    test.clock.advance(1ms);
    CHECK(due.cancel() == 0);
    CHECK(due.expires_after(1ms) == 0);
    CHECK(test.poll() == "a");
}

TEST_CASE("a new expiry cancels the waits for the old one") {
    simulation test;
    auto moved = test.make(1ms, 'a');
    auto const start = test.clock.now();
    CHECK(moved.expires_at(start + 5ms) == 1);
    CHECK(moved.expiry() == start + 5ms);
    moved.async_wait(test.seen.note('b'));
    test.clock.advance(1ms);
    CHECK(test.poll() == "a!");
    test.clock.advance(4ms);
    CHECK(test.poll() == "a!b");
}

TEST_CASE("destroying a timer cancels its waits") {
    simulation test;
    { auto const gone = test.make(1ms, 'a'); }
    CHECK(test.poll() == "a!");
}

TEST_CASE("a moved timer takes its waits along, and what it was moved to loses its own") {
    simulation test;
    auto source = test.make(2ms, 'a');
    auto target = test.make(1ms, 'b');
    target = std::move(source);
    CHECK(test.poll() == "b!");
    // The source is as good as new: it has no expiry and no waits.
    CHECK(source.cancel() == 0);
    CHECK(source.expiry() == heartbeat::time_point{});
    CHECK(target.cancel() == 1);
    CHECK(test.poll() == "b!a!");
}

TEST_CASE("a timer that was moved from has nothing to do with the waits that it had") {
    simulation test;
    auto source = test.make(1ms, 'a');
    auto target = std::move(source);
    source.expires_at(target.expiry());
    source.async_wait(test.seen.note('b'));
    SECTION("moved by construction") {
        CHECK(source.cancel() == 1);
        CHECK(test.poll() == "b!");
    }
    SECTION("moved by assignment") {
        timer other{test.executor};
        other = std::move(target);
        target.expires_at(other.expiry());
        CHECK(target.cancel() == 0);
        CHECK(test.poll().empty());
    }
    test.clock.advance(1ms);
    CHECK(test.poll().find('a') != std::string::npos);
}

TEST_CASE("the handler's cancellation slot ends one wait of a timer") {
    simulation test;
    asio::cancellation_signal signal;
    auto due = test.make(1ms, 'a');
    due.async_wait(asio::bind_cancellation_slot(signal.slot(), test.seen.note('b')));
    SECTION("while it is pending, and only once") {
        signal.emit(asio::cancellation_type::total);
        signal.emit(asio::cancellation_type::total);
        CHECK(test.clock.pending() == 1);
        CHECK(test.poll() == "b!");
    }
    SECTION("but not when it is due") {
        test.clock.advance(1ms);
        signal.emit(asio::cancellation_type::terminal);
        CHECK(test.poll() == "ab");
    }
    SECTION("and nothing when it has completed") {
        test.clock.advance(1ms);
        CHECK(test.poll() == "ab");
        signal.emit(asio::cancellation_type::partial);
        CHECK(test.poll() == "ab");
    }
}

TEST_CASE("a handler runs on its associated executor, in order, and on the timer's if it has none") {
    asio::io_context timers;
    asio::io_context handlers;
    manual_clock clock{timers};
    timer due{timers.get_executor()};
    due.expires_after(1ms);
    std::string seen;
    due.async_wait([&seen](error_code) { seen += 'a'; });
    due.async_wait(asio::bind_executor(handlers.get_executor(), [&seen](error_code) { seen += 'b'; }));
    clock.advance(1ms);
    timers.run();
    CHECK(seen == "a");
    handlers.run();
    CHECK(seen == "ab");
}

TEST_CASE("a pending wait is outstanding work for both of its executors") {
    asio::io_context timers;
    asio::io_context handlers;
    manual_clock clock{timers};
    timer due{timers.get_executor()};
    due.expires_after(1ms);
    due.async_wait(asio::bind_executor(handlers.get_executor(), [](error_code) {}));
    timers.poll();
    handlers.poll();
    CHECK_FALSE(timers.stopped());
    CHECK_FALSE(handlers.stopped());
    clock.advance(1ms);
    timers.poll();
    handlers.poll();
    CHECK(timers.stopped());
    CHECK(handlers.stopped());
}

TEST_CASE("a context destroys the handlers of pending waits uninvoked, also those that own their timer") {
    auto const witness = std::make_shared<int>();
    bool invoked = false;
    {
        asio::io_context io;
        manual_clock const clock{io};
        auto due = std::make_shared<timer>(io.get_executor());
        due->expires_after(1ms);
        due->async_wait([due, witness, &invoked](error_code) { invoked = true; });
        CHECK(clock.pending() == 1);
        due.reset();
        CHECK(witness.use_count() == 2);
    }
    CHECK(witness.use_count() == 1);
    CHECK_FALSE(invoked);
}

TEST_CASE("a move-only handler and any completion token will do") {
    simulation test;
    timer due{test.executor};
    due.expires_after(1ms);
    std::vector<error_code> errors;
    auto owner = std::make_unique<std::size_t>(7);
    due.async_wait([&errors, owner = std::move(owner)](error_code error) { errors.assign(*owner, error); });
    test.clock.advance(1ms);
    test.poll();
    CHECK(errors.size() == 7);
}

TEST_CASE("run_for makes everything happen at its own time and ends exactly when it should") {
    simulation test;
    auto const start = test.clock.now();
    std::vector<heartbeat::duration> ticks;
    timer ticker{test.executor};
    auto const arm = [&](auto const& self) -> void {
        ticker.expires_after(4s);
        ticker.async_wait([&, self](error_code error) {
            if (error) return;
            ticks.push_back(test.clock.now() - start);
            self(self);
        });
    };
    arm(arm);
    heartbeat::run_for(test.io, test.clock, 11s);
    CHECK(ticks == std::vector<heartbeat::duration>{4s, 8s});
    CHECK(test.clock.now() == start + 11s);
    heartbeat::run_for(test.io, test.clock, 1s);
    CHECK(ticks.back() == 12s);
    CHECK(test.clock.now() == start + 12s);
}

TEST_CASE("run_for runs what is ready even when no time passes and nothing waits") {
    simulation test;
    auto const now = test.make(0ms, 'a');
    heartbeat::run_for(test.io, test.clock, 0ms);
    CHECK(test.seen.text == "a");
    auto const later = test.make(0ms, 'b');
    heartbeat::run_for(test.io, test.clock, 1ms);
    CHECK(test.seen.text == "ab");
}

TEST_CASE("several threads may wait, cancel and advance at the same time") {
    asio::io_context io;
    manual_clock clock{io};
    std::atomic<int> completed = 0;
    constexpr int waits = 500;
    auto const wait_and_cancel = [&] {
        for (int count = 0; count < waits; ++count) {
            timer due{io.get_executor()};
            due.expires_after(std::chrono::milliseconds{count % 7});
            due.async_wait([&completed](error_code) { ++completed; });
            if (count % 2 == 0) due.cancel();
        }
    };
    std::thread first{wait_and_cancel};
    std::thread second{wait_and_cancel};
    for (int step = 0; step < waits; ++step) {
        clock.advance(1ms);
        io.restart();
        io.poll();
    }
    first.join();
    second.join();
    heartbeat::run_for(io, clock, 10ms);
    CHECK(completed == 2 * waits);
    CHECK(clock.pending() == 0);
}
