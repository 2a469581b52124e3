// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace heartbeat::detail {

/// A callable and whether it is connected. Its list and running emissions own it, connections observe it.
struct slot {
    explicit slot(bool for_once) noexcept : once(for_once) {}
    virtual ~slot() = default;
    virtual void run(void const* event) = 0;

    bool const once;
    std::atomic<bool> connected{true};
};

template <class E, class F>
struct typed_slot final : slot {
    template <class G>
    typed_slot(bool for_once, G&& from) : slot(for_once), callable(std::forward<G>(from)) {}

    void run(void const* event) override {
        static_cast<void>(std::invoke(callable, *static_cast<E const*>(event)));
    }

    F callable;
};

/// The slots of one event in the order of connection, copied on every change. What a change replaces dies
/// after the unlock, because destructors of what slots captured may come back here.
class slot_list {
public:
    using container = std::vector<std::shared_ptr<slot>>;

    bool empty() const noexcept { return connected_ == 0; }

    std::shared_ptr<container const> snapshot() const noexcept {
        std::lock_guard const lock{mutex_};
        return slots_;
    }

    // Whether the emission that asks has to run the slot; only one of all emissions gets one for `once`.
    bool start(slot& chosen) noexcept { return chosen.once ? disconnect(chosen) : chosen.connected.load(); }

    void connect(std::shared_ptr<slot> const& added) {
        std::shared_ptr<container> list;
        std::lock_guard const lock{mutex_};
        list = copy_connected();
        list->push_back(added);
        slots_.swap(list);
        ++connected_;
    }

    // True for the one caller that ended the connection.
    bool disconnect(slot& removed) noexcept {
        if (!removed.connected.exchange(false)) return false;
        std::shared_ptr<container> list;
        std::lock_guard const lock{mutex_};
        try {
            if (--connected_ != 0) list = copy_connected();
            slots_.swap(list);
        } catch (std::bad_alloc const&) {
            // The slot does not start all the same; the next change of the list releases it.
        }
        return true;
    }

    void clear() noexcept {
        std::shared_ptr<container> list;
        std::lock_guard const lock{mutex_};
        slots_.swap(list);
        if (!list) return;
        for (auto const& each : *list) {
            if (each->connected.exchange(false)) --connected_;
        }
    }

private:
    std::shared_ptr<container> copy_connected() const {
        auto copy = std::make_shared<container>();
        if (!slots_) return copy;
        copy->reserve(slots_->size() + 1);
        for (auto const& each : *slots_) {
            if (each->connected) copy->push_back(each);
        }
        return copy;
    }

    mutable std::mutex mutex_;
    std::shared_ptr<container> slots_;
    std::atomic<std::size_t> connected_{0};
};

template <class E>
struct typed_slot_list : slot_list {};

}  // namespace heartbeat::detail
