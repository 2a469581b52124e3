// SPDX-License-Identifier: BSL-1.0
#include "application.hpp"

#include "life.hpp"

#include <boost/asio/steady_timer.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <utility>

namespace stress {

using namespace std::chrono_literals;

class application::implementation {
public:
    implementation(asio::io_context& io, std::string url, std::uint32_t seed, bool replaces, tally& all)
        : io_(io),
          all_(all),
          options_(make_options(std::move(url), seed)),
          replaces_(replaces),
          life_(make_life()),
          hands_{hand(io, seed * 2), hand(io, seed * 2 + 1)} {}

    void begin() {
        for (auto& each : hands_) move_later(each);
    }
    void rest(bool resting) {
        resting_ = resting;
        std::shared_lock const lock(mutex_);
        if (life_) life_->keep_draining(resting);
    }
    bool settle();
    void end() { ending_ = true; }
    bool over() const { return ended_hands_ == hands_.size(); }
    void retire() {
        // A slot that began before the end may still be replacing it.
        std::unique_lock const lock(mutex_);
        if (life_) std::exchange(life_, nullptr)->retire();
    }

private:
    struct hand {
        hand(asio::io_context& io, std::uint32_t seed) : timer(io), random(seed) {}

        asio::steady_timer timer;
        std::mt19937 random;
        hb::scoped_connection messages;
        hb::scoped_connection beats;
        std::atomic<bool> rests = false;
    };

    static hb::options make_options(std::string url, std::uint32_t seed);
    std::shared_ptr<life> make_life();
    std::string make_text(std::mt19937& random);
    void move_later(hand& which);
    void move(hand& which);
    void act(hand& which, std::shared_ptr<life> const& on);
    void connect_slots(hand& which, life& on);
    std::shared_ptr<life> replace();
    void replace_from_slot(std::shared_ptr<life> const& old);

    asio::io_context& io_;
    tally& all_;
    hb::options const options_;
    bool const replaces_;
    std::atomic<bool> resting_ = false;
    std::atomic<bool> ending_ = false;
    std::atomic<std::size_t> ended_hands_ = 0;
    /// Shared by those who use the socket, whose calls so overlap; alone for who replaces it.
    std::shared_mutex mutex_;
    std::shared_ptr<life> life_;
    std::array<hand, 2> hands_;
};

hb::options application::implementation::make_options(std::string url, std::uint32_t seed) {
    constexpr std::array policies{hb::overflow::drop_oldest, hb::overflow::drop_newest, hb::overflow::close,
                                  hb::overflow::pause};
    // One in four is in a hurry. Were all, a slow machine could not serve them: each attempt would time out
    // and make room for the next, for ever.
    bool const hurried = seed / policies.size() % 4 == 0;
    return {.url = std::move(url),
            .heartbeat = {.interval = hurried ? 60ms : 400ms, .timeout = hurried ? 200ms : 400ms},
            .reconnect = {.delay = 5ms, .growth = 1.5, .max_delay = 500ms, .stable_after = 20ms},
            .deadlines = {.resolve = 2s,
                          .connect = 1s,
                          .upgrade = hurried ? 200ms : 1s,
                          .attempt = 4s,
                          .close = close_deadline},
            .limits = {.message_bytes = 64 * 1024,
                       .outbox_messages = 64,
                       .outbox_bytes = 64 * 1024,
                       .mailbox_messages = 8,
                       .mailbox_bytes = 32 * 1024,
                       .mailbox_overflow = policies.at(seed % policies.size()),
                       .fragment_bytes = 4 * 1024},
            .seed = seed};
}

std::shared_ptr<life> application::implementation::make_life() {
    auto made = std::make_shared<life>(io_, options_, all_);
    made->observe();
    made->async_run();
    return made;
}

std::string application::implementation::make_text(std::mt19937& random) {
    auto const dice = random() % 100;
    auto const size = dice < 90 ? random() % 200 : dice < 98 ? random() % 4000 : random() % 20'000;
    // Half are sent back.
    char const* const kind = random() % 2 == 0 ? "message" : "note";
    return std::string(R"({"ModeCode":")") + kind + R"(","msg":")" + std::string(size, 'a') + "\"}";
}

bool application::implementation::settle() {
    for (auto const& each : hands_)
        if (!each.rests) return false;
    std::shared_lock const lock(mutex_);
    if (!life_) return false;
    life_->keep_draining(true);
    life_->drain();
    auto const state = life_->socket.state();
    if (state == hb::state::stopped) life_->async_run();
    return state == hb::state::open && life_->socket.stats().outbox_messages == 0;
}

void application::implementation::move_later(hand& which) {
    which.timer.expires_after(std::chrono::milliseconds(20 + which.random() % 120));
    which.timer.async_wait([this, &which](hb::error_code) { move(which); });
}

void application::implementation::move(hand& which) {
    if (ending_) {
        which.messages.disconnect();
        which.beats.disconnect();
        ++ended_hands_;
        return;
    }
    if (resting_) {
        which.messages.disconnect();
        which.beats.disconnect();
        which.rests = true;
        return move_later(which);
    }
    which.rests = false;
    std::shared_ptr<life> old;
    auto const dice = replaces_ ? which.random() % 50 : 50;
    if (dice < 2) {
        old = replace();
        // Half are destroyed as they are, whatever is under way.
        if (dice == 0) old->retire();
    } else {
        std::shared_lock const lock(mutex_);
        act(which, life_);
    }
    old.reset();
    move_later(which);
}

std::shared_ptr<life> application::implementation::replace() {
    auto made = make_life();
    std::unique_lock const lock(mutex_);
    return std::exchange(life_, std::move(made));
}

void application::implementation::replace_from_slot(std::shared_ptr<life> const& old) {
    if (resting_ || ending_) return;
    auto made = make_life();
    std::unique_lock const lock(mutex_);
    // Not if it was retired meanwhile.
    if (life_ == old && !ending_) life_ = std::move(made);
}

void application::implementation::act(hand& which, std::shared_ptr<life> const& on) {
    auto& random = which.random;
    auto& socket = on->socket;
    static_cast<void>(socket.stats());
    bool const stopped = socket.state() == hb::state::stopped;
    if (stopped && random() % 2 == 0) return random() % 2 == 0 ? socket.start() : on->async_run();
    switch (random() % 28) {
        case 0: return socket.close();
        case 1: return on->async_close();
        case 2: return socket.cancel();
        case 3: socket.close(); return socket.start();
        case 4: return socket.connect_now();
        case 5: {
            for (auto wanted : {hb::state::open, hb::state::waiting, hb::state::closing})
                on->async_wait(wanted);
            return;
        }
        case 6: {
            for (unsigned kind = 0; kind < 4; ++kind) on->async_next(kind);
            return;
        }
        case 7:
        case 8: return connect_slots(which, *on);
        case 9: return on->async_send_cancelled(make_text(random));
        case 10:
        case 11:
        case 12: return on->async_receive();
        case 13: return on->send("not UTF-8: \xff");
        case 14: {
            // More than the outbox takes.
            for (int number = 0; number < 80; ++number) on->send("a burst");
            return;
        }
        case 15:
        case 16:
        case 17:
        case 18: return on->async_send(make_text(random));
        default: return on->send(make_text(random));
    }
}

void application::implementation::connect_slots(hand& which, life& on) {
    which.messages = {};
    which.beats = {};
    auto const dice = which.random() % 8;
    if (dice < 4) {
        which.messages = on.socket.on<hb::message>([&all = all_, dice](hb::message const&) {
            all.received.add();
            if (dice == 0) throw slot_error("from a slot");
        });
    }
    which.beats = on.socket.on<hb::beat>([this, dice, weak = on.weak_from_this()](hb::beat const&) {
        auto const self = weak.lock();
        if (!self) return;
        switch (dice) {
            case 0: return self->send("from a slot");
            case 1: return self->socket.close();
            case 2: return self->socket.cancel();
            case 3: return replaces_ ? replace_from_slot(self) : self->async_close();
            default: return;
        }
    });
}

application::application(asio::io_context& io, std::string url, std::uint32_t seed, bool replaces, tally& all)
    : implementation_(std::make_unique<implementation>(io, std::move(url), seed, replaces, all)) {}
application::~application() = default;
void application::begin() { implementation_->begin(); }
void application::rest(bool resting) { implementation_->rest(resting); }
bool application::settle() { return implementation_->settle(); }
void application::end() { implementation_->end(); }
bool application::over() const { return implementation_->over(); }
void application::retire() { implementation_->retire(); }

}  // namespace stress
