// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>
#include <heartbeat/request_options.hpp>

#include <boost/system/system_error.hpp>

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace heartbeat {

class tls_provider;

/// Where an attempt connects, and what it says there.
struct prepared {
    /// Empty: the one in `preparation::current`.
    std::string url = {};
    request_options request = {};
    /// For `wss`: what `heartbeat::tls` makes, such as one with a new client certificate. Null: the one in
    /// `preparation::current`. Sessions are resumed with the same one only, so give a new one when something
    /// has changed, not for each attempt.
    std::shared_ptr<tls_provider const> tls = {};
};

/// What `options::prepare` is told about the coming attempt.
struct preparation {
    /// The number of the attempt since the last link was stable, from 1.
    unsigned attempt = 0;
    /// Why the last link or attempt of this run ended; without a cause if there was none.
    reason last = {};
    /// New credentials are wanted: by default since the server refused the last; and until some were made.
    bool refresh = false;
    /// What the last attempt of this run was given, or else what the options say: change what has to change,
    /// and give it back.
    prepared current = {};
};

namespace detail {

/// What the application answers.
struct prepare_result {
    prepared use = {};
    bool failed = false;
    boost::system::error_code evidence = {};
    std::string explanation = {};
};

inline prepare_result failed_prepare(std::exception_ptr const& exception) {
    prepare_result result{.failed = true};
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

/// Takes the answer to `options::prepare`, once; later calls are ignored, and so is an answer to an attempt
/// that is over. May be called from any thread, at once or later, also when the socket is gone, as long as
/// the socket's execution context lives. Never does anything before it returns. Copies are the same handler.
/// It can be what a coroutine of `asio::co_spawn` that returns `prepared` completes with.
class prepare_handler {
public:
    /// For the library.
    explicit prepare_handler(std::function<void(detail::prepare_result)> deliver)
        : once_(std::make_shared<once>(std::move(deliver))) {}

    /// Attempt this.
    void operator()(prepared use) const { answer({.use = std::move(use)}); }

    /// With an error the attempt fails with `errc::prepare_failed` and that error as evidence.
    void operator()(boost::system::error_code error, prepared use = {}) const {
        answer({.use = std::move(use), .failed = error.failed(), .evidence = error});
    }

    /// With an exception the attempt fails with `errc::prepare_failed`, and the reason says what it says.
    void operator()(std::exception_ptr const& exception, prepared use = {}) const {
        answer(exception ? detail::failed_prepare(exception) : detail::prepare_result{.use = std::move(use)});
    }

private:
    struct once {
        explicit once(std::function<void(detail::prepare_result)> what) : deliver(std::move(what)) {}

        std::atomic<bool> done = false;
        std::function<void(detail::prepare_result)> const deliver;
    };

    void answer(detail::prepare_result result) const {
        if (!once_->done.exchange(true)) once_->deliver(std::move(result));
    }

    std::shared_ptr<once> once_;
};

/// Called on the socket's strand before each attempt.
using prepare_function = std::function<void(preparation, prepare_handler)>;

}  // namespace heartbeat
