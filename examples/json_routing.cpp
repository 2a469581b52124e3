// SPDX-License-Identifier: BSL-1.0
// JSON messages go to typed handlers by their kind; what makes no sense is reported, and the link lives on.
#include <heartbeat/heartbeat.hpp>

#include <boost/asio/io_context.hpp>

#include <iostream>

namespace hb = heartbeat;

struct quote {
    std::string symbol;
    double price = 0;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(quote, symbol, price)
};

int main(int argument_count, char** arguments) {
    boost::asio::io_context io;
    hb::heartbeat_socket socket{
        io, {.url = argument_count > 1 ? arguments[1] : "ws://127.0.0.1:8002"}, hb::mode_code{}};

    // [quote]
    hb::json_router router;  // by the field ModeCode; the content is in the field msg
    router.on<quote>("message", [&](quote const& latest) {
        std::cout << latest.symbol << " costs " << latest.price << '\n';
        socket.send(hb::mode_code::message("not a quote"));
    });
    router.attach(socket);
    socket.on<hb::malformed>([&](hb::malformed const& wrong) {
        std::cout << wrong.what << " at byte " << wrong.position << " of " << wrong.text << '\n';
        socket.close();
    });
    socket.start();
    socket.send(hb::mode_code::message(quote{"HB", 12.5}));
    // [/quote]
    io.run();
}
