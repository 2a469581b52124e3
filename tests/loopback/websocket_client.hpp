// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// A plain client to test servers with: it reads from the upgrade to the end and keeps what it sees. It may
/// be destroyed before its operations have completed if their context does not run any more.
template <class Stream>
struct websocket_client {
    using error_code = boost::system::error_code;

    boost::beast::websocket::stream<Stream, false> websocket;
    boost::beast::flat_buffer buffer = {};
    std::string outgoing = {};
    std::vector<std::string> received = {};
    std::vector<std::string> pongs = {};
    std::optional<error_code> opened = {};
    std::optional<error_code> written = {};
    std::optional<error_code> ended = {};

    explicit websocket_client(Stream stream) : websocket(std::move(stream)) {
        websocket.auto_fragment(false);
        websocket.read_message_max(0);
        websocket.control_callback(
            [this](boost::beast::websocket::frame_type kind, boost::beast::string_view payload) {
                if (kind == boost::beast::websocket::frame_type::pong) pongs.emplace_back(payload);
            });
    }

    void upgrade(bool then_read = true) {
        websocket.async_handshake("localhost", "/", [this, then_read](error_code error) {
            opened = error;
            if (!error && then_read) read();
        });
    }

    void read() {
        websocket.async_read(buffer, [this](error_code error, std::size_t) {
            if (error) {
                ended = error;
                return;
            }
            received.push_back(boost::beast::buffers_to_string(buffer.data()));
            buffer.clear();
            read();
        });
    }

    /// One at a time: `written` says when.
    void write(std::string text) {
        outgoing = std::move(text);
        written.reset();
        websocket.async_write(boost::asio::buffer(outgoing),
                              [this](error_code error, std::size_t) { written = error; });
    }

    void ping(boost::beast::websocket::ping_data const& payload) {
        written.reset();
        websocket.async_ping(payload, [this](error_code error) { written = error; });
    }

    void close() {
        websocket.async_close(boost::beast::websocket::close_code::normal, [](error_code) {});
    }
};

inline std::string const heartbeat_text = R"({"ModeCode":"heart_beat","msg":1690000000000})";
inline std::string const message_text = R"({"ModeCode":"message","msg":"hello world"})";
