// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

/// A bus as one would explain it: a list of slots, of which an emission takes a copy.
class model_bus {
public:
    using failure_handler = std::function<void(std::exception_ptr)>;

    struct slot {
        int kind;
        bool once;
        bool connected = true;
        std::function<void(int)> run;
    };
    class connection {
    public:
        connection() = default;
        connection(std::weak_ptr<model_bus> bus, std::weak_ptr<slot> referred)
            : bus_(std::move(bus)), slot_(std::move(referred)) {}
        void disconnect() const {
            auto const alive = slot_.lock();
            auto const bus = bus_.lock();
            if (!alive || !bus) return;
            alive->connected = false;
            auto const kept = std::exchange(bus->slots_, {});
            for (auto const& one : kept)
                if (one->connected) bus->slots_.push_back(one);
        }
        bool connected() const {
            auto const alive = slot_.lock();
            return alive && alive->connected;
        }

    private:
        std::weak_ptr<model_bus> bus_;
        std::weak_ptr<slot> slot_;
    };

    explicit model_bus(failure_handler on_failure) : on_failure_(std::move(on_failure)) {}

    static connection connect(std::shared_ptr<model_bus> const& bus, int kind, bool once,
                              std::function<void(int)> run) {
        auto const made = std::make_shared<slot>(slot{kind, once, true, std::move(run)});
        made->connected = !bus->muted_;
        if (made->connected) bus->slots_.push_back(made);
        return {bus, made};
    }
    static void emit(std::shared_ptr<model_bus> bus, int kind, int value) {
        std::exception_ptr first;
        {
            auto copy = bus->slots_;
            std::erase_if(copy, [kind](auto const& one) { return one->kind != kind; });
            for (auto const& one : copy) {
                if (bus->muted_ || !one->connected) continue;
                if (one->once) connection(bus, one).disconnect();
                try {
                    try {
                        one->run(value);
                    } catch (...) {
                        if (!bus->on_failure_ || bus->abandoned_) throw;
                        bus->on_failure_(std::current_exception());
                    }
                } catch (...) {
                    if (!first) first = std::current_exception();
                }
            }
        }
        if (first) std::rethrow_exception(first);
    }
    bool has_slots(int kind) const {
        for (auto const& one : slots_)
            if (one->kind == kind) return !muted_;
        return false;
    }
    void mute() { muted_ = true; }
    void clear() {
        auto const gone = std::exchange(slots_, {});
        for (auto const& one : gone) one->connected = false;
    }
    void abandon() {
        abandoned_ = true;
        mute();
        clear();
    }

private:
    failure_handler on_failure_;
    std::vector<std::shared_ptr<slot>> slots_;
    bool muted_ = false;
    bool abandoned_ = false;
};
