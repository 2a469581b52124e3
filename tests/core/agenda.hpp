// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "random_source.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>

namespace exploration {

inline constexpr time_point never = time_point::max();

/// What the strand has to handle.
enum class task : std::uint8_t {
    // Calls of the application, posted to the strand; and the application's own next step.
    application,
    start,
    close,
    cancel,
    connect_now,
    cancel_send,
    receive,
    write,
    // Completions of operations. Those of timers come when they expire or are cancelled.
    wait,
    deadline,
    heart,
    prepare,
    resolve,
    connect,
    upgrade,
    /// The event loop can pick up a piece of input.
    read,
    /// It has picked up a piece of input.
    read_done,
    write_done,
    close_done,
};

inline constexpr std::array<char const*, 19> task_names = {
    "application", "start", "close",     "cancel",     "connect_now", "cancel_send", "receive",
    "write",       "wait",  "deadline",  "heart",      "prepare",     "resolve",     "connect",
    "upgrade",     "read",  "read_done", "write_done", "close_done"};

constexpr char const* name(task what) noexcept { return task_names[static_cast<std::size_t>(what)]; }

/// Nobody waits for it once its attempt has ended, and it may never complete.
constexpr bool is_abandoned(task what) noexcept { return what == task::prepare || what == task::resolve; }

/// One task, ready from `at` on.
struct agenda_item {
    time_point at;
    std::uint64_t order;
    /// The ticket of a message, the number of a timer.
    std::uint64_t number;
    std::uint32_t link;
    task what;
};

/// The tasks that are ready or will be. Handled in the order in which they become ready; only what the event
/// loop looks at itself, timers and input, comes in either order when both are ready.
class agenda {
public:
    void clear() noexcept { size_ = 0; }
    bool empty() const noexcept { return size_ == 0; }

    void add(time_point at, task what, std::uint32_t link = 0, std::uint64_t number = 0) {
        if (size_ == items_.size()) throw std::length_error("the agenda is full");
        items_[size_++] = {at, ++orders_, number, link, what};
    }

    /// When the next task is ready, `never` if none will be.
    time_point next() const noexcept {
        time_point first = never;
        for (std::size_t index = 0; index < size_; ++index)
            if (items_[index].at < first) first = items_[index].at;
        return first;
    }

    /// Takes out the next task. Something is ready at `now`.
    /// \param swap  handle a timer before input, or input before a timer, if both are ready
    agenda_item pop(time_point now, bool swap) noexcept {
        // Input that was there the last time has been picked up by now.
        auto const looked = std::exchange(looked_, now);
        std::size_t found = earliest([](agenda_item const&) { return true; });
        if (swap) {
            bool const is_read = items_[found].what == task::read;
            if (is_read ? items_[found].at > looked : is_timer(items_[found].what)) {
                auto const other = earliest([&](agenda_item const& item) {
                    return item.at <= now && (is_read ? is_timer(item.what) : item.what == task::read);
                });
                if (other != size_) found = other;
            }
        }
        auto const taken = items_[found];
        items_[found] = items_[--size_];
        return taken;
    }

    /// Makes ready now what `wanted` says, unless it is already.
    template <class Predicate>
    void hasten(time_point now, Predicate wanted) noexcept {
        for (std::size_t index = 0; index < size_; ++index) {
            auto& item = items_[index];
            if (item.at <= now || !wanted(item)) continue;
            item.at = now;
            item.order = ++orders_;
        }
    }

    /// The first for which `wanted` is true, or none.
    template <class Predicate>
    agenda_item* find(Predicate wanted) noexcept {
        for (std::size_t index = 0; index < size_; ++index)
            if (wanted(items_[index])) return &items_[index];
        return nullptr;
    }

    template <class Predicate>
    void erase(Predicate unwanted) noexcept {
        for (std::size_t index = size_; index-- > 0;)
            if (unwanted(items_[index])) items_[index] = items_[--size_];
    }

private:
    static constexpr bool is_timer(task what) noexcept {
        return what == task::heart || what == task::deadline || what == task::wait;
    }

    template <class Predicate>
    std::size_t earliest(Predicate wanted) const noexcept {
        std::size_t found = size_;
        for (std::size_t index = 0; index < size_; ++index) {
            auto const& item = items_[index];
            if (!wanted(item)) continue;
            if (found == size_ || item.at < items_[found].at ||
                (item.at == items_[found].at && item.order < items_[found].order))
                found = index;
        }
        return found;
    }

    std::array<agenda_item, 64> items_{};
    std::size_t size_ = 0;
    std::uint64_t orders_ = 0;
    /// When the event loop has looked for timers and input last.
    time_point looked_{};
};

}  // namespace exploration
