// SPDX-License-Identifier: BSL-1.0
#include "faulty_server.hpp"

#include <boost/system/system_error.hpp>

#include <chrono>

template class heartbeat::basic_echo_server<>;

namespace stress {

using namespace std::chrono_literals;

faulty_server::faulty_server(asio::any_io_executor const& executor)
    : executor_(executor), server_(std::make_unique<hb::echo_server>(executor)) {
    server_->listen();
    endpoint_ = server_->endpoint();
}

std::string faulty_server::url() const { return "ws://127.0.0.1:" + std::to_string(endpoint_.port()); }

bool faulty_server::disturb(std::mt19937& random) {
    if (fault_ != fault::none) {
        // Some last longer than the deadlines of those who meet them.
        if (random() % 4 == 0) heal();
        return false;
    }
    switch (random() % 12) {
        case 0: server_->drop_all(); break;
        case 1: server_->close_all(1001, "going away"); break;
        case 2: server_->close_all(0); break;
        // Neither JSON nor an answer to anything.
        case 3: server_->broadcast("\"unasked"); break;
        case 4: server_->broadcast(R"({"ModeCode":"heart_beat","msg":1})"); break;
        case 5: begin(fault::down); break;
        case 6: begin(fault::slamming); break;
        case 7: begin(fault::frozen); break;
        case 8: begin(fault::refusing); break;
        case 9: begin(fault::swallowing); break;
        case 10: begin(fault::wrong_id); break;
        case 11: begin(fault::slow); break;
    }
    return true;
}

void faulty_server::begin(fault what) {
    fault_ = what;
    switch (what) {
        case fault::none: return;
        case fault::frozen: return server_->freeze();
        case fault::refusing: server_->refuse(true); return server_->drop_all();
        case fault::swallowing: return server_->swallow_answers(true);
        case fault::wrong_id: return server_->answer_wrong_id(true);
        case fault::slow: return server_->delay_answers(30ms);
        case fault::down: return die();
        case fault::slamming: die(); return slam();
    }
}

bool faulty_server::heal() {
    switch (fault_) {
        case fault::none: return true;
        case fault::frozen: server_->resume(); break;
        case fault::refusing: server_->refuse(false); break;
        case fault::swallowing: server_->swallow_answers(false); break;
        case fault::wrong_id: server_->answer_wrong_id(false); break;
        case fault::slow: server_->delay_answers(0ms); break;
        case fault::down:
        case fault::slamming:
            if (!listen()) return false;
            break;
    }
    fault_ = fault::none;
    return true;
}

void faulty_server::die() { server_ = std::make_unique<hb::echo_server>(executor_); }

void faulty_server::slam() try {
    door_ = std::make_shared<hb::detail::tcp_listener>(executor_,
                                                       [](hb::error_code, asio::ip::tcp::socket socket) {
                                                           hb::error_code ignored;
                                                           socket.close(ignored);
                                                       });
    door_->open(endpoint_);
} catch (boost::system::system_error const&) {
    // Somebody who dials has just taken the port as its own: the server is merely down.
}

bool faulty_server::listen() try {
    if (door_) door_->close();
    door_.reset();
    server_->listen(endpoint_);
    return true;
} catch (boost::system::system_error const&) {
    return false;
}

}  // namespace stress
