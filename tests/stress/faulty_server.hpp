// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/testing/echo_server.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>

extern template class heartbeat::basic_echo_server<>;

namespace stress {

namespace hb = heartbeat;
namespace asio = boost::asio;

/// An echo server at a port of its own that has one fault after the other. For one thread only.
class faulty_server {
public:
    explicit faulty_server(asio::any_io_executor const& executor);

    std::string url() const;
    /// Begins a fault, or perhaps ends the one that there is. True if one began.
    bool disturb(std::mt19937& random);
    /// Ends the fault that there is. False if the port could not be had yet.
    bool heal();
    /// Resets all connections; `done` is called on a thread of the executor.
    void drop_all(std::function<void()> done) { server_->drop_all(std::move(done)); }
    std::uint64_t open_sessions() const { return server_->open_sessions(); }

private:
    enum class fault { none, frozen, refusing, swallowing, wrong_id, slow, down, slamming };

    void begin(fault what);
    /// The process dies; nobody listens any more.
    void die();
    /// From now on every connection is accepted and closed.
    void slam();
    bool listen();

    asio::any_io_executor executor_;
    std::unique_ptr<hb::echo_server> server_;
    std::shared_ptr<hb::detail::tcp_listener> door_;
    hb::echo_server::endpoint_type endpoint_;
    fault fault_ = fault::none;
};

}  // namespace stress
