// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace heartbeat::detail {

/// Which of several errors is worth telling. An address that this host has no way to says less than one that
/// was tried, and an operation that we ended ourselves says nothing.
class connect_evidence {
public:
    void add(boost::system::error_code const& error) noexcept {
        if (weight(error) <= weight(first_)) return;
        first_ = error;
    }

    /// The first of the most telling errors; zero if none says anything.
    boost::system::error_code const& error() const noexcept { return first_; }

private:
    static int weight(boost::system::error_code const& error) noexcept {
        namespace errc = boost::system::errc;
        if (!error || error == errc::operation_canceled) return 0;
        bool const no_way = error == errc::address_family_not_supported ||
                            error == errc::address_not_available || error == errc::network_unreachable;
        return no_way ? 1 : 2;
    }

    boost::system::error_code first_ = {};
};

/// Decides which of the addresses of an attempt are connected to, and when (RFC 8305 section 5). They are
/// tried in their order, the next one `stagger` after the one before, or at once when one fails. The first
/// connection wins; the others are ended before it is used.
///
/// An address that accepted connections and then was silent would win again where it is the quicker one. So
/// the addresses of which that is known stand at the end, and are tried when none of the others is being
/// tried any more, or has had `patience`.
///
/// Inputs say what happened, `next` gives what to do, one action at a time until there is none. Candidates
/// are the attempt's number and the place of the address; what is said of another attempt changes nothing.
class address_race {
public:
    struct candidate {
        std::uint64_t attempt = 0;
        std::size_t index = 0;

        friend bool operator==(candidate const&, candidate const&) = default;
    };

    enum class action {
        /// Nothing before the next input, or before `due`.
        none,
        /// Begin to connect to the address of the candidate; `connected` or `failed` follows.
        connect,
        /// End its connecting; what it still says changes nothing.
        cancel,
        /// Its connection is the one. Nothing follows.
        adopt,
        /// No address could be connected to; `evidence` says why. Nothing follows.
        fail,
    };

    struct step {
        action what = action::none;
        candidate who = {};

        friend bool operator==(step const&, step const&) = default;
    };

    /// Nothing to do.
    address_race() = default;

    /// Time for a SYN, and for its repetitions after 1 s and 3 s, to be answered.
    static constexpr duration patience = std::chrono::milliseconds{3500};

    /// \param stagger  how long an address is tried alone, above 0
    /// \param broken  so many of the addresses, at their end, accepted connections that then broke
    address_race(std::uint64_t attempt, std::size_t addresses, duration stagger, std::size_t broken = 0)
        : attempt_(attempt),
          stagger_(stagger),
          sound_(addresses - broken),
          places_(addresses, place::waiting),
          over_(false) {}

    void connected(candidate who) noexcept {
        if (!is_connecting(who)) return;
        places_[who.index] = place::ended;
        if (!winner_) winner_ = who.index;
    }

    void failed(candidate who, boost::system::error_code const& error) noexcept {
        if (!is_connecting(who)) return;
        places_[who.index] = place::ended;
        evidence_.add(error);
        hurry_ = true;
    }

    /// The attempt has ended; there is nothing more to do.
    void stop() noexcept { over_ = true; }

    /// What to do now.
    step next(time_point now) noexcept {
        if (over_) return {};
        if (winner_) return end_race();
        if (tried_ < places_.size()) {
            bool const at_once = !is_held() && (hurry_ || connecting(places_.size()) == 0);
            if (!at_once && tried_ > 0 && now < begun_ + pause()) return {};
            places_[tried_] = place::connecting;
            hurry_ = false;
            begun_ = now;
            return {action::connect, {attempt_, tried_++}};
        }
        if (connecting(places_.size()) != 0) return {};
        over_ = true;
        return {action::fail, {attempt_, 0}};
    }

    /// When `next` has something to do without an input; nothing if it has not.
    std::optional<time_point> due() const noexcept {
        bool const waits = !over_ && !winner_ && tried_ > 0 && tried_ < places_.size();
        return waits ? std::optional(begun_ + pause()) : std::nullopt;
    }

    /// How many addresses were tried.
    std::size_t tried() const noexcept { return tried_; }

    /// A connection was made, and there are other addresses that had no chance: what follows from the first
    /// need not hold for them.
    bool leaves_others() const noexcept {
        if (!winner_ || *winner_ >= sound_) return false;
        auto const had_none = [](place one) { return one == place::waiting || one == place::cancelled; };
        return std::any_of(places_.begin(), places_.begin() + static_cast<std::ptrdiff_t>(sound_), had_none);
    }

    /// Why what has failed so far has.
    boost::system::error_code const& evidence() const noexcept { return evidence_.error(); }

private:
    enum class place : unsigned char { waiting, connecting, ended, cancelled };

    bool is_connecting(candidate who) const noexcept {
        return !over_ && who.attempt == attempt_ && who.index < places_.size() &&
               places_[who.index] == place::connecting;
    }

    /// How many of the first addresses are being tried.
    std::size_t connecting(std::size_t first) const noexcept {
        std::size_t count = 0;
        for (std::size_t index = 0; index < first; ++index)
            count += places_[index] == place::connecting ? 1 : 0;
        return count;
    }

    /// The next address has to wait for the sound ones.
    bool is_held() const noexcept { return tried_ >= sound_ && connecting(sound_) != 0; }
    duration pause() const noexcept { return is_held() ? patience : stagger_; }

    step end_race() noexcept {
        for (std::size_t index = 0; index < places_.size(); ++index) {
            if (places_[index] != place::connecting) continue;
            places_[index] = place::cancelled;
            return {action::cancel, {attempt_, index}};
        }
        over_ = true;
        return {action::adopt, {attempt_, *winner_}};
    }

    std::uint64_t attempt_ = 0;
    duration stagger_ = {};
    std::size_t sound_ = 0;
    std::vector<place> places_ = {};
    /// Of the addresses, so many were begun.
    std::size_t tried_ = 0;
    /// When the last one was.
    time_point begun_ = {};
    /// One has failed since the last was begun.
    bool hurry_ = false;
    bool over_ = true;
    std::optional<std::size_t> winner_ = {};
    connect_evidence evidence_ = {};
};

}  // namespace heartbeat::detail
