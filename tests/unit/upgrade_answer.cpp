// SPDX-License-Identifier: BSL-1.0
#include "catch.hpp"

#include <heartbeat/net/upgrade_answer.hpp>

#include <string>

namespace {

using boost::beast::http::field;
using heartbeat::detail::upgrade_answer;

std::string refusal(std::string const& lines = {}) { return "HTTP/1.1 403 Forbidden\r\n" + lines + "\r\n"; }

}  // namespace

TEST_CASE("an answer that has not come refuses nothing") {
    upgrade_answer answer;
    answer.put("");
    answer.put("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r");
    CHECK_FALSE(answer.refused());
    CHECK_FALSE(answer.settled());
    answer.put("\n");
    CHECK(answer.refused());
    CHECK(answer.settled());
}

TEST_CASE("a refusal is read wherever it is divided") {
    auto const text = refusal("Content-Length: 3\r\n") + "No.";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        CAPTURE(cut);
        upgrade_answer answer;
        answer.put(std::string_view(text).substr(0, cut));
        answer.put({});
        CHECK(answer.settled() == (cut == text.size()));
        answer.put(std::string_view(text).substr(cut));
        CHECK(answer.refused());
        CHECK(answer.settled());
        CHECK(answer.status() == 403);
        CHECK(answer.body() == "No.");
    }
}

TEST_CASE("a refusal is read byte by byte") {
    upgrade_answer answer;
    for (char const byte : refusal("Transfer-Encoding: chunked\r\n") + "2\r\nNo\r\n1\r\n.\r\n0\r\n\r\n")
        answer.put({&byte, 1});
    CHECK(answer.refused());
    CHECK(answer.settled());
    CHECK(answer.body() == "No.");
}

TEST_CASE("of the body of a refusal only the beginning is read") {
    auto const lines = GENERATE(std::string(), std::string("Content-Length: 10737418240\r\n"),
                                std::string("Content-Length: 18446744073709551615\r\n"));
    CAPTURE(lines);
    std::string const limit(upgrade_answer::body_limit, 'x');
    upgrade_answer answer;
    answer.put(refusal(lines));
    answer.put(limit.substr(1));
    CHECK(answer.refused());
    CHECK_FALSE(answer.settled());
    CHECK(answer.body() == limit.substr(1));
    answer.put("xyz");
    CHECK(answer.settled());
    CHECK(answer.body() == limit);
    answer.put("more");
    CHECK(answer.body() == limit);
}

TEST_CASE("a refusal whose body is broken is a refusal") {
    upgrade_answer answer;
    answer.put(refusal("Transfer-Encoding: chunked\r\n") + "No.\r\n");
    CHECK(answer.refused());
    CHECK(answer.settled());
    CHECK(answer.body().empty());
}

TEST_CASE("an upgrade is no refusal, and what follows it is not read") {
    upgrade_answer answer;
    answer.put("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Protocol: one\r\n");
    answer.put("X: y\r\nsec-websocket-protocol: two\r\n\r\nHTTP/1.1 403 Forbidden\r\n\r\n");
    CHECK(answer.settled());
    CHECK_FALSE(answer.refused());
    CHECK(answer.values(field::sec_websocket_protocol) == "one, two");
    CHECK(answer.values(field::sec_websocket_extensions).empty());
    CHECK(answer.body().empty());
}

TEST_CASE("what is no answer refuses nothing") {
    auto const text = GENERATE(std::string("220 mail.example.org ESMTP\r\n"), std::string(9000, 'x'),
                               "HTTP/1.1 403 Forbidden\r\nX: " + std::string(9000, 'x'),
                               std::string("HTTP/1.1 403 Forbidden\r\nContent-Length: -1\r\n\r\n"));
    upgrade_answer answer;
    answer.put(text);
    CHECK(answer.settled());
    CHECK_FALSE(answer.refused());
    answer.put(refusal());
    CHECK_FALSE(answer.refused());
}

TEST_CASE("a refusal in chunks is settled where its last chunk begins, wherever it is divided") {
    auto const before = refusal("Transfer-Encoding: chunked\r\n");
    for (std::string const body : {"", "2\r\nNo\r\n"}) {
        for (std::string const last : {"0\r\n\r\n", "000;a=b\r\n\r\n", "0\r\nTrailer: x\r\n\r\n"}) {
            auto const text = before + body + last;
            for (std::size_t first = before.size(); first <= text.size(); ++first) {
                for (std::size_t second = first; second <= text.size(); ++second) {
                    upgrade_answer answer;
                    answer.put(std::string_view(text).substr(0, first));
                    answer.put(std::string_view(text).substr(first, second - first));
                    for (char const byte : std::string_view(text).substr(second)) answer.put({&byte, 1});
                    CHECK(answer.refused());
                    CHECK(answer.settled());
                    CHECK(answer.body() == (body.empty() ? "" : "No"));
                }
            }
        }
    }
}

TEST_CASE("a chunk that never begins is not waited for without end") {
    auto const begin = GENERATE("1;", "2\r\nNo\r\n1;", "0\r\nX: ");
    upgrade_answer answer;
    answer.put(refusal("Transfer-Encoding: chunked\r\n") + begin);
    std::size_t taken = 0;
    for (; !answer.settled() && taken < 100'000; ++taken) answer.put("x");
    CHECK(answer.refused());
    CHECK(answer.settled());
    CHECK(taken <= upgrade_answer::header_limit);
}
