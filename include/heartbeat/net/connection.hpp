// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/address_order.hpp>
#include <heartbeat/core/backoff.hpp>
#include <heartbeat/core/lifecycle.hpp>
#include <heartbeat/core/renewal.hpp>
#include <heartbeat/core/retry_policy.hpp>
#include <heartbeat/core/round_trip.hpp>
#include <heartbeat/core/send_order.hpp>
#include <heartbeat/events.hpp>
#include <heartbeat/net/abandon_service.hpp>
#include <heartbeat/net/link.hpp>
#include <heartbeat/net/mailbox.hpp>
#include <heartbeat/options.hpp>
#include <heartbeat/stats.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <concepts>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace heartbeat::detail {

/// A `Stream` that can serve `wss`.
template <class Stream>
concept securable = requires(Stream& stream, tls_provider const& tls, url const& where) {
    stream.async_secure(tls, where, true, asio::deferred);
    { stream.resumed() } -> std::same_as<bool>;
};

/// The cause that the layer which reported an error knows itself, or else the given one.
inline errc cause_of(error_code const& error, errc otherwise) noexcept {
    auto const meant = error.default_error_condition();
    return meant.category() == error_category() ? static_cast<errc>(meant.value()) : otherwise;
}

/// What the operations of a socket share: its strand, its decisions and its queues. Owned by the socket and
/// by the operations in progress, so it lives until the last of them has completed.
///
/// Everything runs on the strand except for what says otherwise. The bodies stand with the operation that
/// they serve.
template <class Protocol, class Stream, class Clock>
class connection final : public abandonable,
                         public std::enable_shared_from_this<connection<Protocol, Stream, Clock>> {
public:
    using strand_type = asio::strand<typename Stream::executor_type>;
    using stream_type = Stream;
    using link_type = link<Protocol, Stream, Clock>;
    using link_pointer = std::shared_ptr<link_type>;
    using phase = lifecycle::phase;

    connection(typename Stream::executor_type const& executor, options&& settings, Protocol&& prototype);
    ~connection();

    // For the socket, from any thread: request.hpp and write_op.hpp.

    strand_type const& strand() const noexcept { return strand_; }
    /// The strand as the executor of handlers: with `strand<any_io_executor>` itself, Boost 1.81 takes the
    /// interface of the old executors, which it does not have.
    asio::any_io_executor const& handler_executor() const noexcept { return handler_executor_; }
    socket_events& events() noexcept { return bus_; }
    state visible_state() const noexcept { return state_.load(std::memory_order_acquire); }
    stats snapshot();
    /// Queues a message, or says why not and leaves both arguments alone. `ticket` is set before the message
    /// can leave.
    errc send(message&& content, completion<outcome>&& receipt, std::atomic<std::uint64_t>* ticket = nullptr);
    void accept_messages();
    std::uint64_t new_ticket() noexcept { return next_ticket_.fetch_add(1, std::memory_order_relaxed); }
    /// Runs `work(*this)` on the strand, later.
    template <class Work>
    void post(Work work);
    /// Runs `work(*this)` on the strand when the operation that this slot belongs to is cancelled.
    template <class Work>
    void on_cancel(asio::cancellation_slot slot, Work work);

    // For the socket, on the strand: run_op.hpp and request.hpp.

    void start(std::uint64_t ticket, completion<error_code> done);
    void cancel_run(std::uint64_t ticket);
    void close(std::uint64_t ticket, completion<error_code> done);
    void cancel_close(std::uint64_t ticket);
    void cancel();
    void connect_now() { feed(lifecycle::event::connect_now); }
    void cancel_send(std::uint64_t ticket);
    void receive(std::uint64_t ticket, mailbox::receiver done);
    void cancel_receive(std::uint64_t ticket) { mailbox_.cancel(ticket); }
    /// Reads on, if reading had paused and there is someone to take messages again.
    void unpause();
    void wait_for(std::uint64_t ticket, state wanted, completion<error_code> done);
    template <class Event>
    void next_event(std::uint64_t ticket, completion<error_code, Event> done);
    void cancel_wait(std::uint64_t ticket);
    /// The socket is gone.
    void orphan();
    template <class Event>
    void emit(Event const& happened) {
        bus_.emit(happened);
    }

    // For the operations.

    options const& settings() const noexcept { return settings_; }
    /// Whether `wss` can be served.
    static bool can_secure(std::shared_ptr<tls_provider const> const& tls) noexcept {
        return securable<Stream> && tls != nullptr;
    }
    /// The socket is gone. Its end may still be on its way to the strand: until then nothing is dialled.
    bool gone() const noexcept { return bus_.muted(); }
    /// Each operation that is begun is left once; the run ends when all are.
    void enter() noexcept { ++outstanding_; }
    void leave();
    /// The one place where an attempt fails or a link ends. The first reason counts, the others change
    /// nothing.
    void end(link_type& ending, reason why);
    /// What the end of an attempt says about the server.
    reason explain_attempt(link_type const& at, errc cause, error_code evidence) const;
    /// What an error of the websocket says about the end of a link.
    reason explain(link_type const& at, error_code error) const;
    /// Arms the deadline of the step that the link has come to.
    void begin_step(link_type& at);
    /// Asks the application what to attempt.
    void prepare(link_type& at);
    /// Looks for the addresses of the host that the link is to connect to.
    void resolve(link_type& at);
    void resolved(link_type& at, reason&& failure, std::vector<endpoint>&& found);
    /// Does what the race of the link's addresses wants done.
    void race(link_type& at);
    void candidate_done(link_type& at, address_race::candidate who, error_code error);
    /// Ends a link and begins the next leg of its attempt; null if that could not be made.
    link_pointer hop(link_type& from, itinerary&& trip);
    void secured(bool resumed);
    void connected(link_type& at);
    void deadline_passed(link_type& at);
    void wait_over(std::uint64_t number, lifecycle::event then);
    void read(link_type& at);
    void received(link_type& at);
    void beat(link_type& at);
    void write(link_type& at);
    void written(link_type& at, error_code error);

    // For the layer below the websocket.

    void bytes_read(link_type& at, std::size_t number);
    void bytes_written(std::size_t number);
    void teardown_begins(link_type& at, std::uint16_t told);

    // For the execution context.

    void abandon() override;

private:
    // run_op.hpp
    void feed(lifecycle::event happened) { perform(advance(happened)); }
    lifecycle::action advance(lifecycle::event happened);
    void perform(lifecycle::action what);
    lifecycle::event judge(link_type const* ending, reason const& why, time_point now);
    void drop_messages(errc cause);
    /// Whether the application can be asked for new credentials.
    bool can_refresh() const noexcept { return static_cast<bool>(settings_.prepare); }
    void retire(link_type& ending, errc cause);
    void cut_link();
    void collect();
    void finish();

    // wait_op.hpp
    void begin_wait();
    void take_turn();
    void give_turn_back();
    void wait_until(time_point due, lifecycle::event then);
    void stop_waiting();

    // connect_op.hpp
    void begin_attempt();
    link_pointer make_link();
    /// Throws `options_error`; nothing has changed then.
    void plan(link_type& at, prepared const& use) const;

    // resolve_op.hpp
    void ask_application(link_type& at, std::string const& host, std::uint16_t port);

    // race_op.hpp
    void begin_candidate(link_type& at, address_race::candidate who);
    void await_next_address(link_type& at);

    // open_op.hpp
    void begin_session();

    // deadline_op.hpp
    void arm_deadline(link_type& at, time_point due, errc code);
    void disarm_deadline(link_type& at);

    // prepare_op.hpp
    void prepared_for(link_pointer const& at, prepare_result&& result);

    // read_op.hpp
    void watch_control_frames(link_type& at);
    void close_frame(link_type& at);
    void pong(link_type& at, std::string_view payload);
    void classify(link_type& at, inbound_frame const& frame);
    void deliver(link_type& at, inbound_frame const& frame);
    void pause(link_type& at);

    // beat_op.hpp
    void arm_heart(link_type& at);
    void rearm_heart(link_type& at);
    void request_beat(link_type& at);
    void answered(link_type& at, std::uint64_t id);
    void proved(link_type& at);
    void note_delay(duration late);

    // write_op.hpp
    void request_write();
    send_situation look(link_type& at);
    void write_beat(link_type& at);
    void write_stand_in(link_type& at);
    void write_reply(link_type& at);
    void write_control(link_type& at);
    void write_fragment(link_type& at);
    void write_frame(link_type& at, bool text, bool last, asio::const_buffer payload);
    void begin_write(link_type& at, std::size_t size);
    void note_beat(link_type& at, std::uint64_t id);
    void reply(link_type& at, outbound_frame&& frame);
    std::optional<message_queue::entry> take_message();
    void give_back(link_type& at);
    void settle_gathered(link_type& at, outcome result);
    void settle_unfinished(link_type& at);
    void settle(message_queue::entry&& entry, outcome result);
    void tell(message_queue::entry&& entry, outcome result);

    // close_op.hpp
    void begin_drain();
    void begin_close();

    // request.hpp
    void fail_waits(error_code error);
    void slot_threw(std::exception_ptr exception);
    /// What ends waits that begin too late; zero if they may wait.
    error_code over() const;
    template <class Function, class Result>
    Result guarded(Function function, Result fallback);
    template <class Update>
    void count(Update update);
    void went_up(time_point now);
    void went_down(time_point now);
    time_point time() const { return clock_.now(); }

    strand_type strand_;
    asio::any_io_executor handler_executor_;
    options settings_;
    Protocol const prototype_;
    clock_source<Clock> clock_;
    abandon_service& abandon_service_;
    std::mt19937_64 random_;
    socket_events bus_;

    lifecycle lifecycle_;
    backoff backoff_;
    retry_policy retry_policy_;
    timer_for<Clock> wait_timer_;
    link_pointer link_;
    /// The last link, if its connection is kept until the next one is made.
    link_pointer abandoned_;
    /// Operations that are under way. A lookup is not counted, since a `Stream` of the user's may leave it in
    /// the operating system.
    std::uint64_t outstanding_ = 0;
    std::uint64_t waits_made_ = 0;
    std::uint64_t races_ = 0;

    /// Why the run ends; without a cause while it goes on.
    reason ending_ = {};
    waiting coming_wait_ = {};
    /// What the last attempt of this run was given, or else what the options say.
    prepared current_ = {};
    renewal renewal_;
    address_memory addresses_;
    /// The turn to dial that was taken and lies ahead.
    std::optional<time_point> turn_ = {};
    /// Dials since the last stable link.
    unsigned attempts_ = 0;
    /// When the link was lost, or the run began, and the time without a link before that, since the last
    /// stable link.
    time_point outage_began_ = {};
    duration earlier_outages_ = {};
    bool linked_before_ = false;
    /// Slots of `opened` are running: what they send goes to the front.
    bool opening_ = false;
    bool reporting_failure_ = false;

    completion<error_code> run_;
    std::uint64_t run_ticket_ = 0;
    /// A run has ended and no other was started.
    bool run_ended_ = false;
    /// The socket's end has come to the strand.
    bool orphaned_ = false;
    std::vector<std::pair<std::uint64_t, completion<error_code>>> closes_;
    mailbox mailbox_;
    /// Whoever waits for an event or a state: called with an error, it gives up.
    std::unordered_map<std::uint64_t, std::function<void(error_code)>> waits_;

    std::atomic<state> state_ = state::stopped;
    std::atomic<std::uint64_t> next_ticket_ = 1;
    std::atomic<bool> write_requested_ = false;

    std::mutex outbox_mutex_;
    message_queue outbox_;
    /// Runs that were asked for and not begun yet: what was accepted since the first of them, after the
    /// ticket, is theirs.
    std::size_t starts_requested_ = 0;
    std::uint64_t earlier_messages_ = 0;
    bool refuses_for_good_ = false;

    std::mutex stats_mutex_;
    stats stats_;
    round_trip round_trip_;
    time_point down_since_ = {};
    bool down_ = false;
};

/// What every handler of a link's operations holds, and where it runs.
template <class Connection>
struct operation {
    using executor_type = asio::any_io_executor;

    std::shared_ptr<Connection> self;
    typename Connection::link_pointer at;

    executor_type const& get_executor() const noexcept { return self->handler_executor(); }
};

}  // namespace heartbeat::detail
