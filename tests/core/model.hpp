// SPDX-License-Identifier: BSL-1.0
#pragma once

// The operations of net/ replaced by a model in simulated time: the same decisions of core/ are asked for and
// carried out, but what is done costs nothing and its results are drawn. The bodies stand in the files
// beside.

#include "agenda.hpp"
#include "laws_of_life.hpp"
#include "laws_of_messages.hpp"
#include "laws_of_runs.hpp"
#include "scenario.hpp"
#include "trace.hpp"
#include "turns.hpp"

#include <heartbeat/core/backoff.hpp>
#include <heartbeat/core/heartbeat_monitor.hpp>
#include <heartbeat/core/lifecycle.hpp>
#include <heartbeat/core/outbox.hpp>
#include <heartbeat/core/renewal.hpp>
#include <heartbeat/core/retry_policy.hpp>
#include <heartbeat/core/round_trip.hpp>
#include <heartbeat/core/send_order.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace exploration {

/// One schedule: a socket with its application, its network and its server.
class model {
public:
    model(std::uint64_t seed, tally& counts, tracer const& trace);

    /// Plays the schedule to its end. Throws `violation`.
    void run();

private:
    using phase = lifecycle::phase;
    using event = lifecycle::event;
    using queue = heartbeat::detail::outbox<std::uint32_t>;

    /// Something that the peer sent, and that arrives at this host at `at`.
    struct piece {
        enum kind : std::uint8_t { noise, message, answer, peer_beat, negotiation, close_frame, end };
        time_point at;
        std::uint64_t beat;
        kind what;
    };

    /// An attempt and its link, as net/link.hpp has it, together with the other end.
    struct link {
        std::uint32_t number = 0;
        bool ended = true;
        bool prepared = false;
        bool opened = false;
        bool paused = false;
        bool close_seen = false;
        bool writing = false;
        bool corked = false;
        bool write_fails = false;
        bool beat_due = false;
        int replies = 0;
        std::uint64_t heart_number = 0;
        time_point heart_due{};
        std::uint64_t deadline_number = 0;
        errc deadline_code{};
        std::uint16_t close_code = 0;
        time_point began{};
        time_point opened_at{};
        std::uint64_t first_beat = 0;
        /// What is being written: a beat with this number, or 0.
        std::uint64_t beat_on_wire = 0;
        std::size_t offset = 0;
        std::size_t gathered_count = 0;
        std::optional<queue::entry> current;
        std::optional<queue::entry> next;
        std::array<std::optional<queue::entry>, 4> gathered;
        std::optional<heartbeat_monitor> monitor;

        // The other end and the wires.
        bool reachable = false;
        time_point silent_from{};
        std::optional<piece> in_hand;
        std::array<piece, 24> inbound;
        std::size_t inbound_count = 0;
        /// How many of them were read together with the one before and wait in the websocket.
        std::size_t buffered = 0;
        bool next_cancelled = false;
        bool fresh = false;
    };

    // model_loop.hpp
    void handle(agenda_item const& item);
    void stall(int percent);

    // model_run.hpp
    void emit() { runs_.happens(), stall(world_.slow_slots); }
    void feed(event happened) { perform(advance(happened)); }
    lifecycle::action advance(event happened);
    void perform(lifecycle::action what);
    void start();
    void close();
    void cancel();
    void connect_now();
    void end(link& ending, errc cause) { end(ending, heartbeat::reason{.cause = cause}); }
    void end(link& ending, heartbeat::reason why);
    event judge(link const& ending, heartbeat::reason const& why);
    void begin_wait();
    void take_turn();
    void wait_until(time_point due, event then);
    void stop_waiting();
    void cut_link();
    void collect();
    void finish();
    void drop_messages(errc cause);
    void enter() { ++outstanding_; }
    void leave();
    link& slot(std::uint32_t number) { return links_[number % links_.size()]; }
    link& current() { return slot(link_); }

    // model_reading.hpp
    void arm_heart(link& at);
    void rearm_heart(link& at);
    void beat(link& at);
    void begin_read(link& at);
    void pick_up(link& at, time_point when, bool fresh);
    void handle_piece(link& at);
    void answered(link& at, piece const& got);
    void pause(link& at);
    void unpause();
    std::size_t available(link& at);

    // model_writing.hpp
    void write(link& at);
    void write_beat(link& at, bool stand_in);
    void write_fragment(link& at);
    void written(link& at);
    void end_reading(link& at, errc cause) { end(at, at.close_seen ? errc::closed_by_peer : cause); }
    void cancel_send(std::uint64_t ticket);
    void settle_gathered(link& at, heartbeat::outcome result);
    void tell(queue::entry const& entry, heartbeat::outcome result);

    // model_world.hpp
    void begin_attempt();
    void begin_step(link& at, task what);
    void dial_step(agenda_item const& item);
    heartbeat::reason refusal();
    std::uint16_t close_code();
    void begin_session(link& at);
    void begin_close();
    void arm_deadline(link& at, time_point due, errc code);
    void deadline_passed(link& at);
    void begin_write(link& at);
    void application_acts();
    void call_start();
    void send(bool opens_session);
    void call(task what, std::uint64_t number = 0) { agenda_.add(now_, what, 0, number); }
    void meet_peer(link& at);
    void arrives(link& at, time_point when, piece::kind what, std::uint64_t beat = 0);
    void peer_hears(link& at);

    random_source random_;
    scenario world_;
    tally& counts_;
    tracer const& trace_;
    laws_of_runs runs_;
    laws_of_life life_;
    laws_of_messages messages_;
    laws_of_turns turns_;

    agenda agenda_;
    time_point now_{};
    int steps_ = 0;
    bool ending_for_good_ = false;

    lifecycle lifecycle_;
    heartbeat::detail::backoff backoff_;
    heartbeat::detail::retry_policy retry_policy_;
    queue outbox_;
    std::array<link, 4> links_;
    /// The number of the present link or attempt, 0 if there is none.
    std::uint32_t link_ = 0;
    std::uint32_t links_made_ = 0;
    std::uint64_t beats_made_ = 0;
    std::uint64_t outstanding_ = 0;
    std::uint64_t waits_made_ = 0;
    event wait_then_{};
    duration delay_{};
    heartbeat::reason wait_cause_{};
    std::optional<heartbeat::dial_budget> budget_;
    std::optional<time_point> turn_;
    heartbeat::detail::renewal renewal_;
    errc ending_{};
    unsigned attempts_ = 0;
    time_point outage_began_{};
    duration earlier_outages_{};
    std::uint64_t earlier_messages_ = 0;
    errc dropping_{};
    bool opening_ = false;
    bool write_requested_ = false;
    time_point judged_at_{};
    int starts_posted_ = 0;
    /// Whether `send` must accept; nothing where a start is on its way and either will do.
    std::optional<bool> accepting_ = true;
};

}  // namespace exploration
