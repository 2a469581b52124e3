// SPDX-License-Identifier: BSL-1.0
#include "world.hpp"

namespace {

std::string name_of(hb::network_event const& event) {
    std::string text = "  network: connection " + std::to_string(event.connection) + ", ";
    text += to_string(event.end);
    text += ' ';
    text += to_string(event.what);
    if (!event.bytes.empty()) text += ", " + std::to_string(event.bytes.size()) + " bytes";
    return text;
}

std::string text_of(hb::opened const& event) { return "opened, session " + std::to_string(event.session); }
std::string text_of(hb::closed const& event) { return "closed: " + to_string(event.reason); }
std::string text_of(hb::message const& event) {
    return "message of " + std::to_string(event.size()) + " bytes";
}
std::string text_of(hb::state_changed const& event) { return std::string("state ") + to_string(event.to); }
std::string text_of(hb::beat const& event) { return "beat " + std::to_string(event.id); }
std::string text_of(hb::suspected const&) { return "suspected"; }
std::string text_of(hb::waiting const& event) {
    return "waiting " + std::to_string(event.delay.count()) + " ns before attempt " +
           std::to_string(event.attempt);
}
std::string text_of(hb::attempt_failed const& event) { return "attempt failed: " + to_string(event.reason); }
std::string text_of(hb::malformed const& event) { return "malformed: " + event.what; }
std::string text_of(hb::undelivered const& event) {
    return std::string("undelivered: ") + to_string(event.outcome.result);
}
std::string text_of(hb::slot_failed const&) { return "slot failed"; }
std::string text_of(hb::stopped const& event) { return "stopped: " + to_string(event.reason); }

/// The identity of a beat of the protocol, or of a control frame of that opcode, which may stand in for one.
std::optional<std::uint64_t> beat_number(unsigned opcode, unsigned control, std::string_view payload) {
    bool const stands_in = opcode == control;
    if (!stands_in && payload.find("heart_beat") == std::string_view::npos) return std::nullopt;
    auto const digits = stands_in ? std::size_t(0) : payload.find("\"msg\":") + 6;
    std::uint64_t id = 0;
    if (digits > payload.size()) return std::nullopt;
    auto const* const end = payload.data() + payload.size();
    if (std::from_chars(payload.data() + digits, end, id).ec != std::errc()) return std::nullopt;
    return id;
}

}  // namespace

void world::make_socket(hb::options const& chosen, bool with_mailbox) {
    settings = chosen;
    socket = std::make_unique<socket_type>(io, settings, hb::mode_code([this] { return wall_clock_; }));
    links.emplace(laws, settings, late);
    links->well(clock.now(), well && is_prepared());
    if (settings.reconnect.budget) links->turn_by(shared.latest(clock.now()));
    // That of the socket before, perhaps.
    paused_ = false;
    if (!with_mailbox) watch<hb::message>();
    watch<hb::opened>();
    watch<hb::closed>();
    watch<hb::state_changed>();
    watch<hb::beat>();
    watch<hb::suspected>();
    watch<hb::waiting>();
    watch<hb::attempt_failed>();
    watch<hb::malformed>();
    watch<hb::undelivered>();
    watch<hb::slot_failed>();
    watch<hb::stopped>();
}

template <class Event>
void world::watch() {
    socket->on<Event>([this, mine = generation](Event const& event) {
        laws.require(5, mine == generation, "a slot began after its socket was destroyed");
        if (mine != generation) return;
        if (trace_) say("event: " + text_of(event));
        links->event();
        constexpr bool tells_fate = std::is_same_v<Event, hb::undelivered>;
        constexpr bool tells_failure = std::is_same_v<Event, hb::slot_failed>;
        if constexpr (!tells_fate && !tells_failure) ++events_;
        // A slot of `opened` that throws is followed by this in the same breath.
        if constexpr (!tells_failure) opening_session_ = 0;
        handle(event);
        if (react) react(opening_session_);
    });
}

void world::handle(hb::opened const& event) {
    links->opened(clock.now());
    life.emplace(laws, settings, late, clock.now());
    connections_[last_dial_].session = event.session;
    opening_session_ = event.session;
    ++tried.sessions;
}

void world::handle(hb::closed const& event) {
    if (event.reason.cause == hb::errc::heartbeat_timeout && life)
        tried.worst_detection.keep_worse(life->declared_dead(clock.now()));
    life.reset();
    links->closed(clock.now(), next_after(event.reason));
    link_over_ = true;
}

void world::handle(hb::attempt_failed const& event) {
    links->attempt_failed(clock.now(), next_after(event.reason));
    link_over_ = true;
}

hb::verdict world::next_after(hb::reason const& why) const {
    auto const longest = std::max(settings.reconnect.delay, settings.reconnect.max_delay);
    auto const standard = hb::standard_verdict(why, longest);
    return settings.reconnect.judge ? settings.reconnect.judge(why, standard) : standard;
}

void world::attempt_begins() {
    if (!settings.reconnect.budget) return;
    shared.dialled(clock.now());
    links->turn_by(shared.latest(clock.now()));
}

void world::prepares() {
    say("prepare is called");
    links->prepare(clock.now(), open_connections_);
    attempt_begins();
}

void world::handle(hb::state_changed const& event) {
    if (event.to == hb::state::open) links->upgraded(clock.now());
}
void world::handle(hb::waiting const&) { links->waiting(); }
void world::handle(hb::stopped const&) { links->stopped(); }

void world::handle(hb::beat const& event) {
    if (life) life->beat(event.id, event.round_trip, clock.now());
}

void world::handle(hb::undelivered const& event) {
    laws.require(6, !event.outcome, "a message that was written was told as undelivered");
    if (auto const number = message_number(event.message.text())) messages.told(*number, event.outcome);
}

void world::note(hb::network_event const& event) {
    using kind = hb::network_event::kind;
    if (trace_ && event.what != kind::completion && event.what != kind::completed) say(name_of(event));
    auto const now = clock.now();
    bool const by_client = event.end == hb::network_end::client;
    bool const current = event.connection == last_dial_;
    switch (event.what) {
        case kind::lookup:
            link_over_ = false;
            laws.require(5, links && links->has_started(), "a dial began for a socket that was destroyed");
            if (links && links->lookup(now, open_connections_)) attempt_begins();
            break;
        case kind::dial: last_dial_ = event.connection; break;
        case kind::connected:
            ++open_connections_;
            if (links) links->connected(open_connections_);
            break;
        case kind::closed:
            if (by_client && event.connection != 0) --open_connections_;
            break;
        case kind::arrived:
            if (by_client && current && life) life->arrived(event.bytes.size(), now);
            break;
        case kind::read: {
            auto& connection = connections_[event.connection];
            if (!by_client) {
                connection.to_server.read(event.bytes, [&](unsigned, std::string_view payload) {
                    if (auto const number = message_number(payload))
                        messages.arrived(*number, event.connection, connection.session);
                });
                break;
            }
            if (current && life) life->read(event.bytes.size(), now);
            connection.to_client.read(event.bytes, [&](unsigned opcode, std::string_view payload) {
                if (!current || !life) return;
                if (auto const id = beat_number(opcode, wire::pong, payload)) life->answer(*id, now);
            });
            break;
        }
        case kind::completion:
            if (by_client && socket && (link_over_ || (!current && event.connection != 0)))
                before_old_link_ = {generation, events_, state()};
            break;
        case kind::completed: {
            auto const before = std::exchange(before_old_link_, std::nullopt);
            // A run that is ending waits for the completions of its link.
            if (!before || !socket || before->generation != generation || before->state == hb::state::closing)
                break;
            laws.judge(2, events_ == before->events && state() == before->state,
                       "what completed for an old link changed something");
            break;
        }
        case kind::sent:
            if (!by_client) break;
            connections_[event.connection].from_client.read(
                event.bytes, [&](unsigned opcode, std::string_view payload) {
                    if (auto const number = message_number(payload)) messages.left(*number);
                    auto const id = beat_number(opcode, wire::ping, payload);
                    if (id && current && life) life->asked(*id);
                });
            break;
        case kind::refused:
        case kind::reset: break;
    }
}

bool world::step() {
    io.restart();
    bool const ran = io.poll_one() != 0;
    if (ran) ++tried.steps;
    check();
    return ran;
}

void world::check() {
    auto const now = clock.now();
    pending.check(now);
    if (!socket) return;
    auto const in = state();
    links->check(now, in == hb::state::connecting || in == hb::state::open || in == hb::state::waiting);
    bool const pauses = settings.limits.mailbox_overflow == hb::overflow::pause;
    if (pauses || tried.steps % 16 == 0) {
        auto const figures = socket->stats();
        laws.require(11,
                     figures.outbox_messages <= settings.limits.outbox_messages &&
                         figures.outbox_bytes <= settings.limits.outbox_bytes,
                     "the outbox is over its limit");
        // Also when it has just resumed.
        bool const paused = std::exchange(paused_, figures.reading_paused) || figures.reading_paused;
        if (life && paused) life->pause(now);
    }
    if (life && in == hb::state::open) life->check(now);
}
