// SPDX-License-Identifier: BSL-1.0
#pragma once

// Before an attempt: the application says where to connect and what to say there.

#include <heartbeat/net/connect_op.hpp>

#include <exception>
#include <utility>

namespace heartbeat::detail {

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::prepare(link_type& at) {
    // Whoever has to answer may never do so, and owns nothing meanwhile.
    prepare_handler const answer(
        [owner = this->weak_from_this(), asked = at.weak_from_this()](prepare_result result) {
            auto const self = owner.lock();
            auto const link = asked.lock();
            if (!self || !link) return;
            self->post([link, result = std::move(result)](connection& here) mutable {
                here.prepared_for(link, std::move(result));
            });
        });
    try {
        settings_.prepare({attempts_, coming_wait_.cause, renewal_.wanted(), current_}, answer);
    } catch (...) {
        answer(std::current_exception());
    }
}

template <class Protocol, class Stream, class Clock>
void connection<Protocol, Stream, Clock>::prepared_for(link_pointer const& at, prepare_result&& result) {
    // The attempt may have been given up since.
    if (at->ended || gone()) return;
    if (result.failed)
        return end(*at, {.cause = errc::prepare_failed,
                         .evidence = result.evidence,
                         .explanation = std::move(result.explanation)});
    if (result.use.url.empty()) result.use.url = current_.url;
    if (!result.use.tls) result.use.tls = current_.tls;
    try {
        plan(*at, result.use);
    } catch (options_error const& error) {
        return end(
            *at,
            {.cause = errc::prepare_failed, .evidence = errc::invalid_option, .explanation = error.what()});
    }
    current_ = std::move(result.use);
    connect_op<connection>{{this->shared_from_this(), at}}.resume(attempt::event::succeeded);
}

}  // namespace heartbeat::detail
