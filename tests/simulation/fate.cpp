// SPDX-License-Identifier: BSL-1.0
#include "fate.hpp"

using namespace std::chrono_literals;

void fate::strike() {
    auto const first = static_cast<std::size_t>(stimulus::cut);
    auto const what = static_cast<stimulus>(first + world_.random.below(stimulus_count - first));
    world_.did(what);
    switch (what) {
        case stimulus::lookups_fail: look_up(hb::lookup_result::not_found); break;
        case stimulus::lookups_hang: look_up(hb::lookup_result::hangs); break;
        case stimulus::lookups_succeed: look_up(hb::lookup_result::found); break;
        case stimulus::weather: set_weather(); break;
        default:
            what < stimulus::server_refuses     ? strike_connections(what)
            : what < stimulus::upgrades_refused ? strike_server(what)
                                                : strike_attempts(what);
            break;
    }
    tell();
}

void fate::strike_connections(stimulus what) {
    auto& network = world_.network;
    auto const end = world_.random.chance(50) ? hb::network_end::client : hb::network_end::server;
    switch (what) {
        case stimulus::cut:
            network.cut(end);
            if (world_.random.chance(50)) network.cut();
            break;
        case stimulus::restore: network.restore(); break;
        case stimulus::reset: network.reset_connections(); break;
        case stimulus::half_close: network.finish_connections(end); break;
        case stimulus::server_forgets: network.forget_connections(hb::network_end::server); break;
        case stimulus::server_restarts:
            if (world_.random.chance(50)) network.forget_connections(hb::network_end::server);
            world_.serve();
            frozen_ = swallowing_ = wrong_ = refusing_ = refusing_upgrades_ = false;
            break;
        default: break;
    }
}

void fate::strike_server(stimulus what) {
    auto& server = *world_.server;
    switch (what) {
        case stimulus::server_refuses:
            refusing_ = true;
            world_.network.stop_listening("server", "8002");
            break;
        case stimulus::server_listens:
            refusing_ = false;
            world_.listen();
            break;
        case stimulus::server_freezes:
            frozen_ = true;
            server.freeze();
            break;
        case stimulus::server_resumes:
            frozen_ = false;
            server.resume();
            break;
        case stimulus::server_drops: server.drop_all(); break;
        case stimulus::server_closes:
            server.close_all(
                world_.random.one_of<std::uint16_t>({0, 1000, 1001, 1008, 1012, 1013, 3000, 4000}),
                "as the dice say");
            break;
        case stimulus::server_swallows:
            swallowing_ = !swallowing_;
            server.swallow_answers(swallowing_);
            break;
        case stimulus::server_answers_wrong:
            wrong_ = !wrong_;
            server.answer_wrong_id(wrong_);
            break;
        case stimulus::server_delays: server.delay_answers(world_.random.between(0ms, 3s)); break;
        case stimulus::server_talks:
            for (auto count = world_.random.below(6); count != 0; --count)
                server.broadcast(world_.random.chance(20) ? "not JSON"
                                                          : R"({"ModeCode":"message","msg":"news"})");
            break;
        default: break;
    }
}

void fate::strike_attempts(stimulus what) {
    auto& random = world_.random;
    switch (what) {
        case stimulus::upgrades_refused:
            return refuse_upgrades(
                {.status = random.one_of({401U, 403U, 404U, 410U, 429U, 500U, 503U}),
                 .retry_after = std::chrono::seconds(random.chance(50) ? random.below(5) : 0)});
        case stimulus::upgrades_redirected:
            return refuse_upgrades({.status = random.one_of({301U, 302U, 303U, 307U, 308U}),
                                    .location = random.one_of({"/elsewhere", "/over/there",
                                                               "wss://server:8002/", "ws://nowhere:8002/"})});
        case stimulus::upgrades_accepted: return refuse_upgrades({});
        case stimulus::prepare_fails: return prepare(mood::fails);
        case stimulus::prepare_hangs: return prepare(mood::hangs);
        case stimulus::prepare_works: return prepare(mood::works);
        case stimulus::others_dial:
            for (auto count = random.below(4); count != 0; --count) world_.other_dials();
            break;
        default: break;
    }
}

void fate::prepare(mood how) { world_.preparing = how; }

void fate::refuse_upgrades(hb::upgrade_refusal how) {
    refusing_upgrades_ = how.status != 0;
    world_.server->refuse_upgrades(std::move(how));
}

void fate::look_up(hb::lookup_result result) {
    lookups_ = result;
    world_.network.look_up(result);
}

void fate::set_weather() {
    auto& random = world_.random;
    world_.network.set({.latency = random.between(0ms, 100ms),
                        .jitter = random.chance(50) ? random.between(0ms, 50ms) : 0ms,
                        .largest_segment = random.one_of<std::size_t>({0, 1, 10, 1000}),
                        .window = random.one_of<std::size_t>({64, 1000, 65536}),
                        .lookup = random.chance(50) ? random.between(0ms, 300ms) : 0ms});
}

void fate::tell() {
    bool const cut =
        world_.network.is_cut(hb::network_end::client) || world_.network.is_cut(hb::network_end::server);
    bool const served = !frozen_ && !refusing_ && !refusing_upgrades_;
    world_.changed(!cut && served && lookups_ == hb::lookup_result::found);
}

void fate::heal() {
    world_.network.restore();
    world_.network.set({.latency = 1ms});
    look_up(hb::lookup_result::found);
    world_.serve();
    frozen_ = swallowing_ = wrong_ = refusing_ = refusing_upgrades_ = false;
    prepare(mood::works);
    tell();
}
