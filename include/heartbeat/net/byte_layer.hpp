// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/endpoint.hpp>
#include <heartbeat/error.hpp>
#include <heartbeat/url.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace heartbeat {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

namespace detail {

/// Completes an operation that only succeeds or fails.
using status_handler = asio::any_completion_handler<void(error_code)>;
/// Completes an operation that transfers bytes.
using transfer_handler = asio::any_completion_handler<void(error_code, std::size_t)>;
/// Completes a lookup.
using resolved_handler = asio::any_completion_handler<void(error_code, std::vector<endpoint>)>;

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

}  // namespace detail

/// One of the connections that an attempt begins, of which it keeps the first that is made.
struct candidate {
    /// Its place among those of the attempt, from 0.
    std::size_t index = 0;
    endpoint remote = {};
    /// See `dial_options`; empty for whatever the system chooses.
    std::string local_address = {};
    std::string network_interface = {};
    /// `async_secure` follows: the URL is `wss`.
    bool secure = false;
};

namespace detail {

/// A transport, whatever it is: the inside of `any_stream`. At most one operation of each kind is
/// outstanding. A read or write of no bytes completes at once.
class byte_layer {
public:
    byte_layer() = default;
    byte_layer(byte_layer const&) = delete;
    byte_layer& operator=(byte_layer const&) = delete;
    virtual ~byte_layer() = default;

    virtual asio::any_io_executor get_executor() noexcept = 0;
    /// The handshake with the server of that URL, after `connect`. The client's certificate is shown, or not;
    /// if not, a server name of the options is not used either.
    virtual void secure(url const& where, bool shows_certificate, status_handler handler) = 0;
    /// Whether the handshake was a short one, made possible by an earlier connection.
    virtual bool resumed() const noexcept = 0;
    virtual void read_some(buffer_list<asio::mutable_buffer> const& space, transfer_handler handler) = 0;
    virtual void write_some(buffer_list<asio::const_buffer> const& bytes, transfer_handler handler) = 0;
    /// Ends this side of the connection, then waits until the peer has ended its own.
    virtual void teardown(status_handler handler) = 0;
    /// Ends this side of the connection: nothing is written any more.
    virtual void finish() noexcept = 0;
    virtual std::size_t available() noexcept = 0;
    /// Ends the connection at once. What was written still leaves.
    virtual void close() noexcept = 0;
    /// Ends both directions and all operations, those that are begun later, too, and keeps the connection.
    virtual void abandon() noexcept = 0;
    /// Breaks the connection at once. What was written and has not arrived is thrown away.
    virtual void reset() noexcept = 0;
};

/// A transport that has to be connected first.
class dialling_layer : public byte_layer {
public:
    virtual void resolve(std::string const& host, std::uint16_t port, resolved_handler handler) = 0;
    /// Several may be outstanding.
    virtual void connect(candidate const& to, status_handler handler) = 0;
    virtual void cancel(std::size_t index) noexcept = 0;
    /// The candidate, which is connected, is the connection from now on. The others were cancelled.
    virtual void adopt(std::size_t index) noexcept = 0;
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
