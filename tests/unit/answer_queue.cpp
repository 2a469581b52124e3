// SPDX-License-Identifier: BSL-1.0
#include <heartbeat/testing/answer_queue.hpp>

#include <chrono>
#include <cstddef>
#include <string>

#include "catch.hpp"

using heartbeat::detail::answer_queue;
using namespace std::chrono_literals;

namespace {

constexpr heartbeat::time_point start{1h};

std::string pop_all(answer_queue& queue) {
    std::string all;
    while (!queue.empty()) all += queue.pop();
    return all;
}

}  // namespace

TEST_CASE("answers leave the queue in their order, and others overtake those that are due later") {
    answer_queue queue;
    queue.add_answer(start + 2s, "a");
    queue.add_answer(start + 1s, "b");
    queue.add(start + 1s, "c");
    queue.add(start + 2s, "d");
    CHECK(queue.next_due() == start + 1s);
    CHECK(pop_all(queue) == "cabd");
}

TEST_CASE("a queue of answers is full at its limit of messages or of bytes, until one is taken") {
    answer_queue queue;
    SECTION("messages") {
        for (std::size_t count = 0; count < answer_queue::most_messages; ++count) {
            CHECK_FALSE(queue.full());
            queue.add(start, "");
        }
    }
    SECTION("bytes") {
        queue.add(start, std::string(answer_queue::most_bytes - 1, 'x'));
        CHECK_FALSE(queue.full());
        queue.add(start, "x");
    }
    CHECK(queue.full());
    queue.pop();
    CHECK_FALSE(queue.full());
    queue.clear();
    CHECK(queue.empty());
}
