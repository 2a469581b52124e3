// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "verdict.hpp"

#include <heartbeat/message.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

/// What became of each message (laws 6 and 11). Messages are numbered in the order in which they were
/// offered.
class ledger {
public:
    explicit ledger(verdict& laws) : laws_(laws) {}

    struct entry {
        bool accepted = false;
        /// Its sender hears every outcome, not only the bad ones.
        bool has_receipt = false;
        /// The session in whose slot of `opened` it was sent; 0 for all others.
        std::uint64_t session = 0;
        unsigned outcomes = 0;
        heartbeat::delivery result = {};
        /// Its last byte was handed over.
        bool left = false;
        unsigned arrivals = 0;
    };

    /// The number of the next message.
    std::size_t next() const noexcept { return entries_.size(); }
    void offered(bool accepted, bool has_receipt, std::uint64_t opening_session) {
        entries_.push_back({accepted, has_receipt, opening_session});
        if (!accepted) laws_.arose(11);
    }
    /// A message whose fate is told by its receipt alone turned out to be refused.
    bool told(std::size_t number, heartbeat::outcome const& what) {
        if (number >= entries_.size()) return false;
        auto& one = entries_[number];
        one.result = what.result;
        laws_.judge(6, ++one.outcomes == 1, "a message had two outcomes");
        bool const was_dropped = what.result == heartbeat::delivery::dropped;
        laws_.require(6, !was_dropped || !one.left, "a message that had left was told as dropped");
        laws_.require(6, one.left || what.result != heartbeat::delivery::written,
                      "a message was told as written before it left");
        return true;
    }

    /// All of a message was handed over.
    void left(std::size_t number) {
        if (number >= entries_.size()) return;
        laws_.require(6, !entries_[number].left, "a message left twice");
        entries_[number].left = true;
    }

    /// The socket is destroyed: of what it has not sent nobody hears, but for receipts.
    void abandon() noexcept { abandoned_ = entries_.size(); }

    /// The run has ended: each message has left, or its sender has heard of it.
    void settle_run() {
        for (auto index = abandoned_; index < entries_.size(); ++index) {
            auto const& one = entries_[index];
            if (one.accepted) laws_.judge(6, one.left || one.outcomes == 1, "a message was lost in silence");
        }
    }

    /// The server has got a message over a connection, which the client knows as its session.
    void arrived(std::size_t number, std::uint64_t connection, std::uint64_t session) {
        if (number >= entries_.size()) return;
        auto& one = entries_[number];
        ++one.arrivals;
        laws_.judge(6, one.arrivals == 1, "a message arrived twice");
        bool const dropped = one.outcomes != 0 && one.result == heartbeat::delivery::dropped;
        laws_.require(6, !dropped, "a message arrived after it was told as dropped");
        // What opens this session, what was left of opening earlier ones, and everything else, in this order.
        auto& order = orders_[connection];
        auto const rank = one.session == 0 ? 2U : one.session == session ? 0U : 1U;
        laws_.require(6, number + 1 > order.last[rank], "messages left out of order");
        order.last[rank] = number + 1;
        laws_.require(6, rank >= order.rank, "what a slot of opened sent left after what was queued earlier");
        order.rank = rank;
    }

    /// The run has ended and everything has completed.
    void settle() {
        for (auto const& one : entries_) {
            if (one.has_receipt) laws_.judge(6, one.outcomes == 1, "a sender never heard of its message");
        }
    }

    std::vector<entry> const& entries() const noexcept { return entries_; }

private:
    /// Of a connection: one more than the number of the last message of each rank, and the last rank.
    struct last_messages {
        std::array<std::size_t, 3> last = {};
        unsigned rank = 0;
    };

    verdict& laws_;
    std::vector<entry> entries_;
    /// So many of them belong to sockets that were destroyed.
    std::size_t abandoned_ = 0;
    std::map<std::uint64_t, last_messages> orders_;
};
