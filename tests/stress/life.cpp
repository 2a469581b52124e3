// SPDX-License-Identifier: BSL-1.0
#include "life.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <utility>

template class heartbeat::detail::connection<heartbeat::mode_code, heartbeat::any_stream,
                                             std::chrono::steady_clock>;

namespace stress {

namespace {

void count(tally& all, hb::outcome what) {
    switch (what.result) {
        case hb::delivery::written: return all.written.add();
        case hb::delivery::dropped: return all.dropped.add();
        case hb::delivery::unknown: return all.unknown.add();
    }
}

}  // namespace

template <class Handler>
auto life::counted(Handler handler) {
    all_.begun.add();
    return [&all = all_, handler = std::move(handler)](auto&&... results) mutable {
        all.completed.add();
        handler(std::forward<decltype(results)>(results)...);
    };
}

void life::observe() {
    all_.sockets.add();
    auto const weak = weak_from_this();
    socket.on<hb::opened>([weak](hb::opened const& event) {
        auto const self = weak.lock();
        if (!self) return;
        self->all_.sessions.add();
        if (self->open_ || self->retired_ || event.session != self->session_ + 1)
            self->all_.broken("law 3 or 4: opened twice, out of turn, or after a close that was final");
        self->open_ = true;
        self->session_ = event.session;
        self->send(R"({"ModeCode":"message","msg":"login"})");
    });
    socket.on<hb::closed>([weak](hb::closed const& event) {
        auto const self = weak.lock();
        if (!self) return;
        if (!self->open_ || self->retired_ || event.session != self->session_)
            self->all_.broken("law 3 or 4: closed what was not open, or after a close that was final");
        self->open_ = false;
    });
    socket.on<hb::undelivered>([weak](hb::undelivered const& event) {
        auto const self = weak.lock();
        if (!self) return;
        count(self->all_, event.outcome);
        self->lost_.add();
    });
    socket.on<hb::attempt_failed>([&all = all_](hb::attempt_failed const&) { all.attempts_failed.add(); });
    socket.on<hb::slot_failed>([&all = all_](hb::slot_failed const&) { all.slots_failed.add(); });
}

life::~life() {
    if (!judged_) all_.untold.add(accepted_.get() - lost_.get());
}

void life::send(std::string text) {
    if (!socket.send(std::move(text))) return all_.refused.add();
    accepted_.add();
    all_.accepted.add();
}

auto life::receipt() {
    return [weak = weak_from_this(), &all = all_](hb::outcome what) {
        count(all, what);
        auto const self = weak.lock();
        if (self && what) self->written_.add();
    };
}

void life::async_send(std::string text) {
    // A refused one is counted as accepted and dropped: it has exactly one outcome, too.
    all_.accepted.add();
    socket.async_send(std::move(text), counted(receipt()));
}

void life::async_send_cancelled(std::string text) {
    asio::post(socket.get_executor(), [weak = weak_from_this(), text = std::move(text)]() mutable {
        auto const self = weak.lock();
        if (!self) return;
        auto const signal = std::make_shared<asio::cancellation_signal>();
        auto keep = [signal, receipt = self->receipt()](hb::outcome what) mutable { receipt(what); };
        self->all_.accepted.add();
        self->socket.async_send(std::move(text),
                                asio::bind_cancellation_slot(signal->slot(), self->counted(std::move(keep))));
        asio::post(self->socket.get_executor(), [signal] { signal->emit(asio::cancellation_type::total); });
    });
}

void life::async_receive() {
    socket.async_receive(counted([&all = all_](hb::error_code error, hb::message const&) {
        if (!error) all.received.add();
    }));
}

void life::async_next(unsigned which) {
    auto nothing = counted([](hb::error_code, auto const&) {});
    switch (which) {
        case 0: return socket.async_next<hb::opened>(std::move(nothing));
        case 1: return socket.async_next<hb::closed>(std::move(nothing));
        case 2: return socket.async_next<hb::beat>(std::move(nothing));
        case 3: return socket.async_next<hb::message>(std::move(nothing));
    }
}

void life::async_wait(hb::state wanted) {
    socket.async_wait(wanted, counted([](hb::error_code) {}));
}

void life::async_run() {
    socket.async_run(counted([](hb::error_code) {}));
}

void life::async_close() {
    timed_close([] {});
}

template <class Handler>
void life::timed_close(Handler handler) {
    auto const began = std::chrono::steady_clock::now();
    socket.async_close(
        counted([began, &all = all_, handler = std::move(handler)](hb::error_code error) mutable {
            auto const took = std::chrono::steady_clock::now() - began;
            all.closes.add();
            all.longest_close.at_least(static_cast<std::uint64_t>(std::chrono::nanoseconds(took).count()));
            if (error) all.broken("async_close has an error: " + error.message());
            handler();
        }));
}

void life::drain() {
    if (draining_.exchange(true)) return;
    receive_again();
}

void life::receive_again() {
    socket.async_receive(
        counted([weak = weak_from_this(), &all = all_](hb::error_code error, hb::message const&) {
            if (!error) all.received.add();
            auto const self = weak.lock();
            if (!self) return;
            if (!error && self->keep_draining_) return self->receive_again();
            self->draining_ = false;
        }));
}

void life::retire() {
    timed_close([self = shared_from_this()] { self->judge(); });
}

void life::judge() {
    retired_ = true;
    judged_ = true;
    auto const figures = socket.stats();
    auto const written = figures.messages_sent - written_.get();
    all_.written.add(written);
    if (open_) all_.broken("law 3: a run ended while its link was open");
    if (socket.state() != hb::state::stopped) all_.broken("law 4: a socket that was closed has not stopped");
    if (figures.outbox_messages != 0)
        all_.broken("law 6: messages are left in the outbox of a closed socket");
    if (accepted_.get() != lost_.get() + written)
        all_.broken("law 6: of " + std::to_string(accepted_.get()) + " messages that were accepted " +
                    std::to_string(lost_.get()) + " were told as lost and " + std::to_string(written) +
                    " written");
}

}  // namespace stress
