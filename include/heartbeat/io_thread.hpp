// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

namespace heartbeat {

namespace asio = boost::asio;

/// An event loop on a thread of its own, for programs that have none. Declare it before the sockets that run
/// on it.
class io_thread {
public:
    using executor_type = asio::io_context::executor_type;

    /// Starts the thread. `on_exception` is called on it with each exception that leaves a handler, such as
    /// one from a slot; the loop goes on. Without it such an exception ends the program, as in any other
    /// thread.
    explicit io_thread(std::function<void(std::exception_ptr)> on_exception = {})
        : context_(std::make_shared<asio::io_context>(1)), work_(asio::make_work_guard(*context_)) {
        thread_ = std::thread([context = context_, on_exception = std::move(on_exception)] {
            for (;;) {
                try {
                    context->run();
                    return;
                } catch (...) {
                    if (!on_exception) throw;
                    on_exception(std::current_exception());
                }
            }
        });
    }

    io_thread(io_thread const&) = delete;
    io_thread& operator=(io_thread const&) = delete;

    /// Stops the loop and waits for the handler that is running. On its own thread, in a handler, it does not
    /// wait: the loop then ends by itself when that handler returns.
    ~io_thread() {
        context_->stop();
        if (thread_.get_id() == std::this_thread::get_id()) {
            thread_.detach();
        } else {
            thread_.join();
        }
    }

    /// The loop, for whatever else should run on it.
    asio::io_context& context() noexcept { return *context_; }

    executor_type get_executor() noexcept { return context_->get_executor(); }

private:
    std::shared_ptr<asio::io_context> context_;
    asio::executor_work_guard<executor_type> work_;
    std::thread thread_;
};

}  // namespace heartbeat
