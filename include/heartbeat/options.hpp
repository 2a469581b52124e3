// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/request_rules.hpp>
#include <heartbeat/deflate_options.hpp>
#include <heartbeat/dial_budget.hpp>
#include <heartbeat/dial_options.hpp>
#include <heartbeat/options_error.hpp>
#include <heartbeat/prepare.hpp>
#include <heartbeat/reason.hpp>
#include <heartbeat/request_options.hpp>
#include <heartbeat/tls_options.hpp>
#include <heartbeat/url.hpp>
#include <heartbeat/verdict.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace heartbeat {

/// TLS as a value, made by `heartbeat::tls` in `tls.hpp`, without which nothing here needs OpenSSL.
class tls_provider;

/// Stands for `heartbeat::tls` of `tls.hpp` where that is not included, and says so.
template <std::same_as<tls_options> Options = tls_options>
std::shared_ptr<tls_provider const> tls(Options const& = {}) {
    static_assert(!std::same_as<Options, tls_options>,
                  "heartbeat::tls needs #include <heartbeat/tls.hpp>, and OpenSSL to link");
    return {};
}

/// What proves that the peer is alive.
enum class liveness {
    /// The answer to a heartbeat of the current round. Only a round trip shows that both directions work.
    round_trip,
    /// Any byte that is read. Cheaper for the peer, blind to a link that only receives.
    any_input,
};

/// What becomes of a received message that finds no slot and a full mailbox.
enum class overflow {
    /// The oldest message in the mailbox is discarded and counted in `stats::messages_discarded`.
    drop_oldest,
    /// The new message is discarded and counted in `stats::messages_discarded`.
    drop_newest,
    /// The link ends with `errc::mailbox_full`.
    close,
    /// Nothing is read until a message is taken, so the peer is slowed down by TCP. Answers to heartbeats are
    /// not read either: liveness is suspended meanwhile, and `stats::reading_paused` says so.
    pause,
};

/// When to ask for a sign of life, and how long to wait for it.
struct heartbeat_options {
    /// From proof of life to the next beat; 0 means no heartbeat. A protocol may negotiate another.
    duration interval = std::chrono::seconds{15};
    /// From the beat to the verdict, above 0 unless `interval` is 0. The peer is suspected and probed once
    /// after half of it. A dead peer is noticed within `interval + timeout` of the last proof of life.
    duration timeout = std::chrono::seconds{5};
    liveness proof = liveness::round_trip;
    /// True: the timeout of each round follows the round-trip times that the link has shown so far, as TCP's
    /// retransmission timer does (RFC 6298): the smoothed time, and above it four deviations or
    /// `least_timeout`, whichever is more; never above `timeout`. It is `timeout` before the first answer,
    /// for input that delays one, and while more than 16 KiB of output may be on their way before it. A dead
    /// peer is noticed sooner, at the price of more false alarms where segments get lost: TCP sends one again
    /// after 200 ms or more.
    bool adaptive = false;
    /// What `adaptive` leaves an answer above the smoothed round-trip time, above 0.
    duration least_timeout = std::chrono::milliseconds{50};
};

/// Whether, and after what delay, to dial again.
struct reconnect_options {
    /// False: the run ends with the link, or with the attempt that failed.
    bool enabled = true;
    /// The nominal delay before the first retry, above 0.
    duration delay = std::chrono::seconds{1};
    /// Each further retry waits this many times longer; 1 (fixed delay) or more.
    double growth = 2.0;
    /// The nominal delay never grows above this, nor above `delay` where that is larger.
    duration max_delay = std::chrono::seconds{15};
    /// The real delay is drawn anew for each attempt, uniformly from [nominal / 2, nominal], so that clients
    /// do not return all at once after a server's restart. False waits exactly the nominal delay.
    bool jitter = true;
    /// A link that was open this long has been stable: the delays and limits below start again.
    duration stable_after = std::chrono::seconds{10};
    /// The run ends with `errc::retries_exhausted` when so many dials since the last stable link have not
    /// made another; a link that was open, and not for long enough, is none. 0 is unlimited.
    unsigned max_attempts = 0;
    /// The run ends with `errc::retries_exhausted` when by the next dial the socket would have been without a
    /// link for longer than this, all in all since the last stable link; 0 is unlimited.
    duration max_elapsed = {};
    /// The longest time that a server's `Retry-After` can make the socket wait, above 0; a longer one counts
    /// as this.
    duration longest_retry_after = std::chrono::hours{1};
    /// True: the run ends when a certificate is not accepted, the server's or this client's. False retries
    /// slowly (`slow_delay`): a certificate may be renewed, a clock be set, a network be left. Each attempt
    /// is told by `attempt_failed`; nothing of the application is sent before the certificate is accepted.
    bool stop_on_rejected_certificate = false;
    /// What several sockets share so that together they make no storm; they have the same clock. Without one
    /// a socket dials when it likes.
    std::shared_ptr<dial_budget> budget = {};
    /// The user's own verdict on what follows a reason. Is given that of the library, `standard_verdict`, to
    /// return or to replace. Called on the strand. Deliberate ends are final, whatever it says. If it throws
    /// that is told by `slot_failed`, and the verdict is that of the library.
    std::function<verdict(reason const&, verdict)> judge = {};
};

/// How long each step may take; each is above 0 and has its own error code.
struct deadline_options {
    /// From calling `prepare` until its answer.
    duration prepare = std::chrono::seconds{5};
    /// Longer than the 5 s that the system's resolver waits for a name server before it asks the next one.
    duration resolve = std::chrono::seconds{6};
    /// All addresses together. Long enough for the last of eight to be tried at 1.75 s and to have its SYN
    /// repeated, which systems do after 1 s and after 3 s.
    duration connect = std::chrono::seconds{5};
    /// The TLS handshake, of `wss` URLs.
    duration tls = std::chrono::seconds{5};
    /// From the upgrade request until its whole answer.
    duration upgrade = std::chrono::seconds{5};
    /// All steps of one attempt together.
    duration attempt = std::chrono::seconds{15};
    /// From a deliberate close until the run has ended: draining the outbox and the close handshake together.
    /// Also the time a peer has from its Close frame until the connection's end.
    duration close = std::chrono::seconds{3};
};

/// The bounds on memory; each is above 0. Sizes are payload bytes.
struct limit_options {
    /// The largest message that is accepted from the peer, inflated if it is compressed; a larger one closes
    /// the link with code 1009.
    std::size_t message_bytes = 16 * 1024 * 1024;
    /// Messages accepted for sending and not yet written.
    std::size_t outbox_messages = 1024;
    std::size_t outbox_bytes = 16 * 1024 * 1024;
    /// Received messages that wait for `async_receive`.
    std::size_t mailbox_messages = 1024;
    std::size_t mailbox_bytes = 16 * 1024 * 1024;
    overflow mailbox_overflow = overflow::drop_oldest;
    /// A larger message leaves in fragments of this size, between which a heartbeat finds a gap; at least
    /// 128.
    std::size_t fragment_bytes = 64 * 1024;
};

/// Everything that a socket can be told. Checked when a socket is made.
struct options {
    /// Where to connect: `ws://[user[:password]@]host[:port][/path][?query]`, or `wss` with `tls` below. An
    /// IPv6 address stands in brackets, that of a link with its zone, like `[fe80::1%25eth0]`; user and
    /// password are percent-encoded and become Basic authentication.
    std::string url = {};
    heartbeat_options heartbeat = {};
    reconnect_options reconnect = {};
    dial_options dial = {};
    deadline_options deadlines = {};
    limit_options limits = {};
    deflate_options deflate = {};
    /// What `wss` URLs need: `heartbeat::tls()` of `heartbeat/tls.hpp`, or with options
    /// `heartbeat::tls({...})`. Several sockets may share one, and then also share the sessions that make
    /// reconnecting cheap. `prepare` may give another one.
    std::shared_ptr<tls_provider const> tls = {};
    /// What the upgrade request says.
    request_options request = {};
    /// Where an attempt connects and what it says there, made anew for each: `prepare(preparation,
    /// prepare_handler)` is called on the strand, and its answer is used instead of `url`, `request` and
    /// `tls`, which it is given to begin with. With it a refusal for want of credentials is answered by an
    /// attempt with new ones: HTTP status 401 at once, once for each open link; close code 3000 after the
    /// usual wait. A second refusal in a row ends the run, unless it has a `Retry-After`. What it throws
    /// fails the attempt.
    prepare_function prepare = {};
    /// Seeds the jitter; 0 takes a seed from the operating system.
    std::uint64_t seed = 0;
};

namespace detail {

inline std::string in_milliseconds(duration value) {
    auto const count = std::chrono::nanoseconds(value).count();
    std::string text = (count < 0 ? "-" : "") + std::to_string(std::abs(count / 1'000'000));
    if (auto const fraction = std::abs(count % 1'000'000); fraction != 0) {
        text += '.' + std::to_string(1'000'000 + fraction).substr(1);
        text.erase(text.find_last_not_of('0') + 1);
    }
    return text + " ms";
}

/// So that sums of a few durations and a point in time cannot overflow.
inline constexpr duration longest_duration = std::chrono::hours{24 * 366};

inline void require_positive(char const* field, duration value) {
    if (value <= duration{} || value > longest_duration)
        throw options_error(field, in_milliseconds(value), "more than 0 and at most 366 days");
}

inline void require_not_negative(char const* field, duration value) {
    if (value < duration{} || value > longest_duration)
        throw options_error(field, in_milliseconds(value), "0 or more and at most 366 days");
}

inline void require_at_least(char const* field, std::size_t value, std::size_t least) {
    if (value < least) throw options_error(field, std::to_string(value), std::to_string(least) + " or more");
}

inline void require_between(char const* field, int value, int least, int most) {
    if (value < least || value > most)
        throw options_error(field, std::to_string(value),
                            std::to_string(least) + " to " + std::to_string(most));
}

inline void require_dial(dial_options const& dial) {
    bool const is_host = dial.host.size() <= 254 && std::ranges::all_of(dial.host, is_host_character);
    if (!is_host && !is_address(dial.host))
        throw options_error("dial.host", detail::quoted(dial.host),
                            "a host name or an address, without brackets");
    if (!dial.local_address.empty() && !is_address(dial.local_address))
        throw options_error("dial.local_address", detail::quoted(dial.local_address),
                            "an IPv4 or IPv6 address");
    if (dial.network_interface.size() > 15)
        throw options_error("dial.network_interface", detail::quoted(dial.network_interface),
                            "a name of up to 15 characters");
    require_positive("dial.stagger", dial.stagger);
    if (dial.stagger < std::chrono::milliseconds{10})
        throw options_error("dial.stagger", in_milliseconds(dial.stagger), "10 ms or more");
    require_between("dial.max_addresses", static_cast<int>(std::min(dial.max_addresses, 1000u)), 1, 64);
}

/// Whether `wss` URLs can be served: `prepare` may bring what they need.
inline bool may_have_tls(options const& value) noexcept { return value.tls || value.prepare; }

}  // namespace detail

/// Checks all options. Throws `options_error` for the first one that makes no sense. The socket's
/// constructors call it; programs that take options from a file may call it earlier.
inline void validate(options const& value) {
    detail::require_target(value.url, value.request, detail::may_have_tls(value));

    auto const& heart = value.heartbeat;
    detail::require_not_negative("heartbeat.interval", heart.interval);
    if (heart.interval > duration{}) detail::require_positive("heartbeat.timeout", heart.timeout);
    detail::require_not_negative("heartbeat.timeout", heart.timeout);
    detail::require_positive("heartbeat.least_timeout", heart.least_timeout);

    auto const& retry = value.reconnect;
    detail::require_positive("reconnect.delay", retry.delay);
    if (!(retry.growth >= 1.0 && retry.growth <= 1000.0))
        throw options_error("reconnect.growth", std::to_string(retry.growth), "1 to 1000");
    detail::require_positive("reconnect.max_delay", retry.max_delay);
    detail::require_not_negative("reconnect.stable_after", retry.stable_after);
    detail::require_not_negative("reconnect.max_elapsed", retry.max_elapsed);
    detail::require_positive("reconnect.longest_retry_after", retry.longest_retry_after);

    detail::require_dial(value.dial);

    auto const& deadlines = value.deadlines;
    detail::require_positive("deadlines.prepare", deadlines.prepare);
    detail::require_positive("deadlines.resolve", deadlines.resolve);
    detail::require_positive("deadlines.connect", deadlines.connect);
    detail::require_positive("deadlines.tls", deadlines.tls);
    detail::require_positive("deadlines.upgrade", deadlines.upgrade);
    detail::require_positive("deadlines.attempt", deadlines.attempt);
    detail::require_positive("deadlines.close", deadlines.close);

    auto const& limits = value.limits;
    detail::require_at_least("limits.message_bytes", limits.message_bytes, 1);
    detail::require_at_least("limits.outbox_messages", limits.outbox_messages, 1);
    detail::require_at_least("limits.outbox_bytes", limits.outbox_bytes, 1);
    detail::require_at_least("limits.mailbox_messages", limits.mailbox_messages, 1);
    detail::require_at_least("limits.mailbox_bytes", limits.mailbox_bytes, 1);
    detail::require_at_least("limits.fragment_bytes", limits.fragment_bytes, 128);

    auto const& deflate = value.deflate;
    detail::require_between("deflate.client_window_bits", deflate.client_window_bits, 9, 15);
    detail::require_between("deflate.server_window_bits", deflate.server_window_bits, 9, 15);
    detail::require_between("deflate.memory_level", deflate.memory_level, 1, 9);
    detail::require_between("deflate.compression_level", deflate.compression_level, 0, 9);
}

}  // namespace heartbeat
