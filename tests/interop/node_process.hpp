// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "catch.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;

/// The server in examples/node_server as a child process. Its log is read while the event loop runs; its
/// errors go where ours go. The destructor kills it.
class node_process {
public:
    /// Whether there are a server and a Node to run it. If not, says so once.
    static bool possible() {
        static bool const result = [] {
            if (directory() == nullptr) {
                WARN(
                    "all skipped: HEARTBEAT_NODE_SERVER is not set, which names the directory of the server");
                return false;
            }
            bool const node_found = std::system("command -v node >/dev/null") == 0;  // NOLINT
            if (!node_found) WARN("all skipped: there is no node");
            return node_found;
        }();
        return result;
    }

    /// Starts one on a loopback address, with further arguments; port 0 takes a free one.
    explicit node_process(asio::io_context& io, std::string const& port = "0",
                          std::vector<std::string> const& more = {})
        : input_(io), output_(std::make_shared<output>(io)) {
        auto const child_input = connect(input_);
        auto const child_output = connect(output_->from);
        start(child_input, child_output, port, more);
        ::close(child_input);
        ::close(child_output);
        output::read(output_);
    }
    node_process(node_process const&) = delete;
    node_process& operator=(node_process const&) = delete;
    ~node_process() {
        signal(SIGKILL);
        ::waitpid(process_, nullptr, 0);
    }

    void signal(int number) const { ::kill(process_, number); }

    /// Makes the server send a text to all its clients.
    void broadcast(std::string const& text) { asio::write(input_, asio::buffer(text + '\n')); }

    /// Where it listens; empty until that is known.
    std::string url() const {
        constexpr std::string_view beginning = "listening on ";
        auto const& lines = output_->lines;
        if (lines.empty() || !lines[0].starts_with(beginning)) return {};
        return lines[0].substr(beginning.size());
    }

    /// Whether a line of its log has this in it.
    bool said(std::string_view part) const {
        return std::any_of(output_->lines.begin(), output_->lines.end(),
                           [part](auto const& line) { return line.find(part) != std::string::npos; });
    }

    /// Whether its log has ended, which the kernel does when the process has.
    bool ended() const { return output_->ended; }

private:
    using pipe = asio::local::stream_protocol::socket;

    // Outlives the process until the read in progress has completed.
    struct output {
        explicit output(asio::io_context& io) : from(io) {}

        static void read(std::shared_ptr<output> const& self) {
            asio::async_read_until(self->from, asio::dynamic_buffer(self->text), '\n',
                                   [self](boost::system::error_code error, std::size_t size) {
                                       if (error) {
                                           self->ended = true;
                                           return;
                                       }
                                       self->lines.push_back(self->text.substr(0, size - 1));
                                       self->text.erase(0, size);
                                       read(self);
                                   });
        }

        pipe from;
        std::string text;
        std::vector<std::string> lines;
        bool ended = false;
    };

    static char const* directory() {
        return std::getenv("HEARTBEAT_NODE_SERVER");
    }  // NOLINT(concurrency-mt-unsafe)

    static void require(int error) {
        if (error != 0) throw std::system_error(error, std::generic_category());
    }

    // Connects `ours` to the end that it returns. Nobody else inherits either.
    static int connect(pipe& ours) {
        std::array<int, 2> ends = {};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) require(errno);
        ours.assign({}, ends[0]);
        return ends[1];
    }

    void start(int from_us, int to_us, std::string const& port, std::vector<std::string> const& more) {
        std::vector<std::string> words{"node", std::string(directory()) + "/server.js", "--port", port,
                                       "--stdin"};
        words.insert(words.end(), more.begin(), more.end());
        std::vector<char*> arguments;
        for (auto& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        require(::posix_spawn_file_actions_init(&actions));
        require(::posix_spawn_file_actions_adddup2(&actions, from_us, STDIN_FILENO));
        require(::posix_spawn_file_actions_adddup2(&actions, to_us, STDOUT_FILENO));
        int const failure = ::posix_spawnp(&process_, "node", &actions, nullptr, arguments.data(), environ);
        ::posix_spawn_file_actions_destroy(&actions);
        require(failure);
    }

    pipe input_;
    std::shared_ptr<output> output_;
    pid_t process_ = 0;
};
