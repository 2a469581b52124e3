// SPDX-License-Identifier: BSL-1.0
#include "systematic.hpp"

#include "world.hpp"

#include <boost/asio/post.hpp>

#include <array>
#include <exception>
#include <stdexcept>

using namespace std::chrono_literals;

namespace {

enum class disturbance {
    reset,
    cut_both,
    cut_client,
    cut_server,
    finish_client,
    finish_server,
    server_forgets,
    server_drops,
    server_closes,
    server_freezes,
    server_refuses,
    lookups_fail,
    lookups_hang,
    close,
    cancel,
    destroy,
    connect_now,
    close_and_start,
    slot_throws,
    start,
};

constexpr std::array<char const*, disturbance_count> names = {"reset",
                                                              "cut",
                                                              "cut towards the client",
                                                              "cut towards the server",
                                                              "client half-closes",
                                                              "server half-closes",
                                                              "server forgets",
                                                              "server drops",
                                                              "server closes",
                                                              "server freezes",
                                                              "server refuses",
                                                              "lookups fail",
                                                              "lookups hang",
                                                              "close",
                                                              "cancel",
                                                              "destroy",
                                                              "connect_now",
                                                              "close and start",
                                                              "a slot throws",
                                                              "start"};

class fixed_session {
public:
    fixed_session(disturbance what, std::uint64_t step, std::ostream* trace)
        : world_(1, trace), what_(what), at_(step) {
        world_.network.set({.latency = 1ms, .largest_segment = 1});
        world_.react = [this](std::uint64_t session) {
            if (session != 0) send(session);
            if (start_again_ && world_.state() == hb::state::stopped) {
                start_again_ = false;
                start();
            }
            if (std::exchange(throw_next_, false)) throw std::runtime_error("a slot has thrown");
        };
    }

    played run() {
        world_.server->refuse_upgrades({.status = 307, .location = "/elsewhere"});
        world_.make_socket(
            {.url = "wss://server:8002",
             .heartbeat = {.interval = 1s, .timeout = 500ms},
             .reconnect = {.delay = 300ms, .max_delay = 1s, .stable_after = 5s},
             .deadlines =
                 {.resolve = 1s, .connect = 1s, .tls = 1s, .upgrade = 1s, .attempt = 2s, .close = 500ms},
             .limits = {.fragment_bytes = 128},
             .tls = std::make_shared<unused_tls>(),
             .request = {.most_redirects = 1},
             .prepare = [this](hb::preparation const& what,
                               hb::prepare_handler const& done) { prepare(what, done); },
             .seed = 7},
            false);
        start();
        send(0);
        send(0, 150);
        send_with_receipt();
        send(0);
        pass(1500ms);
        send_with_receipt();
        pass(100ms);
        close();
        pass(1s);
        heal();
        pass(100ms);
        fixed_steps_ = world_.tried.steps;
        world_.network.set({.latency = 1ms});
        pass(20s);
        done_ = true;
        start_again_ = false;
        heal();
        pass(10s);
        world_.laws.judge(9, !world_.socket || world_.links->is_open(), "the link did not come back");
        close();
        pass(2s);
        end();
        world_.tried.schedules = 1;
        world_.tried.premises = world_.laws.premises();
        world_.tried.steps = fixed_steps_;
        return {world_.laws.breach().value_or(""), world_.tried};
    }

private:
    bool step() {
        if (world_.tried.steps >= at_ && !std::exchange(done_, true)) {
            disturb();
            // What follows need not be slow.
            world_.network.set({.latency = 1ms});
        }
        try {
            return world_.step();
        } catch (std::exception const& left) {
            world_.say(left.what());
            return true;
        }
    }

    void pass(hb::duration time) {
        auto const until = world_.clock.now() + time;
        while (!world_.laws.breach()) {
            if (step()) continue;
            if (world_.clock.now() >= until) return;
            world_.pass(until);
        }
    }

    /// Answers later, as whoever fetches a token does.
    void prepare(hb::preparation const& what, hb::prepare_handler const& done) {
        world_.laws.require(5, world_.socket != nullptr, "prepare was called after its socket was destroyed");
        if (!world_.socket) return;
        world_.prepares();
        asio::post(world_.io, [use = what.current, done] { done(use); });
    }

    void start() {
        if (!world_.socket) return;
        auto const asked = world_.links->asks_to_start(world_.state() != hb::state::stopped);
        auto const number = world_.pending.begin(world_.clock.now());
        world_.socket->async_run([this, number, asked](hb::error_code error) {
            world_.pending.complete(number, true);
            bool const refused = error == hb::errc::already_running;
            if (refused && world_.links) world_.links->start_refused(asked);
        });
        world_.pending.initiated();
    }

    void send(std::uint64_t session, std::size_t size = 0) {
        if (!world_.socket) return;
        auto const number = world_.messages.next();
        auto const text = '#' + std::to_string(number) + ' ' + std::string(size, 'x');
        world_.messages.offered(world_.socket->send(hb::mode_code::message(text)), false, session);
    }

    void send_with_receipt() {
        if (!world_.socket) return;
        auto const message = world_.messages.next();
        world_.messages.offered(true, true, 0);
        auto const number = world_.pending.begin(world_.clock.now());
        auto text = hb::mode_code::message('#' + std::to_string(message) + ' ').dump();
        world_.socket->async_send(hb::message(std::move(text)), [this, number, message](hb::outcome outcome) {
            world_.pending.complete(number, true);
            world_.messages.told(message, outcome);
        });
        world_.pending.initiated();
    }

    void close() {
        if (!world_.socket) return;
        auto const number = world_.pending.begin(world_.clock.now(), world_.settings.deadlines.close);
        world_.socket->async_close([this, number, run = world_.links->run()](hb::error_code) {
            world_.pending.complete(number, true);
            if (world_.links) world_.links->close_completed(run);
        });
        world_.pending.initiated();
    }

    /// New connections are refused, and the one that there is ends, so that there has to be one.
    void refuse() {
        world_.network.stop_listening("server", "8002");
        world_.network.reset_connections();
    }

    void look_up(hb::lookup_result result) {
        world_.network.look_up(result);
        world_.network.reset_connections();
    }

    void cancel() {
        if (!world_.socket) return;
        if (world_.state() != hb::state::stopped) world_.links->has_to_end(world_.clock.now(), {});
        world_.socket->cancel();
    }

    void heal() {
        world_.network.restore();
        world_.network.look_up(hb::lookup_result::found);
        world_.server->resume();
        world_.listen();
        if (world_.socket && world_.state() == hb::state::stopped) start();
        world_.changed(true);
    }

    void disturb() {
        world_.say(std::string("* ") + names[static_cast<std::size_t>(what_)]);
        world_.changed(false);
        auto& network = world_.network;
        using enum hb::network_end;
        switch (what_) {
            case disturbance::reset: return network.reset_connections();
            case disturbance::cut_both: return network.cut();
            case disturbance::cut_client: return network.cut(client);
            case disturbance::cut_server: return network.cut(server);
            case disturbance::finish_client: return network.finish_connections(client);
            case disturbance::finish_server: return network.finish_connections(server);
            case disturbance::server_forgets: return network.forget_connections(server);
            case disturbance::server_drops: return world_.server->drop_all();
            case disturbance::server_closes: return world_.server->close_all(1001, "bye");
            case disturbance::server_freezes: return world_.server->freeze();
            case disturbance::server_refuses: return refuse();
            case disturbance::lookups_fail: return look_up(hb::lookup_result::not_found);
            case disturbance::lookups_hang: return look_up(hb::lookup_result::hangs);
            case disturbance::close: return close();
            case disturbance::cancel: return cancel();
            case disturbance::destroy: return world_.destroy_socket();
            case disturbance::connect_now:
                if (!world_.socket) return;
                world_.links->connect_now();
                return world_.socket->connect_now();
            case disturbance::close_and_start: start_again_ = true; return close();
            case disturbance::slot_throws: throw_next_ = true; return;
            case disturbance::start: return start();
        }
    }

    void end() {
        auto& laws = world_.laws;
        laws.judge(5, world_.state() == hb::state::stopped, "the run did not end");
        world_.messages.settle_run();
        if (world_.socket) world_.destroy_socket();
        world_.server.reset();
        world_.network.restore();
        pass(1s);
        world_.pending.settle();
        world_.messages.settle();
        laws.judge(4, world_.clock.pending() <= world_.network.lookups_in_progress(),
                   "a timer was left behind");
    }

    world world_;
    disturbance what_;
    std::uint64_t at_;
    bool done_ = false;
    /// Steps until there is nothing left to disturb.
    std::uint64_t fixed_steps_ = 0;
    bool throw_next_ = false;
    bool start_again_ = false;
};

}  // namespace

played play_fixed(std::uint64_t what, std::uint64_t step, std::ostream* trace) {
    return fixed_session(static_cast<disturbance>(what), step, trace).run();
}

char const* disturbance_name(std::uint64_t what) { return names[what]; }
