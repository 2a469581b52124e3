// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/endpoint.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

namespace heartbeat::detail {

/// What attempts have learnt of addresses: which of them failed. Kept over attempts, of the last `capacity`
/// addresses.
class address_memory {
public:
    static constexpr std::size_t capacity = 64;

    enum class experience {
        /// Nothing is known against it.
        good,
        /// It was tried by an attempt that failed, and did not answer. Those that were not tried come before
        /// it, since an attempt need not come to all of them.
        unanswered,
        /// Its connection was made and then did not become an open link: it accepts and is silent, say.
        broken,
    };

    void learn(endpoint const& where, experience what) {
        std::erase_if(known_, [&](auto const& one) { return one.first == where; });
        if (what == experience::good) return;
        known_.emplace_back(where, what);
        if (known_.size() > capacity) known_.pop_front();
    }

    /// What an attempt that failed says of the addresses that it had.
    /// \param tried  so many of the first were tried
    /// \param adopted  the one whose connection was used, if there was one. It tells nothing of the others,
    /// which had no time to answer.
    void attempt_failed(std::vector<endpoint> const& all, std::size_t tried,
                        std::optional<endpoint> const& adopted) {
        if (adopted) return learn(*adopted, experience::broken);
        for (std::size_t index = 0; index < tried; ++index) learn(all[index], experience::unanswered);
    }

    experience of(endpoint const& where) const noexcept {
        auto const found = std::ranges::find(known_, where, &entry::first);
        return found == known_.end() ? experience::good : found->second;
    }

    /// For how long it has been known to be bad, as a number that grows with what is newer; 0 if it is not.
    std::size_t age_rank(endpoint const& where) const noexcept {
        auto const found = std::ranges::find(known_, where, &entry::first);
        return found == known_.end() ? 0 : static_cast<std::size_t>(found - known_.begin()) + 1;
    }

private:
    using entry = std::pair<endpoint, experience>;

    /// The oldest first.
    std::deque<entry> known_ = {};
};

/// The addresses that an attempt tries, and how many of them, at their end, are known to break.
struct address_list {
    std::vector<endpoint> all = {};
    std::size_t broken = 0;
};

/// Families alternate, beginning with that of the first (RFC 8305 section 4). Addresses that did not answer
/// come after them, and those whose connections broke come last; of each kind the one of which that has been
/// known longest is the first. None stands there twice.
///
/// \param found  in the order of the lookup (RFC 6724)
/// \param max_addresses  how many an attempt tries, at least 1. Where there are more, the ones that were not
/// tried or were tried longest ago are taken, so each comes to its turn.
inline address_list in_order(std::vector<endpoint> found, address_memory const& memory,
                             std::size_t max_addresses) {
    std::vector<endpoint> first;
    std::vector<endpoint> second;
    for (auto& one : found) {
        auto& family = found.front().is_ipv6() == one.is_ipv6() ? first : second;
        if (std::ranges::find(family, one) == family.end()) family.push_back(one);
    }
    std::vector<endpoint> all;
    for (std::size_t place = 0; place < std::max(first.size(), second.size()); ++place)
        for (auto* const family : {&first, &second})
            if (place < family->size()) all.push_back(std::move((*family)[place]));

    std::ranges::stable_sort(all, {}, [&](endpoint const& one) { return memory.age_rank(one); });
    if (all.size() > max_addresses) all.resize(max_addresses);
    std::ranges::stable_sort(all, {}, [&](endpoint const& one) { return memory.of(one); });
    auto const broken = std::ranges::count(all, address_memory::experience::broken,
                                           [&](endpoint const& one) { return memory.of(one); });
    return {std::move(all), static_cast<std::size_t>(broken)};
}

}  // namespace heartbeat::detail
