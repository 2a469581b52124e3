// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/net/inflating_filter.hpp>

#include <boost/asio/associator.hpp>
#include <boost/asio/buffer.hpp>

#include <array>
#include <cstddef>
#include <utility>

namespace heartbeat::detail {

/// Takes what the filter has into a sequence of buffers.
template <class Buffers>
std::size_t take_into(Buffers const& space, inflating_filter& filter) {
    auto part = asio::buffer_sequence_begin(space);
    asio::mutable_buffer first = *part;
    auto const whole = asio::buffer_size(space);
    if (first.size() == whole || first.size() >= inflating_filter::least_space) return filter.take(first);
    std::array<char, 256> gathered = {};
    auto const count = filter.take(asio::buffer(gathered, whole));
    return asio::buffer_copy(space, asio::buffer(gathered, count));
}

/// Reads through a filter: until there is something for the websocket. `Read` starts a read of the stream
/// below, with a buffer and a handler.
template <class Read, class Buffers, class Handler>
struct inflating_read {
    Read read;
    Buffers space;
    inflating_filter& filter;
    Handler handler;

    void go_on() {
        auto const into = filter.space();
        auto const start = read;
        start(into, std::move(*this));
    }

    void operator()(error_code error, std::size_t count) {
        filter.commit(count);
        auto const taken = error ? 0 : take_into(space, filter);
        if (!error && taken == 0) return go_on();
        std::move(handler)(error, taken);
    }
};

}  // namespace heartbeat::detail

template <template <class, class> class Associator, class Read, class Buffers, class Handler, class Default>
struct boost::asio::associator<Associator, heartbeat::detail::inflating_read<Read, Buffers, Handler>, Default>
    : Associator<Handler, Default> {
    using subject = heartbeat::detail::inflating_read<Read, Buffers, Handler>;

    static auto get(subject const& op) noexcept { return Associator<Handler, Default>::get(op.handler); }
    static auto get(subject const& op, Default const& fallback) noexcept {
        return Associator<Handler, Default>::get(op.handler, fallback);
    }
};
