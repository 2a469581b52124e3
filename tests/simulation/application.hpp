// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "preparer.hpp"
#include "world.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <deque>
#include <memory>
#include <string>

/// What the application does with its socket, at moments and in ways that the dice choose.
class application {
public:
    explicit application(world& around) : world_(around), preparer_(around) {
        world_.react = [this](std::uint64_t session) { react(session); };
    }
    application(application const&) = delete;
    application& operator=(application const&) = delete;

    /// Makes a socket with options of any kind.
    void make_socket();
    /// Starts a run, or tries to while one is in progress.
    void start();
    void close();
    void destroy();
    /// Does something.
    void act();
    /// From now on nothing happens by itself.
    void be_quiet() { world_.react = {}; }

private:
    using signals = std::deque<std::unique_ptr<asio::cancellation_signal>>;

    /// An operation under way: its number, its handler's executor, and how to cancel it.
    struct ticket {
        std::size_t number;
        bool elsewhere;
        asio::any_io_executor executor;
        asio::cancellation_slot slot;
    };

    ticket begin(signals& cancellable, std::optional<hb::duration> limit = {});
    /// A completion handler that notes its completion and then does `work`.
    template <class Work>
    auto noting(ticket const& operation, Work work);

    void react(std::uint64_t opening_session);
    void send(stimulus how);
    void has_to_end(hb::duration limit);
    void send_with_receipt();
    void receive();
    void await_event();
    void await_state();
    void cancel_one(signals& operations);

    /// Lets the application have a say in its attempts, in some schedules.
    void take_part(hb::options& chosen);

    world& world_;
    preparer preparer_;
    std::uint64_t opening_session_ = 0;
    signals sends_;
    signals receives_;
    signals others_;
};
