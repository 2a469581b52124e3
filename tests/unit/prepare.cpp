// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/prepare.hpp>

#include <stdexcept>
#include <vector>

namespace {

using heartbeat::errc;
using heartbeat::prepare_handler;
using heartbeat::prepared;
using heartbeat::detail::prepare_result;

struct answers {
    std::vector<prepare_result> all;
    prepare_handler handler{[this](prepare_result one) { all.push_back(std::move(one)); }};
};

}  // namespace

TEST_CASE("only the first answer to the question what to attempt counts, whichever copy gives it") {
    answers got;
    auto const copy = got.handler;
    copy(prepared{.url = "ws://first"});
    got.handler(prepared{.url = "ws://second"});
    copy(errc::stopped);
    copy(std::make_exception_ptr(std::runtime_error("late")));
    REQUIRE(got.all.size() == 1);
    CHECK(got.all[0].use.url == "ws://first");
    CHECK_FALSE(got.all[0].failed);
}

TEST_CASE("an answer is what to attempt, an error code or an exception") {
    answers code;
    code.handler(errc::stopped);
    CHECK(code.all.at(0).failed);
    CHECK(code.all[0].evidence == errc::stopped);

    answers good;
    good.handler(boost::system::error_code(), prepared{.url = "ws://h"});
    CHECK_FALSE(good.all.at(0).failed);
    CHECK(good.all[0].use.url == "ws://h");

    answers coroutine;
    coroutine.handler(std::exception_ptr(), prepared{.url = "ws://h"});
    CHECK_FALSE(coroutine.all.at(0).failed);
    CHECK(coroutine.all[0].use.url == "ws://h");

    answers thrown;
    thrown.handler(std::make_exception_ptr(std::runtime_error("no token")), {});
    CHECK(thrown.all.at(0).failed);
    CHECK(thrown.all[0].explanation == "no token");

    answers system;
    system.handler(std::make_exception_ptr(boost::system::system_error(errc::stopped, "fetch")));
    CHECK(system.all.at(0).failed);
    CHECK(system.all[0].evidence == errc::stopped);
    CHECK(system.all[0].explanation.empty());

    answers unknown;
    unknown.handler(std::make_exception_ptr(1));
    CHECK(unknown.all.at(0).failed);
    CHECK_FALSE(unknown.all[0].explanation.empty());
}
