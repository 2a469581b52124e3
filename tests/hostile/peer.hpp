// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/testing/manual_clock.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace asio = boost::asio;
namespace hb = heartbeat;
using namespace std::chrono_literals;

class peer;

/// What a server does with a connection, from the accept to the return, which closes it. An error of the
/// connection ends it as well.
using script = std::function<asio::awaitable<void>(peer&)>;

/// One connection at the side of the server, for the script of a hostile one.
class peer : public std::enable_shared_from_this<peer> {
public:
    peer(asio::ip::tcp::socket socket, std::size_t number);

    /// Counts the connections of the server, from 1.
    std::size_t number() const noexcept { return number_; }

    /// Reads the upgrade request, and nothing more.
    asio::awaitable<void> request();
    /// The right answer to it, with header lines added or replaced, each with its line break.
    std::string answer(std::string_view more = {}) const;
    /// Reads the request, answers it as it should be, and goes on to read what comes.
    asio::awaitable<void> upgrade();
    /// Reads from now on all that comes, without further ado.
    void hear();

    asio::awaitable<void> send(std::string bytes);
    /// Sends bytes one by one.
    asio::awaitable<void> trickle(std::string bytes, hb::duration gap);
    /// Sends the same again and again, each time when the client has read it.
    asio::awaitable<void> send_for_ever(std::string bytes);
    /// Lets simulated time pass. It passes only when the client has read everything that was sent.
    asio::awaitable<void> pause(hb::duration time);
    /// Says nothing more, for ever.
    asio::awaitable<void> stay();
    /// Ends the connection as far as sending is concerned.
    void shut_down_sending();
    /// Ends the connection with a reset.
    void reset();

    /// The echoes of the heartbeats that came since the last call, as frames.
    std::string echoes();
    /// The code of the client's Close frame; 0 before it has come.
    unsigned close_code() const noexcept { return close_code_; }

    /// How much the client had left unread when simulated time passed last.
    std::size_t unread() const noexcept { return unread_; }

    // For the test that drives the clock.

    /// So many bytes has the client read.
    void note_read(std::size_t bytes) noexcept { unread_ = sent_ - bytes; }

    std::size_t sent() const noexcept { return sent_; }
    std::size_t heard() const noexcept { return heard_; }
    /// Reads nothing, though it may have.
    bool is_deaf() const noexcept { return !hearing_; }
    /// The client has ended the connection.
    bool is_abandoned() const noexcept { return abandoned_; }
    /// The script waits for time to pass, or for nothing.
    bool is_resting() const noexcept { return resting_; }
    bool is_over() const noexcept { return over_; }
    /// Runs the script.
    void play(script const& what);

private:
    asio::awaitable<void> read_on();
    void read_frames();
    void finish();

    asio::ip::tcp::socket socket_;
    hb::manual_timer timer_;
    std::size_t number_;
    std::array<char, 16 * 1024> space_ = {};
    std::string input_ = {};
    std::string key_ = {};
    std::string echoes_ = {};
    std::size_t sent_ = 0;
    std::size_t heard_ = 0;
    std::size_t unread_ = 0;
    unsigned close_code_ = 0;
    bool hearing_ = false;
    bool abandoned_ = false;
    bool resting_ = false;
    bool over_ = false;
};
