// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/net/lookup_service.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#if !defined(_WIN32)
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using heartbeat::detail::lookup_answer;
using heartbeat::detail::lookup_service;
using heartbeat::detail::lookup_threads;

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HEARTBEAT_TEST_THREAD_SANITIZER
#endif
#endif
#if defined(HEARTBEAT_TEST_THREAD_SANITIZER) || defined(__SANITIZE_THREAD__)
constexpr bool has_thread_sanitizer = true;
#else
constexpr bool has_thread_sanitizer = false;
#endif

/// A name server that answers what it is told to answer. One, since a lookup is a plain function; its threads
/// may outlive a test.
class name_server {
public:
    static name_server& instance() {
        static auto* const one = new name_server;
        return *one;
    }

    lookup_answer look_up(std::string const& host) {
        std::unique_lock lock(mutex_);
        ++asked_;
        changed_.notify_all();
        changed_.wait(lock, [&] { return answered_.contains(host); });
        return {.addresses = {"192.0.2.1"}};
    }

    void answer(std::string const& host) {
        std::lock_guard const lock(mutex_);
        answered_.insert(host);
        changed_.notify_all();
    }

    /// Waits until so many lookups have begun, all in all.
    void await(std::size_t asked) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return asked_ >= asked; });
    }

    std::size_t asked() {
        std::lock_guard const lock(mutex_);
        return asked_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::set<std::string> answered_;
    std::size_t asked_ = 0;
};

lookup_answer ask_name_server(std::string const& host) { return name_server::instance().look_up(host); }

/// What a lookup has completed with.
struct result {
    bool done = false;
    error_code error = {};
    std::vector<std::string> addresses = {};
};

/// An execution context with lookups of its own.
struct context_under_test {
    context_under_test() {
        asio::make_service<lookup_service>(*io, threads);
        lookups = &asio::use_service<lookup_service>(*io);
    }

    std::uint64_t start(std::string const& host, result& to) {
        return lookups->start(host, io->get_executor(),
                              [&to](error_code error, std::vector<std::string> const& addresses) {
                                  to = {true, error, addresses};
                              });
    }

    /// Runs until it has completed.
    void await(result const& one) {
        auto const work = asio::make_work_guard(*io);
        io->restart();
        while (!one.done) io->run_one();
    }

    lookup_threads threads{&ask_name_server};
    std::unique_ptr<asio::io_context> io = std::make_unique<asio::io_context>();
    lookup_service* lookups = nullptr;
};

}  // namespace

TEST_CASE("law 13: a lookup that hangs holds no other up, and is abandoned") {
    context_under_test here;
    result hanging;
    result other;
    auto const ticket = here.start("hangs", hanging);
    here.start("answered", other);
    name_server::instance().answer("answered");
    here.await(other);
    CHECK_FALSE(other.error);
    CHECK(other.addresses == std::vector<std::string>{"192.0.2.1"});
    CHECK_FALSE(hanging.done);

    here.lookups->cancel(ticket);
    CHECK_FALSE(hanging.done);  // never inside
    here.await(hanging);
    CHECK(hanging.error == asio::error::operation_aborted);
    // Twice is once.
    here.lookups->cancel(ticket);
}

TEST_CASE("a lookup keeps no event loop from ending") {
    context_under_test here;
    result hanging;
    here.start("hangs", hanging);
    CHECK(here.io->run() == 0);
}

TEST_CASE("law 13: an answer that comes when its attempt has been given up serves the next one") {
    context_under_test here;
    auto& names = name_server::instance();
    auto const before = names.asked();
    result first;
    here.lookups->cancel(here.start("late", first));
    here.await(first);
    // It was given up before it began, or after.
    result second;
    auto const ticket = here.start("late", second);
    names.await(before + 1);
    here.lookups->cancel(ticket);
    here.await(second);
    CHECK(second.error == asio::error::operation_aborted);
    names.answer("late");

    result third;
    here.start("late", third);
    here.await(third);
    CHECK_FALSE(third.error);
    CHECK(third.addresses == std::vector<std::string>{"192.0.2.1"});
}

TEST_CASE("law 12: a context that goes destroys the handlers of its lookups, and does not wait for them") {
    context_under_test here;
    auto const held = std::make_shared<int>();
    here.lookups->start("hangs", here.io->get_executor(),
                        [held](error_code, std::vector<std::string> const&) { FAIL("there is no context"); });
    CHECK(held.use_count() == 2);
    here.io.reset();
    CHECK(held.use_count() == 1);
}

#if !defined(_WIN32)

TEST_CASE("where no thread can be had the lookup fails, and says so") {
    // That sanitizer ends a child that starts a thread.
    if (has_thread_sanitizer) return;
    // In a child, since the limit would count for all threads of this user.
    auto const child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(3);
        rlimit none{0, 0};
        if (::setrlimit(RLIMIT_NPROC, &none) != 0) ::_exit(4);
        context_under_test here;
        result failing;
        here.start("hangs", failing);
        here.io->run();
        bool const right =
            failing.done && failing.error == boost::system::errc::resource_unavailable_try_again;
        ::_exit(right ? 0 : failing.done ? 1 : 2);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a child after fork finds the lock of lookups free, and its context ends") {
    auto& lookups = lookup_threads::of_process();
    auto io = std::make_unique<asio::io_context>();
    asio::use_service<lookup_service>(*io);
    std::atomic<bool> stop = false;
    std::thread others([&] {
        while (!stop) std::lock_guard const lock(lookups.mutex());
    });
    int ended_well = 0;
    for (int number = 0; number < 50; ++number) {
        auto const child = ::fork();
        if (child == 0) {
            ::alarm(60);
            io.reset();
            ::_exit(0);
        }
        int status = 1;
        if (child > 0) ::waitpid(child, &status, 0);
        ended_well += status == 0 ? 1 : 0;
    }
    stop = true;
    others.join();
    CHECK(ended_well == 50);
}

#endif
