// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../hostile/accept_key.hpp"
#include "../hostile/frames.hpp"

#include <heartbeat/testing/simulated_stream.hpp>

#include <boost/asio/buffer.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

/// What all connections of a server have in common.
struct peer_manners {
    /// Heartbeats and pings are answered, and a Close frame is.
    bool answers = true;
    /// Sent instead of a proper answer to an upgrade request, if it is not empty.
    std::string instead_of_upgrade = {};
    /// Gets each frame of the client's.
    std::function<void(frames::received const&)> on_frame = {};
};

/// The server's end of a connection: makes the upgrade, and then sends whatever it is told to.
class raw_peer : public std::enable_shared_from_this<raw_peer> {
public:
    raw_peer(heartbeat::simulated_stream stream, std::shared_ptr<peer_manners const> manners)
        : stream_(std::move(stream)), manners_(std::move(manners)) {}

    void read() {
        if (std::exchange(reading_, true)) return;
        stream_.async_read_some(
            boost::asio::buffer(space_),
            [self = shared_from_this()](boost::system::error_code error, std::size_t size) {
                self->reading_ = false;
                if (error) return;
                self->received_.append(self->space_.data(), size);
                self->take();
                if (!self->lazy_) self->read();
            });
    }
    /// After what is being read now, reads no more until it does not have to be lazy.
    void be_lazy(bool wanted) {
        lazy_ = wanted;
        if (!lazy_) read();
    }
    void send(std::string_view bytes) {
        waiting_ += bytes;
        write();
    }
    void close() { stream_.close(); }
    bool upgraded() const noexcept { return upgraded_; }

private:
    void write() {
        if (waiting_.empty() || !leaving_.empty()) return;
        leaving_ = std::exchange(waiting_, {});
        write_on();
    }
    void write_on() {
        stream_.async_write_some(
            boost::asio::buffer(leaving_),
            [self = shared_from_this()](boost::system::error_code error, std::size_t size) {
                self->leaving_.erase(0, error ? std::string::npos : size);
                if (!self->leaving_.empty()) return self->write_on();
                if (self->closing_ && self->waiting_.empty()) self->stream_.close();
                if (!error) self->write();
            });
    }
    void take() {
        if (!upgraded_) upgrade();
        if (!upgraded_) return;
        while (auto const frame = frames::take(received_)) {
            if (manners_->on_frame) manners_->on_frame(*frame);
            if (manners_->answers) answer(*frame);
        }
    }
    void upgrade() {
        auto const end = received_.find("\r\n\r\n");
        if (end == std::string::npos) return;
        if (!manners_->instead_of_upgrade.empty()) return send(manners_->instead_of_upgrade);
        std::string_view const field = "Sec-WebSocket-Key: ";
        auto const start = received_.find(field) + field.size();
        auto const key = received_.substr(start, received_.find("\r\n", start) - start);
        received_.erase(0, end + 4);
        upgraded_ = true;
        send(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: " +
            accept_key::of(key) + "\r\n\r\n");
    }
    void answer(frames::received const& frame) {
        switch (frame.operation) {
            case frames::text:
                if (frame.payload.find("heart_beat") != std::string::npos)
                    send(frames::frame(frames::text, frame.payload));
                return;
            case frames::ping: return send(frames::frame(frames::pong, frame.payload));
            case frames::closing: closing_ = true; return send(frames::frame(frames::closing, frame.payload));
            default: return;
        }
    }

    heartbeat::simulated_stream stream_;
    std::shared_ptr<peer_manners const> manners_;
    std::array<char, 4096> space_ = {};
    std::string received_;
    std::string waiting_;
    std::string leaving_;
    bool reading_ = false;
    bool lazy_ = false;
    bool upgraded_ = false;
    bool closing_ = false;
};
