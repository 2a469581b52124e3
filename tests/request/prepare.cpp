// SPDX-License-Identifier: BSL-1.0
//
// The application's word before each attempt: what it is told, what it may answer, and when.
#include "world.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <stdexcept>
#include <thread>
#include <vector>

namespace {

/// Keeps what the application is asked, and the handlers that it owes an answer.
struct asking_world : client_world {
    hb::options options() {
        auto settings = client_world::options();
        settings.prepare = [this](hb::preparation what, hb::prepare_handler done) {
            asked.push_back(std::move(what));
            owed.push_back(std::move(done));
            if (at_once) owed.back()(at_once(asked.back()));
        };
        return settings;
    }

    void until_asked(std::size_t number) {
        until([&] { return asked.size() == number; });
    }

    std::function<hb::prepared(hb::preparation const&)> at_once = {};
    std::vector<hb::preparation> asked = {};
    std::vector<hb::prepare_handler> owed = {};
};

hb::prepared with_token(hb::preparation const& what, std::string token) {
    auto use = what.current;
    use.request.bearer = std::move(token);
    return use;
}

}  // namespace

TEST_CASE_METHOD(asking_world, "each attempt goes where the application says, and says what it says") {
    start(options());
    until_asked(1);
    CHECK(asked[0].attempt == 1);
    CHECK(asked[0].last.cause == hb::errc{});
    CHECK_FALSE(asked[0].refresh);
    CHECK(asked[0].current.url == options().url);
    CHECK(socket->state() == hb::state::connecting);
    owed[0](hb::prepared{.url = "ws://" + other.address() + "/first", .request = {.bearer = "one"}});
    until_open();
    CHECK(other.requests.at(0).target() == "/first");
    CHECK(other.requests[0].field("Authorization") == "Bearer one");

    other.drop();
    until([&] { return told->waits.size() == 1; });
    CHECK(asked.size() == 1);
    pass(3s);
    until_asked(2);
    CHECK(asked[1].attempt == 2);
    CHECK(asked[1].last.cause == hb::errc::connection_lost);
    CHECK(asked[1].current.url == "ws://" + other.address() + "/first");
    CHECK(asked[1].current.request.bearer == "one");
    // Without a URL it is the same again.
    owed[1](hb::prepared{.request = {.bearer = "two"}});
    until_open(2);
    CHECK(other.requests.at(1).target() == "/first");
    CHECK(other.requests[1].field("Authorization") == "Bearer two");
    CHECK(server.requests.empty());
}

TEST_CASE_METHOD(asking_world, "each run begins with what the options say") {
    at_once = [&](hb::preparation const&) { return hb::prepared{.url = "ws://" + other.address()}; };
    start(options());
    until_open();
    socket->cancel();
    until([&] { return end.has_value(); });
    socket->start();
    until_open(2);
    CHECK(asked.at(1).current.url == options().url);
    CHECK(asked[1].last.cause == hb::errc{});
}

TEST_CASE_METHOD(asking_world, "the answer may come from any thread") {
    start(options());
    until_asked(1);
    std::thread([done = owed[0], what = asked[0]] { done(with_token(what, "token")); }).join();
    until_open();
    CHECK(server.requests.at(0).field("Authorization") == "Bearer token");
}

TEST_CASE_METHOD(asking_world, "only the first answer counts, whatever the others are") {
    start(options());
    until_asked(1);
    owed[0](with_token(asked[0], "first"));
    owed[0](with_token(asked[0], "second"));
    owed[0](hb::errc::stopped);
    until_open();
    owed[0](hb::errc::stopped);
    settle();
    CHECK(server.requests.size() == 1);
    CHECK(server.requests[0].field("Authorization") == "Bearer first");
    CHECK(socket->state() == hb::state::open);
}

TEST_CASE_METHOD(asking_world,
                 "an answer that does not come in time fails the attempt, and changes nothing later") {
    start(options());
    until_asked(1);
    pass(4s - 1ms);
    CHECK(told->failures.empty());
    pass(1ms);
    REQUIRE(told->failures.size() == 1);
    CHECK(failure().cause == hb::errc::prepare_timeout);
    CHECK(told->waits.at(0).delay == 3s);
    owed[0](asked[0].current);
    pass(1s);
    CHECK(server.requests.empty());
    CHECK(socket->state() == hb::state::waiting);
    // Nor when the next question is out.
    pass(2s);
    until_asked(2);
    owed[0](asked[0].current);
    settle();
    CHECK(server.requests.empty());
    owed[1](asked[1].current);
    until_open();
    CHECK(asked[1].last.cause == hb::errc::prepare_timeout);
}

TEST_CASE_METHOD(asking_world, "the deadline of the attempt holds for its preparation, too") {
    auto settings = options();
    settings.deadlines.attempt = 1s;
    start(settings);
    until_asked(1);
    pass(1s);
    CHECK(failure().cause == hb::errc::attempt_timeout);
}

TEST_CASE_METHOD(asking_world, "an error, an exception and nonsense fail the attempt and say why") {
    auto settings = options();
    hb::reason expected{.cause = hb::errc::prepare_failed};
    std::string explained;
    SECTION("an error") {
        settings.prepare = [](hb::preparation const&, hb::prepare_handler done) {
            done(make_error_code(asio::error::host_unreachable));
        };
        expected.evidence = asio::error::host_unreachable;
    }
    SECTION("an exception of the function") {
        settings.prepare = [](hb::preparation const&, hb::prepare_handler const&) {
            throw std::runtime_error("no token\n");
        };
        explained = "no token";
    }
    SECTION("a URL that is none") {
        at_once = [](hb::preparation const&) { return hb::prepared{.url = "ws://u:secret@h:0"}; };
        expected.evidence = hb::errc::invalid_option;
        explained = "heartbeat::options: url is \"ws://***@h:0\", expected a port from 1 to 65535";
    }
    SECTION("wss without TLS") {
        at_once = [](hb::preparation const&) { return hb::prepared{.url = "wss://h"}; };
        expected.evidence = hb::errc::invalid_option;
        explained = "url is \"wss://h\", expected a ws:// URL";
    }
    SECTION("a header with a line break") {
        at_once = [](hb::preparation const& what) {
            auto use = what.current;
            use.request.headers = {{"X", "secret\r\nHost: other"}};
            return use;
        };
        expected.evidence = hb::errc::invalid_option;
        explained = "request.headers is \"X\" with a line break";
    }
    start(settings);
    until_failed();
    CHECK(failure().cause == expected.cause);
    CHECK(failure().evidence == expected.evidence);
    CHECK(failure().explanation.find(explained) != std::string::npos);
    auto const text = to_string(failure());
    CHECK(text.find(explained) != std::string::npos);
    CHECK(text.find("secret") == std::string::npos);
    CHECK(text.find('\n') == std::string::npos);
    CHECK(told->waits.size() == 1);
    CHECK(server.requests.empty());
}

TEST_CASE_METHOD(asking_world, "what was wrong is not kept for the next attempt") {
    start(options());
    until_asked(1);
    owed[0](hb::prepared{.url = "nonsense"});
    until_failed();
    pass(3s);
    until_asked(2);
    CHECK(asked[1].current.url == options().url);
}

TEST_CASE_METHOD(asking_world, "the end does not wait for the answer, which then changes nothing") {
    start(options());
    until_asked(1);
    auto const time = clock.now();
    SECTION("close") {
        socket->close();
        until([&] { return end.has_value(); });
        CHECK_FALSE(*end);
    }
    SECTION("cancel") {
        socket->cancel();
        until([&] { return end.has_value(); });
        CHECK(*end == asio::error::operation_aborted);
    }
    SECTION("destruction") {
        socket.reset();
        until([&] { return end.has_value(); });
        CHECK(*end == asio::error::operation_aborted);
    }
    SECTION("destruction of everything else first") {
        socket.reset();
        settle();
    }
    CHECK(clock.now() == time);
    owed[0](asked[0].current);
    settle();
    pass(60s);
    CHECK(server.requests.empty());
    CHECK(asked.size() == 1);
    CHECK(told->failures.empty());
}

TEST_CASE_METHOD(asking_world, "an answer to the question of an earlier run is no answer to the next one's") {
    start(options());
    until_asked(1);
    socket->cancel();
    until([&] { return end.has_value(); });
    socket->start();
    until_asked(2);
    owed[0](asked[0].current);
    settle();
    CHECK(server.requests.empty());
    owed[1](asked[1].current);
    until_open();
}

TEST_CASE_METHOD(asking_world, "the application may close or destroy the socket while it is asked") {
    auto settings = options();
    bool answers = GENERATE(false, true);
    CAPTURE(answers);
    SECTION("close") {
        settings.prepare = [&](hb::preparation const& what, hb::prepare_handler const& done) {
            socket->close();
            if (answers) done(what.current);
        };
    }
    SECTION("destroy") {
        settings.prepare = [&](hb::preparation const& what, hb::prepare_handler const& done) {
            socket.reset();
            if (answers) done(what.current);
        };
    }
    start(settings);
    until([&] { return end.has_value(); });
    pass(60s);
    CHECK(server.requests.empty());
}

TEST_CASE_METHOD(asking_world, "an answer outlives the socket and its surroundings") {
    {
        world inner;
        auto settings = options();
        test_socket short_lived(inner.io, settings);
        short_lived.start();
        inner.settle();
        REQUIRE(asked.size() == 1);
    }
    owed[0](asked[0].current);
}

TEST_CASE_METHOD(asking_world, "a coroutine can answer, and its exception is one") {
    bool const fails = GENERATE(false, true);
    auto settings = client_world::options();
    settings.prepare = [&, fails](hb::preparation what, hb::prepare_handler done) {
        auto const fetch = [](hb::preparation asked_for, bool failing) -> asio::awaitable<hb::prepared> {
            auto const executor = co_await asio::this_coro::executor;
            co_await asio::post(executor, asio::use_awaitable);
            if (failing) throw std::runtime_error("no token");
            co_return with_token(asked_for, "token");
        };
        asio::co_spawn(io, fetch(std::move(what), fails), std::move(done));
    };
    start(settings);
    if (fails) {
        until_failed();
        CHECK(failure().cause == hb::errc::prepare_failed);
        CHECK(failure().explanation == "no token");
    } else {
        until_open();
        CHECK(server.requests.at(0).field("Authorization") == "Bearer token");
    }
}

TEST_CASE_METHOD(asking_world,
                 "refused credentials are renewed once and at once; the second refusal ends the run") {
    server.answer = [](http_request const&) { return refuses(401); };
    at_once = [](hb::preparation const& what) { return with_token(what, what.refresh ? "new" : "old"); };
    start(options());
    until([&] { return end.has_value(); });
    REQUIRE(server.requests.size() == 2);
    CHECK(server.requests[0].field("Authorization") == "Bearer old");
    CHECK(server.requests[1].field("Authorization") == "Bearer new");
    CHECK(asked.at(1).refresh);
    CHECK(asked[1].last.http_status == 401);
    REQUIRE(told->waits.size() == 1);
    CHECK(told->waits[0].delay == 0s);
    CHECK(told->stopped.at(0).reason.cause == hb::errc::upgrade_refused);
    CHECK(told->stopped[0].reason.http_status == 401);
    CHECK(*end == hb::errc::upgrade_refused);
}

TEST_CASE_METHOD(asking_world,
                 "credentials that expire during an outage are renewed again, but not at once") {
    server.answer = [&](http_request const&) { return refuses(server.requests.size() == 2 ? 503 : 401); };
    at_once = [](hb::preparation const& what) { return with_token(what, what.refresh ? "new" : "old"); };
    start(options());
    until([&] { return told->waits.size() == 2; });
    pass(3s);
    until([&] { return told->waits.size() == 3; });
    CHECK(told->waits[0].delay == 0s);
    CHECK(told->waits[1].delay == 3s);
    CHECK(told->waits[2].delay == 3s);
    pass(3s);
    // And the ones just made are refused.
    until([&] { return end.has_value(); });
    REQUIRE(asked.size() == 4);
    CHECK(asked[1].refresh);
    CHECK_FALSE(asked[2].refresh);
    CHECK(asked[3].refresh);
}

TEST_CASE_METHOD(asking_world, "each open link earns another renewal, and other refusals wait as ever") {
    unsigned status = 401;
    server.answer = [&](http_request const& request) {
        return request.field("Authorization") == "Bearer new" ? accepts(request) : refuses(status);
    };
    at_once = [](hb::preparation const& what) { return with_token(what, what.refresh ? "new" : "old"); };
    start(options());
    until_open();
    server.drop();
    until([&] { return told->waits.size() == 2; });
    CHECK(told->waits[1].delay == 3s);
    pass(3s);
    until_open(2);
    CHECK(told->waits.at(2).delay == 0s);
    status = 404;
    server.drop();
    until([&] { return told->waits.size() == 4; });
    pass(3s);
    until_failed(3);
    CHECK(told->waits.at(4).delay == 3s);
    pass(3s);
    until_asked(6);
    CHECK_FALSE(asked[5].refresh);
}

TEST_CASE_METHOD(client_world, "refused credentials that nobody can renew end the run") {
    server.answer = [](http_request const&) { return refuses(401); };
    start(options());
    until([&] { return !told->stopped.empty(); });
    CHECK(told->stopped.at(0).reason.http_status == 401);
    CHECK(told->waits.empty());
}

TEST_CASE_METHOD(asking_world, "an attempt that is redirected asks once") {
    server.answer = [](http_request const& request) {
        return request.target() == "/start" ? refuses(307, "Location: /there\r\n") : accepts(request);
    };
    auto settings = options();
    settings.request.most_redirects = 1;
    at_once = [](hb::preparation const& what) { return what.current; };
    start(settings);
    until_open();
    CHECK(asked.size() == 1);
    CHECK(server.requests.size() == 2);
}

TEST_CASE_METHOD(asking_world, "new credentials that could not be made are asked for again") {
    server.answer = [&](http_request const& request) {
        return request.field("Authorization") == "Bearer new" ? accepts(request) : refuses(401);
    };
    start(options());
    until_asked(1);
    owed[0](with_token(asked[0], "old"));
    until_asked(2);
    CHECK(asked[1].refresh);
    owed[1](hb::error_code(asio::error::host_unreachable));
    until([&] { return told->waits.size() == 2; });
    CHECK(told->waits[1].delay == 3s);
    pass(3s);
    until_asked(3);
    REQUIRE(asked[2].refresh);
    owed[2](with_token(asked[2], "new"));
    until_open();
    CHECK(told->stopped.empty());
}
