// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/net/byte_layer.hpp>
#include <heartbeat/net/completion.hpp>
#include <heartbeat/testing/manual_clock.hpp>
#include <heartbeat/testing/network_conditions.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

namespace heartbeat::detail {

/// What all connections of a simulated network share.
struct simulated_weather {
    network_conditions conditions = {};
    /// What is sent to that end does not arrive, as if every segment were lost until it is repeated later.
    bool lost[2] = {false, false};
    std::mt19937_64 random = {};
    std::function<void(network_event const&)> observer = {};

    bool is_lost(network_end to) const noexcept { return lost[static_cast<std::size_t>(to)]; }
    /// The same number on every platform, unlike those of the standard library's distributions.
    std::uint64_t draw(std::uint64_t largest) { return largest == 0 ? 0 : random() % (largest + 1); }
    void tell(network_event const& event) const {
        if (observer) observer(event);
    }
};

/// One direction of a simulated connection: what is written comes out at the other end, later, in pieces.
/// At most one read and one write are outstanding.
class simulated_pipe final : public std::enable_shared_from_this<simulated_pipe> {
public:
    using transfer = completion<error_code, std::size_t>;

    simulated_pipe(asio::any_io_executor const& executor, std::shared_ptr<simulated_weather> weather,
                   network_end to, std::uint64_t connection)
        : weather_(std::move(weather)),
          to_(to),
          connection_(connection),
          clock_(executor),
          arrival_(executor) {}

    /// What the connection does when a reset arrives here, or something at a reader that is gone.
    std::function<void()> on_reset = {};
    std::function<void()> on_stray = {};

    void write(buffer_list<asio::const_buffer> const& bytes, transfer done);
    void read(buffer_list<asio::mutable_buffer> const& space, transfer done);
    /// The end of the stream follows what was written.
    void finish();
    /// Forgets what is on its way and lets the reader know.
    void reset();
    /// The writer has heard that there is no connection any more.
    void break_writer(error_code error);
    /// The reader wants no more: its read is aborted, and what arrives from now on is stray.
    void leave_reader(error_code error);
    /// Takes up again what was lost.
    void repeat();
    /// How many bytes can be read without waiting.
    std::size_t arrived() const {
        auto size = inbox_.size();
        auto const end = first_on_its_way();
        for (auto one = segments_.begin(); one != end; ++one) size += one->size;
        return size;
    }
    std::string_view unread() const noexcept { return inbox_; }
    /// Destroys the handlers.
    void abandon();

private:
    struct segment {
        time_point arrival;
        std::size_t size;
    };

    enum class tail { none, finish, reset };

    network_end from() const noexcept {
        return to_ == network_end::client ? network_end::server : network_end::client;
    }
    /// What is due has arrived, even if the event loop has not come to it.
    std::deque<segment>::const_iterator first_on_its_way() const {
        if (weather_->is_lost(to_)) return segments_.begin();
        return std::ranges::find_if(segments_,
                                    [now = clock_.now()](segment const& one) { return one.arrival > now; });
    }
    time_point next_arrival();
    void accept();
    void send(std::string_view bytes);
    void end_with(tail what, time_point when);
    void arm();
    void deliver();
    void serve();

    std::shared_ptr<simulated_weather> weather_;
    network_end to_;
    std::uint64_t connection_;
    manual_clock clock_;
    manual_timer arrival_;

    std::string flight_;
    std::deque<segment> segments_;
    time_point last_arrival_ = {};
    tail tail_ = tail::none;
    time_point tail_due_ = {};

    std::string inbox_;
    bool finished_ = false;
    /// Nothing more is sent, though a writer that waits for room may not have heard of it yet.
    bool was_reset_ = false;
    bool reader_gone_ = false;
    error_code read_error_;
    error_code write_error_;

    std::string outgoing_;
    transfer writer_;
    std::optional<buffer_list<asio::mutable_buffer>> space_;
    transfer reader_;
};

inline void simulated_pipe::write(buffer_list<asio::const_buffer> const& bytes, transfer done) {
    auto const size = asio::buffer_size(bytes);
    if (write_error_ || size == 0) return done(write_error_, 0);
    outgoing_.resize(size);
    asio::buffer_copy(asio::buffer(outgoing_), bytes);
    writer_ = std::move(done);
    accept();
}

inline void simulated_pipe::read(buffer_list<asio::mutable_buffer> const& space, transfer done) {
    if (asio::buffer_size(space) == 0) return done(read_error_, 0);
    space_.emplace(space);
    reader_ = std::move(done);
    serve();
}

inline void simulated_pipe::finish() {
    if (write_error_) return;
    write_error_ = asio::error::broken_pipe;
    end_with(tail::finish, next_arrival());
}

inline void simulated_pipe::reset() {
    if (tail_ == tail::reset) return;
    was_reset_ = true;
    write_error_ = asio::error::broken_pipe;
    auto const here = arrived() - inbox_.size();
    segments_.erase(first_on_its_way(), segments_.end());
    flight_.resize(here);
    end_with(tail::reset, clock_.now() + weather_->conditions.latency);
}

inline void simulated_pipe::break_writer(error_code error) {
    if (!write_error_) write_error_ = error;
    outgoing_.clear();
    std::exchange(writer_, {})(error, 0);
}

inline void simulated_pipe::leave_reader(error_code error) {
    reader_gone_ = true;
    read_error_ = error;
    inbox_.clear();
    space_.reset();
    std::exchange(reader_, {})(error, 0);
}

inline void simulated_pipe::repeat() {
    auto const soonest = clock_.now() + weather_->conditions.latency;
    for (auto& one : segments_) one.arrival = std::max(one.arrival, soonest);
    tail_due_ = std::max(tail_due_, soonest);
    last_arrival_ = std::max(last_arrival_, soonest);
    arm();
    accept();
}

inline void simulated_pipe::abandon() {
    auto const writer = std::exchange(writer_, {});
    auto const reader = std::exchange(reader_, {});
}

inline time_point simulated_pipe::next_arrival() {
    auto const& conditions = weather_->conditions;
    auto const jitter = weather_->draw(static_cast<std::uint64_t>(conditions.jitter.count()));
    auto const drawn = clock_.now() + conditions.latency + duration(static_cast<duration::rep>(jitter));
    last_arrival_ = std::max(last_arrival_, drawn);
    return last_arrival_;
}

inline void simulated_pipe::accept() {
    if (!writer_ || was_reset_) return;
    auto const held = flight_.size() + inbox_.size();
    // A window that opened at the other end is not heard of while segments are lost.
    bool const deaf = weather_->is_lost(from()) && held != 0;
    auto const window = std::max<std::size_t>(weather_->conditions.window, 1);
    if (held >= window || deaf) return;
    auto const size = std::min(window - held, outgoing_.size());
    send(std::string_view(outgoing_).substr(0, size));
    outgoing_.clear();
    std::exchange(writer_, {})(error_code(), size);
    arm();
}

inline void simulated_pipe::send(std::string_view bytes) {
    weather_->tell({network_event::kind::sent, connection_, from(), bytes});
    flight_ += bytes;
    auto const largest = weather_->conditions.largest_segment;
    for (auto left = bytes.size(); left != 0;) {
        auto const drawn = largest == 0 ? left : 1 + weather_->draw(largest - 1);
        auto const size = std::min<std::size_t>(left, drawn);
        auto arrival = next_arrival();
        // What arrives in the same instant would be read as one.
        if (largest != 0 && !segments_.empty() && segments_.back().arrival >= arrival)
            arrival = last_arrival_ = segments_.back().arrival + std::chrono::nanoseconds(1);
        segments_.push_back({arrival, size});
        left -= size;
    }
}

inline void simulated_pipe::end_with(tail what, time_point when) {
    tail_ = what;
    tail_due_ = when;
    arm();
}

inline void simulated_pipe::arm() {
    if (weather_->is_lost(to_)) return;
    if (segments_.empty() && tail_ == tail::none) return;
    auto const due = segments_.empty() ? tail_due_ : segments_.front().arrival;
    // An earlier wait that is still out for that time will do.
    if (arrival_.expiry() == due && due > clock_.now()) return;
    arrival_.expires_at(due);
    arrival_.async_wait([weak = weak_from_this()](error_code error) {
        if (error) return;
        if (auto const self = weak.lock()) self->deliver();
    });
}

inline void simulated_pipe::deliver() {
    if (weather_->is_lost(to_)) return;
    auto const now = clock_.now();
    std::size_t size = 0;
    for (; !segments_.empty() && segments_.front().arrival <= now; segments_.pop_front())
        size += segments_.front().size;
    bool const stray = size != 0 && reader_gone_;
    if (size != 0 && !stray)
        weather_->tell(
            {network_event::kind::arrived, connection_, to_, std::string_view(flight_).substr(0, size)});
    if (!reader_gone_) inbox_.append(flight_, 0, size);
    flight_.erase(0, size);
    if (segments_.empty() && tail_ != tail::none && tail_due_ <= now) {
        auto const what = std::exchange(tail_, tail::none);
        finished_ = true;
        if (what == tail::reset && !reader_gone_) {
            weather_->tell({network_event::kind::reset, connection_, to_, {}});
            inbox_.clear();
            read_error_ = asio::error::connection_reset;
            on_reset();
        }
    }
    serve();
    arm();
    if (stray) on_stray();
}

inline void simulated_pipe::serve() {
    if (!reader_) return;
    if (!read_error_ && inbox_.empty() && !finished_) return;
    auto const space = *std::exchange(space_, std::nullopt);
    if (read_error_ || inbox_.empty()) {
        error_code const end = asio::error::eof;
        return std::exchange(reader_, {})(read_error_ ? read_error_ : end, 0);
    }
    auto const size = asio::buffer_copy(space, asio::buffer(inbox_));
    weather_->tell({network_event::kind::read, connection_, to_, std::string_view(inbox_).substr(0, size)});
    inbox_.erase(0, size);
    std::exchange(reader_, {})(error_code(), size);
    accept();
}

}  // namespace heartbeat::detail
