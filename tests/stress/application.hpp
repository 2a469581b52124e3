// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "tally.hpp"

#include <heartbeat/options.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace stress {

namespace asio = boost::asio;

/// `deadlines.close` of all sockets.
constexpr std::chrono::milliseconds close_deadline{100};

/// What slots throw.
class slot_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// What uses one socket at a time, without rest: two hands, which run on any thread and at the same time,
/// send, receive, wait, connect slots, close, cancel, start, and replace the socket by a new one.
class application {
public:
    /// \param replaces whether the socket is destroyed and made anew now and then
    application(asio::io_context& io, std::string url, std::uint32_t seed, bool replaces, tally& all);
    ~application();

    void begin();
    /// True: the hands rest, soon.
    void rest(bool resting);
    /// For a resting application: starts its socket if that has stopped, and takes what has been received.
    /// True if the hands rest, the socket is open, and it has nothing left to send.
    bool settle();
    /// The hands do nothing any more; `over` is true once that is so.
    void end();
    bool over() const;
    /// Afterwards closes the socket for good and looks whether all its messages had their outcome.
    void retire();

private:
    class implementation;
    std::unique_ptr<implementation> const implementation_;
};

}  // namespace stress
