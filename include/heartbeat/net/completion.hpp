// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

#include <tuple>
#include <type_traits>
#include <utility>

namespace heartbeat {

namespace asio = boost::asio;

namespace detail {

/// Whether a completion token can be used for an operation with these results. Most are handlers, which are
/// looked at first, since that costs little.
template <class Token, class... Results>
concept completes_with = asio::completion_handler_for < std::decay_t<Token>,
void(Results...) > || asio::completion_token_for<Token, void(Results...)>;

/// A completion handler that is kept until its operation ends. Calling it posts the handler to its associated
/// executor, so it never runs inside of whoever calls; the executor has outstanding work meanwhile.
/// Move-only; called at most once; destroyed uninvoked together with its owner.
template <class... Arguments>
class completion {
public:
    /// No handler: calling it does nothing.
    completion() = default;

    template <class Handler>
    completion(Handler handler, asio::any_io_executor const& fallback)
        : executor_(asio::prefer(asio::any_io_executor(asio::get_associated_executor(handler, fallback)),
                                 asio::execution::outstanding_work.tracked)),
          handler_(std::move(handler)) {}

    completion(completion&& other) noexcept = default;

    // By swapping: in Boost 1.81 the move assignment of any_completion_handler calls itself.
    completion& operator=(completion&& other) noexcept {
        completion taken(std::move(other));
        executor_.swap(taken.executor_);
        handler_.swap(taken.handler_);
        return *this;
    }

    explicit operator bool() const noexcept { return static_cast<bool>(handler_); }

    /// Where to hear that the operation is cancelled. The one of the handler itself serves the type erasure.
    asio::cancellation_slot slot() const noexcept {
        return handler_ ? handler_.get_cancellation_slot() : asio::cancellation_slot();
    }

    void operator()(Arguments... arguments) {
        if (!handler_) return;
        completion once(std::move(*this));
        asio::post(once.executor_, [handler = std::move(once.handler_),
                                    results = std::tuple<Arguments...>(std::move(arguments)...)]() mutable {
            // The slot belongs to whoever runs the handler; clear it there, before it may be reused.
            if (auto slot = handler.get_cancellation_slot(); slot.is_connected()) slot.clear();
            std::apply(std::move(handler), std::move(results));
        });
    }

private:
    asio::any_io_executor executor_;
    asio::any_completion_handler<void(Arguments...)> handler_;
};

}  // namespace detail
}  // namespace heartbeat
