// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/event_bus.hpp>

#include <array>
#include <atomic>
#include <barrier>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <functional>
#include <latch>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

// Of the calling thread only, so that tests with threads do not disturb those that count.
thread_local std::size_t allocations = 0;
thread_local std::size_t allocations_allowed = static_cast<std::size_t>(-1);

}  // namespace

// On top of malloc, which sanitizers watch just as well. Weak, because the thread sanitizer of clang insists
// on operators of its own; tests that depend on these ask `allocations_are_counted`.
[[gnu::weak]] void* operator new(std::size_t size, std::nothrow_t const&) noexcept {
    if (allocations_allowed == 0) return nullptr;
    --allocations_allowed;
    ++allocations;
    return std::malloc(size == 0 ? 1 : size);
}
[[gnu::weak]] void* operator new(std::size_t size) {
    if (auto* const memory = operator new(size, std::nothrow)) return memory;
    throw std::bad_alloc{};
}
[[gnu::weak]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::weak]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

struct number {
    int value = 0;
};
struct word {
    std::string text = {};
};
struct unknown {};

using bus_type = heartbeat::event_bus<number, word>;
using heartbeat::connection;
using heartbeat::scoped_connection;

template <class Bus, class E>
concept emits = requires(Bus& bus, E const& event) {
    bus.emit(event);
};
template <class Bus, class E, class Slot>
concept connects = requires(Bus& bus, Slot slot) {
    bus.template on<E>(std::move(slot));
};
template <class Bus, class E, class Slot>
concept connects_once = requires(Bus& bus, Slot slot) {
    bus.template once<E>(std::move(slot));
};
template <class Bus, class E>
concept tells_slots = requires(Bus const& bus) {
    bus.template has_slots<E>();
};

using any_slot = decltype([](auto const&) {});
using number_slot = void (*)(number const&);

static_assert(emits<bus_type, number> && emits<bus_type, word> && !emits<bus_type, unknown>);
static_assert(connects<bus_type, number, any_slot> && !connects<bus_type, unknown, any_slot>);
static_assert(connects_once<bus_type, word, any_slot> && !connects_once<bus_type, unknown, any_slot>);
static_assert(tells_slots<bus_type, number> && !tells_slots<bus_type, unknown>);
static_assert(connects<bus_type, number, number_slot> && !connects<bus_type, word, number_slot>);
static_assert(connects_once<bus_type, number, number_slot> && !connects_once<bus_type, word, number_slot>);

static_assert(!std::is_copy_constructible_v<bus_type> && !std::is_copy_assignable_v<bus_type>);
static_assert(std::is_copy_constructible_v<connection> && std::is_copy_assignable_v<connection>);
static_assert(std::is_nothrow_default_constructible_v<connection>);
static_assert(!std::is_copy_constructible_v<scoped_connection> &&
              !std::is_copy_assignable_v<scoped_connection>);
static_assert(std::is_nothrow_move_constructible_v<scoped_connection>);
static_assert(std::is_nothrow_move_assignable_v<scoped_connection>);
static_assert(noexcept(std::declval<bus_type&>().mute()) && noexcept(std::declval<bus_type&>().clear()));
static_assert(noexcept(std::declval<bus_type const&>().has_slots<number>()));
static_assert(noexcept(std::declval<connection&>().disconnect()));
static_assert(noexcept(std::declval<connection const&>().connected()));

// To be captured by a slot: tells when that slot is released.
template <class F>
std::shared_ptr<void> at_release(F action) {
    return {nullptr, [action](void*) { action(); }};
}

bool allocations_are_counted() {
    auto const before = allocations;
    operator delete(operator new(1));
    return allocations != before;
}

std::string text_of(std::exception_ptr const& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (std::exception const& exception) {
        return exception.what();
    }
}

template <class F>
void run_on_threads(int count, F const& body) {
    std::vector<std::jthread> threads;
    for (int index = 0; index < count; ++index) threads.emplace_back([&body, index] { body(index); });
}

}  // namespace

TEST_CASE("event_bus calls the slots of an event in the order in which they were connected") {
    bus_type bus;
    std::string order;
    auto first = bus.on<number>([&](number const&) { order += 'a'; });
    bus.on<number>([&](number const&) { order += 'b'; });
    bus.on<number>([&](number const&) { order += 'c'; });
    bus.emit(number{});
    CHECK(order == "abc");

    first.disconnect();
    bus.on<number>([&](number const&) { order += 'a'; });
    bus.emit(number{});
    CHECK(order == "abcbca");
}

TEST_CASE("event_bus gives an event to the slots of its type alone") {
    bus_type bus;
    int sum = 0;
    std::string text;
    bus.on<number>([&](number const& event) { sum += event.value; });
    bus.on<word>([&](word const& event) { text += event.text; });
    bus.emit(number{3});
    bus.emit(number{4});
    bus.emit(word{"hello"});
    CHECK(sum == 7);
    CHECK(text == "hello");
}

TEST_CASE("event_bus passes the emitted object itself and not a copy") {
    bus_type bus;
    word const sent{"hello"};
    word const* received = nullptr;
    bus.on<word>([&](word const& event) { received = &event; });
    bus.emit(sent);
    CHECK(received == &sent);
}

TEST_CASE("event_bus ignores an event without slots") {
    bus_type bus;
    bus.emit(number{1});
    bus.on<word>([](word const&) { FAIL("a slot of another event was called"); });
    bus.emit(number{2});
    SUCCEED();
}

TEST_CASE("event_bus accepts a slot that cannot be copied and ignores what it returns") {
    bus_type bus;
    int sum = 0;
    bus.on<number>([&, factor = std::make_unique<int>(10)](number const& event) {
        return sum += *factor * event.value;
    });
    bus.once<number>([&, factor = std::make_unique<int>(100)](number const& event) mutable {
        sum += *factor * event.value;
        return std::move(factor);
    });
    bus.emit(number{1});
    bus.emit(number{2});
    CHECK(sum == 130);
}

TEST_CASE("event_bus copies a slot that is an lvalue") {
    bus_type bus;
    int calls = 0;
    std::function<void(number const&)> slot = [&](number const&) { ++calls; };
    bus.on<number>(slot);
    bus.on<number>(std::as_const(slot));
    slot = nullptr;
    bus.emit(number{});
    CHECK(calls == 2);
}

TEST_CASE("event_bus knows for which events slots are connected") {
    bus_type bus;
    CHECK_FALSE(bus.has_slots<number>());
    auto first = bus.on<number>([](number const&) {});
    auto second = bus.on<number>([](number const&) {});
    CHECK(bus.has_slots<number>());
    CHECK_FALSE(bus.has_slots<word>());
    first.disconnect();
    first.disconnect();
    CHECK(bus.has_slots<number>());
    second.disconnect();
    CHECK_FALSE(bus.has_slots<number>());

    bus.once<word>([&](word const&) { CHECK_FALSE(bus.has_slots<word>()); });
    CHECK(bus.has_slots<word>());
    bus.emit(word{});
    CHECK_FALSE(bus.has_slots<word>());
}

TEST_CASE("a connection that is ignored leaves its slot connected as long as the bus") {
    auto bus = std::make_unique<bus_type>();
    auto captured = std::make_shared<int>(0);
    std::weak_ptr<int> const released = captured;
    bus->on<number>([captured](number const&) { ++*captured; });
    bus->emit(number{});
    bus->emit(number{});
    CHECK(*captured == 2);
    captured.reset();
    CHECK_FALSE(released.expired());
    bus.reset();
    CHECK(released.expired());
}

TEST_CASE("a connection without a slot can be used like any other") {
    connection none;
    CHECK_FALSE(none.connected());
    none.disconnect();
    CHECK_FALSE(none.connected());
}

TEST_CASE("copies of a connection refer to the same slot") {
    bus_type bus;
    int calls = 0;
    auto const original = bus.on<number>([&](number const&) { ++calls; });
    connection copy = original;
    CHECK(copy.connected());
    copy.disconnect();
    CHECK_FALSE(original.connected());
    bus.emit(number{});
    CHECK(calls == 0);
}

TEST_CASE("a connection is safe to use after its bus is gone") {
    connection plain;
    scoped_connection scoped;
    {
        bus_type bus;
        plain = bus.on<number>([](number const&) {});
        scoped = bus.once<word>([](word const&) {});
        CHECK(plain.connected());
        CHECK(scoped.connected());
    }
    CHECK_FALSE(plain.connected());
    CHECK_FALSE(scoped.connected());
    plain.disconnect();
}

TEST_CASE("disconnecting releases what the slot captured at once when nothing is being emitted") {
    bus_type bus;
    bool released = false;
    bool const others = GENERATE(false, true);
    if (others) bus.on<number>([](number const&) {});
    auto slot = bus.on<number>([guard = at_release([&] { released = true; })](number const&) {});
    if (others) bus.on<number>([](number const&) {});
    CHECK(slot.connected());
    CHECK_FALSE(released);
    slot.disconnect();
    CHECK(released);
    CHECK_FALSE(slot.connected());
    CHECK(bus.has_slots<number>() == others);
}

TEST_CASE("a slot may disconnect itself, and lives until the emission has ended") {
    bus_type bus;
    int calls = 0;
    bool released = false;
    connection self;
    self = bus.on<number>([&, guard = at_release([&] { released = true; })](number const&) {
        self.disconnect();
        CHECK_FALSE(self.connected());
        CHECK_FALSE(released);
        CHECK(guard.use_count() == 1);
        ++calls;
    });
    bus.once<number>([&](number const&) { CHECK_FALSE(released); });
    bus.emit(number{});
    CHECK(released);
    bus.emit(number{});
    CHECK(calls == 1);
}

TEST_CASE("a slot that another one disconnects does not start, even later in the same emission") {
    bus_type bus;
    std::string order;
    std::array<connection, 3> connections;
    connections[0] = bus.on<number>([&](number const&) { order += 'a'; });
    connections[1] = bus.on<number>([&](number const&) {
        order += 'b';
        connections[0].disconnect();
        connections[2].disconnect();
    });
    connections[2] = bus.on<number>([&](number const&) { order += 'c'; });
    bus.on<number>([&](number const&) { order += 'd'; });
    bus.emit(number{});
    CHECK(order == "abd");
    bus.emit(number{});
    CHECK(order == "abdbd");
}

TEST_CASE("a slot that is connected during an emission is first called in the next one") {
    bus_type bus;
    std::string order;
    bus.once<number>([&](number const&) {
        order += 'a';
        bus.on<number>([&](number const&) { order += 'b'; });
        bus.once<number>([&](number const&) { order += 'c'; });
    });
    bus.emit(number{});
    CHECK(order == "a");
    bus.emit(number{});
    CHECK(order == "abc");
}

TEST_CASE("a slot may emit, also the event that it was called for") {
    bus_type bus;
    std::string order;
    bus.on<number>([&](number const& event) {
        order += std::to_string(event.value);
        if (event.value > 0) bus.emit(number{event.value - 1});
        bus.emit(word{"."});
    });
    bus.on<word>([&](word const& event) { order += event.text; });
    bus.emit(number{2});
    CHECK(order == "210...");
}

TEST_CASE("a slot may destroy the bus, and no other slot starts then") {
    auto bus = std::make_unique<bus_type>();
    auto captured = std::make_shared<std::string>();
    std::weak_ptr<std::string> const released = captured;
    auto const earlier = bus->on<number>([captured](number const&) { *captured += 'a'; });
    auto const destroyer = bus->on<number>([&bus, captured](number const&) {
        *captured += 'b';
        bus.reset();
        *captured += 'c';
    });
    auto const later = bus->on<number>([captured](number const&) { *captured += 'd'; });
    auto const single = bus->once<number>([captured](number const&) { *captured += 'e'; });
    bus->emit(number{});
    CHECK(bus == nullptr);
    CHECK(*captured == "abc");
    for (auto const& each : {earlier, destroyer, later, single}) CHECK_FALSE(each.connected());
    captured.reset();
    CHECK(released.expired());
}

TEST_CASE("the bus may be destroyed in the innermost of several emissions") {
    auto bus = std::make_unique<bus_type>();
    std::string order;
    bus->on<number>([&](number const& event) {
        order += std::to_string(event.value);
        if (event.value > 0) return bus->emit(number{event.value - 1});
        bus.reset();
    });
    bus->on<number>([&](number const&) { order += 'x'; });
    bus->emit(number{3});
    CHECK(order == "3210");
}

TEST_CASE("without a failure handler the first exception leaves emit after all slots have run") {
    auto bus = GENERATE(0, 1) == 0 ? std::make_unique<bus_type>() : std::make_unique<bus_type>(nullptr);
    std::string order;
    bool released = false;
    bus->on<number>([&](number const&) { order += 'a'; });
    bus->on<number>([](number const&) { throw std::runtime_error("first"); });
    bus->on<number>([&](number const&) { order += 'b'; });
    bus->on<number>([](number const&) { throw std::runtime_error("second"); });
    bus->once<number>([&, guard = at_release([&] {
                              released = true;
                              CHECK(std::uncaught_exceptions() == 0);
                          })](number const&) { order += 'c'; });
    CHECK_THROWS_WITH(bus->emit(number{}), "first");
    CHECK(order == "abc");
    CHECK(released);
    CHECK_THROWS_WITH(bus->emit(number{}), "first");
    CHECK(order == "abcab");
}

TEST_CASE("a failure handler gets each exception, and emit throws none") {
    std::vector<std::string> failures;
    bus_type bus{[&](std::exception_ptr failure) { failures.push_back(text_of(failure)); }};
    int calls = 0;
    bus.on<number>([](number const&) { throw std::runtime_error("first"); });
    bus.on<number>([&](number const&) { ++calls; });
    bus.once<number>([](number const&) { throw std::runtime_error("second"); });
    bus.on<number>([&](number const&) { ++calls; });
    bus.emit(number{});
    CHECK(failures == std::vector<std::string>{"first", "second"});
    CHECK(calls == 2);
    bus.emit(number{});
    CHECK(failures == std::vector<std::string>{"first", "second", "first"});
}

TEST_CASE("a failure handler may emit and may throw, which leaves emit after all slots have run") {
    bus_type* target = nullptr;
    bus_type bus{[&](std::exception_ptr failure) {
        if (!target->has_slots<word>()) std::rethrow_exception(failure);
        target->emit(word{text_of(failure)});
    }};
    target = &bus;
    int calls = 0;
    bus.on<number>([](number const&) { throw std::runtime_error("first"); });
    bus.on<number>([](number const&) { throw std::runtime_error("second"); });
    bus.on<number>([&](number const&) { ++calls; });
    CHECK_THROWS_WITH(bus.emit(number{}), "first");
    CHECK(calls == 1);

    std::string reported;
    bus.on<word>([&](word const& event) { reported += event.text; });
    bus.emit(number{});
    CHECK(reported == "firstsecond");
    CHECK(calls == 2);
}

TEST_CASE("an exception of a slot that has destroyed the bus leaves emit and not through the handler") {
    bool handled = false;
    auto bus = std::make_unique<bus_type>([&](std::exception_ptr const&) { handled = true; });
    bus->on<number>([&](number const&) {
        bus.reset();
        throw std::runtime_error("after the end");
    });
    CHECK_THROWS_WITH(bus->emit(number{}), "after the end");
    CHECK_FALSE(handled);
}

TEST_CASE("a failure handler may destroy the bus") {
    std::unique_ptr<bus_type> bus;
    int handled = 0;
    bus = std::make_unique<bus_type>([&, guard = std::make_shared<int>(7)](std::exception_ptr const&) {
        bus.reset();
        handled += *guard;
    });
    bus->on<number>([](number const&) { throw std::runtime_error("first"); });
    bus->on<number>([](number const&) { FAIL("a slot started after the bus was destroyed"); });
    bus->emit(number{});
    CHECK(handled == 7);
}

TEST_CASE("a slot connected by once runs for one event alone") {
    bus_type bus;
    std::string order;
    bool released = false;
    auto const single =
        bus.once<number>([&, guard = at_release([&] { released = true; })](number const& event) {
            CHECK_FALSE(released);
            order += std::to_string(event.value);
            if (event.value == 1) bus.emit(number{2});
        });
    bus.on<number>([&](number const&) { order += 'x'; });
    CHECK(single.connected());
    bus.emit(number{1});
    CHECK_FALSE(single.connected());
    CHECK(released);
    bus.emit(number{3});
    CHECK(order == "1xxx");
}

TEST_CASE("a slot connected by once does not run a second time after it has thrown") {
    bus_type bus;
    bus.once<number>([](number const&) { throw std::runtime_error("once"); });
    CHECK_THROWS_WITH(bus.emit(number{}), "once");
    CHECK_NOTHROW(bus.emit(number{}));
}

TEST_CASE("a slot connected by once can be disconnected before it has run") {
    bus_type bus;
    auto single = bus.once<number>([](number const&) { FAIL("a disconnected slot started"); });
    single.disconnect();
    CHECK_FALSE(bus.has_slots<number>());
    bus.emit(number{});
}

TEST_CASE("a slot connected by once runs exactly once when several threads emit at the same time") {
    constexpr int threads = 4;
    constexpr int rounds = 500;
    bus_type bus;
    std::vector<std::atomic<int>> calls(rounds);
    std::barrier start{threads};
    run_on_threads(threads, [&](int index) {
        for (std::size_t round = 0; round < rounds; ++round) {
            if (index == 0) bus.once<number>([&calls, round](number const&) { ++calls[round]; });
            start.arrive_and_wait();
            bus.emit(number{});
            start.arrive_and_wait();
        }
    });
    for (auto const& each : calls) REQUIRE(each == 1);
    CHECK_FALSE(bus.has_slots<number>());
}

TEST_CASE("no slot starts after mute, not even in the emission that is under way") {
    bus_type bus;
    std::string order;
    bus.on<number>([&](number const&) {
        order += 'a';
        bus.mute();
        order += 'b';
    });
    bus.on<number>([&](number const&) { order += 'c'; });
    auto const single = bus.once<number>([&](number const&) { order += 'd'; });
    bus.on<word>([&](word const&) { order += 'e'; });
    bus.emit(number{});
    bus.emit(number{});
    bus.emit(word{});
    CHECK(order == "ab");
    CHECK(single.connected());
    CHECK_FALSE(bus.has_slots<word>());
}

TEST_CASE("a slot given to a muted bus is disconnected and released at once") {
    bus_type bus;
    bus.on<number>([](number const&) {});
    bus.mute();
    bool released = false;
    auto const late = bus.on<number>([guard = at_release([&] { released = true; })](number const&) {});
    CHECK(released);
    CHECK_FALSE(late.connected());
}

TEST_CASE("mute on another thread lets the running slot finish and no other one start") {
    bus_type bus;
    std::latch started{1};
    std::latch muted{1};
    std::string order;
    bus.on<number>([&](number const&) {
        order += 'a';
        started.count_down();
        muted.wait();
        order += 'b';
    });
    bus.on<number>([&](number const&) { order += 'c'; });
    std::jthread emitter{[&] { bus.emit(number{}); }};
    started.wait();
    bus.mute();
    muted.count_down();
    emitter.join();
    CHECK(order == "ab");
}

TEST_CASE("destroying the bus on another thread lets the running slot finish and no other one start") {
    auto bus = std::make_unique<bus_type>();
    auto captured = std::make_shared<std::string>();
    std::weak_ptr<std::string> const released = captured;
    std::latch started{1};
    std::latch destroyed{1};
    bus->on<number>([&, captured](number const&) {
        *captured += 'a';
        started.count_down();
        destroyed.wait();
        *captured += 'b';
    });
    bus->on<number>([captured](number const&) { *captured += 'c'; });
    std::jthread emitter{[target = bus.get()] { target->emit(number{}); }};
    started.wait();
    bus.reset();
    CHECK_FALSE(released.expired());
    destroyed.count_down();
    emitter.join();
    CHECK(*captured == "ab");
    captured.reset();
    CHECK(released.expired());
}

TEST_CASE("a slot disconnected while it runs on another thread is released when that emission ends") {
    bus_type bus;
    std::latch started{1};
    std::latch disconnected{1};
    std::atomic<bool> released = false;
    auto slot = bus.on<number>([&, guard = at_release([&] { released = true; })](number const&) {
        started.count_down();
        disconnected.wait();
    });
    std::jthread emitter{[&] { bus.emit(number{}); }};
    started.wait();
    slot.disconnect();
    CHECK_FALSE(slot.connected());
    CHECK_FALSE(bus.has_slots<number>());
    CHECK_FALSE(released);
    disconnected.count_down();
    emitter.join();
    CHECK(released);
}

TEST_CASE("clear disconnects and releases the slots of all events, and the bus remains usable") {
    bus_type bus;
    int released = 0;
    int calls = 0;
    std::vector<connection> connections;
    for (int i = 0; i < 3; ++i) {
        auto const guard = at_release([&] { ++released; });
        connections.push_back(bus.on<number>([&, guard](number const&) { ++calls; }));
        connections.push_back(bus.once<word>([&, guard](word const&) { ++calls; }));
    }
    CHECK(released == 0);
    bus.clear();
    CHECK(released == 3);
    for (auto const& each : connections) CHECK_FALSE(each.connected());
    CHECK_FALSE(bus.has_slots<number>());
    CHECK_FALSE(bus.has_slots<word>());
    bus.emit(number{});
    bus.emit(word{});
    CHECK(calls == 0);

    for (auto& each : connections) each.disconnect();
    bus.clear();
    bus.on<number>([&](number const&) { ++calls; });
    CHECK(bus.has_slots<number>());
    bus.emit(number{});
    CHECK(calls == 1);
}

TEST_CASE("a slot may clear the bus, and no slot of the running emission starts then") {
    bus_type bus;
    std::string order;
    bus.on<number>([&](number const&) {
        order += 'a';
        bus.clear();
        bus.on<number>([&](number const&) { order += 'b'; });
    });
    bus.on<number>([&](number const&) { order += 'c'; });
    bus.once<number>([&](number const&) { order += 'd'; });
    bus.emit(number{});
    CHECK(order == "a");
    bus.emit(number{});
    CHECK(order == "ab");
}

TEST_CASE("destructors of what slots captured may call back into the bus") {
    auto bus = std::make_unique<bus_type>();
    int calls = 0;
    int released = 0;
    auto const guarded = [&] {
        auto const guard = at_release([&, target = bus.get()] {
            ++released;
            target->on<number>([&](number const&) { ++calls; }).disconnect();
            target->on<number>([&](number const&) { ++calls; });
            target->emit(number{});
            target->clear();
            target->emit(number{});
        });
        return [guard](number const&) {};
    };
    SECTION("when one is disconnected") {
        auto slot = bus->on<number>(guarded());
        slot.disconnect();
        CHECK(calls == 1);
    }
    SECTION("when one of several is disconnected") {
        auto slot = bus->on<number>(guarded());
        bus->on<number>([](number const&) {});
        slot.disconnect();
        CHECK(calls == 1);
    }
    SECTION("when the emission that held it ends") {
        bus->once<number>(guarded());
        bus->emit(number{});
        CHECK(calls == 1);
    }
    SECTION("when the bus is cleared") {
        bus->on<number>(guarded());
        bus->clear();
        CHECK(calls == 1);
    }
    SECTION("when the bus is destroyed") {
        bus->on<number>(guarded());
        bus.reset();
        CHECK(calls == 0);
    }
    CHECK(released == 1);
}

TEST_CASE("a slot may own the only reference to its connection") {
    bus_type bus;
    auto owned = std::make_unique<scoped_connection>();
    auto& self = *owned;
    bool released = false;
    self = bus.on<number>([owned = std::move(owned), guard = at_release([&] { released = true; })](
                              number const&) { owned->disconnect(); });
    bus.emit(number{});
    CHECK(released);
    CHECK_FALSE(bus.has_slots<number>());
}

TEST_CASE("a scoped_connection disconnects when it is destroyed") {
    bus_type bus;
    int calls = 0;
    {
        scoped_connection const scoped = bus.on<number>([&](number const&) { ++calls; });
        CHECK(scoped.connected());
        bus.emit(number{});
    }
    bus.emit(number{});
    CHECK(calls == 1);
    CHECK_FALSE(bus.has_slots<number>());
}

TEST_CASE("a scoped_connection that is moved takes its slot along") {
    bus_type bus;
    scoped_connection target;
    {
        scoped_connection source = bus.on<number>([](number const&) {});
        scoped_connection between = std::move(source);
        CHECK_FALSE(source.connected());
        target = std::move(between);
        CHECK_FALSE(between.connected());
    }
    CHECK(target.connected());
    auto& same = target;
    target = std::move(same);
    CHECK(target.connected());
}

TEST_CASE("a scoped_connection disconnects its slot when it gets another one") {
    bus_type bus;
    std::string order;
    scoped_connection scoped = bus.on<number>([&](number const&) { order += 'a'; });
    scoped = bus.on<number>([&](number const&) { order += 'b'; });
    bus.emit(number{});
    CHECK(order == "b");
    scoped = {};
    CHECK_FALSE(bus.has_slots<number>());
}

TEST_CASE("a scoped_connection that is released leaves its slot connected") {
    bus_type bus;
    connection plain;
    {
        scoped_connection scoped = bus.on<number>([](number const&) {});
        plain = scoped.release();
        CHECK_FALSE(scoped.connected());
    }
    CHECK(plain.connected());
    CHECK(bus.has_slots<number>());
}

TEST_CASE("emitting allocates nothing, with and without slots") {
    if (!allocations_are_counted()) return;
    bus_type bus;
    int sum = 0;
    auto const allocations_of_emit = [&] {
        auto const before = allocations;
        bus.emit(number{1});
        return allocations - before;
    };
    CHECK(allocations_of_emit() == 0);
    std::vector<connection> connections;
    for (int i = 0; i < 10; ++i) {
        auto const before = allocations;
        connections.push_back(bus.on<number>([&sum](number const& event) { sum += event.value; }));
        CHECK(allocations > before);
    }
    CHECK(allocations_of_emit() == 0);
    CHECK(sum == 10);
    for (auto& each : connections) each.disconnect();
    CHECK(allocations_of_emit() == 0);
    bus.once<number>([&sum](number const& event) { sum += event.value; });
    CHECK(allocations_of_emit() == 0);
    CHECK(sum == 11);
}

TEST_CASE("connecting without enough memory throws and changes nothing") {
    if (!allocations_are_counted()) return;
    bus_type bus;
    int calls = 0;
    bool const others = GENERATE(false, true);
    if (others) bus.on<number>([&](number const&) { ++calls; });
    auto const connect_with = [&](std::size_t allowed) {
        auto const restored = std::exchange(allocations_allowed, allowed);
        try {
            bus.on<number>([&](number const&) { calls += 10; });
        } catch (std::bad_alloc const&) {
            allocations_allowed = restored;
            return false;
        }
        allocations_allowed = restored;
        return true;
    };
    std::size_t allowed = 0;
    for (; !connect_with(allowed); ++allowed) {
        REQUIRE(bus.has_slots<number>() == others);
        bus.emit(number{});
        REQUIRE(calls == (others ? 1 : 0));
        calls = 0;
    }
    CHECK(allowed > 1);
    bus.emit(number{});
    CHECK(calls == (others ? 11 : 10));
}

TEST_CASE("disconnecting without memory still keeps the slot from starting") {
    if (!allocations_are_counted()) return;
    bus_type bus;
    int calls = 0;
    bool released = false;
    auto const guard = [&] {
        return at_release([&] {
            released = true;
            bus.on<number>([](number const&) {}).disconnect();
        });
    };
    auto slot = bus.on<number>([&, held = guard()](number const&) { calls += 10; });
    auto other = bus.on<number>([&](number const&) { ++calls; });
    auto const restored = std::exchange(allocations_allowed, 0);
    slot.disconnect();
    bus.emit(number{});
    allocations_allowed = restored;
    CHECK_FALSE(slot.connected());
    CHECK(calls == 1);
    CHECK_FALSE(released);

    SECTION("and connecting releases it") {
        bus.on<number>([](number const&) {});
    }
    SECTION("and disconnecting another one releases it") { other.disconnect(); }
    SECTION("and clearing releases it") { bus.clear(); }
    CHECK(released);
    bus.clear();
    CHECK_FALSE(bus.has_slots<number>());
}

TEST_CASE("slots are connected, disconnected and called by many threads at the same time") {
    constexpr int threads = 4;
    constexpr int rounds = 300;
    bus_type bus;
    std::atomic<int> live = 0;
    std::atomic<int> calls = 0;
    std::atomic<int> single_calls = 0;
    std::atomic<int> missed = 0;
    std::atomic<int> started_after_disconnect = 0;
    std::barrier start{threads};
    auto const guard = [&] {
        ++live;
        return at_release([&] { --live; });
    };
    run_on_threads(threads, [&](int) {
        auto const self = std::this_thread::get_id();
        start.arrive_and_wait();
        for (int round = 0; round < rounds; ++round) {
            // Both belong to this thread: the slot looks at them only when this thread emits.
            bool disconnected = false;
            auto own_calls = std::make_shared<int>(0);
            auto own =
                bus.on<number>([&, self, own_calls, held = guard(), &flag = disconnected](number const&) {
                    ++calls;
                    if (std::this_thread::get_id() != self) return;
                    ++*own_calls;
                    if (flag) ++started_after_disconnect;
                });
            bus.once<number>([&, held = guard()](number const&) { ++single_calls; });
            bus.emit(number{});
            if (*own_calls != 1) ++missed;
            own.disconnect();
            disconnected = true;
            bus.emit(number{});
        }
    });
    CHECK(missed == 0);
    CHECK(started_after_disconnect == 0);
    CHECK(single_calls == threads * rounds);
    CHECK(calls >= threads * rounds);
    // Each emission meets at most one lasting slot of each thread.
    CHECK(calls <= 2 * threads * rounds * threads);
    CHECK(live == 0);
    CHECK_FALSE(bus.has_slots<number>());
}

TEST_CASE("a slot that two threads disconnect is counted once") {
    constexpr int rounds = 500;
    bus_type bus;
    connection shared;
    bus.on<number>([](number const&) {});
    std::barrier step{2};
    run_on_threads(2, [&](int index) {
        for (int round = 0; round < rounds; ++round) {
            if (index == 0) shared = bus.on<number>([](number const&) {});
            step.arrive_and_wait();
            shared.disconnect();
            step.arrive_and_wait();
        }
    });
    CHECK(bus.has_slots<number>());
    bus.clear();
    CHECK_FALSE(bus.has_slots<number>());
}

TEST_CASE("the bus may be cleared while other threads connect, disconnect and emit") {
    constexpr int threads = 4;
    constexpr int rounds = 300;
    std::atomic<int> live = 0;
    bus_type bus;
    std::barrier start{threads};
    run_on_threads(threads, [&](int index) {
        start.arrive_and_wait();
        for (int round = 0; round < rounds; ++round) {
            if (index == 0) {
                bus.clear();
                continue;
            }
            ++live;
            auto const guard = at_release([&] { --live; });
            scoped_connection const scoped = bus.on<number>([guard](number const&) {});
            bus.on<word>([guard](word const&) {});
            bus.once<word>([guard](word const&) {});
            bus.emit(number{});
            bus.emit(word{});
        }
    });
    CHECK_FALSE(bus.has_slots<number>());
    bus.clear();
    CHECK_FALSE(bus.has_slots<word>());
    CHECK(live == 0);
}

TEST_CASE("the bus may be muted while other threads connect and emit") {
    constexpr int threads = 4;
    constexpr int rounds = 300;
    bus_type bus;
    std::atomic<int> calls = 0;
    std::barrier start{threads};
    run_on_threads(threads, [&](int index) {
        start.arrive_and_wait();
        if (index == 0) return bus.mute();
        for (int round = 0; round < rounds; ++round) {
            scoped_connection const scoped = bus.on<number>([&](number const&) { ++calls; });
            bus.emit(number{});
        }
    });
    // An emission meets at most one slot of each of the other threads.
    CHECK(calls <= (threads - 1) * rounds * (threads - 1));
    auto const before = calls.load();
    bus.on<number>([&](number const&) { ++calls; });
    bus.emit(number{});
    CHECK(calls == before);
}

TEST_CASE("connections are used on other threads while the bus is destroyed") {
    constexpr int rounds = 300;
    std::atomic<int> live = 0;
    std::unique_ptr<bus_type> bus;
    std::vector<connection> connections;
    std::barrier step{2};
    run_on_threads(2, [&](int index) {
        for (int round = 0; round < rounds; ++round) {
            if (index == 0) {
                bus = std::make_unique<bus_type>();
                connections.clear();
                for (int i = 0; i < 4; ++i) {
                    ++live;
                    auto const guard = at_release([&] { --live; });
                    connections.push_back(bus->on<number>([guard](number const&) {}));
                }
            }
            step.arrive_and_wait();
            if (index == 0) {
                bus.reset();
            } else {
                for (auto& each : connections) {
                    static_cast<void>(each.connected());
                    each.disconnect();
                }
            }
            step.arrive_and_wait();
        }
    });
    CHECK(live == 0);
}
