// SPDX-License-Identifier: BSL-1.0
#pragma once

// Whether files have changed since they were read. Only for tls.hpp.

#include <openssl/evp.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>

namespace heartbeat::detail {

/// What a file looked like when it was about to be read.
class file_stamp {
public:
    explicit file_stamp(std::string name) : name_(std::move(name)), looks_(look()) {
        if (is_recent()) digest_ = digest();
    }

    /// Whether the file still is what it was. What is no regular file, like a pipe, is read once only.
    bool holds() {
        if (!looks_.regular && looks_.exists) return true;
        if (look() != looks_) return false;
        if (!digest_) return true;
        if (digest() != *digest_) return false;
        if (!is_recent()) digest_.reset();
        return true;
    }

private:
    struct appearance {
        bool exists = false;
        bool regular = false;
        std::uint64_t size = 0;
        std::uint64_t device = 0;
        std::uint64_t inode = 0;
        std::filesystem::file_time_type modified = {};

        friend bool operator==(appearance const&, appearance const&) = default;
    };

    appearance look() const {
        struct stat found = {};
        if (::stat(name_.c_str(), &found) != 0) return {};
        std::error_code failed;
        auto const modified = std::filesystem::last_write_time(name_, failed);
        if (failed) return {};
        return {true,
                (found.st_mode & S_IFMT) == S_IFREG,
                static_cast<std::uint64_t>(found.st_size),
                static_cast<std::uint64_t>(found.st_dev),
                static_cast<std::uint64_t>(found.st_ino),
                modified};
    }

    /// File systems have clocks of up to 2 s: for so long another change may leave the time as it is.
    bool is_recent() const {
        using clock = std::filesystem::file_time_type::clock;
        return looks_.regular && clock::now() - looks_.modified < std::chrono::seconds{3};
    }

    /// The content's SHA-256, empty if it cannot be read.
    std::string digest() const {
        std::ifstream file(name_, std::ios::binary);
        std::string const content(std::istreambuf_iterator<char>(file), {});
        std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
        unsigned size = 0;
        if (!file ||
            EVP_Digest(content.data(), content.size(), hash.data(), &size, EVP_sha256(), nullptr) != 1)
            return {};
        return {hash.begin(), hash.begin() + size};
    }

    std::string name_;
    appearance looks_;
    /// While the file's time does not tell yet whether it has changed again.
    std::optional<std::string> digest_;
};

/// The stamps of several files, taken before these are read.
class file_stamps {
public:
    explicit file_stamps(std::vector<std::string> const& names) {
        for (auto const& name : names)
            if (!name.empty()) stamps_.emplace_back(name);
    }

    bool hold() {
        bool all = true;
        for (auto& stamp : stamps_) all = stamp.holds() && all;
        return all;
    }

private:
    std::vector<file_stamp> stamps_;
};

}  // namespace heartbeat::detail
