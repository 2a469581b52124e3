// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../request/world.hpp"

#include <heartbeat/message.hpp>

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

/// A client that keeps the messages which it receives.
struct deflate_world : client_world {
    /// Options with compression, for a server.
    hb::options compressing(std::string const& url) const {
        auto settings = options();
        settings.url = url;
        settings.deflate.enabled = true;
        return settings;
    }
    /// The same for the server whose bytes a test writes.
    hb::options compressing() const { return compressing("ws://" + server.address()); }

    void connect(hb::options const& settings) {
        start(settings);
        socket->on<hb::message>([this](hb::message const& one) { received.push_back(one); });
        until_open();
    }

    /// Sends a message and waits until it has come back.
    hb::message echo(hb::message const& one) {
        auto const number = received.size();
        REQUIRE(socket->send(one));
        until([&] { return received.size() > number || !told->closed.empty(); });
        REQUIRE(told->closed.empty());
        return received.back();
    }

    std::vector<hb::message> received = {};
};

/// Bytes that nothing compresses.
inline std::string noise(std::size_t size) {
    std::mt19937 random(static_cast<unsigned>(size));
    std::string bytes(size, '\0');
    std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(random()); });
    return bytes;
}

/// Text that compresses well.
inline std::string prose(std::size_t size) {
    std::mt19937 random(static_cast<unsigned>(size));
    std::string text;
    while (text.size() < size) text += "quote " + std::to_string(random() % 1000) + ", ";
    text.resize(size);
    return text;
}

inline hb::message binary(std::string bytes) { return {hb::message_kind::binary, std::move(bytes)}; }
