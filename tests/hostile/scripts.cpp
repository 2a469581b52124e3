// SPDX-License-Identifier: BSL-1.0
#include "scenario.hpp"

#include <utility>

script sends(std::string bytes) {
    return [bytes](peer& client) -> asio::awaitable<void> {
        co_await client.upgrade();
        co_await client.send(bytes);
        co_await client.stay();
    };
}

script sends_until_told(std::string bytes) {
    return [bytes](peer& client) -> asio::awaitable<void> {
        co_await client.upgrade();
        co_await client.send(bytes);
        while (client.close_code() == 0) co_await client.pause(100ms);
    };
}

script sends_and_resets_when_told(std::string bytes) {
    return [send = sends_until_told(std::move(bytes))](peer& client) -> asio::awaitable<void> {
        co_await send(client);
        client.reset();
    };
}
