// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

/// A directory for the files of a test, removed after it.
class scratch_directory {
public:
    scratch_directory() {
        auto pattern = (std::filesystem::temp_directory_path() / "heartbeat_tests_XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("there is no temporary directory");
        path_ = pattern;
    }
    scratch_directory(scratch_directory const&) = delete;
    scratch_directory& operator=(scratch_directory const&) = delete;
    ~scratch_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    std::string name() const { return path_.string(); }

    /// Returns the name of the file.
    std::string write(std::string const& name, std::string const& content) const {
        std::ofstream(path_ / name) << content;
        return path_ / name;
    }

private:
    std::filesystem::path path_;
};
