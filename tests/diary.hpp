// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/events.hpp>

#include <cstddef>
#include <vector>

/// What a socket has told, in order.
class diary {
public:
    template <class Socket>
    explicit diary(Socket& socket) {
        keep<heartbeat::opened>(socket, opened);
        keep<heartbeat::closed>(socket, closed);
        keep<heartbeat::state_changed>(socket, changes);
        keep<heartbeat::beat>(socket, beats);
        keep<heartbeat::suspected>(socket, suspicions);
        keep<heartbeat::waiting>(socket, waits);
        keep<heartbeat::attempt_failed>(socket, failures);
        keep<heartbeat::malformed>(socket, malformed);
        keep<heartbeat::undelivered>(socket, undelivered);
        keep<heartbeat::stopped>(socket, stopped);
    }

    std::vector<heartbeat::opened> opened;
    std::vector<heartbeat::closed> closed;
    std::vector<heartbeat::state_changed> changes;
    std::vector<heartbeat::beat> beats;
    std::vector<heartbeat::suspected> suspicions;
    std::vector<heartbeat::waiting> waits;
    std::vector<heartbeat::attempt_failed> failures;
    std::vector<heartbeat::malformed> malformed;
    std::vector<heartbeat::undelivered> undelivered;
    std::vector<heartbeat::stopped> stopped;
    /// How many events of any kind.
    std::size_t entries = 0;

private:
    template <class Event, class Socket>
    void keep(Socket& socket, std::vector<Event>& page) {
        socket.template on<Event>([this, &page](Event const& event) {
            ++entries;
            page.push_back(event);
        });
    }
};
