// SPDX-License-Identifier: BSL-1.0
//
// A script of operations, played on the event bus and on the obvious model of it. What the slots do is part
// of the script as well. Both must tell the same story.
#include "event_bus_model.hpp"
#include "script.hpp"

#include <heartbeat/event_bus.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hb = heartbeat;

namespace {

template <int Kind>
struct event {
    int value = 0;
};

/// The two under one interface: events by their number, the bus in the hands of its owner.
struct modelled {
    using connection = model_bus::connection;
    std::shared_ptr<model_bus> bus;

    explicit modelled(model_bus::failure_handler on_failure)
        : bus(std::make_shared<model_bus>(std::move(on_failure))) {}
    ~modelled() { bus->abandon(); }
    connection connect(int kind, bool once, std::function<void(int)> run) {
        return model_bus::connect(bus, kind, once, std::move(run));
    }
    void emit(int kind, int value) { model_bus::emit(bus, kind, value); }
    std::function<void(int, int)> emitter() {
        return [weak = std::weak_ptr(bus)](int kind, int value) {
            if (auto alive = weak.lock()) model_bus::emit(std::move(alive), kind, value);
        };
    }
    bool has_slots(int kind) { return bus->has_slots(kind); }
    void mute() { bus->mute(); }
    void clear() { bus->clear(); }
};

struct real {
    using connection = hb::connection;
    hb::event_bus<event<0>, event<1>> bus;

    explicit real(std::function<void(std::exception_ptr)> on_failure) : bus(std::move(on_failure)) {}
    template <int Kind>
    connection connect_to(bool once, std::function<void(int)> run) {
        auto slot = [run = std::move(run)](event<Kind> const& happened) { run(happened.value); };
        return once ? bus.once<event<Kind>>(std::move(slot)) : bus.on<event<Kind>>(std::move(slot));
    }
    connection connect(int kind, bool once, std::function<void(int)> run) {
        return kind == 0 ? connect_to<0>(once, std::move(run)) : connect_to<1>(once, std::move(run));
    }
    void emit(int kind, int value) { kind == 0 ? bus.emit(event<0>{value}) : bus.emit(event<1>{value}); }
    std::function<void(int, int)> emitter() {
        return [emit = bus.emitter()](int kind, int value) {
            kind == 0 ? emit(event<0>{value}) : emit(event<1>{value});
        };
    }
    bool has_slots(int kind) { return kind == 0 ? bus.has_slots<event<0>>() : bus.has_slots<event<1>>(); }
    void mute() { bus.mute(); }
    void clear() { bus.clear(); }
};

/// What a slot captured: its end, too, does something with the bus.
template <class Player>
struct capture {
    Player* player;
    int number;

    capture(Player* owner, int its_number) : player(owner), number(its_number) { ++player->captures; }
    capture(capture const&) = delete;
    ~capture() {
        --player->captures;
        auto const other = static_cast<std::size_t>(number) / 2;
        if (number % 5 == 4 && other < player->connections.size()) player->connections[other].disconnect();
    }
};

/// Plays a script and keeps a diary.
template <class Bus>
class player {
public:
    explicit player(script input) : input_(input) {
        unsigned const handling = input_.below(3);
        auto on_failure = [this, handling](std::exception_ptr failure) {
            note("failed");
            if (handling == 2) std::rethrow_exception(failure);
            if (bus_) step();
        };
        bus_ = std::make_unique<Bus>(handling == 0 ? nullptr : std::function(on_failure));
    }

    std::vector<std::string> play() {
        while (!input_.done() && steps_ < 150) {
            guarded([this] { step(); });
            check();
        }
        bus_.reset();
        check();
        require(captures == 0, "what slots captured is released with the bus");
        return diary_;
    }

    int captures = 0;
    std::vector<typename Bus::connection> connections = {};

private:
    void note(std::string what) { diary_.push_back(std::move(what)); }

    template <class Action>
    void guarded(Action action) try {
        action();
    } catch (int number) {
        note("caught " + std::to_string(number));
    }

    void check() {
        std::string line = "connected";
        int count = 0;
        for (auto const& one : connections) {
            line += one.connected() ? " 1" : " 0";
            count += one.connected() ? 1 : 0;
        }
        if (bus_)
            for (int const kind : {0, 1}) line += bus_->has_slots(kind) ? " has" : " has not";
        note(line);
        require(captures == count, "a slot lives as long as it is connected");
    }

    void step() {
        if (++steps_ > 200 || depth_ > 4) return;
        unsigned const what = input_.byte();
        int const kind = static_cast<int>(what >> 4U & 1U);
        int const value = static_cast<int>(what >> 5U);
        auto const chosen = [&] { return connections[input_.byte() % connections.size()]; };
        switch (what % 16) {
            case 0:
            case 1:
            case 2: return connect(kind, what % 16 == 2);
            case 3: return connections.empty() ? void() : chosen().disconnect();
            case 4:
            case 5: return guarded([&] { emit(kind, value); });
            case 6: return emit(kind, value);
            case 7: return bus_ && value == 0 ? bus_->mute() : void();
            case 8: return bus_ && value < 3 ? bus_->clear() : void();
            case 9: return value == 0 ? destroy() : void();
            case 10: throw steps_;
            case 11: return bus_ ? void(emitter_ = bus_->emitter()) : void();
            case 12:
                return emitter_ ? within([&] {
                    auto const emit = emitter_;
                    emit(kind, value);
                })
                                : void();
            case 13: return connections.empty() ? void() : note(chosen().connected() ? "is" : "is not");
            default: return;
        }
    }

    void connect(int kind, bool once) {
        if (!bus_ || connections.size() >= 40) return;
        int const number = static_cast<int>(connections.size());
        auto const held = std::make_shared<capture<player>>(this, number);
        unsigned const does = input_.below(4);
        connections.push_back(bus_->connect(kind, once, [this, held, number, does](int value) {
            note("slot " + std::to_string(number) + " got " + std::to_string(value));
            for (unsigned count = 0; count < does; ++count) step();
        }));
    }

    void emit(int kind, int value) {
        if (bus_) within([&] { bus_->emit(kind, value); });
    }
    template <class Action>
    void within(Action action) {
        ++depth_;
        auto const leave = [this](void*) { --depth_; };
        std::unique_ptr<void, decltype(leave)> const guard(this, leave);
        action();
    }
    void destroy() { auto const gone = std::move(bus_); }

    script input_;
    std::unique_ptr<Bus> bus_;
    std::function<void(int, int)> emitter_;
    std::vector<std::string> diary_;
    int steps_ = 0;
    int depth_ = 0;
};

void compare(std::vector<std::string> const& told, std::vector<std::string> const& expected) {
    auto const [one, other] = std::ranges::mismatch(told, expected);
    if (one != told.end()) std::fprintf(stderr, "The bus:   %s\n", one->c_str());
    if (other != expected.end()) std::fprintf(stderr, "The model: %s\n", other->c_str());
    require(told == expected, "the bus does what its model does");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    script const input(data, size);
    compare(player<real>(input).play(), player<modelled>(input).play());
    return 0;
}
