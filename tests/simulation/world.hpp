// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../unused_tls.hpp"
#include "coverage.hpp"
#include "dice.hpp"
#include "ledger.hpp"
#include "life_laws.hpp"
#include "link_laws.hpp"
#include "operations.hpp"
#include "turns.hpp"
#include "wire.hpp"

#include <heartbeat/heartbeat.hpp>
#include <heartbeat/testing/echo_server.hpp>
#include <heartbeat/testing/simulated_network.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

namespace hb = heartbeat;
namespace asio = boost::asio;

// One file instantiates what all of them use.
extern template class hb::detail::connection<hb::mode_code, hb::simulated_stream, hb::manual_clock>;
extern template class hb::detail::echo_session<hb::simulated_stream, hb::manual_clock>;

/// How the application fares when it is asked where to connect.
enum class mood { works, fails, hangs };

/// One schedule's network, server, socket and checks, and what links them.
class world {
public:
    using socket_type = hb::heartbeat_socket<hb::mode_code, hb::simulated_stream, hb::manual_clock>;
    using server_type = hb::basic_echo_server<hb::simulated_stream, hb::manual_clock>;

    world(std::uint64_t seed, std::ostream* trace)
        : random(seed), clock(io), network(io, seed), elsewhere(asio::make_strand(io)), trace_(trace) {
        network.observe([this](hb::network_event const& event) { note(event); });
        serve();
    }
    world(world const&) = delete;
    world& operator=(world const&) = delete;

    // ---- What is there.

    void serve() {
        server = std::make_unique<server_type>(io.get_executor());
        listen();
    }
    void listen() {
        network.listen("server", "8002", io.get_executor(), [this](hb::simulated_stream stream) {
            if (server) server->serve(std::move(stream));
        });
    }

    void make_socket(hb::options const& chosen, bool with_mailbox);
    void destroy_socket() {
        ++generation;
        say("the socket is destroyed");
        finish_watch();
        messages.abandon();
        socket.reset();
    }

    // ---- Steps.

    /// Runs one handler that is ready, if there is one, and checks the laws.
    bool step();
    /// Lets time pass to the next timer, but not beyond `limit`.
    void pass(hb::time_point limit) {
        if (links) links->idle(state() == hb::state::connecting);
        auto const next = clock.next_expiry();
        clock.advance_to(next && *next < limit ? *next : limit);
    }
    /// A slot takes its time.
    void be_slow(hb::duration time) {
        late.add(time);
        clock.advance(time);
        changed(well);
    }
    /// The world outside of the socket is, or is not, such that a link can be had.
    void changed(bool is_well) {
        well = is_well;
        if (links) links->well(clock.now(), is_well && is_prepared());
    }

    bool is_prepared() const { return preparing == mood::works || !settings.prepare; }
    /// The application is asked where to connect: an attempt has begun.
    void prepares();
    /// A dial of another socket that shares the budget.
    void other_dials() {
        shared.other_dials(clock.now());
        if (links && settings.reconnect.budget) links->turn_by(shared.latest(clock.now()));
    }

    hb::state state() const { return socket ? socket->state() : hb::state::stopped; }
    void did(stimulus what) {
        tried.count(state(), what);
        if (trace_) say(std::string("* ") + std::string(stimulus_names[static_cast<std::size_t>(what)]));
    }
    void say(std::string_view text) const {
        if (!trace_) return;
        auto const since = std::chrono::duration_cast<std::chrono::microseconds>(clock.now() - began_);
        char line[32];
        std::snprintf(line, sizeof line, "%11.6f  ", static_cast<double>(since.count()) / 1e6);
        *trace_ << line << text << '\n';
    }

    verdict laws = {};
    coverage tried = {};
    lateness late = {};
    dice random;
    asio::io_context io = {};
    hb::manual_clock clock;
    hb::simulated_network network;
    asio::strand<asio::io_context::executor_type> elsewhere;
    std::unique_ptr<server_type> server = {};
    operations pending{laws, late};
    ledger messages{laws};
    turns shared{laws, random.one_of({2.0, 5.0, 50.0}), static_cast<unsigned>(1 + random.below(3))};
    mood preparing = mood::works;

    hb::options settings = {};
    std::unique_ptr<socket_type> socket = {};
    std::uint64_t generation = 0;
    std::optional<link_laws> links = {};
    std::optional<life_laws> life = {};
    bool well = true;
    /// Called in every slot, and in those of `opened` with the session.
    std::function<void(std::uint64_t opening_session)> react = {};

private:
    struct both_directions {
        wire to_client = {};
        wire to_server = {};
        /// What the client has handed over, on its way to the server.
        wire from_client = {};
        std::uint64_t session = 0;
    };

    struct situation {
        std::uint64_t generation;
        std::uint64_t events;
        hb::state state;
    };

    void note(hb::network_event const& event);
    /// What the library promises to do next.
    hb::verdict next_after(hb::reason const& why) const;
    void attempt_begins();
    template <class Event>
    void watch();
    void handle(hb::opened const& event);
    void handle(hb::closed const& event);
    void handle(hb::attempt_failed const& event);
    void handle(hb::state_changed const& event);
    void handle(hb::waiting const& event);
    void handle(hb::beat const& event);
    void handle(hb::undelivered const& event);
    void handle(hb::stopped const& event);
    template <class Event>
    void handle(Event const&) {}
    void finish_watch() {
        if (links) tried.worst_recovery.keep_worse(links->worst_recovery());
        links.reset();
        life.reset();
    }
    void check();

    std::ostream* trace_;
    hb::time_point began_ = clock.now();
    std::int64_t wall_clock_ = 1'690'000'000'000;
    std::map<std::uint64_t, both_directions> connections_ = {};
    std::size_t open_connections_ = 0;
    std::uint64_t last_dial_ = 0;
    /// That link has ended, or its attempt has failed.
    bool link_over_ = false;
    /// Events, without those that only tell the fate of a message, and failures of their slots.
    std::uint64_t events_ = 0;
    /// Something is completing for an old link.
    std::optional<situation> before_old_link_ = {};
    std::uint64_t opening_session_ = 0;
    bool paused_ = false;
};

/// The number in the text of a message that the schedule made: the digits after "#".
inline std::optional<std::size_t> message_number(std::string_view text) {
    auto const mark = text.find('#');
    if (mark == std::string_view::npos) return std::nullopt;
    std::size_t number = 0;
    auto const* const first = text.data() + mark + 1;
    auto const [end, error] = std::from_chars(first, text.data() + text.size(), number);
    if (error != std::errc() || end == first) return std::nullopt;
    return number;
}
