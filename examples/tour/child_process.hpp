// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../common/line_reader.hpp"

#include <boost/asio/io_context.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

/// A program that runs as a child, with pipes to its standard input and output. Never outlives this object.
class child_process {
public:
    /// Throws `std::system_error` if the program cannot be started.
    child_process(asio::io_context& context, std::vector<std::string> command, line_reader::handler on_line)
        : on_line_(std::move(on_line)) {
        pipe_ends const input;
        pipe_ends const output;
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
        ::posix_spawn_file_actions_adddup2(&actions, input.read, STDIN_FILENO);
        ::posix_spawn_file_actions_adddup2(&actions, output.write, STDOUT_FILENO);
        // An ignored signal stays ignored in a child unless it is reset.
        sigset_t reset;
        ::sigemptyset(&reset);
        ::sigaddset(&reset, SIGPIPE);
        ::posix_spawnattr_setsigdefault(&attributes, &reset);
        ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);

        std::vector<char*> arguments;
        for (auto& argument : command) arguments.push_back(argument.data());
        arguments.push_back(nullptr);
        int const failure =
            ::posix_spawn(&pid_, arguments[0], &actions, &attributes, arguments.data(), ::environ);
        ::posix_spawnattr_destroy(&attributes);
        ::posix_spawn_file_actions_destroy(&actions);
        if (failure != 0)
            throw std::system_error(failure, std::generic_category(), "cannot start " + command[0]);

        output_ = std::make_unique<line_reader>(context, ::fcntl(output.read, F_DUPFD_CLOEXEC, 0));
        input_ = ::fcntl(input.write, F_DUPFD_CLOEXEC, 0);
        read();
    }

    child_process(child_process const&) = delete;
    child_process& operator=(child_process const&) = delete;

    ~child_process() {
        output_.reset();
        ::close(input_);
        if (!exit_status_) {
            ::kill(pid_, SIGKILL);
            reap(0);
        }
    }

    /// Writes a line to its standard input. Not to be used for more than a pipe holds. What a program that
    /// has ended does not read is lost; SIGPIPE has to be ignored.
    void write_line(std::string line) const {
        line += '\n';
        while (::write(input_, line.data(), line.size()) < 0 && errno == EINTR) continue;
    }

    /// Sends it a signal, unless it is known to have ended.
    void send_signal(int number) const {
        if (!exit_status_) ::kill(pid_, number);
    }

    /// How it ended, as a shell tells it; nothing while it runs.
    std::optional<int> exit_status() {
        if (!exit_status_) reap(WNOHANG);
        return exit_status_;
    }

private:
    /// The ends that the child needs are duplicated there; all of these are closed.
    struct pipe_ends {
        int read = -1;
        int write = -1;

        pipe_ends() {
            int ends[2];
            if (::pipe2(ends, O_CLOEXEC) != 0)
                throw std::system_error(errno, std::generic_category(), "no pipe");
            read = ends[0];
            write = ends[1];
        }
        pipe_ends(pipe_ends const&) = delete;
        pipe_ends& operator=(pipe_ends const&) = delete;
        ~pipe_ends() {
            ::close(read);
            ::close(write);
        }
    };

    void read() {
        output_->read([this](std::optional<std::string> line) {
            bool const more = line.has_value();
            on_line_(std::move(line));
            if (more) read();
        });
    }

    void reap(int flags) {
        int status = 0;
        pid_t ended = 0;
        do ended = ::waitpid(pid_, &status, flags);
        while (ended < 0 && errno == EINTR);
        if (ended == pid_) exit_status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }

    line_reader::handler on_line_;
    pid_t pid_ = 0;
    int input_ = -1;
    std::unique_ptr<line_reader> output_;
    std::optional<int> exit_status_;
};
