// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/error.hpp>
#include <heartbeat/message.hpp>
#include <heartbeat/net/mailbox.hpp>
#include <heartbeat/options.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using heartbeat::limit_options;
using heartbeat::message;
using heartbeat::overflow;
using heartbeat::detail::mailbox;
using result = mailbox::result;

limit_options limits(std::size_t messages, std::size_t bytes, overflow policy = overflow::drop_oldest) {
    return {.mailbox_messages = messages, .mailbox_bytes = bytes, .mailbox_overflow = policy};
}

/// A mailbox and what its receivers got, in the order in which they completed.
struct fixture {
    explicit fixture(limit_options const& options = limits(100, 1000)) : box(options) {}

    /// A receiver that writes down what it gets.
    mailbox::receiver receiver(std::string name = "") {
        return {[this, name = std::move(name)](error_code error, message const& got) {
                    if (error) {
                        log.push_back(name + error.message());
                    } else {
                        log.push_back(name + std::string(got.text()));
                    }
                },
                context.get_executor()};
    }

    void receive(std::string name = "") { box.receive(++ticket, receiver(std::move(name))); }

    /// Runs what was posted; gives what has completed since the last time.
    std::vector<std::string> completed() {
        context.restart();
        context.poll();
        return std::exchange(log, {});
    }

    /// Takes all messages that are stored.
    std::vector<std::string> stored() {
        std::vector<std::string> all;
        for (receive();; receive()) {
            auto const got = completed();
            if (got.empty()) break;
            all.push_back(got.front());
        }
        box.cancel(ticket);
        static_cast<void>(completed());
        return all;
    }

    asio::io_context context;
    mailbox box;
    std::vector<std::string> log;
    std::uint64_t ticket = 0;
};

using texts = std::vector<std::string>;
std::string const aborted = error_code(asio::error::operation_aborted).message();

TEST_CASE("stored messages are received in the order in which they arrived") {
    fixture here;
    for (char const* const text : {"a", "b", "c"}) CHECK(here.box.offer(text) == result::taken);
    CHECK(here.stored() == texts{"a", "b", "c"});
    CHECK(here.stored() == texts{});
}

TEST_CASE("waiting receivers get the next messages in the order in which they came") {
    fixture here;
    for (char const* const name : {"1 ", "2 ", "3 "}) here.receive(name);
    CHECK(here.completed() == texts{});
    for (char const* const text : {"a", "b"}) CHECK(here.box.offer(text) == result::taken);
    CHECK(here.completed() == texts{"1 a", "2 b"});
    CHECK(here.box.offer("c") == result::taken);
    CHECK(here.box.offer("d") == result::taken);
    CHECK(here.completed() == texts{"3 c"});
    CHECK(here.stored() == texts{"d"});
}

TEST_CASE("a message that a receiver waits for is not limited by what may be stored") {
    for (auto const policy :
         {overflow::drop_oldest, overflow::drop_newest, overflow::close, overflow::pause}) {
        fixture here(limits(1, 1, policy));
        here.receive();
        CHECK(here.box.offer("far over the limit") == result::taken);
        CHECK(here.box.has_room());
        CHECK(here.completed() == texts{"far over the limit"});
        CHECK(here.box.discarded() == 0);
    }
}

TEST_CASE("each policy for a full mailbox keeps, discards and refuses what it says") {
    struct row {
        overflow policy;
        std::size_t messages;
        std::size_t bytes;
        texts arriving;
        std::vector<result> results;
        texts stored;
        std::uint64_t discarded;
    };
    constexpr auto taken = result::taken;
    constexpr auto refused = result::refused;
    constexpr auto full = result::full;
    using enum overflow;
    row const table[] = {
        {drop_oldest, 2, 9, {"a", "b", "c", "d"}, {taken, taken, taken, taken}, {"c", "d"}, 2},
        {drop_oldest, 9, 4, {"aa", "bb", "c"}, {taken, taken, taken}, {"bb", "c"}, 1},
        {drop_oldest,
         9,
         4,
         {"a", "b", "c", "d", "eee"},
         {taken, taken, taken, taken, taken},
         {"d", "eee"},
         3},
        {drop_oldest, 9, 4, {"aa", "bb", "cccc"}, {taken, taken, taken}, {"cccc"}, 2},
        {drop_oldest, 9, 4, {"aa", "bb", "too big"}, {taken, taken, taken}, {"aa", "bb"}, 1},
        {drop_oldest, 2, 4, {"", "", ""}, {taken, taken, taken}, {"", ""}, 1},
        {drop_oldest, 9, 4, {"aaaa", "", "b"}, {taken, taken, taken}, {"", "b"}, 1},

        {drop_newest, 2, 9, {"a", "b", "c", "d"}, {taken, taken, taken, taken}, {"a", "b"}, 2},
        {drop_newest, 9, 4, {"aa", "bb", "c", ""}, {taken, taken, taken, taken}, {"aa", "bb", ""}, 1},
        {drop_newest, 9, 4, {"aa", "too big", "bb"}, {taken, taken, taken}, {"aa", "bb"}, 1},

        {close, 2, 9, {"a", "b", "c"}, {taken, taken, refused}, {"a", "b"}, 0},
        {close, 9, 4, {"aa", "bbb", "bb"}, {taken, refused, taken}, {"aa", "bb"}, 0},
        {close, 9, 4, {"too big"}, {refused}, {}, 0},

        {pause, 2, 9, {"a", "b"}, {taken, full}, {"a", "b"}, 0},
        {pause, 9, 4, {"aa", "bb"}, {taken, full}, {"aa", "bb"}, 0},
        {pause, 9, 4, {"aa", "bbbb"}, {taken, full}, {"aa", "bbbb"}, 0},
        {pause, 9, 4, {"too big"}, {full}, {"too big"}, 0},
    };
    for (auto const& row : table) {
        CAPTURE(&row - table);
        fixture here(limits(row.messages, row.bytes, row.policy));
        std::vector<result> results;
        for (auto const& text : row.arriving) results.push_back(here.box.offer(text));
        CHECK(results == row.results);
        CHECK(here.box.discarded() == row.discarded);
        CHECK(here.stored() == row.stored);
        CHECK(here.box.has_room());
    }
}

TEST_CASE("a mailbox has room while both limits leave some, and again once enough was taken") {
    fixture here(limits(3, 4, overflow::pause));
    CHECK(here.box.has_room());
    CHECK(here.box.offer("aaa") == result::taken);
    CHECK(here.box.has_room());
    CHECK(here.box.offer("bbbb") == result::full);
    CHECK_FALSE(here.box.has_room());
    here.receive();
    CHECK_FALSE(here.box.has_room());
    here.receive();
    CHECK(here.box.has_room());
    for (auto const expected : {result::taken, result::taken, result::full})
        CHECK(here.box.offer("") == expected);
    CHECK_FALSE(here.box.has_room());
}

TEST_CASE("room that was taken can be used again, however often") {
    for (auto const policy : {overflow::drop_oldest, overflow::drop_newest, overflow::close}) {
        fixture here(limits(2, 4, policy));
        for (int round = 0; round < 10; ++round) {
            CHECK(here.box.offer("aaa") == result::taken);
            CHECK(here.box.offer("b") == result::taken);
            CHECK(here.stored() == texts{"aaa", "b"});
        }
        CHECK(here.box.discarded() == 0);
    }
}

TEST_CASE("a receiver that is cancelled gets no message, and those around it keep their places") {
    fixture here;
    for (char const* const name : {"1 ", "2 ", "3 "}) here.receive(name);
    here.box.cancel(2);
    here.box.cancel(2);
    here.box.cancel(7);
    CHECK(here.completed() == texts{"2 " + aborted});
    for (char const* const text : {"a", "b", "c"}) CHECK(here.box.offer(text) == result::taken);
    CHECK(here.completed() == texts{"1 a", "3 b"});
    here.box.cancel(1);
    CHECK(here.completed() == texts{});
    CHECK(here.stored() == texts{"c"});
}

TEST_CASE("a failure completes all receivers in order, and keeps what is stored") {
    fixture here;
    for (char const* const name : {"1 ", "2 "}) here.receive(name);
    error_code const stopped = heartbeat::errc::stopped;
    here.box.fail(stopped);
    here.box.fail(stopped);
    CHECK(here.completed() == texts{"1 " + stopped.message(), "2 " + stopped.message()});
    CHECK(here.box.offer("a") == result::taken);
    here.box.fail(stopped);
    CHECK(here.completed() == texts{});
    CHECK(here.stored() == texts{"a"});
}

TEST_CASE("receivers that are abandoned are destroyed uninvoked, and hold up their context no longer") {
    asio::io_context context;
    auto const alive = std::make_shared<int>();
    bool invoked = false;
    auto const receiver = [&] {
        return mailbox::receiver([&invoked, alive](error_code, message const&) { invoked = true; },
                                 context.get_executor());
    };
    std::optional<mailbox> box(std::in_place, limits(1, 1));
    box->receive(1, receiver());
    box->receive(2, receiver());
    context.poll();
    CHECK_FALSE(context.stopped());
    CHECK(alive.use_count() == 3);
    SECTION("by name") {
        box->abandon();
        CHECK(box->offer("a") == result::taken);
    }
    SECTION("with their mailbox") { box.reset(); }
    CHECK(alive.use_count() == 1);
    context.poll();
    CHECK(context.stopped());
    CHECK_FALSE(invoked);
}

TEST_CASE("a receiver completes on its associated executor, never inside of what completes it") {
    asio::io_context own;
    asio::io_context fallback;
    mailbox box(limits(10, 10));
    texts log;
    auto const receiver = [&](std::string name) {
        auto handler = [&log, name](error_code error, message const& got) {
            log.push_back(name + (error ? error.message() : std::string(got.text())));
        };
        return mailbox::receiver(asio::bind_executor(own.get_executor(), std::move(handler)),
                                 fallback.get_executor());
    };
    CHECK(box.offer("a") == result::taken);
    box.receive(1, receiver("1 "));
    box.receive(2, receiver("2 "));
    CHECK(box.offer("b") == result::taken);
    box.receive(3, receiver("3 "));
    box.cancel(3);
    box.receive(4, receiver("4 "));
    box.fail(asio::error::operation_aborted);
    CHECK(log.empty());
    fallback.poll();
    CHECK(log.empty());
    own.poll();
    CHECK(log == texts{"1 a", "2 b", "3 " + aborted, "4 " + aborted});
}

TEST_CASE("a receiver may ask for the next message, or destroy the mailbox, when it completes") {
    asio::io_context context;
    auto box = std::make_unique<mailbox>(limits(10, 10));
    texts log;
    box->receive(1, {[&](error_code, message const& first) {
                         log.emplace_back(first.text());
                         box->receive(2, {[&](error_code, message const& second) {
                                              log.emplace_back(second.text());
                                              box.reset();
                                          },
                                          context.get_executor()});
                     },
                     context.get_executor()});
    CHECK(box->offer("a") == result::taken);
    CHECK(box->offer("b") == result::taken);
    context.run();
    CHECK(log == texts{"a", "b"});
    CHECK(box == nullptr);
}

}  // namespace
