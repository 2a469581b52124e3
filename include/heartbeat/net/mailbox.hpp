// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/message.hpp>
#include <heartbeat/net/completion.hpp>
#include <heartbeat/options.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

namespace heartbeat::detail {

/// What `async_receive` waits on: received messages that nobody has taken, or receivers that have no message.
/// Never both. Bounded; strand only.
class mailbox {
public:
    using receiver = completion<boost::system::error_code, message>;

    enum class result {
        /// A receiver has it, or it is stored, or one was discarded as the policy says.
        taken,
        /// The limits are reached and the policy is to close the link. It was not stored.
        refused,
        /// It is stored, the limits are reached, and the policy is to read no more until there is room.
        full,
    };

    explicit mailbox(limit_options const& limits)
        : most_messages_(limits.mailbox_messages),
          most_bytes_(limits.mailbox_bytes),
          policy_(limits.mailbox_overflow) {}

    /// A message has arrived.
    result offer(message&& arrived) {
        if (!receivers_.empty()) {
            auto next = std::move(receivers_.front().handler);
            receivers_.pop_front();
            next({}, std::move(arrived));
            return result::taken;
        }
        return policy_ == overflow::pause ? store_and_pause(std::move(arrived))
                                          : store_bounded(std::move(arrived));
    }

    /// Someone wants a message: the oldest one, or the next to arrive.
    void receive(std::uint64_t ticket, receiver handler) {
        if (messages_.empty()) {
            receivers_.push_back({ticket, std::move(handler)});
            return;
        }
        auto oldest = std::move(messages_.front());
        messages_.pop_front();
        bytes_ -= oldest.size();
        handler({}, std::move(oldest));
    }

    /// Cancels the receiver with this ticket, if it still waits.
    void cancel(std::uint64_t ticket) {
        auto const found = std::ranges::find(receivers_, ticket, &waiting_receiver::ticket);
        if (found == receivers_.end()) return;
        auto handler = std::move(found->handler);
        receivers_.erase(found);
        handler(asio::error::operation_aborted, {});
    }

    /// Completes all receivers with an error. Stored messages stay.
    void fail(boost::system::error_code error) {
        for (auto& waiting : std::exchange(receivers_, {})) waiting.handler(error, {});
    }

    /// Destroys all receivers uninvoked.
    void abandon() { std::exchange(receivers_, {}).clear(); }

    /// How many messages were discarded so far.
    std::uint64_t discarded() const noexcept { return discarded_; }

    /// True if nothing should be read until someone takes a message.
    bool must_wait() const noexcept {
        return policy_ == overflow::pause && receivers_.empty() && !has_room();
    }

    /// True if another message of moderate size fits.
    bool has_room() const noexcept { return messages_.size() < most_messages_ && bytes_ < most_bytes_; }

private:
    struct waiting_receiver {
        std::uint64_t ticket;
        receiver handler;
    };

    bool fits(std::size_t size) const noexcept {
        return messages_.size() < most_messages_ && size <= most_bytes_ - std::min(bytes_, most_bytes_);
    }

    void store(message&& arrived) {
        bytes_ += arrived.size();
        messages_.push_back(std::move(arrived));
    }

    // Whatever was read is kept, so one message may go beyond the limit; then nothing is read.
    result store_and_pause(message&& arrived) {
        store(std::move(arrived));
        return has_room() ? result::taken : result::full;
    }

    result store_bounded(message&& arrived) {
        if (fits(arrived.size())) {
            store(std::move(arrived));
            return result::taken;
        }
        if (policy_ == overflow::close) return result::refused;
        if (policy_ == overflow::drop_oldest && arrived.size() <= most_bytes_) {
            while (!fits(arrived.size())) discard_oldest();
            store(std::move(arrived));
        } else {
            ++discarded_;
        }
        return result::taken;
    }

    void discard_oldest() {
        bytes_ -= messages_.front().size();
        messages_.pop_front();
        ++discarded_;
    }

    std::size_t most_messages_;
    std::size_t most_bytes_;
    overflow policy_;
    std::size_t bytes_ = 0;
    std::uint64_t discarded_ = 0;
    std::deque<message> messages_;
    std::deque<waiting_receiver> receivers_;
};

}  // namespace heartbeat::detail
