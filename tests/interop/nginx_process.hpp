// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "catch.hpp"
#include "tls/certificates.hpp"
#include "tls/scratch_directory.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

/// nginx as a proxy that ends TLS in front of a websocket server, as a child process with a configuration of
/// its own. The destructor ends it and its workers.
class nginx_process {
public:
    /// Whether there is one. If not, says so once.
    static bool possible() {
        static bool const result = [] {
            bool const found = std::system("command -v nginx >/dev/null") == 0;  // NOLINT
            if (!found) WARN("all skipped: there is no nginx");
            return found;
        }();
        return result;
    }

    /// In front of the server at that port of 127.0.0.1. Nothing runs yet.
    nginx_process(boost::asio::io_context& io, std::uint16_t backend, identity const& shown)
        : reserved_(io, boost::asio::ip::tcp::v4()) {
        reserved_.set_option(boost::asio::ip::tcp::acceptor::reuse_address(true));
        reserved_.bind({boost::asio::ip::address_v4::loopback(), 0});
        directory_.write("certificate.pem", shown.certificate);
        directory_.write("key.pem", shown.key);
        directory_.write("nginx.conf", configuration(backend));
    }
    nginx_process(nginx_process const&) = delete;
    nginx_process& operator=(nginx_process const&) = delete;
    ~nginx_process() { kill_all(); }

    void start() {
        auto const directory = directory_.name();
        std::array<char const*, 6> const words = {"nginx", "-p",         directory.c_str(),
                                                  "-c",    "nginx.conf", nullptr};
        posix_spawnattr_t attributes;
        require(::posix_spawnattr_init(&attributes));
        // With its workers it is a group, which can be ended as one.
        require(::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP));
        posix_spawn_file_actions_t actions;
        require(::posix_spawn_file_actions_init(&actions));
        auto const log = directory + "/start.log";
        require(::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(),
                                                   O_WRONLY | O_CREAT | O_TRUNC, 0600));
        // Else it keeps the port of the server behind it open, when that does not listen any more.
        require(::posix_spawn_file_actions_addclosefrom_np(&actions, 3));
        int const failure = ::posix_spawnp(&process_, "nginx", &actions, &attributes,
                                           const_cast<char* const*>(words.data()), environ);
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
        require(failure);
    }

    /// New workers take over; the old ones end their connections within `grace`.
    void reload() const { ::kill(process_, SIGHUP); }
    static constexpr std::chrono::seconds grace{1};

    /// Ends it at once, with all connections, and waits for that.
    void stop() {
        ::kill(process_, SIGTERM);
        ::waitpid(process_, nullptr, 0);
        kill_all();
    }

    std::string url() const {
        return "wss://127.0.0.1:" + std::to_string(reserved_.local_endpoint().port()) + "/through";
    }

private:
    static void require(int error) {
        if (error != 0) throw std::system_error(error, std::generic_category());
    }

    std::string configuration(std::uint16_t backend) const {
        auto const port = std::to_string(reserved_.local_endpoint().port());
        std::string text =
            "daemon off;\nworker_processes 1;\npid nginx.pid;\nerror_log error.log;\n"
            "worker_shutdown_timeout " +
            std::to_string(grace.count()) +
            "s;\nevents {}\n"
            "http {\n  access_log off;\n";
        // Not those of the system's nginx.
        for (std::string const kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
            text += "  " + kind + "_temp_path " + kind + ";\n";
        text += "  server {\n    listen 127.0.0.1:" + port +
                " ssl;\n    ssl_certificate certificate.pem;\n    ssl_certificate_key key.pem;\n"
                "    location / {\n      proxy_pass http://127.0.0.1:" +
                std::to_string(backend) +
                ";\n      proxy_http_version 1.1;\n      proxy_set_header Upgrade $http_upgrade;\n"
                "      proxy_set_header Connection upgrade;\n    }\n  }\n}\n";
        return text;
    }

    void kill_all() {
        if (process_ == 0) return;
        ::kill(-process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
        process_ = 0;
    }

    scratch_directory directory_;
    /// Bound, and not listening, so that nobody else gets the port.
    boost::asio::ip::tcp::acceptor reserved_;
    pid_t process_ = 0;
};
