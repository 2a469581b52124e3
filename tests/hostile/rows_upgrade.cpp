// SPDX-License-Identifier: BSL-1.0
//
// Servers whose answer to the upgrade request is a refusal, or wrong.
#include "frames.hpp"
#include "scenario.hpp"

namespace {

/// Answers with these bytes and closes.
script refuses(std::string with) {
    return [with](peer& client) -> asio::awaitable<void> {
        co_await client.request();
        co_await client.send(with);
    };
}

/// Answers with these bytes and stays.
script answers(std::string with) {
    return [with](peer& client) -> asio::awaitable<void> {
        co_await client.request();
        client.hear();
        co_await client.send(with);
        co_await client.stay();
    };
}

/// Answers as it should, but for these lines in place of the one that begins with `without`; then frames.
script upgrades_with(std::string lines, std::string without = {}, std::string behind = {},
                     std::string before = {}) {
    return [lines, without, behind, before](peer& client) -> asio::awaitable<void> {
        co_await client.request();
        client.hear();
        auto text = client.answer(lines);
        if (auto const line = text.find(without); !without.empty() && line != std::string::npos)
            text.erase(line, text.find("\r\n", line) + 2 - line);
        text.insert(0, before).append(behind);
        co_await client.send(text);
        co_await client.stay();
    };
}

scenario status(unsigned code, std::string const& reason, std::string const& lines = {},
                std::string more = {}) {
    auto const text = std::to_string(code) + " " + reason;
    return {"answers " + text + std::move(more),
            refuses("HTTP/1.1 " + text + "\r\n" + lines + "Content-Length: 0\r\n\r\n"),
            {.cause = hb::errc::upgrade_refused, .http_status = code, .opens = false}};
}

/// A refusal that another attempt would most likely not change, or not at all.
expectation refusal(unsigned code, verdict then) {
    return {
        .cause = hb::errc::upgrade_refused, .http_status = code, .opens = false, .then = then, .attempts = 1};
}

expectation slow_refusal(unsigned code) { return refusal(code, verdict::retry_slowly); }

scenario slow_status(unsigned code, std::string const& reason, std::string const& lines = {},
                     std::string more = {}) {
    auto row = status(code, reason, lines, std::move(more));
    row.expected = slow_refusal(code);
    return row;
}

scenario final_status(unsigned code, std::string const& reason, std::string const& lines = {}) {
    auto row = status(code, reason, lines);
    row.expected = refusal(code, verdict::stop);
    return row;
}

/// A refusal that says when to come back, after the minute.
scenario much_later(scenario row) {
    row.expected.attempts = 1;
    return row;
}

scenario broken(std::string name, script server) {
    return {std::move(name), std::move(server), {.cause = hb::errc::upgrade_failed, .opens = false}};
}

}  // namespace

std::vector<scenario> upgrade_scenarios() {
    using hb::errc;
    return {
        status(200, "OK"),
        slow_status(301, "Moved Permanently", "Location: ws://127.0.0.1:1/\r\n", " with a `Location`"),
        status(302, "Found", "Location: http://login.portal/\r\n", " of a portal"),
        status(307, "Temporary Redirect", "", " without a `Location`"),
        final_status(401, "Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n"),
        much_later(status(401, "Unauthorized", "Retry-After: 120\r\n", " with `Retry-After: 120`")),
        status(401, "Unauthorized", "Retry-After: 0\r\n", " with `Retry-After: 0`"),
        slow_status(403, "Forbidden"),
        slow_status(407, "Proxy Authentication Required", "Proxy-Authenticate: Basic realm=\"x\"\r\n"),
        final_status(410, "Gone"),
        much_later(status(410, "Gone", "Retry-After: 120\r\n", " with `Retry-After: 120`")),
        status(410, "Gone", "retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
               " with a `Retry-After` that has passed"),
        slow_status(426, "Upgrade Required", "Sec-WebSocket-Version: 99\r\n", ", of another version"),
        status(429, "Too Many Requests"),
        much_later(status(429, "Too Many Requests", "Retry-After: 120\r\n", " with `Retry-After: 120`")),
        status(500, "Internal Server Error"),
        much_later(status(500, "Internal Server Error", "Retry-After: 120\r\n", " with `Retry-After: 120`")),
        slow_status(501, "Not Implemented"),
        status(503, "Service Unavailable"),
        much_later(status(503, "Service Unavailable", "Retry-After: 120\r\n", " with `Retry-After: 120`")),
        much_later(status(503, "Service Unavailable", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n",
                          " with a `Retry-After` in the year 9999")),
        status(503, "Service Unavailable", "Retry-After: -99999999999999999999\r\n",
               " with a negative `Retry-After`"),
        status(999, "Surprise"),
        {"answers 403 with a body that ends with the connection",
         refuses("HTTP/1.1 403 Forbidden\r\n\r\n" + std::string(5000, 'x')), slow_refusal(403)},
        {"answers 403 with a body that never comes",
         answers("HTTP/1.1 403 Forbidden\r\nContent-Length: 1000\r\n\r\n"), slow_refusal(403)},
        {"answers 403 with a body that is cut short",
         refuses("HTTP/1.1 403 Forbidden\r\nContent-Length: 1000\r\n\r\nNo."), slow_refusal(403)},
        {"answers 403 with a body that is reset",
         [](peer& client) -> asio::awaitable<void> {
             co_await client.request();
             client.hear();
             co_await client.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 1000\r\n\r\nNo.");
             co_await client.pause(1ms);
             client.reset();
         },
         slow_refusal(403)},
        {"answers 403, then its body, a byte every 700 ms",
         [](peer& client) -> asio::awaitable<void> {
             co_await client.request();
             client.hear();
             co_await client.send("HTTP/1.1 403 Forbidden\r\n\r\n");
             co_await client.trickle(std::string(100, 'x'), 700ms);
         },
         slow_refusal(403)},
        {"answers 403 in HTTP/1.0", refuses("HTTP/1.0 403 Forbidden\r\n\r\nNo."), slow_refusal(403)},
        {"answers 403 with chunks that are none",
         answers("HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\nNo.\r\n"), slow_refusal(403)},
        {"answers 403 with the line of a chunk that never ends",
         [](peer& client) -> asio::awaitable<void> {
             co_await client.request();
             client.hear();
             co_await client.send("HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n1;");
             co_await client.send_for_ever(std::string(64 * 1024, 'x'));
         },
         slow_refusal(403)},
        {"answers 403 with trailers without end",
         [](peer& client) -> asio::awaitable<void> {
             co_await client.request();
             client.hear();
             co_await client.send("HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
             co_await client.send_for_ever("X: " + std::string(1000, 'x') + "\r\n");
         },
         slow_refusal(403)},
        {"answers 403 with an empty last chunk, byte by byte",
         [](peer& client) -> asio::awaitable<void> {
             co_await client.request();
             client.hear();
             co_await client.send("HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n");
             co_await client.trickle("0\r\n\r\n", 1ms);
         },
         slow_refusal(403)},
        {"answers 403 with a body of 10 GB",
         answers("HTTP/1.1 403 Forbidden\r\nContent-Length: 10737418240\r\n\r\n"), slow_refusal(403)},
        {"answers 403 with a body without end",
         [](peer& client) -> asio::awaitable<void> {
             co_await client.request();
             client.hear();
             co_await client.send("HTTP/1.1 403 Forbidden\r\n\r\n");
             co_await client.send_for_ever(std::string(64 * 1024, 'x'));
         },
         slow_refusal(403)},
        broken(
            "answers with a wrong accept key",
            upgrades_with("Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n", "Sec-WebSocket-Accept")),
        broken("answers without an accept key", upgrades_with("", "Sec-WebSocket-Accept")),
        broken("answers without `Upgrade`", upgrades_with("", "Upgrade: ")),
        broken("answers without `Connection`", upgrades_with("", "Connection: ")),
        broken("answers `Upgrade: h2c`", upgrades_with("Upgrade: h2c\r\n", "Upgrade: ")),
        broken("answers in HTTP/1.0",
               upgrades_with("", "HTTP/1.1 101", {}, "HTTP/1.0 101 Switching Protocols\r\n")),
        broken("answers with a line break in a header name", upgrades_with("X-Bro\nken: 1\r\n")),
        {"answers with a subprotocol that was not asked for",
         upgrades_with("Sec-WebSocket-Protocol: chat\r\n"),
         {.cause = errc::upgrade_failed, .opens = false, .evidence = errc::subprotocol_not_offered}},
        {"answers with an extension that was not asked for",
         upgrades_with("Sec-WebSocket-Extensions: permessage-deflate\r\n"),
         {.cause = errc::upgrade_failed, .opens = false, .evidence = errc::extension_not_offered}},
        {"answers with a subprotocol that was not asked for, and frames",
         upgrades_with("Sec-WebSocket-Protocol: chat\r\n", "", frames::message()),
         {.cause = errc::upgrade_failed, .opens = false, .evidence = errc::subprotocol_not_offered}},
        {"answers 100 Continue first",
         answers("HTTP/1.1 100 Continue\r\n\r\n"),
         {.cause = errc::upgrade_refused, .http_status = 100, .opens = false}},
        {"sends messages together with its answer",
         upgrades_with("", "", frames::repeated(frames::message(), 5)),
         {.cause = errc::heartbeat_timeout, .attempts = 5, .delivered = 5}},
        {"sends more than a buffer of messages together with its answer",
         upgrades_with("", "", frames::repeated(frames::message(std::string(100, 'x')), 500)),
         {.cause = errc::heartbeat_timeout, .attempts = 5, .delivered = 500}},
        {"sends messages together with an answer of 4 KB",
         upgrades_with("X-Filler: " + std::string(4000, 'x') + "\r\n", "",
                       frames::repeated(frames::message(), 5)),
         {.cause = errc::heartbeat_timeout, .attempts = 5, .delivered = 5}},
        {"sends a Close frame together with its answer",
         upgrades_with("", "", frames::close_frame(1008)),
         {.cause = errc::closed_by_peer,
          .close_code = 1008,
          .told = 1008,
          .then = verdict::retry_slowly,
          .attempts = 1}},
        {"sends a broken frame together with its answer",
         upgrades_with("", "", frames::start(3, 0)),
         {.cause = errc::protocol_violation, .told = 1002}},
    };
}
