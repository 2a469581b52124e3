// SPDX-License-Identifier: BSL-1.0
#pragma once

// Connecting: to one address after the other, or beside the other. `address_race` decides; this carries out.

#include <heartbeat/net/connect_op.hpp>

#include <boost/asio/error.hpp>

#include <cstdint>
#include <exception>
#include <utility>

namespace heartbeat::detail {

/// Connects to one address of an attempt.
template <class Connection>
struct candidate_op : operation<Connection> {
    using operation<Connection>::self;
    using operation<Connection>::at;

    address_race::candidate who = {};

    void operator()(error_code error) {
        if (!at->ended) self->candidate_done(*at, who, error);
        self->leave();
    }
};

/// Waits until the next address is due.
template <class Connection>
struct next_address_op : operation<Connection> {
    using operation<Connection>::self;
    using operation<Connection>::at;

    std::uint64_t number = 0;

    void operator()(error_code) {
        // One that was armed anew has another number.
        if (!at->ended && number == at->race_timer.number) self->race(*at);
        self->leave();
    }
};

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::race(link_type& at) {
    using action = address_race::action;
    auto& stream = at.websocket.next_layer().next_layer();
    connect_op<connection> attempting{{this->shared_from_this(), at.shared_from_this()}};
    // Until the end of the socket comes here, nothing is dialled.
    while (!gone()) {
        auto const [what, who] = at.race.next(time());
        switch (what) {
            case action::none: return await_next_address(at);
            case action::connect: begin_candidate(at, who); break;
            case action::cancel: stream.cancel(who.index); break;
            case action::adopt:
                ++at.race_timer.number;
                at.race_timer.timer.cancel();
                if (auto const old = std::exchange(abandoned_, nullptr)) old->websocket.next_layer().reset();
                stream.adopt(who.index);
                at.remote = at.addresses[who.index];
                return attempting.adopted();
            case action::fail:
                return attempting.fail({.cause = errc::connect_failed, .evidence = at.race.evidence()});
        }
    }
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::begin_candidate(link_type& at, address_race::candidate who) {
    enter();
    count([](stats& all) { ++all.connects; });
    try {
        at.websocket.next_layer().next_layer().async_connect(
            candidate{.index = who.index,
                      .remote = at.addresses[who.index],
                      .local_address = settings_.dial.local_address,
                      .network_interface = settings_.dial.network_interface,
                      .secure = at.where.secure},
            candidate_op<connection>{{this->shared_from_this(), at.shared_from_this()}, who});
    } catch (std::exception const&) {
        at.race.failed(who, asio::error::no_memory);
        leave();
    }
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::candidate_done(link_type& at, address_race::candidate who,
                                                         error_code error) {
    error ? at.race.failed(who, error) : at.race.connected(who);
    race(at);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::await_next_address(link_type& at) {
    auto const due = at.race.due();
    if (!due || *due == at.race_timer.due) return;
    enter();
    at.race_timer.due = *due;
    at.race_timer.timer.expires_at(*due);
    at.race_timer.timer.async_wait(next_address_op<connection>{
        {this->shared_from_this(), at.shared_from_this()}, ++at.race_timer.number});
}

}  // namespace heartbeat::detail
