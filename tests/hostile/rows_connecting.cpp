// SPDX-License-Identifier: BSL-1.0
//
// Servers that are hostile before they have answered the upgrade request.
#include "frames.hpp"
#include "scenario.hpp"

namespace {

script says(std::string what) {
    return [what](peer& client) -> asio::awaitable<void> {
        co_await client.request();
        co_await client.send(what);
        client.hear();
        co_await client.stay();
    };
}

}  // namespace

std::vector<scenario> connecting_scenarios() {
    using hb::errc;
    return {
        {"accepts, then closes",
         [](peer&) -> asio::awaitable<void> { co_return; },
         {.cause = errc::upgrade_failed, .opens = false}},
        {"reads the upgrade request, then closes",
         [](peer& client) { return client.request(); },
         {.cause = errc::upgrade_failed, .opens = false}},
        {"accepts, then resets",
         [](peer& client) -> asio::awaitable<void> {
             client.reset();
             co_return;
         },
         {.cause = errc::upgrade_failed, .opens = false, .or_cause = errc::connect_failed}},
        {"accepts, reads and stays silent",
         [](peer& client) -> asio::awaitable<void> {
             client.hear();
             co_await client.stay();
         },
         {.cause = errc::upgrade_timeout, .opens = false}},
        {"ends its side without an answer, and stays",
         [](peer& client) -> asio::awaitable<void> {
             co_await client.request();
             client.shut_down_sending();
             co_await client.stay();
         },
         {.cause = errc::upgrade_failed, .opens = false}},
        {"stalls the upgrade, a byte every 700 ms",
         [](peer& client) -> asio::awaitable<void> {
             co_await client.request();
             client.hear();
             co_await client.trickle(client.answer(), 700ms);
         },
         {.cause = errc::upgrade_timeout, .opens = false}},
        {"stalls the upgrade, a byte every 700 ms (`upgrade` 20 s, `attempt` 6 s)",
         [](peer& client) -> asio::awaitable<void> {
             co_await client.request();
             client.hear();
             co_await client.trickle(client.answer(), 700ms);
         },
         {.cause = errc::attempt_timeout, .opens = false, .attempts = 5},
         [](hb::options& options) {
             options.deadlines.upgrade = 20s;
             options.deadlines.attempt = 6s;
         }},
        {"greets before it is asked, as another protocol does",
         [](peer& client) -> asio::awaitable<void> {
             co_await client.send("220 mail.example.org ESMTP\r\n");
             client.hear();
             co_await client.stay();
         },
         {.cause = errc::upgrade_failed, .opens = false}},
        {"answers with binary garbage",
         says(frames::repeated("\xff\xfe\x01\x80", 256)),
         {.cause = errc::upgrade_failed, .opens = false}},
        {"answers with frames only",
         says(frames::message()),
         {.cause = errc::upgrade_failed, .opens = false}},
        {"sends header lines without end",
         [](peer& client) -> asio::awaitable<void> {
             co_await client.request();
             client.hear();
             co_await client.send("HTTP/1.1 101 Switching Protocols\r\n");
             co_await client.send_for_ever(frames::repeated("X-Filler: xxxxxxxxxxxxxxxxxxxx\r\n", 100));
         },
         {.cause = errc::upgrade_failed, .opens = false}},
        {"sends one header line without end",
         [](peer& client) -> asio::awaitable<void> {
             co_await client.request();
             client.hear();
             co_await client.send("HTTP/1.1 101 Switching Protocols\r\nX-Filler: ");
             co_await client.send_for_ever(std::string(3000, 'x'));
         },
         {.cause = errc::upgrade_failed, .opens = false}},
    };
}
