// SPDX-License-Identifier: BSL-1.0
#pragma once

// The loop of the model: time goes on to the next task, which the strand handles, perhaps late.

#include "model.hpp"

namespace exploration {

inline model::model(std::uint64_t seed, tally& counts, tracer const& trace)
    : random_(seed),
      world_(random_),
      counts_(counts),
      trace_(trace),
      runs_(counts, world_),
      life_(counts, world_.heartbeat),
      messages_(counts, world_),
      turns_(world_.budget_spacing, world_.budget_burst),
      backoff_(world_.reconnect),
      retry_policy_(world_.reconnect),
      outbox_(world_.outbox_messages, world_.outbox_bytes) {
    auto const spacing = std::chrono::duration<double>(world_.budget_spacing).count();
    if (spacing > 0) budget_.emplace(1 / spacing, world_.budget_burst);
}

inline void model::run() {
    call(task::application);
    constexpr int most_steps_of_an_end = 300;
    while (steps_ < world_.steps + most_steps_of_an_end) {
        auto const next = agenda_.next();
        if (next > now_) {
            runs_.idle(next);
            life_.idle(next);
            if (next == never) break;
            now_ = next;
        }
        stall(world_.stalls);
        ++steps_;
        handle(agenda_.pop(now_, random_.chance(20)));
        if (steps_ < world_.steps) continue;
        if (!ending_for_good_) {
            ending_for_good_ = true;
            agenda_.erase([](agenda_item const& item) { return item.what == task::application; });
            call(random_.chance(75) ? task::close : task::cancel);
        }
        if (lifecycle_.now() != phase::stopped) continue;
        if (agenda_.find([](agenda_item const& item) { return item.what <= task::write; }) == nullptr) break;
    }
    if (lifecycle_.now() != phase::stopped) throw violation{5, "a run does not end"};
    ++counts_.schedules;
    counts_.steps += static_cast<std::uint64_t>(steps_);
    ++counts_.lengths[std::min<std::size_t>(static_cast<std::size_t>(steps_), counts_.lengths.size() - 1)];
}

inline void model::handle(agenda_item const& item) {
    bool const is_call = item.what <= task::write;
    if (!is_call) trace_.line(now_, "[", name(item.what), " of link ", item.link, "]");
    if (is_call && item.what != task::application) trace_.line(now_, "[call: ", name(item.what), "]");
    auto& at = slot(item.link);
    bool const stale = !is_call && item.what != task::wait && at.ended;
    if (stale) ++counts_.stale_completions;
    switch (item.what) {
        case task::application: return application_acts();
        case task::start: return start();
        case task::close: return close();
        case task::cancel: return cancel();
        case task::connect_now: return connect_now();
        case task::receive: return unpause();
        case task::cancel_send: return cancel_send(item.number);
        case task::write:
            write_requested_ = false;
            if (link_ != 0 && current().opened) write(current());
            return;
        case task::wait:
            if (item.number == waits_made_) feed(wait_then_);
            return leave();
        case task::deadline:
            if (!at.ended && item.number == at.deadline_number) deadline_passed(at);
            return leave();
        case task::heart:
            if (!at.ended && item.number == at.heart_number) beat(at);
            return leave();
        case task::prepare:
        case task::resolve:
        case task::connect:
        case task::upgrade: return dial_step(item);
        case task::read:
            // The event loop picks something up; the strand handles it later.
            if (!at.ended) return pick_up(at, item.at, true);
            return leave();
        case task::read_done:
            if (!at.ended) handle_piece(at);
            return leave();
        case task::write_done:
            at.writing = false;
            written(at);
            if (!at.ended) write(at);
            return leave();
        case task::close_done:
            if (!at.ended) end(at, errc::closed);
            return leave();
    }
}

inline void model::stall(int percent) {
    if (percent == 0 || !random_.chance(percent)) return;
    auto const length = world_.time(random_, 0, world_.longest_stall);
    now_ += length;
    runs_.stalled(length);
    life_.stalled(length);
    trace_.line(now_, "(the strand did not run for ", length, ")");
}

}  // namespace exploration
