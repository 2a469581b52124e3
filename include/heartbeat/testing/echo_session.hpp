// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/net/timer_for.hpp>
#include <heartbeat/testing/answer_queue.hpp>
#include <heartbeat/testing/echo_protocol.hpp>
#include <heartbeat/testing/echo_state.hpp>
#include <heartbeat/testing/gate_stream.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/error.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <boost/beast/websocket/stream_base.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace heartbeat::detail {

/// One connection of an echo server, from its first byte to its end. Held by the handlers of its operations;
/// everything is on the server's strand.
template <class Stream, class Clock>
class echo_session final : public std::enable_shared_from_this<echo_session<Stream, Clock>> {
public:
    /// While this much waits to be written nothing is read, so that the client is slowed down by its
    /// transport.
    static constexpr std::size_t most_messages = 1024;
    static constexpr std::size_t most_bytes = std::size_t{16} * 1024 * 1024;

    echo_session(std::shared_ptr<echo_state> server, Stream stream, std::uint64_t number)
        : server_(std::move(server)),
          name_("#" + std::to_string(number) + ' '),
          clock_(server_->strand),
          timer_(server_->strand),
          websocket_(server_->strand, std::move(stream)) {}

    void start();

    void freeze() { websocket_.next_layer().freeze(); }
    void resume() { websocket_.next_layer().resume(); }
    /// Sends a text that answers nothing: it overtakes answers that are being delayed.
    void say(std::string text);
    /// Begins the close handshake; a connection that is not a websocket yet is just closed.
    void close(beast::websocket::close_reason const& reason);
    /// Ends the connection at once, as a process that dies does.
    void abort() { end("closed: by the server"); }
    /// Resets the connection.
    void drop();

private:
    enum class phase {
        /// The upgrade request is read and answered. Next: open or ended.
        upgrading,
        /// Messages are read and answered. Next: closing or ended.
        open,
        /// The close handshake has been begun here. Next: ended.
        closing,
        /// What is still outstanding completes; nothing happens any more.
        ended,
    };

    template <class Result>
    auto handler(void (echo_session::*member)(Result));

    auto& transport() { return beast::get_lowest_layer(websocket_); }
    void log(std::string const& line) const { server_->write_log(name_ + line); }
    std::string peer();

    void requested(error_code error);
    void refuse();
    void refused(error_code error);
    void opened(error_code error);
    void read();
    void received(error_code error);
    void answer(std::string text);
    void write();
    void due(error_code error);
    void written(error_code error);
    void closed(error_code error);
    void fail(error_code error);
    void end(std::string const& how);

    std::shared_ptr<echo_state> const server_;
    std::string const name_;
    clock_source<Clock> clock_;
    timer_for<Clock> timer_;
    /// Without the code for compression, which is off by default anyway.
    beast::websocket::stream<gate_stream<Stream>, false> websocket_;
    beast::flat_buffer buffer_;
    std::optional<beast::http::request_parser<beast::http::empty_body>> request_;
    /// While it is being written.
    std::optional<beast::http::response<beast::http::empty_body>> refusal_;
    phase phase_ = phase::upgrading;

    /// While it is full nothing is read, so that the client is slowed down by its transport.
    answer_queue queue_;
    std::string outgoing_;
    bool writing_ = false;
    bool reading_ = false;
};

/// Calls the member function on the strand. Whatever else an operation reports is not needed.
template <class Stream, class Clock>
template <class Result>
auto echo_session<Stream, Clock>::handler(void (echo_session::*member)(Result)) {
    return asio::bind_executor(server_->strand,
                               [self = this->shared_from_this(), member](Result result, std::size_t = 0) {
                                   (*self.*member)(result);
                               });
}

template <class Stream, class Clock>
void echo_session<Stream, Clock>::start() {
    if constexpr (requires(error_code error) {
                      transport().set_option(asio::ip::tcp::no_delay(true), error);
                  }) {
        error_code not_tcp;
        transport().set_option(asio::ip::tcp::no_delay(true), not_tcp);
    }
    websocket_.set_option(beast::websocket::stream_base::timeout{
        beast::websocket::stream_base::none(), beast::websocket::stream_base::none(), false});
    // A message in one frame is one write, which a Close frame cannot overtake halfway.
    websocket_.auto_fragment(false);
    ++server_->connections;
    log("connection" + peer());
    // The websocket's own reader of requests takes 1,536 bytes of headers and no more.
    request_.emplace();
    beast::http::async_read(websocket_.next_layer(), buffer_, *request_, handler(&echo_session::requested));
}

template <class Stream, class Clock>
std::string echo_session<Stream, Clock>::peer() {
    if constexpr (requires(error_code error) { transport().remote_endpoint(error).address(); }) {
        error_code gone;
        auto const endpoint = transport().remote_endpoint(gone);
        if (!gone)
            return " from " + endpoint.address().to_string() + " port " + std::to_string(endpoint.port());
    }
    return {};
}

template <class Stream, class Clock>
void echo_session<Stream, Clock>::requested(error_code error) {
    if (phase_ == phase::ended) return;
    if (error) return fail(error);
    buffer_.clear();
    auto const target = request_->get().target();
    if (server_->refusal.applies_to({target.data(), target.size()})) return refuse();
    websocket_.async_accept(request_->get(), handler(&echo_session::opened));
}

template <class Stream, class Clock>
void echo_session<Stream, Clock>::refuse() {
    log("refused, " + std::to_string(server_->refusal.status));
    refusal_ = answer_of(server_->refusal);
    beast::http::async_write(websocket_.next_layer(), *refusal_, handler(&echo_session::refused));
}

template <class Stream, class Clock>
void echo_session<Stream, Clock>::refused(error_code error) {
    if (phase_ == phase::ended) return;
    if (error) return fail(error);
    end("closed: by the server");
}

template <class Stream, class Clock>
void echo_session<Stream, Clock>::opened(error_code error) {
    request_.reset();
    if (phase_ == phase::ended) return;
    if (error) return fail(error);
    phase_ = phase::open;
    ++server_->open_sessions;
    log("open");
    read();
}

template <class Stream, class Clock>
void echo_session<Stream, Clock>::read() {
    if (reading_ || phase_ != phase::open || queue_.full()) return;
    reading_ = true;
    // In pieces, since Beast's own reading of a whole message fails an assertion when a close discards the
    // rest.
    auto const handle = [self = this->shared_from_this()](error_code error, std::size_t count) {
        self->buffer_.commit(count);
        self->received(error);
    };
    auto const size = std::clamp<std::size_t>(buffer_.size(), 1536, 64 * 1024);
    websocket_.async_read_some(buffer_.prepare(size), asio::bind_executor(server_->strand, handle));
}

template <class Stream, class Clock>
void echo_session<Stream, Clock>::received(error_code error) {
    reading_ = false;
    if (phase_ == phase::ended) return;
    if (error) return fail(error);
    if (!websocket_.is_message_done()) return read();
    auto text = beast::buffers_to_string(buffer_.data());
    buffer_.clear();
    if (websocket_.got_text()) {
        answer(std::move(text));
    } else {
        ++server_->messages;
        log("message, binary, of " + std::to_string(text.size()) + " bytes");
    }
    read();
}

template <class Stream, class Clock>
void echo_session<Stream, Clock>::answer(std::string text) {
    auto const verdict = classify_echo(text);
    bool const is_heartbeat = verdict.kind == echo_kind::heartbeat;
    ++(is_heartbeat ? server_->heartbeats : server_->messages);
    if (server_->is_logged()) log((is_heartbeat ? "heartbeat " : "message ") + on_one_line(text));
    if (verdict.kind == echo_kind::malformed) return log("error: " + on_one_line(verdict.error));
    if (verdict.kind == echo_kind::other || (is_heartbeat && server_->swallow)) return;
    if (is_heartbeat && server_->wrong_id) text = with_wrong_identity(text);
    queue_.add_answer(clock_.now() + server_->answer_delay.load(), std::move(text));
    write();
}

template <class Stream, class Clock>
void echo_session<Stream, Clock>::say(std::string text) {
    if (phase_ != phase::open) return;
    if (queue_.full()) return log("error: the client reads too slowly, a text was not sent");
    queue_.add(clock_.now(), std::move(text));
    write();
}

template <class Stream, class Clock>
void echo_session<Stream, Clock>::write() {
    if (writing_ || phase_ != phase::open || queue_.empty()) return;
    if (queue_.next_due() > clock_.now()) {
        timer_.expires_at(queue_.next_due());
        timer_.async_wait(handler(&echo_session::due));
        return;
    }
    outgoing_ = queue_.pop();
    writing_ = true;
    websocket_.async_write(asio::buffer(outgoing_), handler(&echo_session::written));
    read();
}

template <class Stream, class Clock>
void echo_session<Stream, Clock>::due(error_code error) {
    if (!error) write();
}

template <class Stream, class Clock>
void echo_session<Stream, Clock>::written(error_code error) {
    writing_ = false;
    if (phase_ == phase::ended) return;
    if (error) return fail(error);
    write();
}

template <class Stream, class Clock>
void echo_session<Stream, Clock>::close(beast::websocket::close_reason const& reason) {
    if (phase_ == phase::upgrading) return abort();
    // Closing twice is not allowed.
    if (phase_ != phase::open) return;
    phase_ = phase::closing;
    websocket_.async_close(reason, handler(&echo_session::closed));
}

template <class Stream, class Clock>
void echo_session<Stream, Clock>::closed(error_code error) {
    fail(error ? error : error_code(beast::websocket::error::closed));
}

template <class Stream, class Clock>
void echo_session<Stream, Clock>::drop() {
    if constexpr (requires(error_code error) {
                      transport().set_option(asio::socket_base::linger(true, 0), error);
                  }) {
        error_code not_tcp;
        transport().set_option(asio::socket_base::linger(true, 0), not_tcp);
    }
    end("closed: reset by the server");
}

/// Every operation that fails comes here; the first one ends the session.
template <class Stream, class Clock>
void echo_session<Stream, Clock>::fail(error_code error) {
    if (phase_ == phase::ended) return;
    auto const& reason = websocket_.reason();
    if (phase_ != phase::upgrading && reason.code != beast::websocket::close_code::none) {
        auto const text = on_one_line({reason.reason.data(), reason.reason.size()});
        return end("closed: code " + std::to_string(reason.code) + (text.empty() ? "" : " \"" + text + '"'));
    }
    if (error == beast::websocket::error::closed) return end("closed: no code");
    if (error != asio::error::eof) log("error: " + error.message());
    end("closed: without a Close frame");
}

template <class Stream, class Clock>
void echo_session<Stream, Clock>::end(std::string const& how) {
    if (phase_ == phase::ended) return;
    if (phase_ != phase::upgrading) --server_->open_sessions;
    phase_ = phase::ended;
    queue_.clear();
    timer_.cancel();
    websocket_.next_layer().close();
    log(how);
}

}  // namespace heartbeat::detail
