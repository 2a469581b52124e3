// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "world.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

/// A server that reads only when it is told to.
class reluctant_server {
public:
    explicit reluctant_server(simulated_world& world) {
        world.network.listen("server", "8002", world.io.get_executor(), [this](hb::simulated_stream stream) {
            websocket_ = std::make_unique<websocket>(std::move(stream));
            websocket_->set_option(beast::websocket::stream_base::timeout{
                beast::websocket::stream_base::none(), beast::websocket::stream_base::none(), false});
            websocket_->async_accept([](hb::error_code) {});
        });
    }

    void ping() {
        websocket_->async_ping("are you there", [](hb::error_code) {});
    }
    void say(std::string text) {
        text_ = std::move(text);
        websocket_->async_write(asio::buffer(text_), [](hb::error_code, std::size_t) {});
    }
    /// Sends bytes under the websocket's feet.
    void send_raw(std::string bytes) {
        text_ = std::move(bytes);
        websocket_->next_layer().async_write_some(asio::buffer(text_), [](hb::error_code, std::size_t) {});
    }
    /// Reads about so many bytes of messages, and the control frames between.
    void read(std::size_t bytes) {
        websocket_->async_read_some(input_, bytes, [this, bytes](hb::error_code error, std::size_t count) {
            input_.clear();
            if (!error && count < bytes) read(bytes - count);
        });
    }

private:
    using websocket = beast::websocket::stream<hb::simulated_stream>;

    std::unique_ptr<websocket> websocket_;
    beast::flat_buffer input_;
    std::string text_;
};
