// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/testing/manual_clock.hpp>
#include <heartbeat/testing/network_conditions.hpp>
#include <heartbeat/testing/simulated_stream.hpp>

#include <boost/asio/execution_context.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace heartbeat {

/// A network in memory and in simulated time, for tests: between sockets whose `Stream` is `simulated_stream`
/// and servers that listen here, such as `basic_echo_server<simulated_stream, manual_clock>`. Time is that of
/// the `manual_clock` of the same execution context, so `run_for` plays hours in an instant, and in the same
/// way each time: the same seed and the same calls give the same run.
///
/// A handle; all handles on one execution context share one network. Connections behave as with TCP: bytes
/// are never lost or reordered, only late; what is lost on its way is repeated when it can arrive again. Not
/// thread-safe: one thread runs the context and calls these functions.
class simulated_network {
public:
    using accept_function = std::function<void(simulated_stream)>;
    using observer_function = std::function<void(network_event const&)>;

    /// `seed` draws jitter and segments.
    explicit simulated_network(asio::execution_context& context, std::uint64_t seed = 1)
        : service_(&asio::use_service<detail::simulated_network_service>(context)) {
        service_->weather->random.seed(seed);
    }

    /// Hands connections to `host` and `port`, as they stand in the URL, to `accept`, on `executor`. Instead
    /// of whoever listened there before.
    void listen(std::string const& host, std::string const& port, asio::any_io_executor const& executor,
                accept_function accept) {
        service_->listeners.insert_or_assign(host + ':' + port, listener{executor, std::move(accept)});
    }
    /// Dials are refused from now on. Connections stay.
    void stop_listening(std::string const& host, std::string const& port) {
        service_->listeners.erase(host + ':' + port);
    }

    network_conditions const& conditions() const noexcept { return service_->weather->conditions; }
    void set(network_conditions const& conditions) { service_->weather->conditions = conditions; }

    /// What is sent to this end gets lost from now on, what is on its way included, and dials are not
    /// answered.
    void cut(network_end to) { service_->weather->lost[static_cast<std::size_t>(to)] = true; }
    /// In both directions.
    void cut() {
        cut(network_end::client);
        cut(network_end::server);
    }
    /// What was sent to this end meanwhile arrives, as soon as a first byte could.
    void restore(network_end to);
    /// In both directions.
    void restore() {
        restore(network_end::client);
        restore(network_end::server);
    }
    bool is_cut(network_end to) const noexcept { return service_->weather->is_lost(to); }

    /// What a lookup of `host` finds, in this order, instead of `host` itself: addresses, at which servers
    /// listen by `listen`.
    void name(std::string const& host, std::vector<std::string> addresses) {
        service_->names.insert_or_assign(host, std::move(addresses));
    }
    /// Dials to that address are not answered from now on, or are again, as behind a firewall that throws
    /// them away. Dials that wait go on waiting.
    void swallow(std::string const& address, std::string const& port, bool swallowed = true) {
        if (swallowed)
            service_->swallowed.insert(address + ':' + port);
        else
            service_->swallowed.erase(address + ':' + port);
    }
    /// Which families of addresses this host has a route to; dials to others fail at once.
    void set_families(bool ipv4, bool ipv6) {
        service_->has_ipv4 = ipv4;
        service_->has_ipv6 = ipv6;
    }

    /// What becomes of lookups that begin. Unless lookups hang, those that did so end.
    void look_up(lookup_result result);
    /// Lookups that have begun and not ended.
    std::uint64_t lookups_in_progress() const noexcept { return service_->lookups_in_progress; }

    /// Resets every connection: both ends hear of it, what is on its way is gone.
    void reset_connections();
    /// This end of every connection sends no more, and the other end reads the end of the stream.
    void finish_connections(network_end end);
    /// The hosts of this end lose all memory of their connections, without a word, as if they were restarted.
    /// Their own operations fail; the other end hears of it when it sends something.
    void forget_connections(network_end end);

    /// Dials so far.
    std::uint64_t dials() const noexcept { return service_->dials; }
    /// Connections that this end has not closed.
    std::size_t open_connections(network_end end = network_end::client) const;

    /// Tells what happens, instead of whom it told before; none for nobody. An observer must not use the
    /// network.
    void observe(observer_function observer) { service_->weather->observer = std::move(observer); }

private:
    using listener = detail::simulated_network_service::listener;

    template <class Action>
    void for_each(Action const& action) const;

    detail::simulated_network_service* service_;
};

namespace detail {

inline std::shared_ptr<simulated_connection> simulated_network_service::connect(
    asio::any_io_executor const& client, std::string const& where, bool secure, std::uint64_t number) {
    auto const found = listeners.find(where);
    if (found == listeners.end()) return nullptr;
    auto const listening = found->second;
    auto made = std::make_shared<simulated_connection>(client, listening.executor, weather, number);
    std::erase_if(connections, [](auto const& one) { return one.expired(); });
    connections.push_back(made);
    listening.accept(simulated_stream(std::make_shared<simulated_socket>(listening.executor, made, secure)));
    return made;
}

}  // namespace detail

template <class Action>
void simulated_network::for_each(Action const& action) const {
    // An action may make connections come and go.
    auto const connections = service_->connections;
    for (auto const& one : connections)
        if (auto const alive = one.lock()) action(*alive);
}

inline void simulated_network::restore(network_end to) {
    auto& lost = service_->weather->lost[static_cast<std::size_t>(to)];
    if (!std::exchange(lost, false)) return;
    for_each([](detail::simulated_connection& one) { one.repeat(); });
    for (auto const& one : std::exchange(service_->sockets, {})) {
        auto const alive = one.lock();
        if (!alive) continue;
        service_->sockets.push_back(one);
        alive->repeat();
    }
}

inline void simulated_network::look_up(lookup_result result) {
    service_->lookups = result;
    if (result == lookup_result::hangs) return;
    for (auto const& lookup : std::exchange(service_->hanging, {})) lookup();
}

inline void simulated_network::reset_connections() {
    for_each([](detail::simulated_connection& one) { one.reset(); });
}

inline void simulated_network::finish_connections(network_end end) {
    for_each([end](detail::simulated_connection& one) { one.out_of(end).finish(); });
}

inline void simulated_network::forget_connections(network_end end) {
    for_each([end](detail::simulated_connection& one) { one.forget(end); });
}

inline std::size_t simulated_network::open_connections(network_end end) const {
    std::size_t open = 0;
    for_each([&](detail::simulated_connection const& one) { open += one.is_closed(end) ? 0 : 1; });
    return open;
}

}  // namespace heartbeat
