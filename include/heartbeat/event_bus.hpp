// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/slot_list.hpp>

#include <atomic>
#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace heartbeat {
namespace detail {

template <class E, class... Events>
concept one_of = (std::same_as<E, Events> || ...);

template <class F, class E>
concept slot_for = requires(F&& from, std::decay_t<F>& callable, E const& event) {
    std::decay_t<F>(std::forward<F>(from));
    std::invoke(callable, event);
};

}  // namespace detail

/// Refers to a slot of an `event_bus`. May be copied, and ignored: the slot then lives as long as the bus.
/// Thread-safe, also on the same object; safe after the bus is gone.
class connection {
public:
    /// Refers to no slot.
    connection() = default;
    /// For `event_bus`, which makes connections.
    connection(std::weak_ptr<detail::slot_list> list, std::weak_ptr<detail::slot> slot) noexcept
        : list_(std::move(list)), slot_(std::move(slot)) {}

    /// The slot does not start any more, not even later in an emission that has begun; on another thread it
    /// may still be running or just be starting. What it captured is released once no emission holds it.
    void disconnect() const noexcept {
        auto const slot = slot_.lock();
        auto const list = list_.lock();
        if (slot && list) list->disconnect(*slot);
    }

    /// False once the slot was disconnected, ran by `once`, or its bus was cleared or destroyed.
    bool connected() const noexcept {
        auto const slot = slot_.lock();
        return slot && slot->connected;
    }

private:
    std::weak_ptr<detail::slot_list> list_;
    std::weak_ptr<detail::slot> slot_;
};

/// A connection that its destructor disconnects.
class [[nodiscard]] scoped_connection {
public:
    scoped_connection() = default;
    scoped_connection(connection owned) noexcept : connection_(std::move(owned)) {}
    scoped_connection(scoped_connection&& other) noexcept : connection_(other.release()) {}
    scoped_connection& operator=(scoped_connection other) noexcept {
        std::swap(connection_, other.connection_);
        return *this;
    }
    ~scoped_connection() { disconnect(); }

    void disconnect() const noexcept { connection_.disconnect(); }
    bool connected() const noexcept { return connection_.connected(); }
    /// Hands the connection over, still connected.
    connection release() noexcept { return std::exchange(connection_, {}); }

private:
    connection connection_;
};

/// Calls slots for events: values of the types `Events`; any other type does not compile. Thread-safe.
/// Slots run on the thread that emits, in the order of connection, and may do anything: connect, disconnect,
/// emit, throw, destroy the bus. Destroying the bus mutes and clears it without waiting.
template <class... Events>
class event_bus {
public:
    using failure_handler = std::function<void(std::exception_ptr)>;

    event_bus() = default;
    /// @param on_failure gets each exception of a slot, on the thread that emits, until the bus is destroyed.
    ///     What it throws itself is treated like an exception without a handler.
    explicit event_bus(failure_handler on_failure) { state_->on_failure = std::move(on_failure); }
    event_bus(event_bus const&) = delete;
    ~event_bus() {
        state_->abandoned = true;
        mute();
        clear();
    }

    /// Calls `slot` with each `E` whose emission begins later. It may be move-only; its result is ignored.
    /// @return the connection, already disconnected if the bus is muted.
    /// @throws std::bad_alloc, and what moving or copying `slot` throws; nothing is connected then.
    template <detail::one_of<Events...> E, detail::slot_for<E> Slot>
    connection on(Slot&& slot) {
        return connect<E>(std::forward<Slot>(slot), false);
    }

    /// Like `on`, for a single event even if two threads emit: the slot is disconnected just before it runs.
    template <detail::one_of<Events...> E, detail::slot_for<E> Slot>
    connection once(Slot&& slot) {
        return connect<E>(std::forward<Slot>(slot), true);
    }

    /// Calls the slots connected at this moment. Allocates only to take one that is for `once` off the list.
    /// @throws after all have run, the first exception that no failure handler took.
    template <detail::one_of<Events...> E>
    void emit(E const& event) {
        detail::slot_list& list = list_of<E>();
        if (list.empty()) return;
        auto const state = state_;
        if (auto const failure = state->emit(list, std::addressof(event))) std::rethrow_exception(failure);
    }

    /// What emits as this bus does, and nothing once the bus is gone; for whatever may outlive it.
    auto emitter() const {
        return [weak = std::weak_ptr<shared_state>(state_)]<detail::one_of<Events...> E>(E const& event) {
            auto const state = weak.lock();
            if (!state) return;
            auto const failure =
                state->emit(static_cast<detail::typed_slot_list<E>&>(*state), std::addressof(event));
            if (failure) std::rethrow_exception(failure);
        };
    }

    /// Whether an event would find a slot: one is connected, and the bus is not muted.
    template <detail::one_of<Events...> E>
    bool has_slots() const noexcept {
        return !state_->muted && !list_of<E>().empty();
    }

    /// From now on no slot starts, for good; one may still be running or just be starting on another thread.
    void mute() noexcept { state_->muted = true; }
    /// Whether `mute` was called.
    bool muted() const noexcept { return state_->muted; }

    /// Disconnects the slots of all events, as `connection::disconnect` does.
    void clear() noexcept { (list_of<Events>().clear(), ...); }

private:
    // What an emission needs to its end, even if one of its slots destroys the bus.
    struct shared_state : detail::typed_slot_list<Events>... {
        failure_handler on_failure;
        std::atomic<bool> muted{false};
        std::atomic<bool> abandoned{false};

        // Returns what is left to throw, so that the snapshot is released before.
        std::exception_ptr emit(detail::slot_list& list, void const* event) const {
            std::exception_ptr first;
            auto const snapshot = list.snapshot();
            if (!snapshot) return first;
            for (auto const& each : *snapshot) {
                if (muted || !list.start(*each)) continue;
                try {
                    run(*each, event);
                } catch (...) {
                    if (!first) first = std::current_exception();
                }
            }
            return first;
        }

        void run(detail::slot& slot, void const* event) const try { slot.run(event); } catch (...) {
            // What the handler refers to may have gone together with the bus.
            if (!on_failure || abandoned) throw;
            on_failure(std::current_exception());
        }
    };

    template <class E>
    detail::slot_list& list_of() const noexcept {
        return static_cast<detail::typed_slot_list<E>&>(*state_);
    }

    template <class E, class Slot>
    connection connect(Slot&& slot, bool once) {
        using slot_type = detail::typed_slot<E, std::decay_t<Slot>>;
        auto const added = std::make_shared<slot_type>(once, std::forward<Slot>(slot));
        std::shared_ptr<detail::slot_list> const list{state_, &list_of<E>()};
        list->connect(added);
        // Not earlier: a slot added after the `clear` of a destructor finds the bus muted here.
        if (state_->muted) list->disconnect(*added);
        return {list, added};
    }

    std::shared_ptr<shared_state> const state_ = std::make_shared<shared_state>();
};

}  // namespace heartbeat
