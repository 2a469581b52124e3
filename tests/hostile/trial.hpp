// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "scenario.hpp"

#include <heartbeat/reason.hpp>
#include <heartbeat/state.hpp>

#include <cstddef>
#include <memory>
#include <vector>

/// What became of a trial.
struct findings {
    /// An attempt, or the link that it became.
    struct dial {
        hb::time_point began = {};
        hb::time_point ended = {};
        /// How long it was open.
        hb::duration open = {};
        bool opened = false;
        /// Without a cause while it goes on.
        hb::reason why = {};
        /// The code of the Close frame that the server got.
        unsigned told = 0;
        std::size_t delivered = 0;
    };

    std::vector<dial> dials = {};
    /// The last wait was as long as a slow retry's, though the server did not ask for that.
    bool slowly = false;
    hb::state state = {};
    std::size_t stops = 0;
    hb::reason stopped = {};
    std::size_t malformed = 0;
    std::size_t undelivered = 0;
    std::uint64_t discarded = 0;
    std::size_t accepted = 0;
    std::size_t peak_bytes = 0;
};

/// A hostile server on a loopback address, and a socket that is told to connect to it. Each has an event loop
/// of its own, so that only the socket's memory is counted, and both have the same simulated time.
class trial {
public:
    explicit trial(scenario const& what);
    ~trial();
    trial(trial const&) = delete;
    trial& operator=(trial const&) = delete;

    /// Lets simulated time pass. It stands still until both sides have done all that they can.
    void run(hb::duration time);
    findings const& found();

private:
    class world;
    std::unique_ptr<world> world_;
};

/// The options of all trials: those of the library, with a heartbeat of 4 and 2 seconds and no jitter.
hb::options usual_options();
