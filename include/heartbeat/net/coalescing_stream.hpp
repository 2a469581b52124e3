// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/link_end.hpp>
#include <heartbeat/net/byte_layer.hpp>
#include <heartbeat/net/close_frame.hpp>
#include <heartbeat/net/inflating_read.hpp>
#include <heartbeat/net/observed_handler.hpp>
#include <heartbeat/net/upgrade_answer.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/websocket/error.hpp>
#include <boost/beast/websocket/teardown.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace heartbeat::detail {

/// Hears what passes through a `coalescing_stream`.
class stream_observer {
public:
    virtual void bytes_read(std::size_t count) = 0;
    virtual void bytes_written(std::size_t count) = 0;
    /// The websocket is done and ends the connection below; the peer may never answer that. `told` is the
    /// code of the Close frame without a text that was written before, if any.
    virtual void teardown_begins(std::uint16_t told) = 0;

protected:
    ~stream_observer() = default;
};

/// The layer directly under the websocket. It turns a burst of small frames into one write: while corked,
/// frames are copied into a buffer and count as written; the first one that is not takes them all with it. So
/// whoever corks must write again uncorked. An error of the write appears there.
///
/// It also counts the bytes and notes their arrival, which the websocket above cannot: a pong is no read of
/// its own.
template <class Stream>
class coalescing_stream {
public:
    using next_layer_type = Stream;
    using executor_type = typename Stream::executor_type;

    /// Frames are gathered up to this many bytes.
    static constexpr std::size_t capacity = 16 * 1024;

    template <class Executor>
    coalescing_stream(Executor const& executor, stream_observer& observer)
        : next_(executor), observer_(observer) {}

    next_layer_type& next_layer() noexcept { return next_; }
    executor_type get_executor() noexcept { return next_.get_executor(); }

    /// Gathers what is written from now on, or stops doing so with the next write.
    void cork(bool gather) noexcept { corked_ = gather; }

    /// Shows this what is read from now on; null for nothing. A refusal fails the read as soon as enough of
    /// it has come.
    void read_along(upgrade_answer* answer) noexcept { answer_ = answer; }

    /// Compression is offered: frames behind the answer, which may come with it, are kept apart.
    void expect_compression() { filter_ = std::make_unique<inflating_filter>(); }
    /// What the server has accepted of it, nothing if it declined. The answer has been read.
    void inflate(std::optional<deflate_terms> const& terms) {
        if (terms) return filter_->accept(*terms);
        if (filter_->empty()) filter_.reset();
    }
    /// Why a message could not be inflated.
    error_code inflating_fault() const noexcept { return filter_ ? filter_->fault() : error_code(); }

    /// Nothing is gathered that still has to leave.
    bool empty() const noexcept { return gathered_.empty(); }

    /// How many bytes have arrived and not been given to the websocket.
    std::size_t unread() { return next_.available() + (filter_ ? filter_->size() : 0); }

    /// Ends the connection. A read, or the write of a Close frame, that has succeeded and has not been told
    /// so fails all the same: what the websocket does next could be to wait for the lock of an operation that
    /// waits for another, when nobody cancels them any more. After other writes it waits only for operations
    /// that end by themselves.
    void end(connection_end how) noexcept {
        ended_ = true;
        if constexpr (requires { next_.abandon(); }) {
            if (how == connection_end::reset_when_connected_again) return next_.abandon();
        }
        next_.close();
    }

    /// The next connection is made: nothing of this one reaches the peer any more.
    void reset() noexcept {
        if constexpr (requires { next_.reset(); }) next_.reset();
    }

    /// Gives the buffer's memory back, if nothing is in it.
    void release() noexcept {
        if (gathered_.empty()) std::string().swap(gathered_);
    }

    template <class Buffers, class CompletionToken>
    auto async_read_some(Buffers const& buffers, CompletionToken&& token) {
        return asio::async_initiate<CompletionToken, void(error_code, std::size_t)>(
            [](auto handler, coalescing_stream* self, Buffers const& space) {
                if (self->filter_ && self->answer_ == nullptr)
                    return self->read_inflated(space, std::move(handler));
                auto const note = [self, space](error_code& error, std::size_t count) {
                    if (count != 0) self->observer_.bytes_read(count);
                    if (self->answer_ != nullptr && self->show(space, count) && !error)
                        error = beast::websocket::error::upgrade_declined;
                    self->fail_after_end(error);
                    return count - self->keep_frames(error);
                };
                self->next_.async_read_some(space, observed_handler{note, std::move(handler)});
            },
            token, this, buffers);
    }

    template <class Buffers, class CompletionToken>
    auto async_write_some(Buffers const& buffers, CompletionToken&& token) {
        return asio::async_initiate<CompletionToken, void(error_code, std::size_t)>(
            [](auto handler, coalescing_stream* self, Buffers const& bytes) {
                self->write(bytes, std::move(handler));
            },
            token, this, buffers);
    }

    /// Writes what is still gathered, which nothing will take along any more, then ends the connection as the
    /// stream below does.
    template <class Handler>
    void teardown(beast::role_type role, Handler handler) {
        observer_.teardown_begins(told_);
        corked_ = false;
        if (gathered_.empty()) return end_connection(role, std::move(handler));
        auto const executor = asio::get_associated_executor(handler, get_executor());
        auto const bytes = asio::buffer(gathered_);
        asio::async_write(next_, bytes,
                          asio::bind_executor(executor, [this, role, handler = std::move(handler)](
                                                            error_code, std::size_t count) mutable {
                              observer_.bytes_written(count);
                              gathered_.clear();
                              end_connection(role, std::move(handler));
                          }));
    }

private:
    template <class Handler>
    void end_connection(beast::role_type role, Handler handler) {
        using beast::websocket::async_teardown;
        async_teardown(role, next_, std::move(handler));
    }

    template <class Buffers, class Handler>
    void read_inflated(Buffers const& space, Handler handler) {
        if (auto const count = take_into(space, *filter_); count != 0) {
            auto const note = [this](error_code& error, std::size_t taken) {
                fail_after_end(error);
                return taken;
            };
            asio::post(get_executor(), beast::bind_front_handler(observed_handler{note, std::move(handler)},
                                                                 error_code{}, count));
            return;
        }
        auto const start = [this](asio::mutable_buffer raw, auto next) {
            auto const note = [this](error_code& error, std::size_t count) {
                if (count != 0) observer_.bytes_read(count);
                fail_after_end(error);
                return count;
            };
            next_.async_read_some(raw, observed_handler{note, std::move(next)});
        };
        inflating_read<decltype(start), Buffers, Handler>{start, space, *filter_, std::move(handler)}.go_on();
    }

    void fail_after_end(error_code& error) const {
        if (ended_ && !error) error = asio::error::operation_aborted;
    }
    void fail_close_after_end(error_code& error) const {
        if (told_ != 0) fail_after_end(error);
    }

    // How many of the bytes that were just read are frames, which the filter keeps.
    std::size_t keep_frames(error_code& error) {
        if (!filter_ || answer_ == nullptr) return 0;
        if (!filter_->put(answer_->behind()) && !error) error = beast::websocket::error::buffer_overflow;
        return answer_->behind().size();
    }

    template <class Buffers, class Handler>
    void write(Buffers const& bytes, Handler handler) {
        note_close(bytes);
        if (!corked_ && gathered_.empty()) {
            auto const note = [this](error_code& error, std::size_t count) {
                observer_.bytes_written(count);
                fail_close_after_end(error);
                return count;
            };
            return next_.async_write_some(bytes, observed_handler{note, std::move(handler)});
        }
        auto const accepted = gather(bytes);
        if (corked_ && gathered_.size() < capacity) {
            asio::post(get_executor(), beast::bind_front_handler(std::move(handler), error_code{}, accepted));
            return;
        }
        auto const note = [this, accepted](error_code& error, std::size_t count) {
            observer_.bytes_written(count);
            gathered_.clear();
            fail_close_after_end(error);
            return error ? 0 : accepted;
        };
        asio::async_write(next_, asio::buffer(gathered_), observed_handler{note, std::move(handler)});
    }

    // Whether it is a refusal, of which enough has come.
    template <class Buffers>
    bool show(Buffers const& space, std::size_t count) {
        for (auto part = asio::buffer_sequence_begin(space); part != asio::buffer_sequence_end(space);
             ++part) {
            asio::const_buffer const bytes = *part;
            auto const size = std::min(bytes.size(), count);
            answer_->put({static_cast<char const*>(bytes.data()), size});
            count -= size;
        }
        return answer_->refused() && answer_->settled();
    }

    // The end of a large frame may look like a Close frame, but that comes last of all.
    template <class Buffers>
    void note_close(Buffers const& bytes) {
        close_frame_bytes frame{};
        if (asio::buffer_size(bytes) != frame.size()) return;
        asio::buffer_copy(asio::buffer(frame), bytes);
        if (auto const code = close_code_in(frame); code != 0) told_ = code;
    }

    // Copies as much as fits, and at least something: the buffer is written out whenever it is full.
    template <class Buffers>
    std::size_t gather(Buffers const& bytes) {
        auto const old = gathered_.size();
        auto const accepted = std::min(capacity - old, asio::buffer_size(bytes));
        gathered_.resize(old + accepted);
        return asio::buffer_copy(asio::buffer(gathered_.data() + old, accepted), bytes);
    }

    Stream next_;
    stream_observer& observer_;
    std::string gathered_;
    upgrade_answer* answer_ = nullptr;
    std::unique_ptr<inflating_filter> filter_;
    std::uint16_t told_ = 0;
    bool corked_ = false;
    bool ended_ = false;
};

/// The websocket is done.
template <class Stream, class Handler>
void async_teardown(beast::role_type role, coalescing_stream<Stream>& stream, Handler&& handler) {
    stream.teardown(role, std::forward<Handler>(handler));
}

}  // namespace heartbeat::detail
