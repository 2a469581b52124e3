// SPDX-License-Identifier: BSL-1.0
#include "preparer.hpp"

#include <heartbeat/net/timer_for.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <stdexcept>
#include <utility>

using namespace std::chrono_literals;

void preparer::answer(std::uint64_t generation, hb::preparation what, hb::prepare_handler const& done) {
    world_.laws.require(5, generation == world_.generation,
                        "prepare was called after its socket was destroyed");
    if (generation != world_.generation || !world_.links) return;
    world_.prepares();
    auto use = std::move(what.current);
    if (world_.random.chance(30))
        use.url = world_.random.one_of({"ws://server:8002", "ws://server:8002/other", "wss://server:8002"});
    for (auto const& late : std::exchange(unanswered_, {}))
        if (world_.random.chance(50)) late(hb::prepared{"ws://nowhere"});
    switch (world_.preparing) {
        case mood::works: return work(std::move(use), done);
        case mood::fails: return fail(std::move(use), done);
        case mood::hangs: return unanswered_.push_back(done);
    }
}

void preparer::work(hb::prepared use, hb::prepare_handler const& done) {
    switch (world_.random.below(4)) {
        case 0: return done(std::move(use));
        case 1: asio::post(world_.elsewhere, [use = std::move(use), done] { done(use); }); return;
        case 2: return answer_after(world_.random.between(0ms, 20ms), std::move(use), done);
        case 3:
            done(use);
            done(hb::prepared{"ws://nowhere"});
            return;
    }
}

void preparer::fail(hb::prepared use, hb::prepare_handler const& done) {
    switch (world_.random.below(4)) {
        case 0: return done(asio::error::no_permission, std::move(use));
        case 1: return done(std::make_exception_ptr(std::runtime_error("no token")));
        case 2: return done(hb::prepared{"http://server"});
        case 3: throw std::runtime_error("prepare has thrown");
    }
}

void preparer::answer_after(hb::duration delay, hb::prepared use, hb::prepare_handler const& done) {
    using timer_type = hb::timer_for<hb::manual_clock>;
    auto const timer = std::make_shared<timer_type>(world_.io.get_executor());
    timer->expires_after(delay);
    timer->async_wait([timer, use = std::move(use), done](hb::error_code) { done(use); });
}
