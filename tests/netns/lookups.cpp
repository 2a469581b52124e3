// SPDX-License-Identifier: BSL-1.0

// What reaching.sh needs beside the console: several sockets in a process, ends of a program while a lookup
// hangs, child processes that inherit a connection, and an echo server at other addresses
// than 127.0.0.1.

#include <heartbeat/heartbeat_socket.hpp>
#include <heartbeat/io_thread.hpp>
#include <heartbeat/testing/echo_server.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <string>
#include <utility>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

namespace hb = heartbeat;
namespace asio = boost::asio;
using namespace std::chrono_literals;

/// A line on standard output, at once.
void say(std::string const& line) { std::cout << line << std::endl; }

/// Calls a function with each line of standard input.
class commands {
public:
    commands(asio::io_context& io, std::function<void(std::string const& line)> obey)
        : input_(io, ::dup(STDIN_FILENO)), obey_(std::move(obey)) {
        wait();
    }

private:
    void wait() {
        input_.async_wait(asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code error) {
            std::string line;
            if (error || !std::getline(std::cin, line)) return;
            // The script writes a line only after it has read what came of the one before.
            obey_(line);
            wait();
        });
    }

    asio::posix::stream_descriptor input_;
    std::function<void(std::string const& line)> obey_;
};

hb::options to(std::string const& url) {
    return {.url = url,
            .heartbeat = {.interval = 500ms, .timeout = 1s},
            .reconnect = {.delay = 200ms, .growth = 1},
            .deadlines = {.connect = 1s, .upgrade = 1s}};
}

int serve(std::string const& address, std::string const& port) {
    asio::io_context io{1};
    hb::echo_server server{io.get_executor(), say};
    server.listen({asio::ip::make_address(address), static_cast<std::uint16_t>(std::stoul(port))});
    say("listening");
    io.run();
    return 0;
}

/// A socket whose lookup hangs, and another one beside it. Lines of input: start, which starts that one;
/// stop.
int run_beside(std::string const& hanging, std::string const& good) {
    asio::io_context io{1};
    hb::heartbeat_socket first{io, to(hanging)};
    hb::heartbeat_socket second{io, to(good)};
    second.on<hb::opened>([](hb::opened const&) { say("opened"); });
    commands const input{io, [&](std::string const& line) { line == "start" ? second.start() : io.stop(); }};
    first.start();
    io.run();
    say("end of main");
    return 0;
}

/// The same lookup, on a thread of the library's that ends with the first line of input.
int run_thread(std::string const& hanging) {
    {
        hb::io_thread loop;
        hb::heartbeat_socket socket{loop.get_executor(), to(hanging)};
        socket.start();
        std::string line;
        std::getline(std::cin, line);
        say("end of thread");
    }
    say("end of main");
    return 0;
}

/// The same lookup, of objects that end with the program. With the first line of input it gets a child, which
/// ends.
int run_fork(std::string const& hanging) {
    static asio::io_context io{1};
    static hb::heartbeat_socket socket{io, to(hanging)};
    commands const input{io, [&](std::string const&) { io.stop(); }};
    socket.start();
    io.run();
    say("child starts");
    auto const child = ::fork();
    if (child == 0) std::exit(0);
    int status = -1;
    ::waitpid(child, &status, 0);
    say("child ended with " + std::to_string(status));
    say("end of main");
    return 0;
}

/// A child process that lives until it is killed: a copy of this one, or another program.
pid_t start_child(std::string const& kind) {
    pid_t child = -1;
    if (kind == "fork") {
        child = ::fork();
        while (child == 0) ::pause();
        return child;
    }
    std::array<std::string, 2> words{"sleep", "60"};
    std::array<char*, 3> const arguments{words[0].data(), words[1].data(), nullptr};
    if (::posix_spawnp(&child, "sleep", nullptr, nullptr, arguments.data(), environ) != 0) return -1;
    return child;
}

/// A socket that tells what becomes of it. Lines of input: fork, spawn, cancel, quit.
int run_child(std::string const& url) {
    asio::io_context io{1};
    hb::heartbeat_socket socket{io, to(url)};
    socket.on<hb::opened>([](hb::opened const&) { say("opened"); });
    socket.on<hb::closed>([](hb::closed const& event) { say("closed: " + to_string(event.reason)); });
    pid_t child = -1;
    commands const input{io, [&](std::string const& line) {
                             if (line == "cancel") return socket.cancel();
                             if (line == "quit") return io.stop();
                             child = start_child(line);
                             say(child > 0 ? "child runs" : "there is no child");
                         }};
    socket.start();
    io.run();
    if (child > 0) {
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
    }
    return 0;
}

int run(std::string const& mode, std::string const& first, std::string const& second) {
    if (mode == "server") return serve(first, second);
    if (mode == "beside") return run_beside(first, second);
    if (mode == "thread") return run_thread(first);
    if (mode == "fork") return run_fork(first);
    if (mode == "child") return run_child(first);
    std::cerr << "Usage: lookups server ADDRESS PORT | beside URL URL | thread URL | fork URL | child URL\n";
    return 2;
}

}  // namespace

int main(int argument_count, char** arguments) {
    auto const argument = [&](int index) {
        return std::string(index < argument_count ? arguments[index] : "");
    };
    try {
        return run(argument(1), argument(2), argument(3));
    } catch (std::exception const& error) {
        std::cerr << "lookups: " << error.what() << '\n';
        return 1;
    }
}
