// SPDX-License-Identifier: BSL-1.0
#include "world.hpp"

#include "../hostile/allocations.hpp"

#include <algorithm>
#include <string>

namespace stress {

using namespace std::chrono_literals;

world::world(std::size_t sockets, std::size_t servers, std::size_t threads, std::uint32_t seed)
    : random_(seed),
      work_(asio::make_work_guard(io_)),
      own_timer_(own_loop_),
      control_(io_),
      running_threads_(threads) {
    for (std::size_t number = 0; number < servers; ++number)
        servers_.push_back(std::make_unique<faulty_server>(io_.get_executor()));
    // Every other one keeps its socket, so that what a socket gathers during its life shows.
    for (std::size_t number = 0; number < sockets; ++number)
        applications_.push_back(std::make_unique<application>(io_, servers_[number % servers]->url(),
                                                              static_cast<std::uint32_t>(random_()),
                                                              number % 16 >= 8, counts_));
    tick();
    for (auto const& each : applications_) each->begin();
    for (std::size_t number = 0; number < threads; ++number) {
        threads_.emplace_back([this] {
            allocations::scope const counted(true);
            run();
            --running_threads_;
        });
    }
}

world::~world() {
    io_.stop();
    for (auto& thread : threads_) thread.join();
}

void world::run() {
    for (;;) try {
            io_.run();
            return;
        } catch (slot_error const&) {
            // Thrown while another thread destroyed the socket: nobody is left to be told.
            counts_.escaped.add();
        }
}

void world::tick() {
    control_.expires_after(control_period);
    control_.async_wait([this](hb::error_code) {
        auto const late = std::chrono::steady_clock::now() - control_.expiry();
        counts_.worst_lateness.at_least(static_cast<std::uint64_t>(std::chrono::nanoseconds(late).count()));
        if (!stop_control_) tick();
    });
}

void world::pause(std::chrono::microseconds how_long) {
    own_timer_.expires_after(how_long);
    own_timer_.wait();
}

std::uint64_t world::disturb(std::chrono::milliseconds how_long) {
    std::uint64_t faults = 0;
    auto const end = std::chrono::steady_clock::now() + how_long;
    while (std::chrono::steady_clock::now() < end) {
        if (servers_[random_() % servers_.size()]->disturb(random_)) ++faults;
        pause(std::chrono::microseconds(random_() % 10'000));
    }
    return faults;
}

bool world::eventually(std::function<bool()> const& reached, char const* what) {
    auto const limit = std::chrono::steady_clock::now() + patience;
    while (!reached()) {
        if (!counts_.breach().empty()) return false;
        if (std::chrono::steady_clock::now() > limit) {
            counts_.broken(what);
            return false;
        }
        pause(5ms);
    }
    return true;
}

bool world::all_open() {
    bool all = true;
    // Not until the first that is not: each may have to be started.
    for (auto const& each : applications_) all = each->settle() && all;
    return all;
}

std::uint64_t world::open_sessions() const {
    std::uint64_t all = 0;
    for (auto const& each : servers_) all += each->open_sessions();
    return all;
}

bool world::calm() {
    for (auto const& each : applications_) each->rest(true);
    auto const healed = [this] {
        return std::ranges::all_of(servers_, [](auto& each) { return each->heal(); });
    };
    if (!eventually(healed, "a server could not have its port again")) return false;
    if (!eventually(
            [this] { return all_open(); },
            "law 6 or 9: a socket is not open, or has not sent everything, though all faults have ended"))
        return false;
    // So that all links are new, and none has a history in the size of its buffers.
    std::atomic<std::size_t> dropped = 0;
    for (auto const& each : servers_) each->drop_all([&] { ++dropped; });
    if (!eventually([&] { return dropped == servers_.size(); }, "a server does not answer")) return false;
    auto const renewed = [this] { return all_open() && open_sessions() == applications_.size(); };
    return eventually(renewed, "law 1 or 9: there is not one link for each socket after all were reset");
}

void world::go_on() {
    for (auto const& each : applications_) each->rest(false);
}

bool world::finish() {
    for (auto const& each : applications_) each->end();
    auto const over = [this] {
        return std::ranges::all_of(applications_, [](auto& each) { return each->over(); });
    };
    if (!eventually(over, "an application does not end")) return false;
    for (auto const& each : applications_) each->retire();
    auto const completed = [this] { return counts_.completed.get() == counts_.begun.get(); };
    if (!eventually(completed, "law 12: an operation did not complete")) return false;
    servers_.clear();
    stop_control_ = true;
    work_.reset();
    auto const ran_out = [this] { return running_threads_ == 0; };
    return eventually(ran_out, "law 4: something is still under way after all was closed and destroyed");
}

}  // namespace stress
