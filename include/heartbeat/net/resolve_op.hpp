// SPDX-License-Identifier: BSL-1.0
#pragma once

// The lookup of an attempt: by the stream or by the application.

#include <heartbeat/net/connect_op.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <charconv>
#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace heartbeat::detail {

/// Takes the addresses that the stream has found. Nobody waits for a lookup that was abandoned.
template <class Connection>
struct resolve_op : operation<Connection> {
    using operation<Connection>::self;
    using operation<Connection>::at;

    void operator()(error_code error, std::vector<endpoint> found) {
        if (at->ended || self->gone()) return;
        self->resolved(*at, {.cause = error ? errc::resolve_failed : errc{}, .evidence = error},
                       std::move(found));
    }
};

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::resolve(link_type& at) {
    auto const& dial = settings_.dial;
    bool const redirected = at.trip.crossed();
    auto const& host = redirected || dial.host.empty() ? at.where.host : dial.host;
    auto port = redirected ? std::uint16_t{0} : dial.port;
    if (port == 0) std::from_chars(at.where.port.data(), at.where.port.data() + at.where.port.size(), port);
    if (dial.resolve && !is_address(host)) return ask_application(at, host, port);
    at.websocket.next_layer().next_layer().async_resolve(
        host, port, resolve_op<connection>{{this->shared_from_this(), at.shared_from_this()}});
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::ask_application(link_type& at, std::string const& host,
                                                          std::uint16_t port) {
    using answer_type = answer<std::vector<endpoint>>;
    // Whoever has to answer may never do so, and owns nothing meanwhile.
    resolve_handler const done([owner = this->weak_from_this(), asked = at.weak_from_this(),
                                port](answer_type result) {
        auto const self = owner.lock();
        auto const link = asked.lock();
        if (!self || !link) return;
        self->post([link, port, result = std::move(result)](connection& here) mutable {
            if (link->ended || here.gone()) return;
            for (auto& one : result.use)
                if (one.port == 0) one.port = port;
            auto const wrong =
                std::ranges::find_if(result.use, [](auto const& one) { return !is_address(one.address); });
            reason failure{.cause = result.failed ? errc::resolve_failed : errc{},
                           .evidence = result.evidence,
                           .explanation = std::move(result.explanation)};
            if (!result.failed && wrong != result.use.end())
                failure = {.cause = errc::resolve_failed,
                           .evidence = errc::invalid_option,
                           .explanation = "dial.resolve gave " + detail::quoted(wrong->address) +
                                          ", expected IPv4 and IPv6 addresses"};
            here.resolved(*link, std::move(failure), std::move(result.use));
        });
    });
    try {
        settings_.dial.resolve(host, done);
    } catch (...) {
        done(std::current_exception());
    }
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::resolved(link_type& at, reason&& failure,
                                                   std::vector<endpoint>&& found) {
    connect_op<connection> attempting{{this->shared_from_this(), at.shared_from_this()}};
    if (failure.cause == errc{} && found.empty())
        failure = {.cause = errc::resolve_failed, .evidence = asio::error::host_not_found};
    if (failure.cause != errc{}) return attempting.fail(std::move(failure));
    auto chosen = in_order(std::move(found), addresses_, settings_.dial.max_addresses);
    at.addresses = std::move(chosen.all);
    at.race = address_race(++races_, at.addresses.size(), settings_.dial.stagger, chosen.broken);
    attempting.resume(attempt::event::succeeded);
}

}  // namespace heartbeat::detail
