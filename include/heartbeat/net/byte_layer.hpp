// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/url.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace heartbeat {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

namespace detail {

/// Completes an operation that only succeeds or fails.
using status_handler = asio::any_completion_handler<void(error_code)>;
/// Completes an operation that transfers bytes.
using transfer_handler = asio::any_completion_handler<void(error_code, std::size_t)>;

/// The first buffers of any buffer sequence, as one type. Both `read_some` and `write_some` may transfer less
/// than they were given, so what does not fit is simply left for the next call.
template <class Buffer>
class buffer_list {
public:
    using value_type = Buffer;
    using const_iterator = Buffer const*;

    template <class Sequence>
    explicit buffer_list(Sequence const& sequence) {
        auto const last = asio::buffer_sequence_end(sequence);
        for (auto next = asio::buffer_sequence_begin(sequence); next != last && count_ < buffers_.size();
             ++next)
            if (Buffer const buffer = *next; buffer.size() != 0) buffers_[count_++] = buffer;
    }

    const_iterator begin() const noexcept { return buffers_.data(); }
    const_iterator end() const noexcept { return buffers_.data() + count_; }

private:
    std::array<Buffer, 16> buffers_ = {};
    std::size_t count_ = 0;
};

/// A transport, whatever it is: the inside of `any_stream`. At most one operation of each kind is
/// outstanding. A read or write of no bytes completes at once.
class byte_layer {
public:
    byte_layer() = default;
    byte_layer(byte_layer const&) = delete;
    byte_layer& operator=(byte_layer const&) = delete;
    virtual ~byte_layer() = default;

    virtual asio::any_io_executor get_executor() noexcept = 0;
    virtual void resolve(url const& where, status_handler handler) = 0;
    virtual void connect(status_handler handler) = 0;
    /// The handshake with the server of that URL, after `connect`. The client's certificate is shown, or not;
    /// if not, a server name of the options is not used either.
    virtual void secure(url const& where, bool shows_certificate, status_handler handler) = 0;
    /// Whether the handshake was a short one, made possible by an earlier connection.
    virtual bool resumed() const noexcept = 0;
    virtual void read_some(buffer_list<asio::mutable_buffer> const& space, transfer_handler handler) = 0;
    virtual void write_some(buffer_list<asio::const_buffer> const& bytes, transfer_handler handler) = 0;
    virtual void teardown(beast::role_type role, status_handler handler) = 0;
    virtual std::size_t available() noexcept = 0;
    virtual void close() noexcept = 0;
};

}  // namespace detail

/// Puts TLS on transports. Made by `heartbeat::tls` in `tls.hpp`. Thread-safe; any number of sockets may
/// share one.
class tls_provider {
public:
    tls_provider() = default;
    tls_provider(tls_provider const&) = delete;
    tls_provider& operator=(tls_provider const&) = delete;
    virtual ~tls_provider() = default;

    /// A layer that reads and writes through `transport`, which is connected, once its handshake is done. May
    /// throw; the transport is then closed.
    virtual std::unique_ptr<detail::byte_layer> wrap(std::unique_ptr<detail::byte_layer> transport) const = 0;

    /// Why connections are not made with what they should be made with now, such as files that were replaced;
    /// empty if they are. The reason of an attempt that fails in TLS has it as its explanation.
    virtual std::string trouble() const { return {}; }
};

}  // namespace heartbeat
