// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <heartbeat/reason.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <utility>

namespace heartbeat::detail {

/// What an echo session has to send, each text not before its time.
class answer_queue {
public:
    static constexpr std::size_t most_messages = 1024;
    static constexpr std::size_t most_bytes = std::size_t{16} * 1024 * 1024;

    bool empty() const noexcept { return texts_.empty(); }
    /// Nothing may be added any more; what was received before still is.
    bool full() const noexcept { return texts_.size() >= most_messages || bytes_ >= most_bytes; }
    /// When the first text is due. Not for an empty queue.
    time_point next_due() const { return texts_.begin()->first; }

    /// Answers keep their order, also when the delay becomes shorter.
    void add_answer(time_point due, std::string text) {
        last_answer_due_ = std::max(last_answer_due_, due);
        add(last_answer_due_, std::move(text));
    }

    /// Overtakes answers that are due later.
    void add(time_point due, std::string text) {
        bytes_ += text.size();
        texts_.emplace(due, std::move(text));
    }

    /// Takes the first text. Not for an empty queue.
    std::string pop() {
        auto text = std::move(texts_.extract(texts_.begin()).mapped());
        bytes_ -= text.size();
        return text;
    }

    void clear() noexcept {
        texts_.clear();
        bytes_ = 0;
    }

private:
    std::multimap<time_point, std::string> texts_;
    std::size_t bytes_ = 0;
    time_point last_answer_due_{};
};

}  // namespace heartbeat::detail
