// SPDX-License-Identifier: BSL-1.0
//
// The one file that instantiates the socket.
#include "trial.hpp"

#include "allocations.hpp"
#include "catch.hpp"

#include <heartbeat/heartbeat.hpp>

#include <boost/asio/io_context.hpp>

#include <netinet/tcp.h>

#include <algorithm>
#include <chrono>
#include <utility>

using tcp = asio::ip::tcp;

class trial::world {
public:
    explicit world(scenario const& what);
    ~world();

    void run(hb::duration time);
    findings const& found();

private:
    using socket_type = hb::heartbeat_socket<hb::mode_code, hb::any_stream, hb::manual_clock>;

    void keep_buffers_small();
    void listen();
    template <class Event, class Slot>
    void on(Slot slot);
    void connect_slots();
    bool serve();
    bool run_client(hb::duration limit);
    bool is_quiet();
    bool has_stalled(peer const& at);
    void until_quiet();
    void advance_to(hb::time_point target);

    scenario const& what_;
    asio::io_context server_;
    hb::manual_clock server_clock_;
    tcp::acceptor acceptor_;
    std::vector<std::shared_ptr<peer>> peers_;

    std::unique_ptr<asio::io_context> client_;
    hb::manual_clock clock_;
    std::unique_ptr<socket_type> socket_;
    /// The bytes of earlier connections.
    std::uint64_t sent_before_ = 0;
    std::uint64_t received_before_ = 0;
    /// How much has been transferred when a deaf peer was last looked at, and how often it was the same.
    std::uint64_t transferred_ = 0;
    int unchanged_ = 0;
    std::optional<hb::time_point> closes_at_;
    std::size_t live_before_;
    findings found_;
};

/// What is made once for the whole process is not counted.
std::size_t live_bytes() {
    hb::detail::lookup_threads::of_process();
    return allocations::live();
}

trial::world::world(scenario const& what)
    : what_(what),
      server_clock_(server_),
      acceptor_(server_, {asio::ip::address_v4::loopback(), 0}),
      client_(std::make_unique<asio::io_context>()),
      clock_(*client_),
      live_before_(live_bytes()) {
    keep_buffers_small();
    listen();
    auto options = usual_options();
    if (what.adjust) what.adjust(options);
    options.url = "ws://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
    allocations::restart_peak();
    {
        allocations::scope const counted(true);
        socket_ = std::make_unique<socket_type>(
            *client_, std::move(options),
            hb::mode_code([beat = std::int64_t{0}]() mutable { return ++beat; }));
    }
    connect_slots();
    allocations::scope const counted(true);
    socket_->start();
}

trial::world::~world() {
    // Whatever the server does, an end that does not wait is an end. Nothing stays behind.
    socket_.reset();
    run_client({});
    client_.reset();
    CHECK(allocations::live() == live_before_);
}

void trial::world::keep_buffers_small() {
    // So that the buffers towards a peer that does not read are full soon: its own, and through the size of
    // segments, by which the kernel lets it grow, the client's.
    acceptor_.set_option(tcp::acceptor::receive_buffer_size(16 * 1024));
    int const segment = 1024;
    REQUIRE(setsockopt(acceptor_.native_handle(), IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment) == 0);
}

void trial::world::listen() {
    acceptor_.async_accept([this](hb::error_code error, tcp::socket socket) {
        if (error) return;
        // Nothing waits for an acknowledgement, which comes when real time has passed.
        socket.set_option(tcp::no_delay(true), error);
        peers_.push_back(std::make_shared<peer>(std::move(socket), peers_.size() + 1));
        peers_.back()->play(what_.server);
        listen();
    });
}

template <class Event, class Slot>
void trial::world::on(Slot slot) {
    socket_->template on<Event>([slot](Event const& event) {
        allocations::scope const not_counted(false);
        slot(event);
    });
}

void trial::world::connect_slots() {
    auto const end = [this](hb::reason const& why) {
        auto& last = found_.dials.back();
        last.ended = clock_.now();
        last.why = why;
    };
    on<hb::state_changed>([this](hb::state_changed const& change) {
        if (change.to != hb::state::connecting) return;
        auto const all = socket_->stats();
        sent_before_ = all.bytes_sent;
        received_before_ = all.bytes_received;
        found_.dials.push_back({.began = clock_.now()});
    });
    on<hb::opened>([this](hb::opened const& event) {
        found_.dials.back().opened = true;
        if (event.session > 1) return;
        if (what_.client.closes_after > 0s) closes_at_ = clock_.now() + what_.client.closes_after;
        allocations::scope const counted(true);
        for (std::size_t count = 0; count < what_.client.messages; ++count)
            socket_->send(std::string(what_.client.message_bytes, 'x'));
    });
    on<hb::closed>([this, end](hb::closed const& event) {
        end(event.reason);
        found_.dials.back().open = event.uptime;
    });
    on<hb::attempt_failed>([end](hb::attempt_failed const& event) { end(event.reason); });
    if (what_.client.listens)
        on<hb::message>([this](hb::message const&) { ++found_.dials.back().delivered; });
    on<hb::malformed>([this](hb::malformed const&) { ++found_.malformed; });
    on<hb::undelivered>([this](hb::undelivered const&) { ++found_.undelivered; });
    on<hb::waiting>([this](hb::waiting const& event) {
        found_.slowly = event.delay >= hb::slow_delay && event.cause.retry_after == 0s;
    });
    on<hb::stopped>([this](hb::stopped const& event) {
        ++found_.stops;
        found_.stopped = event.reason;
    });
}

bool trial::world::serve() {
    server_.restart();
    return server_.poll() != 0;
}

bool trial::world::run_client(hb::duration limit) {
    allocations::scope const counted(true);
    client_->restart();
    return (limit == hb::duration{} ? client_->poll() : client_->run_one_for(limit)) != 0;
}

bool trial::world::has_stalled(peer const& at) {
    // Full buffers look like empty ones from here, so this waits until the kernel moves nothing more.
    auto const all = socket_->stats();
    auto const now = all.bytes_sent + all.bytes_received + at.sent() + at.heard();
    unchanged_ = now == std::exchange(transferred_, now) ? unchanged_ + 1 : 0;
    return unchanged_ > 3;
}

bool trial::world::is_quiet() {
    switch (socket_->state()) {
        case hb::state::stopped:
        case hb::state::waiting: return true;
        default: break;
    }
    if (peers_.size() != found_.dials.size()) return false;
    auto const& at = *peers_.back();
    auto const all = socket_->stats();
    auto const sent = all.bytes_sent - sent_before_;
    auto const received = all.bytes_received - received_before_;
    if (sent == 0 || at.is_over()) return false;
    if (at.is_deaf() && at.sent() != 0) return has_stalled(at);
    if (!at.is_resting()) return false;
    return at.is_abandoned() || (received == at.sent() && sent == at.heard());
}

void trial::world::until_quiet() {
    auto const limit = std::chrono::steady_clock::now() + 60s;
    unchanged_ = 0;
    for (;;) {
        bool const busy = run_client({}) || serve();
        if (busy) continue;
        if (is_quiet()) return;
        run_client(1ms);
        if (std::chrono::steady_clock::now() > limit) FAIL("the server and the socket do not come to rest");
    }
}

void trial::world::advance_to(hb::time_point target) {
    {
        allocations::scope const counted(true);
        clock_.advance_to(target);
    }
    if (!peers_.empty()) peers_.back()->note_read(socket_->stats().bytes_received - received_before_);
    server_clock_.advance_to(target);
}

void trial::world::run(hb::duration time) {
    auto const end = clock_.now() + time;
    for (;;) {
        until_quiet();
        if (clock_.now() == closes_at_) {
            closes_at_.reset();
            allocations::scope const counted(true);
            socket_->close();
            continue;
        }
        if (clock_.now() == end) return;
        auto next = end;
        for (auto const& due : {clock_.next_expiry(), server_clock_.next_expiry(), closes_at_})
            if (due) next = std::min(next, *due);
        advance_to(next);
    }
}

findings const& trial::world::found() {
    found_.state = socket_->state();
    found_.accepted = peers_.size();
    found_.peak_bytes = allocations::peak() - live_before_;
    found_.discarded = socket_->stats().messages_discarded;
    if (found_.accepted == found_.dials.size())
        for (std::size_t index = 0; index < peers_.size(); ++index)
            found_.dials[index].told = peers_[index]->close_code();
    return found_;
}

trial::trial(scenario const& what) : world_(std::make_unique<world>(what)) {}
trial::~trial() = default;
void trial::run(hb::duration time) { world_->run(time); }
findings const& trial::found() { return world_->found(); }

hb::options usual_options() {
    return {.heartbeat = {.interval = 4s, .timeout = 2s},
            .reconnect = {.max_delay = 30s, .jitter = false},
            .seed = 1};
}
