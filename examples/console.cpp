// SPDX-License-Identifier: BSL-1.0
// A client for the terminal: connects, sends what is typed, shows what happens. With --json, the same for
// scripts.

#include "common/line_reader.hpp"
#include "common/terminal.hpp"
#include "console/cause.hpp"
#include "console/command_line.hpp"
#include "console/human_output.hpp"
#include "console/json_output.hpp"
#include "console/session.hpp"
#include "console/settings.hpp"

#include <boost/asio/io_context.hpp>

#include <exception>
#include <iostream>
#include <memory>

namespace {

std::unique_ptr<output> make_output(boost::asio::io_context& context, settings const& chosen) {
    if (chosen.json) return std::make_unique<json_output>(chosen.make_protocol());
    return std::make_unique<human_output>(context, terminal::detect(chosen.color), chosen.make_protocol(),
                                          chosen.shown_url());
}

}  // namespace

int main(int argument_count, char** arguments) {
    try {
        int status = 0;
        auto const chosen = command_line().parse(argument_count, arguments, status);
        if (!chosen) return status;

        // Before anything else is opened: if standard input is closed, the next descriptor would take its
        // place.
        int const input = reopen_standard_input();
        boost::asio::io_context context;
        auto const shown = make_output(context, *chosen);
        session running(context, input, *chosen, *shown);
        context.run();
        return running.exit_status();
    } catch (std::exception const& error) {
        std::cerr << "console: " << error.what() << '\n';
        return exit_other;
    }
}
