// SPDX-License-Identifier: BSL-1.0
// Shows by itself what the library does: plays with an echo server and the console client, and measures them.

#include "tour/script.hpp"
#include "tour/stage.hpp"
#include "tour/timeline.hpp"

#include <exception>
#include <iostream>
#include <string>
#include <string_view>

namespace {

constexpr char const* usage =
    "Usage: tour --server PROGRAM --console PROGRAM [--no-color]\n"
    "\n"
    "Starts the echo server and the console client, and plays: connecting, a message, heartbeats, a server "
    "that\n"
    "freezes, one that is killed and started again, and a deliberate close. Takes about 15 seconds.\n"
    "\n"
    "Exit status: 0 if all went as it should, 1 if a step failed or took too long, 2 for a wrong command "
    "line,\n"
    "130 or 143 if it was interrupted.\n";

int play(std::string const& server, std::string const& console, bool wants_color) {
    timeline shown(wants_color);
    try {
        // Whatever happens, both programs are ended when the script is left.
        stage where;
        script(where, shown, server, console).play();
        shown.summarize();
        return 0;
    } catch (interrupted const& by) {
        shown.fail("interrupted");
        return 128 + by.signal;
    } catch (std::exception const& error) {
        shown.fail(error.what());
        shown.summarize();
        return 1;
    }
}

}  // namespace

int main(int argument_count, char** arguments) {
    std::string server;
    std::string console;
    bool wants_color = true;
    for (int i = 1; i < argument_count; ++i) {
        std::string_view const argument = arguments[i];
        bool const has_value = i + 1 < argument_count;
        if (argument == "--help") {
            std::cout << usage;
            return 0;
        } else if (argument == "--no-color") {
            wants_color = false;
        } else if (argument == "--server" && has_value) {
            server = arguments[++i];
        } else if (argument == "--console" && has_value) {
            console = arguments[++i];
        } else {
            std::cerr << "tour: what is " << argument << "?\n" << usage;
            return 2;
        }
    }
    if (server.empty() || console.empty()) {
        std::cerr << usage;
        return 2;
    }
    return play(server, console, wants_color);
}
