// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>
#include <heartbeat/testing/echo_session.hpp>
#include <heartbeat/testing/echo_state.hpp>
#include <heartbeat/testing/tcp_listener.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace heartbeat {

namespace detail {

/// A stream that clients reach with `wss`.
template <class Stream>
concept secure_stream = requires {
    requires Stream::is_secure;
};

/// A stream whose connections a server can accept.
template <class Stream>
concept made_of_tcp = std::constructible_from<Stream, asio::ip::tcp::socket> || secure_stream<Stream>;

}  // namespace detail

/// A websocket server for tests, with faults that can be switched while it runs.
///
/// It sends back every JSON text whose `ModeCode` is `heart_beat` or `message`; other texts, binary messages
/// and what is not JSON are counted and logged, and the link stays up. Websocket pings are answered.
///
/// All functions may be called by any thread. A switch whose function takes `done` goes into force on the
/// server's strand, soon, in the order of the calls; `done` is called there once it is in force, or not at
/// all if the executor is stopped or destroyed before. The others are in force when they return.
///
/// Has to be destroyed before the execution context of its executor.
///
/// `Stream` is a connected byte stream with what `beast::websocket::stream` asks of its next layer, and on
/// which `beast::close_socket` works; its static `is_secure`, if there is one, says whether clients use
/// `wss`. `Clock` is for `delay_answers`.
template <class Stream = asio::ip::tcp::socket, class Clock = std::chrono::steady_clock>
class basic_echo_server {
public:
    using executor_type = asio::any_io_executor;
    using endpoint_type = asio::ip::tcp::endpoint;
    /// Takes a line for each connection, message, error and close. Called on the server's strand.
    using log_function = std::function<void(std::string const& line)>;
    using done_function = std::function<void()>;
    /// Makes the stream of a connection that was accepted. Called on the server's strand.
    using stream_maker = std::function<Stream(asio::ip::tcp::socket socket)>;

    explicit basic_echo_server(executor_type const& executor, log_function log = {});
    /// For a stream that needs more than a socket to be made.
    basic_echo_server(executor_type const& executor, log_function log, stream_maker make);
    basic_echo_server(basic_echo_server const&) = delete;
    basic_echo_server& operator=(basic_echo_server const&) = delete;
    /// Does what `stop` does and does not wait for it. No call of the log function begins afterwards.
    ~basic_echo_server();

    /// Starts a session on a connected stream.
    void serve(Stream stream);

    /// Listens at `where`, instead of where it did before; port 0 takes a free one. Returns the port. Throws
    /// `boost::system::system_error` if it is not possible, with `asio::error::address_in_use` for a port
    /// that is taken, and `std::logic_error` if there is nothing that makes streams.
    std::uint16_t listen(endpoint_type const& where) requires detail::made_of_tcp<Stream>;
    /// The same on 127.0.0.1.
    std::uint16_t listen(std::uint16_t port = 0) requires detail::made_of_tcp<Stream>;
    /// Where it listens, or would if it did not refuse.
    endpoint_type endpoint() const { return core_->listener->endpoint(); }
    /// The URL of that endpoint.
    std::string url() const;

    /// Ends listening, at once, and all sessions. The same port can be listened at again immediately.
    void stop(done_function done = {});

    /// From now on nothing answers: connections stay open and are still taken in, but nothing is read or
    /// written, so there is no echo, no pong and no answer to an upgrade request.
    void freeze(done_function done = {});
    /// Ends `freeze`. What was held goes on.
    void resume(done_function done = {});
    /// Resets every connection, of TCP; other streams are closed.
    void drop_all(done_function done = {});
    /// True: dials are refused, as by a host on which no server runs; open sessions go on. False: the server
    /// listens again at the same port. Throws `boost::system::system_error` if the port cannot be had.
    void refuse(bool refused) { core_->listener->refuse(refused); }
    /// Begins the close handshake on every connection. A code of 0 sends a Close frame without code and text.
    /// Throws `std::length_error` for a text of more than 123 bytes.
    void close_all(std::uint16_t code = 1000, std::string_view text = {}, done_function done = {});
    /// Answers to messages that come from now on are sent this much later: from 0 to a year, and what is
    /// beyond that counts as the nearest of them.
    void delay_answers(duration delay) {
        state_->answer_delay = std::clamp(delay, duration{}, duration{std::chrono::years{1}});
    }
    /// Upgrade requests that are read from now on are refused like this; `{}` accepts them again.
    void refuse_upgrades(upgrade_refusal refusal, done_function done = {});
    /// Answers to heartbeats carry the `msg` of a heartbeat that was never sent.
    void answer_wrong_id(bool wrong) { state_->wrong_id = wrong; }
    /// Heartbeats are not answered; messages and pings are.
    void swallow_answers(bool swallow) { state_->swallow = swallow; }
    /// Sends a text to every client. It overtakes answers that are being delayed.
    void broadcast(std::string text, done_function done = {});

    /// Connections taken in so far, including those that did not get as far as a websocket.
    std::uint64_t connections() const noexcept { return state_->connections; }
    /// Websockets that are open or being closed now.
    std::uint64_t open_sessions() const noexcept { return state_->open_sessions; }
    /// Messages received so far, of any kind, without heartbeats.
    std::uint64_t messages() const noexcept { return state_->messages; }
    /// Heartbeats received so far.
    std::uint64_t heartbeats() const noexcept { return state_->heartbeats; }

private:
    using session = detail::echo_session<Stream, Clock>;

    // What lives on the strand, as long as the server or work on it does.
    struct core {
        std::shared_ptr<detail::echo_state> state;
        stream_maker make = {};
        std::shared_ptr<detail::tcp_listener> listener = {};
        std::vector<std::weak_ptr<session>> sessions = {};
        std::uint64_t last_session = 0;
        bool frozen = false;

        void start(Stream stream);
        /// Calls `action` with every session.
        template <class Action>
        void for_each(Action const& action);
        void accepted(error_code error, asio::ip::tcp::socket socket);
    };

    /// Runs `work(core)` on the strand, then `done`.
    template <class Work>
    void post(Work work, done_function done = {});

    std::shared_ptr<detail::echo_state> const state_;
    std::shared_ptr<core> const core_;
};

/// The echo server on TCP.
using echo_server = basic_echo_server<>;

template <class Stream, class Clock>
basic_echo_server<Stream, Clock>::basic_echo_server(executor_type const& executor, log_function log)
    : basic_echo_server(executor, std::move(log), stream_maker{}) {
    if constexpr (std::constructible_from<Stream, asio::ip::tcp::socket>)
        core_->make = [](asio::ip::tcp::socket socket) { return Stream(std::move(socket)); };
}

template <class Stream, class Clock>
basic_echo_server<Stream, Clock>::basic_echo_server(executor_type const& executor, log_function log,
                                                    stream_maker make)
    : state_(std::make_shared<detail::echo_state>(asio::make_strand(executor), std::move(log))),
      core_(std::make_shared<core>(core{state_, std::move(make)})) {
    core_->listener = std::make_shared<detail::tcp_listener>(
        state_->strand, [weak = std::weak_ptr<core>(core_)](error_code error, asio::ip::tcp::socket socket) {
            if (auto const alive = weak.lock()) alive->accepted(error, std::move(socket));
        });
}

template <class Stream, class Clock>
basic_echo_server<Stream, Clock>::~basic_echo_server() {
    state_->silent = true;
    stop();
}

template <class Stream, class Clock>
template <class Work>
void basic_echo_server<Stream, Clock>::post(Work work, done_function done) {
    asio::post(state_->strand, [held = core_, work = std::move(work), done = std::move(done)]() mutable {
        work(*held);
        if (done) done();
    });
}

template <class Stream, class Clock>
void basic_echo_server<Stream, Clock>::core::start(Stream stream) {
    std::erase_if(sessions, [](auto const& one) { return one.expired(); });
    auto const started = std::make_shared<session>(state, std::move(stream), ++last_session);
    sessions.push_back(started);
    if (frozen) started->freeze();
    started->start();
}

template <class Stream, class Clock>
template <class Action>
void basic_echo_server<Stream, Clock>::core::for_each(Action const& action) {
    for (auto const& one : sessions)
        if (auto const alive = one.lock()) action(*alive);
}

template <class Stream, class Clock>
void basic_echo_server<Stream, Clock>::core::accepted(error_code error, asio::ip::tcp::socket socket) {
    if (error) return state->write_log("error: " + error.message());
    start(make(std::move(socket)));
}

template <class Stream, class Clock>
void basic_echo_server<Stream, Clock>::serve(Stream stream) {
    post([stream = std::move(stream)](core& self) mutable { self.start(std::move(stream)); });
}

template <class Stream, class Clock>
std::uint16_t basic_echo_server<Stream, Clock>::listen(
    endpoint_type const& where) requires detail::made_of_tcp<Stream> {
    if (!core_->make)
        throw std::logic_error(
            "heartbeat::basic_echo_server: to listen it has to be made with a stream_maker");
    return core_->listener->open(where).port();
}

template <class Stream, class Clock>
std::uint16_t basic_echo_server<Stream, Clock>::listen(
    std::uint16_t port) requires detail::made_of_tcp<Stream> {
    return listen(endpoint_type{asio::ip::address_v4::loopback(), port});
}

template <class Stream, class Clock>
std::string basic_echo_server<Stream, Clock>::url() const {
    auto const where = endpoint();
    auto const host = where.address().to_string();
    return (detail::secure_stream<Stream> ? "wss://" : "ws://") +
           (where.address().is_v6() ? '[' + host + ']' : host) + ':' + std::to_string(where.port());
}

template <class Stream, class Clock>
void basic_echo_server<Stream, Clock>::stop(done_function done) {
    core_->listener->close();
    post([](core& self) { self.for_each([](session& one) { one.abort(); }); }, std::move(done));
}

template <class Stream, class Clock>
void basic_echo_server<Stream, Clock>::freeze(done_function done) {
    post(
        [](core& self) {
            self.frozen = true;
            self.for_each([](session& one) { one.freeze(); });
        },
        std::move(done));
}

template <class Stream, class Clock>
void basic_echo_server<Stream, Clock>::resume(done_function done) {
    post(
        [](core& self) {
            self.frozen = false;
            self.for_each([](session& one) { one.resume(); });
        },
        std::move(done));
}

template <class Stream, class Clock>
void basic_echo_server<Stream, Clock>::drop_all(done_function done) {
    post([](core& self) { self.for_each([](session& one) { one.drop(); }); }, std::move(done));
}

template <class Stream, class Clock>
void basic_echo_server<Stream, Clock>::close_all(std::uint16_t code, std::string_view text,
                                                 done_function done) {
    beast::websocket::close_reason reason;
    if (text.size() > reason.reason.max_size())
        throw std::length_error("heartbeat::echo_server: the text of a Close frame has more than 123 bytes");
    reason.code = code;
    reason.reason.assign(text.data(), text.size());
    post([reason](core& self) { self.for_each([&](session& one) { one.close(reason); }); }, std::move(done));
}

template <class Stream, class Clock>
void basic_echo_server<Stream, Clock>::refuse_upgrades(upgrade_refusal refusal, done_function done) {
    post([refusal = std::move(refusal)](core& self) mutable { self.state->refusal = std::move(refusal); },
         std::move(done));
}

template <class Stream, class Clock>
void basic_echo_server<Stream, Clock>::broadcast(std::string text, done_function done) {
    post([text = std::move(text)](core& self) { self.for_each([&](session& one) { one.say(text); }); },
         std::move(done));
}

}  // namespace heartbeat
