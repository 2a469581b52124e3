// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "peer.hpp"

#include <heartbeat/error.hpp>
#include <heartbeat/options.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// What the socket is about to do at the end of the minute.
enum class verdict {
    /// Dial again; or it is dialling.
    retry,
    /// Dial again after a minute.
    retry_slowly,
    /// Nothing: the run has ended.
    stop,
    /// Stay connected: the link that opened first is still open.
    keep,
};

/// What the application does meanwhile.
struct application {
    /// When it closes the socket, counted from the first link; 0 for never.
    hb::duration closes_after = {};
    /// Whether it has a slot for messages; if not they go to the mailbox.
    bool listens = true;
    /// The messages that it sends as soon as the first link is open, and their size.
    std::size_t messages = 0;
    std::size_t message_bytes = 0;
};

/// What an application is to see of a hostile server in a minute of simulated time.
struct expectation {
    /// How each attempt or link ends; zero if none does.
    hb::errc cause = {};
    /// The code of the server's Close frame.
    unsigned close_code = 0;
    unsigned http_status = 0;
    /// The code of the Close frame that the client sends; 0 for none.
    unsigned told = 0;
    /// Whether links open at all.
    bool opens = true;
    /// Which of the two it is depends on the kernel.
    hb::errc or_cause = {};
    /// What the library itself gives as evidence; zero says that it does not matter.
    hb::errc evidence = {};
    verdict then = verdict::retry;
    std::size_t attempts = 6;
    /// For `heartbeat_timeout`: how long the last proof of life is ago.
    hb::duration silence = 6s;
    /// Messages that are delivered on each link; none says that it does not matter.
    std::optional<std::size_t> delivered = 0;
    /// What the library allocates at most at any time.
    std::size_t peak_bytes = 64 * 1024;
};

/// A row of the table.
struct scenario {
    std::string name;
    script server;
    expectation expected = {};
    std::function<void(hb::options&)> adjust = {};
    application client = {};
};

/// Opens, sends this, and stays.
script sends(std::string bytes);
/// Opens, sends this, and closes when the client's Close frame has come.
script sends_until_told(std::string bytes);
/// The same, with a reset instead.
script sends_and_resets_when_told(std::string bytes);

/// All rows, by the time at which the server turns hostile.
std::vector<scenario> connecting_scenarios();
std::vector<scenario> upgrade_scenarios();
std::vector<scenario> frame_scenarios();
std::vector<scenario> message_scenarios();
std::vector<scenario> flood_scenarios();
std::vector<scenario> ending_scenarios();
std::vector<scenario> all_scenarios();
