// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/net/abandon_service.hpp>
#include <heartbeat/testing/simulated_pipe.hpp>

#include <boost/asio/execution/context.hpp>
#include <boost/asio/query.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <utility>

namespace heartbeat::detail {

/// Two pipes between a client and a server, with the manners of TCP: what was written before a close still
/// arrives; a reset does not wait for it; whoever writes to an end that is gone hears of it by a reset.
class simulated_connection final : public abandonable {
public:
    simulated_connection(asio::any_io_executor const& client, asio::any_io_executor const& server,
                         std::shared_ptr<simulated_weather> const& weather, std::uint64_t number)
        : weather_(weather),
          number_(number),
          pipes_{std::make_shared<simulated_pipe>(client, weather, network_end::client, number),
                 std::make_shared<simulated_pipe>(server, weather, network_end::server, number)},
          service_(asio::use_service<abandon_service>(asio::query(client, asio::execution::context))) {
        for (auto const end : {network_end::client, network_end::server}) {
            into(end).on_reset = [this, end] { out_of(end).break_writer(asio::error::connection_reset); };
            into(end).on_stray = [this, end] { out_of(end).reset(); };
        }
        service_.add(*this);
    }

    ~simulated_connection() { service_.remove(*this); }
    simulated_connection(simulated_connection const&) = delete;
    simulated_connection& operator=(simulated_connection const&) = delete;

    std::uint64_t number() const noexcept { return number_; }
    /// What that end reads.
    simulated_pipe& into(network_end end) noexcept { return *pipes_[index(end)]; }
    /// What that end writes.
    simulated_pipe& out_of(network_end end) noexcept { return *pipes_[1 - index(end)]; }
    bool is_closed(network_end end) const noexcept { return closed_[index(end)]; }

    /// The end goes. What it has not read makes this a reset, as with TCP.
    void close(network_end end) {
        if (std::exchange(closed_[index(end)], true)) return;
        auto const unread = into(end).unread();
        weather_->tell({network_event::kind::closed, number_, end, unread});
        unread.empty() ? out_of(end).finish() : out_of(end).reset();
        drop(end, asio::error::operation_aborted);
    }

    /// The host of that end has lost all memory of the connection, and says nothing until it is asked.
    void forget(network_end end) {
        if (std::exchange(closed_[index(end)], true)) return;
        drop(end, asio::error::connection_reset);
    }

    void reset() {
        for (auto const& pipe : pipes_) pipe->reset();
    }

    void repeat() {
        for (auto const& pipe : pipes_) pipe->repeat();
    }

    void abandon() override {
        // The handlers may own the streams, and so this.
        auto const keep = pipes_;
        for (auto const& pipe : keep) pipe->abandon();
    }

private:
    static constexpr std::size_t index(network_end end) noexcept { return static_cast<std::size_t>(end); }

    void drop(network_end end, error_code error) {
        into(end).leave_reader(error);
        out_of(end).break_writer(error);
    }

    std::shared_ptr<simulated_weather> weather_;
    std::uint64_t number_;
    std::array<std::shared_ptr<simulated_pipe>, 2> pipes_;
    std::array<bool, 2> closed_ = {false, false};
    abandon_service& service_;
};

}  // namespace heartbeat::detail
