// SPDX-License-Identifier: BSL-1.0
#include <heartbeat/testing/echo_server.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/websocket/stream_base.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "loopback/websocket_client.hpp"

// One file instantiates what all of them use.
extern template class heartbeat::basic_echo_server<>;

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using namespace std::chrono_literals;

namespace {

using client = websocket_client<tcp::socket>;
using done_function = heartbeat::echo_server::done_function;

// For hangs; no test takes more than a second of processor time.
constexpr auto patience = 120s;

error_code connect_to(tcp::socket& socket, std::uint16_t port) {
    error_code error;
    socket.connect({asio::ip::address_v4::loopback(), port}, error);
    if (!error) socket.set_option(tcp::no_delay(true));
    return error;
}

// Server and clients on one thread.
struct loopback {
    std::vector<std::string> log = {};
    asio::io_context io = {};
    asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
    heartbeat::echo_server server{io.get_executor(),
                                  [this](std::string const& line) { log.push_back(line); }};
    std::uint16_t port = server.listen();
    std::vector<std::unique_ptr<client>> clients = {};

    template <class Predicate>
    void run_until(Predicate reached) {
        auto const deadline = std::chrono::steady_clock::now() + patience;
        while (!reached())
            if (io.run_one_until(deadline) == 0) throw std::runtime_error("it did not happen in time");
    }

    /// Gives a switch its `done` and runs until it is called.
    void apply(std::function<void(done_function)> const& command) {
        bool done = false;
        command([&done] { done = true; });
        run_until([&done] { return done; });
    }

    client& dial() {
        tcp::socket socket{io};
        REQUIRE_FALSE(connect_to(socket, port));
        return *clients.emplace_back(std::make_unique<client>(std::move(socket)));
    }

    void finish_upgrade(client& one) {
        run_until([&] { return one.opened.has_value(); });
        REQUIRE_FALSE(*one.opened);
    }

    client& open() {
        auto& one = dial();
        one.upgrade();
        finish_upgrade(one);
        return one;
    }

    std::string exchange(client& one, std::string const& text) {
        auto const before = one.received.size();
        one.write(text);
        run_until([&] { return one.received.size() > before && one.written; });
        return one.received.back();
    }

    error_code end_of(client& one) {
        run_until([&] { return one.ended.has_value(); });
        return *one.ended;
    }

    void run_until_sessions_are(std::uint64_t count) {
        run_until([&] { return server.open_sessions() == count; });
    }

    bool has_logged(std::string const& text) const {
        return std::any_of(log.begin(), log.end(),
                           [&](std::string const& line) { return line.find(text) != std::string::npos; });
    }
};

}  // namespace

TEST_CASE("the echo server sends heartbeats and messages back unchanged") {
    loopback test;
    auto& one = test.open();
    CHECK(test.exchange(one, heartbeat_text) == heartbeat_text);
    CHECK(test.exchange(one, message_text) == message_text);
    std::string const spaced = "{ \"msg\": [1, {}],\n \"ModeCode\" : \"message\" }";
    CHECK(test.exchange(one, spaced) == spaced);
    CHECK(test.server.heartbeats() == 1);
    CHECK(test.server.messages() == 2);
    CHECK(test.server.connections() == 1);
    CHECK(test.server.open_sessions() == 1);
}

TEST_CASE("the echo server answers nothing else, reports what is malformed, and the link lives on") {
    loopback test;
    auto& one = test.open();
    std::vector<std::string> const unanswered = {
        R"({"ModeCode":"login","msg":1})",
        R"({"msg":1})",
        R"({"ModeCode":null})",
        R"({"a":1e999})",
        "[1]",
        R"("message")",
        "{\"ModeCode\":",
        "",
    };
    for (auto const& text : unanswered) {
        one.write(text);
        test.run_until([&] { return one.written.has_value(); });
    }
    one.websocket.binary(true);
    one.write(message_text);
    test.run_until([&] { return one.written.has_value(); });
    one.websocket.text(true);
    // Answers keep the order of the messages, so there was none to the others.
    test.exchange(one, message_text);
    CHECK(one.received.size() == 1);
    CHECK(test.server.messages() == unanswered.size() + 2);
    CHECK(test.has_logged("#1 error: [json.exception.parse_error"));
    CHECK(test.has_logged("#1 error: [json.exception.out_of_range"));
    CHECK(test.has_logged("#1 message, binary, of " + std::to_string(message_text.size()) + " bytes"));
}

TEST_CASE("the echo server logs each connection, message and close on one line") {
    loopback test;
    auto& one = test.open();
    auto const client_port = one.websocket.next_layer().local_endpoint().port();
    test.exchange(one, heartbeat_text);
    test.exchange(one, "{\"ModeCode\":\"message\",\n\"msg\":1}");
    one.close();
    test.run_until_sessions_are(0);
    CHECK(test.log == std::vector<std::string>{
                          "#1 connection from 127.0.0.1 port " + std::to_string(client_port),
                          "#1 open",
                          "#1 heartbeat " + heartbeat_text,
                          "#1 message {\"ModeCode\":\"message\", \"msg\":1}",
                          "#1 closed: code 1000",
                      });
}

TEST_CASE("a client that resets its connection is an error and a close in the log") {
    loopback test;
    auto& one = test.open();
    one.websocket.next_layer().set_option(asio::socket_base::linger(true, 0));
    one.websocket.next_layer().close();
    test.run_until_sessions_are(0);
    CHECK(test.log.at(2) == "#1 error: Connection reset by peer");
    CHECK(test.log.at(3) == "#1 closed: without a Close frame");
    CHECK(test.log.size() == 4);
}

TEST_CASE("the echo server does without clients that are no websockets") {
    loopback test;
    for (std::string const request :
         {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "\x16\x03\x01 no HTTP\r\n\r\n"}) {
        tcp::socket socket{test.io};
        REQUIRE_FALSE(connect_to(socket, test.port));
        asio::write(socket, asio::buffer(request));
        test.log.clear();
        test.run_until([&] { return test.has_logged("closed: without a Close frame"); });
        CHECK(test.has_logged("error: "));
    }
    CHECK(test.server.connections() == 2);
    CHECK(test.server.open_sessions() == 0);
    test.exchange(test.open(), message_text);
}

TEST_CASE("the echo server takes long headers") {
    loopback test;
    auto& one = test.dial();
    one.websocket.set_option(
        beast::websocket::stream_base::decorator([](beast::websocket::request_type& request) {
            request.set(beast::http::field::authorization, "Bearer " + std::string(6000, 'x'));
        }));
    one.upgrade();
    test.finish_upgrade(one);
    CHECK(test.exchange(one, message_text) == message_text);
}

TEST_CASE("swallowing leaves heartbeats unanswered while messages and pings are answered") {
    loopback test;
    auto& one = test.open();
    test.server.swallow_answers(true);
    one.write(heartbeat_text);
    test.run_until([&] { return test.server.heartbeats() == 1 && one.written; });
    one.ping("still there?");
    test.run_until([&] { return !one.pongs.empty(); });
    CHECK(one.pongs.front() == "still there?");
    CHECK(test.exchange(one, message_text) == message_text);
    CHECK(one.received.size() == 1);
    test.server.swallow_answers(false);
    CHECK(test.exchange(one, heartbeat_text) == heartbeat_text);
}

TEST_CASE("wrong identities are numbers that were never sent, in heartbeats alone") {
    loopback test;
    auto& one = test.open();
    test.server.answer_wrong_id(true);
    CHECK(test.exchange(one, heartbeat_text) == R"({"ModeCode":"heart_beat","msg":1691000000000})");
    CHECK(test.exchange(one, R"({"ModeCode":"heart_beat","msg":"a"})") ==
          R"({"ModeCode":"heart_beat","msg":1000000000})");
    CHECK(test.exchange(one, message_text) == message_text);
    test.server.answer_wrong_id(false);
    CHECK(test.exchange(one, heartbeat_text) == heartbeat_text);
}

TEST_CASE("a broadcast reaches every client") {
    loopback test;
    auto& one = test.open();
    auto& other = test.open();
    test.server.broadcast("news");
    test.run_until([&] { return !one.received.empty() && !other.received.empty(); });
    CHECK(one.received.front() == "news");
    CHECK(other.received.front() == "news");
}

TEST_CASE("dropping resets every connection, also one that is frozen or not upgraded yet") {
    loopback test;
    bool const frozen = GENERATE(false, true);
    if (frozen) test.apply([&](auto done) { test.server.freeze(done); });
    auto& one = frozen ? test.dial() : test.open();
    auto& mute = test.dial();
    if (frozen) one.upgrade();
    test.run_until([&] { return test.server.connections() == 2; });
    test.apply([&](auto done) { test.server.drop_all(done); });
    if (frozen) {
        test.run_until([&] { return one.opened.has_value(); });
        CHECK(*one.opened == asio::error::connection_reset);
    } else {
        CHECK(test.end_of(one) == asio::error::connection_reset);
    }
    char byte = 0;
    error_code error;
    mute.websocket.next_layer().read_some(asio::buffer(&byte, 1), error);
    CHECK(error == asio::error::connection_reset);
    CHECK(test.has_logged("#1 closed: reset by the server"));
    CHECK(test.has_logged("#2 closed: reset by the server"));
    CHECK(test.server.open_sessions() == 0);
}

TEST_CASE("a server that refuses keeps its port and its sessions, and accepts again") {
    loopback test;
    auto& one = test.open();
    for (int time = 0; time < 3; ++time) {
        test.server.refuse(true);
        test.server.refuse(true);
        tcp::socket refused{test.io};
        CHECK(connect_to(refused, test.port) == asio::error::connection_refused);
        CHECK(test.server.endpoint().port() == test.port);
        test.exchange(one, message_text);
        test.server.refuse(false);
        test.server.refuse(false);
        test.exchange(test.open(), message_text);
    }
}

TEST_CASE("nobody else gets the port of a server that refuses") {
    loopback test;
    test.server.refuse(true);
    tcp::acceptor other{test.io, tcp::v4()};
    error_code error;
    other.bind(test.server.endpoint(), error);
    CHECK(error == asio::error::address_in_use);
    test.server.stop();
    other.bind(test.server.endpoint(), error);
    CHECK_FALSE(error);
}

TEST_CASE("closing sends every client the code and the text, once") {
    loopback test;
    auto& one = test.open();
    auto& other = test.open();
    test.server.close_all(1012, "back soon");
    test.server.close_all(1001, "again");
    CHECK(test.end_of(one) == beast::websocket::error::closed);
    CHECK(test.end_of(other) == beast::websocket::error::closed);
    CHECK(one.websocket.reason().code == 1012);
    CHECK(other.websocket.reason().reason == "back soon");
    test.run_until_sessions_are(0);
    CHECK(test.has_logged("#1 closed: code 1012"));
    CHECK_THROWS_AS(test.server.close_all(1000, std::string(124, 'x')), std::length_error);
}

TEST_CASE("a Close frame without a code may be sent, and both sides may close at the same time") {
    loopback test;
    auto& one = test.open();
    auto& other = test.open();
    other.close();
    test.server.close_all(0);
    CHECK(test.end_of(one) == beast::websocket::error::closed);
    CHECK(one.websocket.reason().code == beast::websocket::close_code::none);
    test.end_of(other);
    test.run_until_sessions_are(0);
}

TEST_CASE("a connection that is not upgraded yet is closed, too") {
    loopback test;
    auto& mute = test.dial();
    test.run_until([&] { return test.server.connections() == 1; });
    test.apply([&](auto done) { test.server.close_all(1000, "", done); });
    char byte = 0;
    error_code error;
    mute.websocket.next_layer().read_some(asio::buffer(&byte, 1), error);
    CHECK(error == asio::error::eof);
}

TEST_CASE("a frozen server takes connections in and answers nothing until it is resumed") {
    loopback test;
    auto& one = test.open();
    test.apply([&](auto done) { test.server.freeze(done); });
    one.write(heartbeat_text);
    auto& late = test.dial();
    late.upgrade();
    test.run_until([&] { return one.written && test.server.connections() == 2; });
    CHECK(test.server.heartbeats() == 0);
    CHECK_FALSE(late.opened);
    CHECK(test.server.open_sessions() == 1);

    test.apply([&](auto done) { test.server.resume(done); });
    test.finish_upgrade(late);
    test.run_until([&] { return !one.received.empty(); });
    CHECK(one.received.front() == heartbeat_text);
    CHECK(test.exchange(late, message_text) == message_text);
}

TEST_CASE("a stopped server ends everything at once, frozen or not, and can listen at its port again") {
    loopback test;
    for (int time = 0; time < 3; ++time) {
        auto& one = test.open();
        if (time == 1) test.apply([&](auto done) { test.server.freeze(done); });
        test.server.stop();
        tcp::socket refused{test.io};
        CHECK(connect_to(refused, test.port) == asio::error::connection_refused);
        CHECK(test.server.listen(test.port) == test.port);
        test.end_of(one);
        CHECK(test.server.open_sessions() == 0);
        test.server.resume();
    }
    test.exchange(test.open(), message_text);
}

TEST_CASE("a port that is taken is an error of listen, and a free one is found") {
    loopback test;
    heartbeat::echo_server other{test.io.get_executor()};
    CHECK(test.port != 0);
    CHECK(test.server.url() == "ws://127.0.0.1:" + std::to_string(test.port));
    try {
        other.listen(test.port);
        FAIL("it listens at a port that is taken");
    } catch (boost::system::system_error const& error) {
        CHECK(error.code() == asio::error::address_in_use);
    }
    auto const free = other.listen();
    CHECK(free != 0);
    CHECK(free != test.port);
}

TEST_CASE("a client that does not read is slowed down, costs bounded memory and loses nothing") {
    loopback test;
    auto& one = test.dial();
    one.websocket.next_layer().set_option(asio::socket_base::receive_buffer_size(64 * 1024));
    one.upgrade(false);
    test.finish_upgrade(one);
    constexpr std::size_t count = 60;
    auto const text = [](std::size_t index) {
        return R"({"ModeCode":"message","msg":")" +
               std::string(1024 * 1024, static_cast<char>('a' + index % 26)) + "\"}";
    };
    std::size_t written = 0;
    auto const write_more = [&] {
        if (!one.written || written == count) return;
        one.write(text(written++));
    };
    one.written = error_code{};
    auto const limit = heartbeat::detail::answer_queue::most_bytes / text(0).size();
    test.run_until([&] {
        write_more();
        return test.server.messages() > limit;
    });
    while (test.io.poll() != 0) write_more();
    CHECK(test.server.messages() < count);

    one.read();
    test.run_until([&] {
        write_more();
        return one.received.size() == count;
    });
    for (std::size_t index = 0; index < count; ++index) CHECK((one.received[index] == text(index)));
}

TEST_CASE("a destroyed server ends its sessions and does not log any more") {
    std::vector<std::string> log;
    asio::io_context io;
    auto server = std::make_unique<heartbeat::echo_server>(
        io.get_executor(), [&log](std::string const& line) { log.push_back(line); });
    tcp::socket socket{io};
    REQUIRE_FALSE(connect_to(socket, server->listen()));
    client one{std::move(socket)};
    one.upgrade();
    while (!one.opened) REQUIRE(io.run_one_for(patience) == 1);
    auto const lines = log.size();
    server.reset();
    // It ends by itself, since nothing is left to do.
    io.run_for(patience);
    CHECK(io.stopped());
    CHECK(one.ended == asio::error::eof);
    CHECK(log.size() == lines);
}

TEST_CASE("a context destroys the sessions of a server, also frozen ones") {
    auto const witness = std::make_shared<int>();
    {
        loopback test;
        heartbeat::echo_server server{test.io.get_executor(), [witness](std::string const&) {}};
        test.port = server.listen();
        auto& one = test.open();
        if (GENERATE(false, true)) {
            test.apply([&](auto done) { server.freeze(done); });
            one.write(heartbeat_text);
            test.dial().upgrade();
            test.run_until([&] { return server.connections() == 2; });
        }
    }
    CHECK(witness.use_count() == 1);
}

TEST_CASE("the server may run on one thread while others switch its faults and dial") {
    std::atomic<std::size_t> lines = 0;
    asio::io_context server_io;
    auto const work = asio::make_work_guard(server_io);
    heartbeat::echo_server server{server_io.get_executor(), [&lines](std::string const&) { ++lines; }};
    auto const port = server.listen();
    // Ends the thread whatever happens here.
    struct runner {
        asio::io_context& io;
        std::thread thread{[this] { io.run(); }};

        ~runner() {
            io.stop();
            thread.join();
        }
    };
    {
        runner const running{server_io};
        loopback test;
        test.port = port;
        for (int time = 0; time < 20; ++time) {
            auto& one = test.open();
            test.exchange(one, heartbeat_text);
            std::promise<void> frozen;
            server.freeze([&frozen] { frozen.set_value(); });
            one.write(heartbeat_text);
            server.delay_answers(std::chrono::milliseconds{time % 2});
            server.refuse(true);
            frozen.get_future().wait();
            server.refuse(false);
            server.resume();
            test.run_until([&] { return one.received.size() == 2; });
            server.broadcast("news");
            test.run_until([&] { return one.received.size() == 3; });
            if (time % 3 == 0) server.close_all();
            if (time % 3 == 1) server.drop_all();
            if (time % 3 == 2) {
                server.stop();
                server.listen(port);
            }
            test.end_of(one);
        }
    }
    CHECK(server.connections() == 20);
    CHECK(server.heartbeats() == 40);
    CHECK(lines > 0);
}
