// SPDX-License-Identifier: BSL-1.0
// A heartbeat protocol of one's own, for a server that answers {"ModeCode":"message","msg":"alive 7"} with
// the same.
#include <heartbeat/heartbeat.hpp>

#include <boost/asio/io_context.hpp>

#include <charconv>
#include <iostream>

namespace hb = heartbeat;
using namespace std::chrono_literals;

// [quote]
class alive_text {
public:
    std::optional<hb::outbound_frame> make_beat() {
        ++number_;
        return hb::outbound_frame{number_, hb::frame_kind::text, before + std::to_string(number_) + after};
    }

    hb::frame_meaning classify(hb::inbound_frame const& frame) const {
        std::string_view const text = frame.payload;
        if (!text.starts_with(before) || !text.ends_with(after)) return hb::application_message{};
        std::uint64_t id = 0;
        std::from_chars(text.data() + before.size(), text.data() + text.size(), id);
        return hb::beat_answer{id};  // one that is unknown or late proves nothing
    }

private:
    inline static std::string const before = R"({"ModeCode":"message","msg":"alive )";
    inline static std::string const after = R"("})";
    std::uint64_t number_ = 0;  // each link has a copy of its own
};
// [/quote]

int main(int argument_count, char** arguments) {
    boost::asio::io_context io;
    hb::heartbeat_socket socket{io,
                                {.url = argument_count > 1 ? arguments[1] : "ws://127.0.0.1:8002",
                                 .heartbeat = {.interval = 200ms, .timeout = 2s}},
                                alive_text{}};
    socket.on<hb::beat>([&](hb::beat const& beat) {
        std::cout << "beat " << beat.id << " was answered\n";
        if (beat.id == 3) socket.close();
    });
    socket.start();
    io.run();
}
