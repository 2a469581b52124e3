// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/core/deflate_negotiation.hpp>
#include <heartbeat/net/byte_layer.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/beast/websocket/error.hpp>
#include <boost/beast/zlib/error.hpp>
#include <boost/beast/zlib/inflate_stream.hpp>
#include <boost/beast/zlib/zlib.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace heartbeat::detail {

/// Turns the compressed messages of a server (RFC 7692) into messages that are not, frame by frame, before
/// the websocket sees them. Whatever else there is goes through as it came, right or wrong.
///
/// The websocket could inflate by itself, but before Boost 1.90 it loses its place in the data when a piece
/// of the message fills the space that it reads into at the wrong moment: about one in a thousand messages
/// that compress well ends the link. And the limit on a message's size then counts while it is inflated.
class inflating_filter {
public:
    /// The least space that something can always be taken into. In the middle of a frame that goes through,
    /// any will do.
    static constexpr std::size_t least_space = 16;

    /// Compressed messages come from now on. Before, everything goes through.
    void accept(deflate_terms const& terms) {
        window_bits_ = terms.server_window_bits == 0 ? 15 : terms.server_window_bits;
        forgets_ = terms.server_no_context_takeover;
        inflater_.reset(window_bits_);
        now_ = step::header;
    }

    /// Takes bytes that were read elsewhere; nothing has been read here yet. False if they are too many.
    bool put(std::string_view bytes) {
        auto const size = asio::buffer_copy(space(), asio::buffer(bytes));
        commit(size);
        return size == bytes.size();
    }
    /// Where to read into when there is nothing more to take.
    asio::mutable_buffer space() {
        // The beginning of a header may be left.
        std::memmove(raw_.data(), raw_.data() + begin_, left());
        end_ = left();
        begin_ = 0;
        return asio::buffer(raw_) + end_;
    }
    void commit(std::size_t count) noexcept { end_ += count; }
    bool empty() const noexcept { return begin_ == end_; }
    std::size_t size() const noexcept { return left(); }

    /// Why the data of a message cannot be inflated. The websocket has been given a frame that is wrong.
    error_code fault() const noexcept { return fault_; }

    /// Gives the websocket what there is, as much as the space holds; 0 if more must be read first.
    std::size_t take(asio::mutable_buffer space) {
        std::size_t made = 0;
        auto const copies = [this] { return now_ == step::copying || now_ == step::through; };
        while (space.size() - made >= least_space || (made == 0 && copies())) {
            auto const before = begin_;
            auto const at = now_;
            auto const added = go_on(space + made);
            made += added;
            if (added == 0 && begin_ == before && now_ == at) break;
        }
        return made;
    }

private:
    using z_params = beast::zlib::z_params;
    enum class step { through, header, copying, inflating, broken };

    std::size_t left() const noexcept { return end_ - begin_; }
    unsigned byte(std::size_t index) const noexcept {
        return static_cast<unsigned char>(raw_[begin_ + index]);
    }

    std::size_t go_on(asio::mutable_buffer space) {
        switch (now_) {
            case step::through: return copy(space, left());
            case step::header: return read_header() ? 0 : break_off(space);
            case step::copying: return copy(space, payload_);
            case step::inflating: return inflate(space);
            case step::broken: begin_ = end_; return 0;
        }
        return 0;
    }

    std::size_t copy(asio::mutable_buffer space, std::uint64_t most) {
        auto const size = static_cast<std::size_t>(std::min<std::uint64_t>({space.size(), left(), most}));
        std::memcpy(space.data(), raw_.data() + begin_, size);
        begin_ += size;
        if (now_ == step::copying && (payload_ -= size) == 0) now_ = step::header;
        return size;
    }

    /// False if the websocket would not find that it is wrong.
    bool read_header() {
        if (left() < 2) return true;
        auto const short_length = byte(1) & 0x7fU;
        std::size_t const more = short_length == 127 ? 8 : short_length == 126 ? 2 : 0;
        if (left() < 2 + more) return true;
        std::uint64_t length = more == 0 ? short_length : 0;
        for (std::size_t index = 0; index < more; ++index) length = length << 8U | byte(2 + index);

        auto const opcode = byte(0) & 0x0fU;
        auto const reserved = byte(0) & 0x70U;
        bool const masked = (byte(1) & 0x80U) != 0;
        bool const too_long = length >> 63U != 0;
        bool const wordy = (more == 2 && length < 126) || (more == 8 && length < 65536);
        bool const control = opcode >= 8;
        bool const begins = !control && opcode != 0;
        bool const compressed = begins ? reserved == compressed_bit : inside_ && !control;
        bool const wrong = masked || wordy || too_long ||
                           (begins ? inside_ || (reserved & ~compressed_bit) != 0 : reserved != 0);
        if (wrong) {
            // The websocket says what is wrong, and nothing after it counts. But it does not know of a
            // message that has begun and given nothing yet, and Beast takes any length.
            now_ = step::through;
            return !inside_ && !too_long;
        }
        if (!compressed) {
            payload_ = 2 + more + length;
            now_ = step::copying;
            return true;
        }
        begin_ += 2 + more;
        payload_ = length;
        last_ = (byte_before(2 + more) & 0x80U) != 0;
        if (begins) opcode_ = opcode;
        inside_ = true;
        now_ = step::inflating;
        return true;
    }
    // A frame that the websocket does not take, for what is wrong here.
    std::size_t break_off(asio::mutable_buffer space) {
        if (!fault_) fault_ = beast::websocket::error::bad_data_frame;
        now_ = step::broken;
        constexpr unsigned char reserved_opcode = 3;
        auto* const bytes = static_cast<unsigned char*>(space.data());
        bytes[0] = 0x80U | reserved_opcode;
        bytes[1] = 0;
        return 2;
    }
    unsigned byte_before(std::size_t distance) const noexcept {
        return static_cast<unsigned char>(raw_[begin_ - distance]);
    }

    // One frame, with what has come and fits.
    std::size_t inflate(asio::mutable_buffer space) {
        std::size_t const head = space.size() < 2 + 126 ? 2 : 4;
        auto* const bytes = static_cast<unsigned char*>(space.data());
        z_params stream;
        stream.next_out = bytes + head;
        stream.avail_out = std::min<std::size_t>(space.size() - head, 65535);
        bool const ends = inflate_into(stream);
        if (fault_) return break_off(space);
        auto const size = stream.total_out;
        if (size == 0 && !ends) return 0;
        bytes[0] = static_cast<unsigned char>((ends ? 0x80U : 0U) | opcode_);
        opcode_ = 0;
        if (ends) end_message();
        if (size < 126) {
            bytes[1] = static_cast<unsigned char>(size);
            std::memmove(bytes + 2, bytes + head, size);
            return 2 + size;
        }
        bytes[1] = 126;
        bytes[2] = static_cast<unsigned char>(size >> 8U);
        bytes[3] = static_cast<unsigned char>(size & 0xffU);
        return head + size;
    }

    // Whether the message ends with that.
    bool inflate_into(z_params& stream) {
        while (stream.avail_out != 0) {
            bool const in_payload = payload_ != 0;
            if (!in_payload && !last_) {
                now_ = step::header;
                return false;
            }
            // A block that called itself the last came before, and nothing since.
            if (!in_payload && ended_) tail_used_ = tail.size();
            auto const* const from = in_payload ? raw_.data() + begin_ : tail.data() + tail_used_;
            auto const have =
                in_payload ? std::min<std::uint64_t>(left(), payload_) : tail.size() - tail_used_;
            if (have == 0 && !in_payload && !between_blocks_)
                fault_ = beast::websocket::error::partial_deflate_block;
            if (have == 0) return !in_payload && between_blocks_;
            auto const before = stream.total_in;
            stream.next_in = from;
            stream.avail_in = static_cast<std::size_t>(have);
            error_code error;
            inflater_.write(stream, beast::zlib::Flush::sync, error);
            auto const used = stream.total_in - before;
            if (in_payload) {
                begin_ += used;
                payload_ -= used;
            } else {
                tail_used_ += used;
            }
            if (used != 0) ended_ = false;
            // That is all of `data_type`: the next block begins with the next byte.
            between_blocks_ = stream.data_type == 128;
            // A block that calls itself the last is followed by others (RFC 7692 section 7.2.3.4), or ends
            // the message as it is.
            if (error == beast::zlib::error::end_of_stream) {
                inflater_.reset(window_bits_);
                between_blocks_ = true;
                ended_ = true;
            } else if (error && error != beast::zlib::error::need_buffers) {
                fault_ = error;
                return false;
            }
        }
        return false;
    }

    void end_message() {
        inside_ = ended_ = false;
        tail_used_ = 0;
        now_ = step::header;
        if (forgets_) inflater_.reset(window_bits_);
    }

    static constexpr unsigned compressed_bit = 0x40;
    /// What the sender leaves away (RFC 7692 section 7.2.1).
    static constexpr std::array<char, 4> tail{'\0', '\0', '\xff', '\xff'};

    std::array<char, 2048> raw_ = {};
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    step now_ = step::through;
    /// What is left of the frame, its header included if that is copied.
    std::uint64_t payload_ = 0;
    std::size_t tail_used_ = 0;
    /// Of the next frame that is made of a message.
    unsigned opcode_ = 0;
    /// A compressed message has begun.
    bool inside_ = false;
    /// The frame is the last of its message.
    bool last_ = false;
    /// The last block that came said that none follows.
    bool ended_ = false;
    /// The data can end here.
    bool between_blocks_ = false;
    bool forgets_ = false;
    int window_bits_ = 15;
    error_code fault_ = {};
    beast::zlib::inflate_stream inflater_ = {};
};

}  // namespace heartbeat::detail
