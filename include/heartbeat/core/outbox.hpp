// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/utf8.hpp>
#include <heartbeat/error.hpp>
#include <heartbeat/message.hpp>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace heartbeat::detail {

/// The messages that were accepted for sending, in the order in which they will leave. Bounded by their
/// number and by the bytes of their payloads. Each comes with a receipt, whatever its outcome is reported
/// through; a receipt is always in exactly one place: with the caller, in here, or in the entry that was
/// given out. Not thread-safe.
template <class Receipt>
class outbox {
    static_assert(std::is_nothrow_move_constructible_v<Receipt> && std::is_nothrow_move_assignable_v<Receipt>,
                  "moving a receipt must not throw, or a message could lose it");

public:
    /// Where a message is put.
    enum class place {
        /// Leaves after everything that was queued before.
        back,
        /// For what opens a session, like a login: leaves before everything that was queued at the back, and
        /// after earlier ones of this session.
        front_of_session,
    };

    /// An accepted message.
    struct entry {
        entry(std::uint64_t number, message&& what, Receipt&& whose, place its_place) noexcept
            : ticket(number), content(std::move(what)), receipt(std::move(whose)), where(its_place) {}

        /// Identifies the message in this outbox; increases with each one that is accepted, from 1.
        std::uint64_t ticket;
        message content;
        Receipt receipt;
        place where;
    };

    /// What became of an offered message.
    struct acceptance {
        /// Zero if it was accepted.
        errc refusal = {};
        /// Zero if it was refused.
        std::uint64_t ticket = 0;

        /// True if it was accepted.
        explicit operator bool() const noexcept { return refusal == errc{}; }
    };

    /// \param most_messages,most_bytes the most that is queued and taken at once, together
    outbox(std::size_t most_messages, std::size_t most_bytes)
        : most_messages_(most_messages), most_bytes_(most_bytes) {}

    /// Queues a message, or refuses it with the first of these that applies: `errc::closed` while not
    /// accepting; `errc::invalid_utf8` for a text that is not; `errc::outbox_full` if it would exceed a
    /// limit. Moves from its arguments only if it accepts. Throws `std::bad_alloc`, and then nothing was
    /// moved.
    acceptance accept(message&& content, Receipt&& receipt, place where = place::back) {
        if (!accepting_) return {errc::closed, 0};
        if (content.is_text() && !is_valid_utf8(content.text())) return {errc::invalid_utf8, 0};
        std::size_t const size = content.size();
        if (messages_ >= most_messages_ || size > most_bytes_ - bytes_) return {errc::outbox_full, 0};
        auto& queue = where == place::back ? back_ : front_;
        queue.emplace_back(last_ticket_ + 1, std::move(content), std::move(receipt), where);
        messages_ += 1;
        bytes_ += size;
        return {errc{}, ++last_ticket_};
    }

    /// Takes out the message that is next to leave; nothing if none is queued. It counts against the limits
    /// until `settle`.
    std::optional<entry> take() {
        auto& queue = front_.empty() ? back_ : front_;
        if (queue.empty()) return std::nullopt;
        std::optional<entry> next(std::move(queue.front()));
        queue.pop_front();
        return next;
    }

    /// Returns a taken message that was not begun to where it was: it is the next of its place to leave.
    void put_back(entry&& returned) {
        auto& queue = returned.where == place::back ? back_ : front_;
        queue.push_front(std::move(returned));
    }

    /// Another session begins: what the one before has left at the front leaves after what opens this one,
    /// and before everything else.
    void begin_session() {
        while (!front_.empty()) {
            front_.back().where = place::back;
            back_.push_front(std::move(front_.back()));
            front_.pop_back();
        }
    }

    /// A taken message has its outcome and counts no longer. To be called once for each.
    /// \param size the size of its payload in bytes
    void settle(std::size_t size) noexcept {
        assert(messages_ > front_.size() + back_.size() && size <= bytes_);
        messages_ -= 1;
        bytes_ -= size;
    }

    /// Takes out a message that is still queued, and counts it no longer; nothing if it was taken or removed.
    std::optional<entry> remove(std::uint64_t ticket) {
        for (auto* const queue : {&front_, &back_}) {
            auto const found = std::ranges::find(*queue, ticket, &entry::ticket);
            if (found == queue->end()) continue;
            std::optional<entry> removed(std::move(*found));
            queue->erase(found);
            settle(removed->content.size());
            return removed;
        }
        return std::nullopt;
    }

    /// Takes out all that are queued and were accepted up to a ticket, in the order in which they would have
    /// left, and counts them no longer. Throws `std::bad_alloc`, and then all are queued as before.
    std::vector<entry> clear(std::uint64_t up_to = std::numeric_limits<std::uint64_t>::max()) {
        std::vector<entry> all;
        all.reserve(front_.size() + back_.size());
        for (auto* const queue : {&front_, &back_}) {
            for (auto& queued : *queue) {
                if (queued.ticket > up_to) continue;
                all.push_back(std::move(queued));
            }
            std::erase_if(*queue, [up_to](entry const& queued) { return queued.ticket <= up_to; });
        }
        for (auto const& one : all) settle(one.content.size());
        return all;
    }

    /// Refuses messages from now on; those that are queued stay.
    void close() noexcept { accepting_ = false; }
    /// Accepts messages again, as it does after construction.
    void open() noexcept { accepting_ = true; }
    bool accepting() const noexcept { return accepting_; }
    /// The ticket of the message that was accepted last; 0 before the first.
    std::uint64_t last_ticket() const noexcept { return last_ticket_; }

    /// Whether nothing is queued; taken messages do not matter.
    bool empty() const noexcept { return front_.empty() && back_.empty(); }
    /// How many messages are queued or taken.
    std::size_t messages() const noexcept { return messages_; }
    /// How many bytes of payload are queued or taken.
    std::size_t bytes() const noexcept { return bytes_; }

private:
    std::size_t most_messages_;
    std::size_t most_bytes_;
    std::deque<entry> front_;
    std::deque<entry> back_;
    std::size_t messages_ = 0;
    std::size_t bytes_ = 0;
    std::uint64_t last_ticket_ = 0;
    bool accepting_ = true;
};

}  // namespace heartbeat::detail
