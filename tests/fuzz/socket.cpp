// SPDX-License-Identifier: BSL-1.0
//
// A whole socket in a simulated network. The input is a script for its server, which upgrades each connection
// and may then send any bytes, for the network, for time, and for the application. What the application does
// happens between handlers or in a slot.
#include "raw_peer.hpp"
#include "script.hpp"
#include "socket_laws.hpp"
#include "socket_parts.hpp"

#include <heartbeat/heartbeat_socket.hpp>
#include <heartbeat/protocols/mode_code.hpp>
#include <heartbeat/testing/manual_clock.hpp>
#include <heartbeat/testing/simulated_network.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hb = heartbeat;
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

using socket_type = hb::heartbeat_socket<hb::mode_code, hb::simulated_stream, hb::manual_clock>;

class trial {
public:
    explicit trial(script input) : input_(input), settings_(draw_options(input_)), laws_(settings_, clock_) {
        network_.observe([this](hb::network_event const& event) { laws_.note(event); });
        manners_->on_frame = [this](frames::received const& frame) { laws_.note(frame); };
        listen();
        socket_.emplace(io_, settings_, hb::mode_code([this] { return wall_clock_++; }));
        watch<hb::opened, hb::closed, hb::state_changed, hb::attempt_failed, hb::waiting, hb::stopped>();
        watch<hb::beat, hb::suspected, hb::malformed, hb::undelivered, hb::slot_failed>();
        if (input_.flag()) watch<hb::message>();
        run();
    }

    void play() {
        unsigned const ending = input_.last_byte() % 3;
        for (int steps = 0; !input_.done() && steps < 100; ++steps) {
            step(input_.byte());
            check();
        }
        reacts_ = false;
        settle();
        if (socket_ && ending != 0) stop(ending == 1);
        destroy();
        settle();
        require(std::ranges::all_of(operations_, [](auto const& one) { return one->completions == 1; }),
                "every operation completes after destruction");
        // What is left now is the server's and the network's.
        network_.stop_listening("server", "8002");
        network_.look_up(hb::lookup_result::found);
        network_.restore();
        for (auto const& peer : peers_) peer->close();
        peers_.clear();
        pass(10s);
        require(network_.open_connections() == 0, "no connection stays");
        require(clock_.pending() == 0, "no timer stays");
        io_.restart();
        io_.poll();
        require(io_.stopped(), "nothing is left to wait for");
    }

private:
    void listen() {
        network_.listen("server", "8002", io_.get_executor(), [this](hb::simulated_stream stream) {
            peers_.push_back(std::make_shared<raw_peer>(std::move(stream), manners_));
            peers_.back()->read();
        });
    }

    // ---- Time.

    void settle() {
        io_.restart();
        for (int handlers = 0; io_.poll_one() != 0; ++handlers)
            require(handlers < 50'000, "handlers come to an end");
    }
    void pass(hb::duration time) {
        for (auto const end = clock_.now() + time;;) {
            settle();
            check();
            if (clock_.now() >= end) return;
            auto const next = clock_.next_expiry();
            clock_.advance_to(next ? std::min(*next, end) : end);
        }
    }
    void check() {
        if (!socket_) return;
        require(network_.open_connections() <= (socket_->state() == hb::state::stopped ? 0U : 1U),
                "there is one connection at most, and none without a run");
        laws_.check(socket_->state(), socket_->stats());
    }

    // ---- The application.

    template <class... Events>
    void watch() {
        (socket_->on<Events>([this](Events const& event) {
            laws_.note(event);
            if (!reacts_) return;
            if (std::exchange(throw_next_, false)) throw 1;
            if (auto const what = std::exchange(react_next_, std::nullopt)) step(*what);
        }),
         ...);
    }
    /// Begins an operation, which has to complete once, and later.
    template <class Initiate, class Then>
    void begin(Initiate initiate, Then then) {
        auto const made = operations_.emplace_back(std::make_shared<operation>());
        initiate(asio::bind_cancellation_slot(made->stop.slot(), [made, then](auto const&... results) {
            require(made->initiated, "nothing completes inside its initiating function");
            require(++made->completions == 1, "an operation completes once");
            then(results...);
        }));
        made->initiated = true;
    }
    template <class Initiate>
    void begin(Initiate initiate) {
        begin(initiate, [](auto const&...) {});
    }
    void run() {
        laws_.run_begins();
        begin([&](auto token) { socket_->async_run(std::move(token)); },
              [this](hb::error_code error) { laws_.run_ended(error); });
    }
    /// Ends the run, gracefully or not, and then nothing may happen.
    void stop(bool gracefully) {
        if (gracefully)
            begin([&](auto token) { socket_->async_close(std::move(token)); });
        else
            socket_->cancel();
        pass(gracefully ? settings_.deadlines.close : 0s);
        require(socket_->state() == hb::state::stopped, "stopping is bounded");
        laws_.check_stopped();
        auto const dials = network_.dials();
        pass(3s);
        require(network_.dials() == dials, "nothing is dialled after a run");
    }
    void destroy() {
        socket_.reset();
        laws_.destroyed();
    }
    std::string text() {
        auto const made = "#" + std::to_string(messages_++) + "#";
        return made + std::string(input_.byte() * 4U, 'x');
    }
    hb::state some_state() { return static_cast<hb::state>(input_.below(5)); }

    void act(unsigned what) {
        if (!socket_) return;
        switch (what) {
            case 16: return static_cast<void>(socket_->send(text()));
            case 17: return static_cast<void>(socket_->send(hb::message(hb::message_kind::binary, text())));
            case 18: return begin([&](auto token) { socket_->async_send(text(), std::move(token)); });
            case 19: return begin([&](auto token) { socket_->async_close(std::move(token)); });
            case 20: return socket_->cancel();
            case 21: laws_.excused = true; return socket_->connect_now();
            case 22: return run();
            case 23: return begin([&](auto token) { socket_->async_receive(std::move(token)); });
            case 24: return begin([&](auto token) { socket_->async_wait(some_state(), std::move(token)); });
            case 25: return begin([&](auto token) { socket_->async_next<hb::opened>(std::move(token)); });
            case 26: return input_.byte() % 4 == 0 ? destroy() : void();
            default: {
                auto const chosen = operations_[input_.byte() % operations_.size()];
                return chosen->stop.emit(asio::cancellation_type::terminal);
            }
        }
    }

    // ---- The script.

    void step(unsigned what) {
        what %= 32;
        if (what >= 16 && what < 28) return act(what);
        unsigned const size = input_.byte();
        auto const end = (size & 1U) != 0 ? hb::network_end::client : hb::network_end::server;
        auto const peer = peers_.empty() ? nullptr : peers_.back();
        switch (what) {
            case 0: return peer ? peer->send(input_.text(size % 64)) : void();
            case 1: return peer ? peer->send(frame(size)) : void();
            case 2: return peer ? peer->send(frames::repeated(frames::message(), size % 8)) : void();
            case 3: return peer ? peer->send(frames::repeated(frame(input_.byte()), size)) : void();
            case 4: manners_->answers = (size & 1U) != 0; return;
            case 5: return peer ? peer->be_lazy((size & 1U) != 0) : void();
            case 6: return peer ? peer->close() : void();
            case 7: return network_.reset_connections();
            case 8: return network_.finish_connections(end);
            case 9: return network_.forget_connections(hb::network_end::server);
            case 10: return (size & 2U) != 0 ? network_.cut(end) : network_.restore();
            case 11: return (size & 1U) != 0 ? listen() : network_.stop_listening("server", "8002");
            case 12: return network_.look_up(static_cast<hb::lookup_result>(size % 3));
            case 13: return pause(size * 5ms);
            case 14: return pause(size * 25ms);
            case 15: return pause_for_handlers(size % 32);
            case 28: react_next_ = size; return;
            case 29: throw_next_ = true; return;
            case 30: manners_->instead_of_upgrade = std::string(input_.text(size)); return;
            default: return network_.set(conditions_from(size));
        }
    }
    /// Any first byte of a frame, and a length that is right.
    std::string frame(unsigned first) {
        auto const payload = input_.text(input_.byte());
        return frames::frame(first & 0x0fU, payload,
                             {.last = (first & 0x80U) == 0, .reserved = first >> 4U & 7U});
    }
    /// In a slot nothing can be waited for.
    void pause(hb::duration time) {
        if (!io_.get_executor().running_in_this_thread()) pass(time);
    }
    void pause_for_handlers(unsigned count) {
        if (io_.get_executor().running_in_this_thread()) return;
        for (io_.restart(); count != 0 && io_.poll_one() != 0;) --count;
    }

    script input_;
    hb::options settings_;
    asio::io_context io_ = {};
    hb::manual_clock clock_{io_};
    hb::simulated_network network_{io_};
    laws laws_;
    std::shared_ptr<peer_manners> manners_ = std::make_shared<peer_manners>();
    std::vector<std::shared_ptr<raw_peer>> peers_ = {};
    std::optional<socket_type> socket_ = {};
    std::vector<std::shared_ptr<operation>> operations_ = {};
    std::int64_t wall_clock_ = 1'690'000'000'000;
    int messages_ = 0;
    bool reacts_ = true;
    bool throw_next_ = false;
    std::optional<unsigned> react_next_ = {};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    trial(script(data, size)).play();
    return 0;
}
