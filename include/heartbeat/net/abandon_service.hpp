// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/execution_context.hpp>

#include <mutex>
#include <unordered_set>

namespace heartbeat::detail {

/// Something that keeps completion handlers outside of the execution context.
class abandonable {
public:
    /// Destroys all of them uninvoked.
    virtual void abandon() = 0;

protected:
    ~abandonable() = default;
};

/// Lets a context that is being destroyed take the handlers with it that a connection keeps, as it does with
/// those of its own operations. Without it, a coroutine that waits for its socket and owns it would never be
/// freed.
class abandon_service final : public boost::asio::execution_context::service {
public:
    using key_type = abandon_service;
    static inline boost::asio::execution_context::id id;

    explicit abandon_service(boost::asio::execution_context& context) : service(context) {}

    void add(abandonable& keeper) {
        std::lock_guard const lock(mutex_);
        keepers_.insert(&keeper);
    }

    void remove(abandonable& keeper) {
        std::lock_guard const lock(mutex_);
        keepers_.erase(&keeper);
    }

private:
    void shutdown() override {
        // Destroying one keeper's handlers may destroy others.
        while (auto* const keeper = take_one()) keeper->abandon();
    }

    abandonable* take_one() {
        std::lock_guard const lock(mutex_);
        if (keepers_.empty()) return nullptr;
        auto* const keeper = *keepers_.begin();
        keepers_.erase(keepers_.begin());
        return keeper;
    }

    std::mutex mutex_;
    std::unordered_set<abandonable*> keepers_;
};

}  // namespace heartbeat::detail
