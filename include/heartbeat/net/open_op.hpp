// SPDX-License-Identifier: BSL-1.0
#pragma once

// Opening: what begins once the upgrade is made, and the session with it.

#include <heartbeat/net/connection.hpp>

#include <mutex>
#include <utility>

namespace heartbeat::detail {

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::connected(link_type& at) {
    disarm_deadline(at);
    if (at.remote) addresses_.learn(*at.remote, address_memory::experience::good);
    at.opened = true;
    at.opened_at = time();
    earlier_outages_ += at.opened_at - outage_began_;
    renewal_.reset();
    feed(lifecycle::event::connected);
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::begin_session() {
    auto const link = link_;
    auto& at = *link;
    auto const downtime = at.opened_at - down_since_;
    went_up(at.opened_at);
    count([&](stats& all) { at.session = ++all.sessions; });

    {
        std::lock_guard const lock(outbox_mutex_);
        outbox_.begin_session();
    }
    opening_ = true;
    emit(opened{at.session, std::exchange(linked_before_, true), downtime, at.subprotocol});
    opening_ = false;

    if (mailbox_.must_wait() && !bus_.template has_slots<message>()) {
        pause(at);
    } else {
        at.monitor.start(time());
        arm_heart(at);
        read(at);
    }
    write(at);
}

}  // namespace heartbeat::detail
