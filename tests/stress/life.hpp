// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "tally.hpp"

#include <heartbeat/heartbeat_socket.hpp>
#include <heartbeat/protocols/mode_code.hpp>

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

extern template class heartbeat::detail::connection<heartbeat::mode_code, heartbeat::any_stream,
                                                    std::chrono::steady_clock>;

namespace stress {

namespace asio = boost::asio;

using socket_type = hb::heartbeat_socket<hb::mode_code>;

/// The life of one socket, and what its messages came to. Any thread may call these; slots hold it only while
/// they run, so that the last of them may be the one that destroys it.
class life : public std::enable_shared_from_this<life> {
public:
    life(asio::io_context& io, hb::options const& options, tally& all)
        : socket(io, options, hb::mode_code{}), all_(all) {}
    ~life();

    /// Connects the slots that count. To be called once.
    void observe();

    void send(std::string text);
    void async_send(std::string text);
    /// Cancelled right after it has begun, on the strand, as a signal wants it.
    void async_send_cancelled(std::string text);
    void async_receive();
    void async_next(unsigned which);
    void async_wait(hb::state wanted);
    void async_run();
    void async_close();

    /// Takes messages from the mailbox until `keep_draining` is false.
    void drain();
    void keep_draining(bool keep) { keep_draining_ = keep; }

    /// Closes and looks whether each message has had its outcome. Nobody may use it any more.
    void retire();

    socket_type socket;

private:
    /// Wraps a handler: counts that its operation begins now, and its completion.
    template <class Handler>
    auto counted(Handler handler);
    auto receipt();
    void receive_again();
    template <class Handler>
    void timed_close(Handler handler);
    void judge();

    tally& all_;
    /// Messages given to `send`: accepted, and told as lost.
    counter accepted_;
    counter lost_;
    /// Messages given to `async_send` that were written.
    counter written_;
    std::atomic<bool> draining_ = false;
    std::atomic<bool> keep_draining_ = false;
    // Strand only.
    bool open_ = false;
    bool retired_ = false;
    bool judged_ = false;
    std::uint64_t session_ = 0;
};

}  // namespace stress
