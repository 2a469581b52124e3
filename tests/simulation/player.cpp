// SPDX-License-Identifier: BSL-1.0
#include "player.hpp"

#include "application.hpp"
#include "fate.hpp"

#include <exception>

using namespace std::chrono_literals;

namespace {

class player {
public:
    player(std::uint64_t seed, std::ostream* trace)
        : world_(seed, trace), application_(world_), fate_(world_) {}

    played run() {
        application_.make_socket();
        application_.start();
        live(world_.clock.now() + world_.random.between(10s, 60s));
        recover();
        end();
        world_.tried.schedules = 1;
        world_.tried.premises = world_.laws.premises();
        return {world_.laws.breach().value_or(""), world_.tried};
    }

private:
    bool broken() const { return world_.laws.breach().has_value(); }

    /// Runs what is ready; an exception of a slot that nobody takes comes out of the event loop.
    bool step() {
        try {
            return world_.step();
        } catch (std::exception const& left) {
            world_.say(left.what());
            return true;
        }
    }

    /// The application and fate do as they like, between any two steps.
    void live(hb::time_point end) {
        auto action = world_.clock.now() + pause();
        auto blow = world_.clock.now() + calm();
        while (!broken() && world_.clock.now() < end && world_.tried.steps < most_steps) {
            if (world_.random.below(200) == 0) application_.act();
            if (world_.random.below(1000) == 0) fate_.strike();
            if (step()) continue;
            world_.pass(std::min({action, blow, end}));
            auto const now = world_.clock.now();
            if (now >= action) {
                application_.act();
                action = now + pause();
            }
            if (now >= blow) {
                fate_.strike();
                blow = now + calm();
            }
        }
    }

    hb::duration pause() { return world_.random.between(0ms, 2s); }
    hb::duration calm() { return world_.random.between(100ms, 6s); }

    void pass(hb::duration time) {
        auto const end = world_.clock.now() + time;
        while (!broken() && world_.tried.steps < 2 * most_steps) {
            if (step()) continue;
            if (world_.clock.now() >= end) return;
            world_.pass(end);
        }
    }

    /// Without troubles the link comes back, and the application is left in peace.
    void recover() {
        if (broken()) return;
        application_.be_quiet();
        fate_.heal();
        application_.start();
        // Longer than a slow retry waits.
        pass(70s);
    }

    void end() {
        if (broken()) return;
        if (world_.socket) application_.close();
        pass(10s);
        auto& laws = world_.laws;
        bool const stopped = world_.state() == hb::state::stopped;
        laws.judge(5, stopped, "the run did not end");
        world_.messages.settle_run();
        world_.destroy_socket();
        world_.server.reset();
        pass(0s);
        world_.pending.settle();
        world_.messages.settle();
        world_.shared.settle();
        laws.judge(4, world_.clock.pending() <= world_.network.lookups_in_progress(),
                   "a timer was left behind");
    }

    static constexpr std::uint64_t most_steps = 20'000;

    world world_;
    application application_;
    fate fate_;
};

}  // namespace

played play(std::uint64_t seed, std::ostream* trace) { return player(seed, trace).run(); }
