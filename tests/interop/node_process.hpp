// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "catch.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

/// examples/node_server as a child process, whose log is read while the event loop runs. The destructor kills it.
class node_process {
public:
    /// Whether there are a server and a Node to run it. If not, says so.
    static bool possible() {
        if (directory() == nullptr) {
            WARN("skipped: HEARTBEAT_NODE_SERVER is not set; it names the directory of the Node server");
            return false;
        }
        int const status = std::system("node --version >/dev/null 2>&1");  // NOLINT(concurrency-mt-unsafe)
        if (status != 0) WARN("skipped: there is no node");
        return status == 0;
    }

    /// Starts one. With port 0 it takes a free one.
    explicit node_process(boost::asio::io_context& io, std::uint16_t port = 0)
        : output_(std::make_shared<output>(io)), input_(io) {
        pipe_ends const to_child;
        pipe_ends const from_child;
        start(to_child.read, from_child.write, port);
        input_.assign(to_child.release_write());
        output_->pipe.assign(from_child.release_read());
        output::read(output_);
    }
    node_process(node_process&& other) noexcept
        : process_(std::exchange(other.process_, 0)), output_(std::move(other.output_)), input_(std::move(other.input_)) {}
    node_process& operator=(node_process&& other) noexcept {
        std::swap(process_, other.process_);
        std::swap(output_, other.output_);
        std::swap(input_, other.input_);
        return *this;
    }
    ~node_process() {
        if (process_ == 0) return;
        signal(SIGKILL);
        ::waitpid(process_, nullptr, 0);
    }
};
