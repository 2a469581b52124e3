// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/associator.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <utility>

namespace heartbeat::detail {

/// A handler that looks at a result before it passes it on. Whatever is associated with the handler stays so.
template <class Observer, class Handler>
struct observed_handler {
    /// Called with the error, which it may change, and the count; gives the count to pass on.
    Observer observe;
    Handler handler;

    void operator()(boost::system::error_code error, std::size_t count) {
        auto const result = observe(error, count);
        std::move(handler)(error, result);
    }
};

template <class Observer, class Handler>
observed_handler(Observer, Handler) -> observed_handler<Observer, Handler>;

}  // namespace heartbeat::detail

template <template <class, class> class Associator, class Observer, class Handler, class Default>
struct boost::asio::associator<Associator, heartbeat::detail::observed_handler<Observer, Handler>, Default>
    : Associator<Handler, Default> {
    using subject = heartbeat::detail::observed_handler<Observer, Handler>;

    static auto get(subject const& op) noexcept { return Associator<Handler, Default>::get(op.handler); }
    static auto get(subject const& op, Default const& fallback) noexcept {
        return Associator<Handler, Default>::get(op.handler, fallback);
    }
};
