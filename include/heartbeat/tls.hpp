// SPDX-License-Identifier: BSL-1.0
#pragma once

// TLS as a value for `options::tls`. This header, and of the others only testing/tls_server.hpp, needs
// OpenSSL, 3.0 or newer: link libssl and libcrypto, with CMake `heartbeat::tls`. The umbrella header leaves
// it out.

#include <heartbeat/net/byte_layer.hpp>
#include <heartbeat/net/tls_context.hpp>
#include <heartbeat/net/tls_files.hpp>
#include <heartbeat/net/tls_layer.hpp>
#include <heartbeat/options.hpp>
#include <heartbeat/tls_options.hpp>

#include <exception>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace heartbeat {

/// Makes the value for `options::tls`. Reads files now, and again when they have changed. Sockets that share
/// it share sessions: a reconnect then takes a short handshake, which does not look at the certificate again
/// unless that has expired.
///
/// Throws `options_error` for an option that makes no sense, like a file that cannot be read or a key that
/// does not belong to the certificate. Thread-safe, and so is what it returns.
std::shared_ptr<tls_provider const> tls(tls_options const& options = {});

namespace detail {

/// Puts TLS on connections, each with what the files say when it is made.
class tls_client final : public tls_provider {
public:
    /// Throws `options_error`.
    explicit tls_client(tls_options const& options)
        : options_(with_absolute_names(options)),
          stamps_(files_of(options_)),
          // By the names that were given, since an error tells them.
          settings_(make_settings(options)) {}

    std::unique_ptr<byte_layer> wrap(std::unique_ptr<byte_layer> transport) const override {
        return std::make_unique<tls_layer>(current(), std::move(transport));
    }

    std::string trouble() const override {
        std::lock_guard const lock(mutex_);
        return trouble_;
    }

private:
    /// The program may go to another directory.
    static tls_options with_absolute_names(tls_options options) {
        for (auto* const name : {&options.ca_file, &options.certificate_file, &options.key_file}) {
            std::error_code failed;
            auto const absolute = std::filesystem::absolute(*name, failed);
            if (!name->empty() && !failed) *name = absolute.string();
        }
        return options;
    }

    static std::vector<std::string> files_of(tls_options const& options) {
        return {options.ca_file, options.certificate_file, options.key_file};
    }

    /// A connection keeps what it was given to its end, with the sessions.
    std::shared_ptr<tls_settings> current() const {
        std::lock_guard const lock(mutex_);
        if (stamps_.hold()) {
            trouble_.clear();
            return settings_;
        }
        try {
            file_stamps stamps(files_of(options_));
            auto settings = make_settings(options_);
            if (stamps.hold()) {
                settings_ = std::move(settings);
                stamps_ = std::move(stamps);
                trouble_.clear();
            } else {
                trouble_ = "the files of tls are changing, and those that were read last are in use";
            }
        } catch (std::exception const& error) {
            trouble_ = std::string("the files of tls that were read last are in use, not the new ones: ") +
                       error.what();
        }
        return settings_;
    }

    tls_options const options_;
    std::mutex mutable mutex_;
    /// Those of the files that are in use.
    file_stamps mutable stamps_;
    std::shared_ptr<tls_settings> mutable settings_;
    /// Why the files that are there now are not in use; empty if they are.
    std::string mutable trouble_;
};

}  // namespace detail

inline std::shared_ptr<tls_provider const> tls(tls_options const& options) {
    return std::make_shared<detail::tls_client>(options);
}

}  // namespace heartbeat
