// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/system/error_code.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace asio = boost::asio;
using boost::system::error_code;

/// Reads lines from a descriptor, one at a time. Also from regular files: Asio reads those without waiting.
class line_reader {
public:
    /// Gets a line without its end, or nothing at the end of input.
    using handler = std::function<void(std::optional<std::string>)>;

    /// Takes over `descriptor`.
    line_reader(asio::io_context& context, int descriptor)
        : source_(std::make_shared<source>(context, descriptor)) {}
    line_reader(line_reader const&) = delete;
    line_reader& operator=(line_reader const&) = delete;
    ~line_reader() { cancel(); }

    /// Asks for the next line; not while another is asked for. The handler is never called inside this, and
    /// not at all after `cancel` or destruction.
    void read(handler on_line) {
        asio::async_read_until(
            source_->input, asio::dynamic_buffer(source_->buffer), '\n',
            [from = source_, on_line = std::move(on_line)](error_code error, std::size_t size) {
                // The read may have succeeded before it was cancelled.
                if (from->input.is_open()) on_line(from->take(error, size));
            });
    }

    /// Ends reading for good.
    void cancel() {
        error_code ignored;
        source_->input.close(ignored);
    }

private:
    // Operations under way own it, too: they may complete after the reader is gone.
    struct source {
        source(asio::io_context& context, int descriptor) : input(context, descriptor) {}

        std::optional<std::string> take(error_code error, std::size_t size) {
            // What stands between the last line's end and the end of input is a line, too.
            if (error) size = buffer.size();
            if (size == 0) return std::nullopt;
            std::string line = buffer.substr(0, size);
            buffer.erase(0, size);
            if (line.back() == '\n') line.pop_back();
            if (!line.empty() && line.back() == '\r') line.pop_back();
            return line;
        }

        asio::posix::stream_descriptor input;
        std::string buffer;
    };

    std::shared_ptr<source> source_;
};

/// A descriptor of standard input's own. Asio makes what it reads non-blocking, and that would reach
/// everybody who shares the terminal or the pipe: standard output first of all.
inline int reopen_standard_input() {
    struct stat about = {};
    if (::fstat(STDIN_FILENO, &about) != 0) return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (S_ISCHR(about.st_mode) || S_ISFIFO(about.st_mode)) {
        int const own = ::open("/dev/stdin", O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (own >= 0) return own;
    }
    // A regular file has to go on where it stands.
    return ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
}
