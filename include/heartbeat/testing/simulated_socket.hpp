// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/testing/simulated_connection.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace heartbeat {

class simulated_stream;

namespace detail {

class simulated_socket;

/// The state of a simulated network, found by the execution context that it belongs to.
class simulated_network_service final : public asio::execution_context::service {
public:
    using key_type = simulated_network_service;
    static inline asio::execution_context::id id;
    /// Whoever listens: gets the server's end of each connection, on the given executor.
    struct listener {
        asio::any_io_executor executor;
        std::function<void(simulated_stream)> accept;
    };

    explicit simulated_network_service(asio::execution_context& context)
        : asio::execution_context::service(context) {}

    /// Makes a connection to whoever listens there; null if nobody does.
    std::shared_ptr<simulated_connection> connect(asio::any_io_executor const& client,
                                                  std::string const& where, bool secure,
                                                  std::uint64_t number);
    /// Keeps a lookup until lookups are answered again.
    void hang(std::function<void()> lookup) { hanging.push_back(std::move(lookup)); }
    void add(std::weak_ptr<simulated_socket> dialling) { sockets.push_back(std::move(dialling)); }

    std::shared_ptr<simulated_weather> const weather = std::make_shared<simulated_weather>();
    lookup_result lookups = lookup_result::found;
    /// What names are found to be; others are found as they are.
    std::map<std::string, std::vector<std::string>> names;
    /// Addresses at which dials are not answered.
    std::set<std::string> swallowed;
    /// Whether this host can reach addresses of that family.
    bool has_ipv4 = true;
    bool has_ipv6 = true;
    std::map<std::string, listener> listeners;
    std::vector<std::weak_ptr<simulated_connection>> connections;
    std::vector<std::weak_ptr<simulated_socket>> sockets;
    std::vector<std::function<void()>> hanging;
    std::uint64_t dials = 0;
    std::uint64_t lookups_in_progress = 0;

private:
    void shutdown() override {
        auto const lost_lookups = std::exchange(hanging, {});
        auto const lost_listeners = std::exchange(listeners, {});
        weather->observer = nullptr;
    }
};

/// What a `simulated_stream` is a handle to: a lookup, a dial, perhaps a handshake, then one end of a
/// connection.
class simulated_socket final : public abandonable, public std::enable_shared_from_this<simulated_socket> {
public:
    using status = completion<error_code>;
    using found = completion<error_code, std::vector<endpoint>>;
    using transfer = completion<error_code, std::size_t>;
    /// What a handshake begins with (RFC 8446 section 5.1).
    static constexpr std::array<char, 1> greeting = {0x16};

    explicit simulated_socket(asio::any_io_executor const& its_executor);
    /// The server's end; of a client that dialled for `wss` it answers the greeting.
    simulated_socket(asio::any_io_executor const& its_executor,
                     std::shared_ptr<simulated_connection> connection, bool secure);
    ~simulated_socket() { abandons_.remove(*this); }
    simulated_socket(simulated_socket const&) = delete;
    simulated_socket& operator=(simulated_socket const&) = delete;

    void resolve(std::string host, std::uint16_t port, found done);
    void dial(candidate const& to, status done);
    /// The client's part of a handshake: it sends a byte, and reads the one that the server answers with.
    void secure(status done);
    void read(buffer_list<asio::mutable_buffer> const& space, transfer done);
    void write(buffer_list<asio::const_buffer> const& bytes, transfer done);
    void teardown(status done);
    void close();
    std::size_t available() const { return connection_ ? connection_->into(end_).arrived() : 0; }
    /// The network carries bytes again: dials anew, if a dial was lost.
    void repeat();
    /// What happened to an operation.
    void tell(network_event::kind what) const { service_.weather->tell({what, number_, end_, {}}); }
    void abandon() override { auto const lost = std::exchange(dialling_, {}); }

    asio::any_io_executor const executor;

private:
    void looked_up(std::string const& host, std::uint16_t port, found done);
    void send_dial();
    void answered();
    void answer_greeting(buffer_list<asio::mutable_buffer> const& space, transfer done);
    void drain(status done);

    simulated_network_service& service_;
    abandon_service& abandons_;
    network_end end_;
    std::uint64_t number_ = 0;
    std::string where_;
    manual_timer answer_;
    status dialling_;
    std::shared_ptr<simulated_connection> connection_;
    bool closed_ = false;
    /// What was dialled is `wss`.
    bool secure_ = false;
    /// The client's greeting has not been read.
    bool is_greeted_ = false;
    std::array<char, 512> scratch_ = {};
};

inline simulated_socket::simulated_socket(asio::any_io_executor const& its_executor)
    : executor(its_executor),
      service_(asio::use_service<simulated_network_service>(asio::query(executor, asio::execution::context))),
      abandons_(asio::use_service<abandon_service>(asio::query(executor, asio::execution::context))),
      end_(network_end::client),
      answer_(executor) {
    abandons_.add(*this);
}

inline simulated_socket::simulated_socket(asio::any_io_executor const& its_executor,
                                          std::shared_ptr<simulated_connection> connection, bool secure)
    : simulated_socket(its_executor) {
    end_ = network_end::server;
    is_greeted_ = secure;
    number_ = connection->number();
    connection_ = std::move(connection);
}

inline void simulated_socket::resolve(std::string host, std::uint16_t port, found done) {
    tell(network_event::kind::lookup);
    if (service_.lookups == lookup_result::hangs) {
        ++service_.lookups_in_progress;
        auto const kept = std::make_shared<found>(std::move(done));
        return service_.hang([self = shared_from_this(), host = std::move(host), port, kept] {
            --self->service_.lookups_in_progress;
            self->looked_up(host, port, std::move(*kept));
        });
    }
    auto const time = service_.weather->conditions.lookup;
    if (time <= duration{}) return looked_up(host, port, std::move(done));
    ++service_.lookups_in_progress;
    auto const timer = std::make_shared<manual_timer>(executor);
    timer->expires_after(time);
    timer->async_wait([self = shared_from_this(), timer, host = std::move(host), port,
                       done = std::move(done)](error_code) mutable {
        --self->service_.lookups_in_progress;
        self->looked_up(host, port, std::move(done));
    });
}

inline void simulated_socket::looked_up(std::string const& host, std::uint16_t port, found done) {
    if (service_.lookups == lookup_result::not_found) return done(asio::error::host_not_found, {});
    auto const known = service_.names.find(host);
    std::vector<endpoint> all;
    if (known == service_.names.end())
        all.push_back({host, port});
    else
        for (auto const& address : known->second) all.push_back({address, port});
    done({}, std::move(all));
}

inline void simulated_socket::dial(candidate const& to, status done) {
    auto const& where = to.remote;
    number_ = ++service_.dials;
    secure_ = to.secure;
    where_ = where.address + ':' + std::to_string(where.port);
    if (closed_) return done(asio::error::operation_aborted);
    tell(network_event::kind::dial);
    if (!(where.is_ipv6() ? service_.has_ipv6 : service_.has_ipv4))
        return done(asio::error::network_unreachable);
    dialling_ = std::move(done);
    service_.add(weak_from_this());
    if (!service_.swallowed.contains(where_)) send_dial();
}

inline void simulated_socket::send_dial() {
    // There and back.
    answer_.expires_after(2 * service_.weather->conditions.latency);
    answer_.async_wait([weak = weak_from_this()](error_code error) {
        auto const self = error ? nullptr : weak.lock();
        if (self) self->answered();
    });
}

inline void simulated_socket::repeat() {
    if (dialling_) send_dial();
}

inline void simulated_socket::answered() {
    auto const& weather = *service_.weather;
    if (!dialling_ || weather.is_lost(network_end::server) || weather.is_lost(network_end::client)) return;
    if (service_.swallowed.contains(where_)) return;
    auto done = std::exchange(dialling_, {});
    connection_ = service_.connect(executor, where_, secure_, number_);
    tell(connection_ ? network_event::kind::connected : network_event::kind::refused);
    error_code const refused = asio::error::connection_refused;
    done(connection_ ? error_code() : refused);
}

inline void simulated_socket::secure(status done) {
    auto answered = [self = shared_from_this(), done = std::move(done)](error_code error,
                                                                        std::size_t) mutable { done(error); };
    auto sent = [self = shared_from_this(), answered = transfer(std::move(answered), executor)](
                    error_code error, std::size_t) mutable {
        if (error) return answered(error, 0);
        self->read(buffer_list<asio::mutable_buffer>(asio::buffer(self->scratch_, 1)), std::move(answered));
    };
    write(buffer_list<asio::const_buffer>(asio::buffer(greeting)), transfer(std::move(sent), executor));
}

inline void simulated_socket::answer_greeting(buffer_list<asio::mutable_buffer> const& space, transfer done) {
    auto answered = [self = shared_from_this(), space, done = std::move(done)](error_code error,
                                                                               std::size_t) mutable {
        if (error) return done(error, 0);
        self->read(space, std::move(done));
    };
    auto read_it = [self = shared_from_this(), answered = transfer(std::move(answered), executor)](
                       error_code error, std::size_t) mutable {
        if (error) return answered(error, 0);
        self->write(buffer_list<asio::const_buffer>(asio::buffer(greeting)), std::move(answered));
    };
    read(buffer_list<asio::mutable_buffer>(asio::buffer(scratch_, 1)),
         transfer(std::move(read_it), executor));
}

inline void simulated_socket::read(buffer_list<asio::mutable_buffer> const& space, transfer done) {
    if (closed_ || !connection_) return done(asio::error::bad_descriptor, 0);
    if (std::exchange(is_greeted_, false)) return answer_greeting(space, std::move(done));
    connection_->into(end_).read(space, std::move(done));
}

inline void simulated_socket::write(buffer_list<asio::const_buffer> const& bytes, transfer done) {
    if (closed_ || !connection_) return done(asio::error::bad_descriptor, 0);
    connection_->out_of(end_).write(bytes, std::move(done));
}

inline void simulated_socket::teardown(status done) {
    if (closed_ || !connection_) return done(asio::error::bad_descriptor);
    connection_->out_of(end_).finish();
    drain(std::move(done));
}

inline void simulated_socket::drain(status done) {
    auto again = [self = shared_from_this(), done = std::move(done)](error_code error, std::size_t) mutable {
        if (!error) return self->drain(std::move(done));
        self->close();
        done(error == asio::error::eof ? error_code() : error);
    };
    read(buffer_list<asio::mutable_buffer>(asio::buffer(scratch_)), transfer(std::move(again), executor));
}

inline void simulated_socket::close() {
    if (std::exchange(closed_, true)) return;
    answer_.cancel();
    std::exchange(dialling_, {})(asio::error::operation_aborted);
    if (connection_) connection_->close(end_);
}

}  // namespace detail
}  // namespace heartbeat
