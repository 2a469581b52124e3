// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace heartbeat {

namespace detail {

/// What the application answers.
template <class Value>
struct answer {
    Value use = {};
    bool failed = false;
    boost::system::error_code evidence = {};
    std::string explanation = {};
};

template <class Value>
answer<Value> failed_answer(std::exception_ptr const& exception) {
    answer<Value> result{.failed = true};
    try {
        std::rethrow_exception(exception);
    } catch (boost::system::system_error const& error) {
        result.evidence = error.code();
    } catch (std::exception const& error) {
        result.explanation = error.what();
    } catch (...) {
        result.explanation = "an exception of unknown type";
    }
    return result;
}

}  // namespace detail

/// Takes the answer to a question of the socket's, once; later calls are ignored, and so is an answer to an
/// attempt that is over. May be called from any thread, at once or later, also when the socket is gone, as
/// long as the socket's execution context lives. Never does anything before it returns. Copies are the same
/// handler. It can be what a coroutine of `asio::co_spawn` that returns a `Value` completes with.
template <class Value>
class answer_handler {
public:
    /// For the library.
    explicit answer_handler(std::function<void(detail::answer<Value>)> deliver)
        : once_(std::make_shared<once>(std::move(deliver))) {}

    /// Use this.
    void operator()(Value use) const { take({.use = std::move(use)}); }

    /// With an error the attempt fails, with that error as evidence.
    void operator()(boost::system::error_code error, Value use = {}) const {
        take({.use = std::move(use), .failed = error.failed(), .evidence = error});
    }

    /// With an exception the attempt fails, and the reason says what the exception says.
    void operator()(std::exception_ptr const& exception, Value use = {}) const {
        take(exception ? detail::failed_answer<Value>(exception)
                       : detail::answer<Value>{.use = std::move(use)});
    }

private:
    struct once {
        explicit once(std::function<void(detail::answer<Value>)> what) : deliver(std::move(what)) {}

        std::atomic<bool> done = false;
        std::function<void(detail::answer<Value>)> const deliver;
    };

    void take(detail::answer<Value> result) const {
        if (!once_->done.exchange(true)) once_->deliver(std::move(result));
    }

    std::shared_ptr<once> once_;
};

}  // namespace heartbeat
