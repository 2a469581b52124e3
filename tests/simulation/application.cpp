// SPDX-License-Identifier: BSL-1.0
#include "application.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>

#include <stdexcept>

using namespace std::chrono_literals;

void application::make_socket() {
    auto& random = world_.random;
    hb::options chosen{.url = random.chance(40) ? "wss://server:8002" : "ws://server:8002"};
    chosen.tls = std::make_shared<unused_tls>();
    chosen.heartbeat = {.interval = random.one_of<hb::duration>({0s, 500ms, 1s, 2s, 4s}),
                        .timeout = random.one_of<hb::duration>({200ms, 500ms, 1s, 2s}),
                        .proof = random.chance(20) ? hb::liveness::any_input : hb::liveness::round_trip};
    chosen.reconnect = {.delay = random.one_of<hb::duration>({100ms, 500ms, 1s}),
                        .growth = random.one_of({1.0, 1.5, 2.0, 10.0}),
                        .max_delay = random.one_of<hb::duration>({500ms, 2s, 8s}),
                        .jitter = random.chance(80),
                        .stable_after = random.one_of<hb::duration>({0s, 1s, 5s, 20s})};
    chosen.reconnect.enabled = !random.chance(3);
    if (random.chance(10)) chosen.reconnect.max_attempts = static_cast<unsigned>(1 + random.below(6));
    if (random.chance(10)) chosen.reconnect.max_elapsed = random.between(1s, 20s);
    chosen.deadlines = {.resolve = 1s,
                        .connect = random.one_of<hb::duration>({1s, 2s}),
                        .tls = random.one_of<hb::duration>({1s, 2s}),
                        .upgrade = 2s,
                        .attempt = random.one_of<hb::duration>({2s, 4s}),
                        .close = random.one_of<hb::duration>({100ms, 1s, 3s})};
    chosen.limits.fragment_bytes = random.one_of<std::size_t>({128, 500, 4096, 65536});
    chosen.limits.outbox_messages = random.one_of<std::size_t>({3, 20, 1024});
    chosen.limits.outbox_bytes = random.one_of<std::size_t>({2000, 16 << 20});
    chosen.limits.mailbox_messages = random.one_of<std::size_t>({1, 4, 1024});
    chosen.limits.mailbox_overflow = random.one_of(
        {hb::overflow::drop_oldest, hb::overflow::drop_newest, hb::overflow::close, hb::overflow::pause});
    chosen.heartbeat.adaptive = random.chance(20);
    chosen.heartbeat.least_timeout = random.one_of<hb::duration>({50ms, 200ms});
    chosen.request.most_redirects = static_cast<unsigned>(random.below(3));
    if (random.chance(20)) chosen.reconnect.budget = world_.shared.budget();
    take_part(chosen);
    chosen.seed = 1 + random.next() / 2;
    world_.make_socket(chosen, random.chance(30));
}

void application::take_part(hb::options& chosen) {
    auto const mine = world_.generation;
    chosen.deadlines.prepare = 1s;
    if (world_.random.chance(40)) {
        chosen.prepare = [this, mine](hb::preparation const& what, hb::prepare_handler const& done) {
            preparer_.answer(mine, what, done);
        };
    }
    if (world_.random.chance(15)) {
        chosen.reconnect.judge = [this, mine](hb::reason const&, hb::verdict standard) {
            world_.laws.require(5, mine == world_.generation,
                                "judge was called after its socket was destroyed");
            if (standard.what == hb::verdict::stop) standard.what = hb::verdict::retry;
            return standard;
        };
    }
}

application::ticket application::begin(signals& cancellable, std::optional<hb::duration> limit) {
    auto const number = world_.pending.begin(world_.clock.now(), limit);
    bool const elsewhere = world_.random.chance(50);
    if (cancellable.size() == 100) cancellable.pop_front();
    auto const& signal = cancellable.emplace_back(std::make_unique<asio::cancellation_signal>());
    asio::any_io_executor executor = world_.io.get_executor();
    if (elsewhere) executor = world_.elsewhere;
    return {number, elsewhere, executor, signal->slot()};
}

template <class Work>
auto application::noting(ticket const& operation, Work work) {
    auto handler = [this, number = operation.number, elsewhere = operation.elsewhere,
                    work = std::move(work)](auto&&... results) {
        world_.pending.complete(number, !elsewhere || world_.elsewhere.running_in_this_thread());
        work(results...);
    };
    return asio::bind_cancellation_slot(operation.slot,
                                        asio::bind_executor(operation.executor, std::move(handler)));
}

void application::start() {
    if (!world_.socket) return;
    world_.did(stimulus::start);
    bool const again = world_.state() != hb::state::stopped;
    auto const asked = world_.links->asks_to_start(again);
    auto const one = begin(others_);
    auto const run = world_.links->run();
    world_.socket->async_run(
        noting(one, [this, again, asked, run, mine = world_.generation](hb::error_code error) {
            if (mine != world_.generation) return;
            if (error == hb::errc::already_running) return world_.links->start_refused(asked);
            if (!again) world_.links->close_completed(run);
        }));
    world_.pending.initiated();
}

void application::close() {
    world_.did(stimulus::async_close);
    auto const one = begin(others_, world_.settings.deadlines.close);
    auto const run = world_.links->run();
    world_.socket->async_close(noting(one, [this, run, mine = world_.generation](hb::error_code) {
        if (mine == world_.generation) world_.links->close_completed(run);
    }));
    world_.pending.initiated();
}

void application::has_to_end(hb::duration limit) {
    if (world_.state() != hb::state::stopped) world_.links->has_to_end(world_.clock.now(), limit);
}

void application::destroy() {
    world_.did(stimulus::destroy);
    world_.destroy_socket();
}

void application::send(stimulus how) {
    world_.did(how);
    auto const number = world_.messages.next();
    auto text = '#' + std::to_string(number) + ' ';
    if (how == stimulus::send_large) text.append(200 + world_.random.below(8000), 'x');
    bool const accepted = how == stimulus::send_binary
                              ? world_.socket->send(hb::message(hb::message_kind::binary, text))
                              : world_.socket->send(hb::mode_code::message(text));
    world_.messages.offered(accepted, false, opening_session_);
}

void application::send_with_receipt() {
    world_.did(stimulus::async_send);
    auto const number = world_.messages.next();
    world_.messages.offered(true, true, opening_session_);
    auto text = hb::mode_code::message('#' + std::to_string(number) + ' ').dump();
    auto const one = begin(sends_);
    world_.socket->async_send(hb::message(std::move(text)), noting(one, [this, number](hb::outcome what) {
                                  world_.messages.told(number, what);
                              }));
    world_.pending.initiated();
}

void application::receive() {
    world_.did(stimulus::async_receive);
    auto const one = begin(receives_);
    world_.socket->async_receive(noting(one, [](hb::error_code, hb::message const&) {}));
    world_.pending.initiated();
}

void application::await_event() {
    world_.did(stimulus::async_next);
    auto const one = begin(others_);
    if (world_.random.chance(50)) {
        world_.socket->async_next<hb::closed>(noting(one, [](hb::error_code, hb::closed const&) {}));
    } else {
        world_.socket->async_next<hb::message>(noting(one, [](hb::error_code, hb::message const&) {}));
    }
    world_.pending.initiated();
}

void application::await_state() {
    world_.did(stimulus::async_wait);
    auto const one = begin(others_);
    auto const wanted = world_.random.one_of({hb::state::open, hb::state::waiting, hb::state::stopped});
    world_.socket->async_wait(wanted, noting(one, [](hb::error_code) {}));
    world_.pending.initiated();
}

void application::cancel_one(signals& operations) {
    if (operations.empty()) return;
    auto const chosen = world_.random.below(operations.size());
    operations[chosen]->emit(asio::cancellation_type::terminal);
}

void application::act() {
    auto& random = world_.random;
    if (!world_.socket) return make_socket();
    if (world_.state() == hb::state::stopped && random.chance(40)) return start();
    auto const what = random.below(100);
    if (what < 25) return send(stimulus::send);
    if (what < 32) return send(stimulus::send_large);
    if (what < 36) return send(stimulus::send_binary);
    if (what < 52) return send_with_receipt();
    if (what < 60) return receive();
    if (what < 65) return await_event();
    if (what < 70) return await_state();
    if (what < 76) {
        world_.did(stimulus::cancel_send);
        return cancel_one(sends_);
    }
    if (what < 80) {
        world_.did(stimulus::cancel_receive);
        return cancel_one(receives_);
    }
    if (what < 90) {
        world_.did(stimulus::connect_now);
        world_.links->connect_now();
        return world_.socket->connect_now();
    }
    if (what < 93) return close();
    if (what < 95) {
        world_.did(stimulus::close);
        has_to_end(world_.settings.deadlines.close);
        return world_.socket->close();
    }
    if (what < 97) {
        world_.did(stimulus::cancel);
        has_to_end({});
        return world_.socket->cancel();
    }
    if (what < 99) return start();  // mostly in vain, since one is running
    destroy();
}

void application::react(std::uint64_t opening_session) {
    auto const chance = world_.random.below(100);
    opening_session_ = opening_session;
    if (opening_session != 0 && chance < 60) send(stimulus::send);
    if (chance < 12 && world_.socket) act();
    opening_session_ = 0;
    if (chance == 20) {
        world_.did(stimulus::slow_slot);
        world_.be_slow(world_.random.between(1ms, 1s));
    }
    if (chance == 21) {
        world_.did(stimulus::throwing_slot);
        throw std::runtime_error("a slot has thrown");
    }
}
