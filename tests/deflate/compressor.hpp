// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/beast/zlib/deflate_stream.hpp>
#include <boost/beast/zlib/error.hpp>
#include <boost/beast/zlib/zlib.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <string>
#include <string_view>

/// Compresses messages one after the other as RFC 7692 section 7.2.1 has it.
class compressor {
public:
    explicit compressor(int window_bits = 15) {
        constexpr int level = 6;
        constexpr int memory = 4;
        stream_.reset(level, window_bits, memory, boost::beast::zlib::Strategy::normal);
    }

    /// Forgets what was compressed before.
    void reset() { stream_.reset(); }

    std::string compress(std::string_view text) {
        using boost::beast::zlib::Flush;
        std::string data(text.size() + text.size() / 8 + 64, '\0');
        boost::beast::zlib::z_params all;
        all.next_in = text.data();
        all.avail_in = text.size();
        all.next_out = data.data();
        all.avail_out = data.size();
        for (auto const flush : {Flush::none, Flush::block, Flush::sync}) {
            boost::system::error_code nothing_to_do;
            stream_.write(all, flush, nothing_to_do);
        }
        constexpr std::size_t left_away = 4;
        data.resize(all.total_out - left_away);
        return data;
    }

private:
    boost::beast::zlib::deflate_stream stream_;
};
