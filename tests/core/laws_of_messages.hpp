// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "scenario.hpp"
#include "tally.hpp"

#include <heartbeat/core/send_order.hpp>
#include <heartbeat/message.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace exploration {

/// Laws 6 and 11, and what law 4 says of messages: each accepted message has exactly one outcome, they leave
/// in order, a graceful close lets them leave, and they are bounded.
class laws_of_messages {
public:
    laws_of_messages(tally& counts, scenario const& world) noexcept : counts_(counts), world_(world) {}

    /// How many messages a schedule may have.
    static constexpr std::size_t capacity = 64;

    std::size_t offered() const noexcept { return size_; }

    /// \param accepting  the socket was not closed, or a new run was started since
    void offered(std::uint64_t ticket, std::size_t size, bool opens_session, bool valid, bool accepting,
                 errc refusal) {
        errc expected = {};
        if (messages_ + 1 > world_.outbox_messages || bytes_ + size > world_.outbox_bytes)
            expected = errc::outbox_full;
        if (!valid) expected = errc::invalid_utf8;
        if (!accepting) expected = errc::closed;
        if (refusal != expected) {
            bool const is_bound = expected == errc::outbox_full || refusal == errc::outbox_full;
            throw violation{is_bound ? 11 : 6, "a message is refused or accepted wrongly"};
        }
        if (refusal == errc::outbox_full) counts_.count(premise::full);
        if (refusal != errc{}) return;
        if (find(ticket) != nullptr || ticket == 0) throw violation{6, "two messages with one ticket"};
        counts_.count(premise::bounded);
        all_[size_++] = {ticket, size, ++accepted_, opens_session ? session_ : 0, false, progress::queued};
        messages_ += 1;
        bytes_ += size;
    }

    /// What is written next, and what else could be.
    void decided(heartbeat::detail::send_situation const& now, heartbeat::detail::send_action what) {
        using heartbeat::detail::send_action;
        bool const is_beat = what == send_action::beat || what == send_action::ping;
        if (now.beat_due != is_beat) throw violation{7, "a heartbeat waits behind others, or leaves unasked"};
        bool const is_whole = what != send_action::ping && what != send_action::fragment;
        if (now.inside_message && is_whole) throw violation{6, "something stands between two fragments"};
        if (!now.inside_message && what == send_action::fragment) throw violation{6, "a fragment of nothing"};
        if (now.beat_due && now.message_queued) counts_.count(premise::beat_overtakes);
        if (now.beat_due && now.inside_message) counts_.count(premise::beat_inside);
        bool const nothing = !now.beat_due && !now.reply_due && !now.inside_message && !now.message_queued;
        if (what == send_action::rest && (!nothing || now.draining))
            throw violation{6, "something is never written"};
        if (what == send_action::drained && (!nothing || !now.draining))
            throw violation{4, "drained too early"};
    }

    /// The first fragment of a message is given to the wire.
    void begins(std::uint64_t ticket, std::uint32_t receipt) {
        auto& leaving = known(ticket, receipt);
        if (leaving.now != progress::queued) throw violation{6, "a message leaves twice"};
        for (std::size_t index = 0; index < size_; ++index) {
            auto const& other = all_[index];
            if (other.now != progress::queued) continue;
            if (other.opens_session > leaving.opens_session)
                throw violation{6, "a message leaves before what a slot of opened has sent"};
            if (other.opens_session == leaving.opens_session && other.number < leaving.number)
                throw violation{6, "a message leaves before one that was accepted earlier"};
            if (leaving.opens_session != 0 && other.number < leaving.number)
                counts_.count(premise::overtakes);
        }
        counts_.count(premise::leaves);
        if (leaving.returned) counts_.count(premise::leaves_after_return);
        leaving.now = progress::leaving;
    }

    void left_whole(std::uint64_t ticket, std::uint32_t receipt) {
        auto& leaving = known(ticket, receipt);
        if (leaving.now != progress::leaving)
            throw violation{6, "the end of a message leaves without its beginning"};
        leaving.now = progress::written;
    }

    /// It was taken out, but did not begin to leave before the link ended.
    void returned(std::uint64_t ticket, std::uint32_t receipt) { known(ticket, receipt).returned = true; }

    /// The application is told what became of a message.
    /// \param ending  why the run ends or what is queued is dropped; zero if neither
    void told(std::uint64_t ticket, std::uint32_t receipt, heartbeat::outcome result, errc ending) {
        using heartbeat::delivery;
        auto& message = known(ticket, receipt);
        counts_.count(premise::outcomes);
        switch (message.now) {
            case progress::settled: throw violation{6, "a message has two outcomes"};
            case progress::queued:
                if (result.result != delivery::dropped)
                    throw violation{6, "a message that never left is not dropped"};
                if (result.cause != errc::cancelled && (ending == errc{} || result.cause != ending))
                    throw violation{6, "a message is dropped without a cause"};
                break;
            case progress::leaving:
                if (result.result != delivery::unknown)
                    throw violation{6, "what became of a cut message is known"};
                counts_.count(premise::unknown_outcomes);
                break;
            case progress::written:
                if (result.result == delivery::dropped)
                    throw violation{6, "a message that has left is dropped"};
                break;
        }
        message.now = progress::settled;
        messages_ -= 1;
        bytes_ -= message.size;
    }

    /// A close was asked for while the link was open.
    void close_while_open() {
        counts_.count(premise::close_from_open);
        queued_at_close_ = messages_ > 0;
    }

    void close_frame_leaves() {
        counts_.count(premise::graceful);
        if (queued_at_close_) counts_.count(premise::drained);
        for (std::size_t index = 0; index < size_; ++index)
            if (all_[index].now != progress::settled)
                throw violation{4, "the Close frame leaves before a message that was accepted"};
    }

    void session_begins() noexcept { ++session_; }

    /// The application asks for a run; what it sends from now on may be meant for that.
    void start_called() noexcept {
        if (starts_++ == 0) before_start_ = accepted_;
    }
    void start_handled() noexcept { --starts_; }

    /// A run has ended, or the socket was closed without one.
    void run_ended() const {
        for (std::size_t index = 0; index < size_; ++index)
            if (all_[index].now != progress::settled && (starts_ == 0 || all_[index].number <= before_start_))
                throw violation{6, "a run ends, and a message has no outcome"};
    }

    /// The ticket of some message of the schedule, perhaps one that was settled long ago.
    std::uint64_t some_ticket(random_source& random) const noexcept {
        return size_ == 0 ? 1 : all_[random.below(static_cast<std::uint32_t>(size_))].ticket;
    }

    bool is_queued(std::uint64_t ticket) noexcept {
        auto const* const message = find(ticket);
        return message != nullptr && message->now == progress::queued;
    }

private:
    enum class progress { queued, leaving, written, settled };

    struct entry {
        std::uint64_t ticket;
        std::size_t size;
        std::uint64_t number;
        /// The session that it opens, 0 for none.
        std::uint64_t opens_session;
        bool returned;
        progress now;
    };

    entry* find(std::uint64_t ticket) noexcept {
        for (std::size_t index = size_; index-- > 0;)
            if (all_[index].ticket == ticket) return &all_[index];
        return nullptr;
    }
    /// Messages are offered with the number of those before as their receipt.
    entry& known(std::uint64_t ticket, std::uint32_t receipt) {
        if (receipt >= size_ || all_[receipt].ticket != ticket)
            throw violation{6, "a message that was never accepted, or with the receipt of another"};
        return all_[receipt];
    }

    tally& counts_;
    scenario const& world_;
    std::array<entry, capacity> all_;
    std::size_t size_ = 0;
    std::uint64_t accepted_ = 0;
    std::uint64_t session_ = 0;
    /// How many were accepted before the coming run was asked for.
    std::uint64_t before_start_ = 0;
    int starts_ = 0;
    std::size_t messages_ = 0;
    std::size_t bytes_ = 0;
    bool queued_at_close_ = false;
};

}  // namespace exploration
