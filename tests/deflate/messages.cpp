// SPDX-License-Identifier: BSL-1.0
#include "deflate_server.hpp"
#include "world.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace {

namespace websocket = boost::beast::websocket;

websocket::permessage_deflate server_settings(int window_bits, bool context_takeover) {
    websocket::permessage_deflate settings;
    settings.server_max_window_bits = window_bits;
    settings.client_max_window_bits = window_bits;
    settings.server_no_context_takeover = !context_takeover;
    settings.client_no_context_takeover = !context_takeover;
    return settings;
}

// Sends messages of all sizes to and fro.
void exchange(deflate_world& at) {
    for (std::size_t const size :
         {0U, 1U, 127U, 128U, 1000U, 1536U, 65'535U, 65'546U, 300'000U, 1'048'576U}) {
        INFO("messages of " << size << " bytes");
        for (auto const& one :
             {hb::message(prose(size)), binary(noise(size)), hb::message(std::string(size, 'a'))}) {
            auto const back = at.echo(one);
            CHECK(back.kind() == one.kind());
            CHECK((back.text() == one.text()));
        }
    }
}

}  // namespace

TEST_CASE("messages of all sizes and kinds survive compression") {
    deflate_world at;
    deflate_server server(at.io.get_executor());
    at.connect(at.compressing(server.url()));
    exchange(at);
}

TEST_CASE("messages survive compression with the least memory") {
    deflate_world at;
    deflate_server server(at.io.get_executor());
    auto settings = at.compressing(server.url());
    settings.deflate = {.enabled = true,
                        .client_window_bits = 9,
                        .server_window_bits = 9,
                        .client_context_takeover = false,
                        .server_context_takeover = false,
                        .memory_level = 1,
                        .compression_level = 1,
                        .threshold = 0};
    settings.limits.fragment_bytes = 1000;
    at.connect(settings);
    exchange(at);
}

TEST_CASE("messages survive compression on a server's terms") {
    for (bool const context_takeover : {false, true}) {
        deflate_world at;
        deflate_server server(at.io.get_executor(), server_settings(10, context_takeover));
        at.connect(at.compressing(server.url()));
        exchange(at);
    }
}

TEST_CASE("what is compressed takes less on the wire, in both directions") {
    deflate_world at;
    deflate_server server(at.io.get_executor());
    at.connect(at.compressing(server.url()));
    auto const before = at.socket->stats();
    at.echo(prose(100'000));
    auto const after = at.socket->stats();
    CHECK(after.bytes_sent - before.bytes_sent < 40'000);
    CHECK(after.bytes_received - before.bytes_received < 40'000);
}

TEST_CASE("a message that refers to an earlier one takes less still, unless context takeover is off") {
    for (bool const context_takeover : {true, false}) {
        deflate_world at;
        deflate_server server(at.io.get_executor());
        auto settings = at.compressing(server.url());
        settings.deflate.client_context_takeover = context_takeover;
        settings.deflate.server_context_takeover = context_takeover;
        at.connect(settings);
        auto const text = prose(500);
        at.echo(text);
        auto const before = at.socket->stats();
        at.echo(text);
        auto const after = at.socket->stats();
        CHECK((after.bytes_sent - before.bytes_sent < 50) == context_takeover);
        CHECK((after.bytes_received - before.bytes_received < 50) == context_takeover);
    }
}

TEST_CASE("a message below the threshold leaves as it is") {
    deflate_world at;
    deflate_server server(at.io.get_executor());
    auto settings = at.compressing(server.url());
    settings.deflate.threshold = 100;
    at.connect(settings);
    auto const cost = [&](std::size_t size) {
        auto const before = at.socket->stats().bytes_sent;
        at.echo(std::string(size, 'a'));
        return at.socket->stats().bytes_sent - before;
    };
    constexpr std::size_t header = 6;
    CHECK(cost(99) == header + 99);
    CHECK(cost(100) < 30);
}

TEST_CASE("a message whose beginning is kept back by the compressor arrives whole") {
    // The first fragment compresses to nothing that has to leave yet, the last one is below the threshold.
    deflate_world at;
    deflate_server server(at.io.get_executor());
    auto settings = at.compressing(server.url());
    settings.limits.fragment_bytes = 64 * 1024;
    at.connect(settings);
    for (std::size_t const more : {1U, 10U, 127U, 128U}) {
        std::string const text(64 * 1024 + more, 'a');
        CHECK((at.echo(text).text() == text));
    }
}

TEST_CASE("a burst of messages is compressed and arrives in order") {
    deflate_world at;
    deflate_server server(at.io.get_executor());
    auto settings = at.compressing(server.url());
    settings.limits.outbox_messages = 4000;
    at.connect(settings);
    std::vector<hb::message> sent;
    for (std::size_t number = 0; number < 3000; ++number) {
        auto const size = number % 300;
        sent.push_back(number % 3 == 0 ? binary(noise(size))
                                       : hb::message(prose(number % 7 == 0 ? 5000 : size)));
        REQUIRE(at.socket->send(sent.back()));
    }
    at.until([&] { return at.received.size() == sent.size() || !at.told->closed.empty(); });
    REQUIRE(at.received.size() == sent.size());
    for (std::size_t number = 0; number < sent.size(); ++number)
        REQUIRE((at.received[number].text() == sent[number].text()));
    CHECK(at.socket->stats().messages_sent == sent.size());
}

TEST_CASE("a message to and from a server that declines compression is not compressed") {
    deflate_world at;
    at.server.answer = [](http_request const& request) { return accepts(request); };
    at.connect(at.compressing());
    CHECK(at.server.requests.at(0).field("Sec-WebSocket-Extensions") ==
          "permessage-deflate; client_max_window_bits");
    auto const before = at.socket->stats().bytes_sent;
    REQUIRE(at.socket->send(std::string(10'000, 'a')));
    at.until([&] { return at.socket->stats().messages_sent == 1; });
    CHECK(at.socket->stats().bytes_sent - before == 10'000 + 8);
}

TEST_CASE("nothing is offered when compression is off") {
    deflate_world at;
    auto settings = at.compressing();
    settings.deflate.enabled = false;
    at.connect(settings);
    CHECK(at.server.requests.at(0).head.find("Extensions") == std::string::npos);
}
