// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/net/completion.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using heartbeat::detail::completion;

TEST_CASE("a completion is posted to its handler's executor, which has work until then") {
    asio::io_context own;
    asio::io_context fallback;
    int calls = 0;
    completion<error_code> done(asio::bind_executor(own.get_executor(), [&](error_code) { ++calls; }),
                                fallback.get_executor());
    fallback.poll();
    CHECK(fallback.stopped());
    own.poll();
    CHECK_FALSE(own.stopped());
    done({});
    CHECK(calls == 0);
    own.poll();
    CHECK(calls == 1);
    CHECK(own.stopped());
}

TEST_CASE("a completion whose handler has no executor is posted to the fallback") {
    asio::io_context fallback;
    int calls = 0;
    completion<error_code, int> done([&](error_code, int number) { calls += number; },
                                     fallback.get_executor());
    done({}, 7);
    CHECK(calls == 0);
    fallback.run();
    CHECK(calls == 7);
}

TEST_CASE("a completion completes once, and one without a handler does nothing") {
    asio::io_context context;
    int calls = 0;
    completion<error_code> done([&](error_code) { ++calls; }, context.get_executor());
    completion<error_code> moved = std::move(done);
    CHECK_FALSE(done);
    CHECK(moved);
    done({});
    moved({});
    moved({});
    CHECK_FALSE(moved);
    completion<error_code>{}({});
    context.run();
    CHECK(calls == 1);
}

TEST_CASE("a completion that is assigned to destroys the handler that it had") {
    asio::io_context context;
    auto const alive = std::make_shared<int>();
    int calls = 0;
    completion<error_code> done([alive](error_code) {}, context.get_executor());
    done = completion<error_code>([&](error_code) { ++calls; }, context.get_executor());
    CHECK(alive.use_count() == 1);
    done({});
    context.run();
    CHECK(calls == 1);
}

TEST_CASE("a cancellation reaches what the operation has put into the slot, until the handler runs") {
    asio::io_context context;
    asio::cancellation_signal signal;
    int heard = 0;
    std::optional<int> heard_at_completion;
    auto handler = asio::bind_cancellation_slot(signal.slot(), [&](error_code) {
        signal.emit(asio::cancellation_type::terminal);
        heard_at_completion = heard;
    });
    completion<error_code> done(std::move(handler), context.get_executor());
    REQUIRE(done.slot().is_connected());
    done.slot().assign([&](asio::cancellation_type) { ++heard; });
    signal.emit(asio::cancellation_type::total);
    CHECK(heard == 1);
    done({});
    context.run();
    CHECK(heard_at_completion == 1);
    CHECK_FALSE(done.slot().is_connected());

    completion<error_code> const without([](error_code) {}, context.get_executor());
    CHECK_FALSE(without.slot().is_connected());
}

}  // namespace
