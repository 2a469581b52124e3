// SPDX-License-Identifier: BSL-1.0
//
// The decisions alone, each as a script of what may happen to it. The first byte says which one.
#include "script.hpp"

#include <heartbeat/core/heartbeat_monitor.hpp>
#include <heartbeat/core/lifecycle.hpp>
#include <heartbeat/core/outbox.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hb = heartbeat;
using namespace std::chrono_literals;

namespace {

// ---- The outbox: a list of numbers in the order in which they will leave, and those that were taken.

class outbox_trial {
public:
    explicit outbox_trial(script input) : input_(input) {}

    void play() {
        while (!input_.done()) {
            step();
            require(real_.messages() == queued_.size() + taken_.size(), "messages are counted");
            require(real_.bytes() == bytes_, "bytes are counted");
            require(real_.empty() == queued_.empty(), "it is empty when nothing is queued");
        }
        while (!taken_.empty()) settle();
        while (!queued_.empty()) take();
        require(!real_.take(), "nothing is left over");
    }

private:
    using outbox = hb::detail::outbox<int>;
    using place = outbox::place;
    static constexpr std::size_t most_messages = 6;
    static constexpr std::size_t most_bytes = 100;

    struct queued {
        std::uint64_t ticket;
        int receipt;
        std::size_t size;
        place where;
    };

    void step() {
        unsigned const what = input_.byte();
        switch (what % 8) {
            case 0: return accept(place::back);
            case 1: return accept(place::front_of_session);
            case 2: return take();
            case 3: return put_back();
            case 4: return settle();
            case 5: return remove(input_.below(20));
            case 6: return clear(what < 128 ? input_.below(20) : ~std::uint64_t{0});
            default: return what < 128 ? begin_session() : open_or_close();
        }
    }
    void accept(place where) {
        std::size_t const size = input_.below(60);
        bool const valid = input_.below(4) != 0;
        auto text = std::string(size, 'x') + (valid ? "" : "\xff");
        auto const whole = text.size();
        hb::message content(std::move(text));
        int receipt = ++receipts_;
        auto const accepted = real_.accept(std::move(content), std::move(receipt), where);
        bool const fits = queued_.size() + taken_.size() < most_messages && whole <= most_bytes - bytes_;
        auto expected = fits ? hb::errc{} : hb::errc::outbox_full;
        if (!valid) expected = hb::errc::invalid_utf8;
        if (!open_) expected = hb::errc::closed;
        require(accepted.refusal == expected, "it refuses for the first reason that applies");
        if (!accepted) return require(content.size() == whole, "what is refused is left alone");
        require(accepted.ticket == ++tickets_, "tickets are counted");
        bytes_ += size;
        auto const at = where == place::back ? queued_.end() : front_end();
        queued_.insert(at, {accepted.ticket, receipts_, size, where});
    }
    std::vector<queued>::iterator front_end() {
        return std::ranges::find(queued_, place::back, &queued::where);
    }
    static void check(outbox::entry const& entry, queued const& expected) {
        require(entry.ticket == expected.ticket && entry.receipt == expected.receipt &&
                    entry.content.size() == expected.size,
                "a message leaves in its turn, with its receipt");
    }
    void take() {
        auto entry = real_.take();
        require(entry.has_value() == !queued_.empty(), "there is one to take if one is queued");
        if (!entry) return;
        check(*entry, queued_.front());
        taken_.emplace_back(std::move(*entry), queued_.front());
        queued_.erase(queued_.begin());
    }
    void put_back() {
        if (taken_.empty()) return;
        auto [entry, what] = std::move(taken_.back());
        taken_.pop_back();
        queued_.insert(what.where == place::back ? front_end() : queued_.begin(), what);
        real_.put_back(std::move(entry));
    }
    void settle() {
        if (taken_.empty()) return;
        bytes_ -= taken_.front().second.size;
        real_.settle(taken_.front().second.size);
        taken_.erase(taken_.begin());
    }
    void remove(std::uint64_t ticket) {
        auto const found = std::ranges::find(queued_, ticket, &queued::ticket);
        auto const removed = real_.remove(ticket);
        require(removed.has_value() == (found != queued_.end()), "what is queued can be removed");
        if (!removed) return;
        check(*removed, *found);
        bytes_ -= found->size;
        queued_.erase(found);
    }
    void clear(std::uint64_t up_to) {
        std::vector<queued> expected;
        std::erase_if(queued_, [&](queued const& one) {
            if (one.ticket > up_to) return false;
            expected.push_back(one);
            bytes_ -= one.size;
            return true;
        });
        auto const cleared = real_.clear(up_to);
        require(cleared.size() == expected.size(), "all up to a ticket are cleared");
        for (std::size_t index = 0; index < cleared.size(); ++index) check(cleared[index], expected[index]);
    }
    void begin_session() {
        real_.begin_session();
        for (auto& one : queued_) one.where = place::back;
    }
    void open_or_close() {
        open_ = input_.flag();
        open_ ? real_.open() : real_.close();
        require(real_.accepting() == open_, "it accepts while it is open");
    }

    script input_;
    outbox real_{most_messages, most_bytes};
    std::vector<queued> queued_;
    std::vector<std::pair<outbox::entry, queued>> taken_;
    std::size_t bytes_ = 0;
    std::uint64_t tickets_ = 0;
    int receipts_ = 0;
    bool open_ = true;
};

// ---- The monitor: silence ends in death, and only silence.

void play_monitor(script input) {
    using action = hb::detail::heartbeat_monitor::action;
    auto const proof = input.flag() ? hb::liveness::any_input : hb::liveness::round_trip;
    hb::heartbeat_options const options{.interval = 400ms, .timeout = 200ms, .proof = proof};
    hb::detail::heartbeat_monitor monitor(options);
    hb::time_point now{1h};
    hb::time_point proved = now;
    std::uint64_t beats = 0;
    std::size_t waiting = 0;
    hb::duration late{};
    monitor.start(now);
    while (!input.done()) {
        unsigned const what = input.byte();
        bool const input_proves = proof == hb::liveness::any_input;
        switch (what % 8) {
            case 0:
            case 1: {
                auto const next = now + what / 8 * 10ms;
                if (next > monitor.due()) late += next - std::max(now, monitor.due());
                now = next;
                break;
            }
            case 2: monitor.input(now); break;
            case 3: monitor.progress(now); break;
            case 4: waiting = what / 8; break;
            case 5:
                if (auto const trip =
                        monitor.answered(beats - std::min<std::uint64_t>(beats, what / 8), now)) {
                    require(*trip >= 0ms, "no answer comes before its beat");
                    proved = now;
                }
                break;
            case 6: monitor.prove(now); break;
            default: now = std::min(monitor.due(), now + 1s); break;
        }
        if (what % 8 == 6 || (what % 8 == 2 && input_proves)) proved = now;
        for (int turns = 0;; ++turns) {
            require(turns < 10, "what is due comes to an end");
            auto const next = monitor.resume(now);
            if (next == action::sleep) break;
            if (next == action::send_beat || next == action::suspect) monitor.sent(++beats, now);
            if (next == action::look_again) monitor.unread(waiting, now);
            if (input_proves && monitor.silence(now) == 0ms) proved = now;
            if (next != action::declare_dead) continue;
            require(now >= proved + options.interval + options.timeout, "nobody is declared dead too early");
            return;
        }
        require(monitor.due() > now, "it sleeps only until later");
        require(monitor.silence(now) == now - proved, "silence counts from the last proof");
        require(now - proved <= options.interval + 5 * options.timeout + 2 * late,
                "silence is not borne for ever");
    }
}

// ---- The lifecycle: from everywhere a cancel leads to the end, and only a start leads out of it.

void play_lifecycle(script input) {
    using hb::detail::lifecycle;
    using event = lifecycle::event;
    using action = lifecycle::action;
    lifecycle machine;
    bool linked = false;
    while (!input.done()) {
        auto const before = machine.now();
        auto const happened = static_cast<event>(input.below(12));
        auto const what = machine.resume(happened);
        require((before == machine.now()) == (what == action::none), "an action goes with a change");
        if (what == action::dial) require(!std::exchange(linked, true), "there is one link at a time");
        if (what == action::announce) require(linked, "what is announced was dialled");
        if (what == action::send_close) require(linked, "a Close frame needs a link");
        if (what == action::wait || what == action::cut) linked = false;
        bool const dialled = before != lifecycle::phase::waiting && before != lifecycle::phase::queued;
        if (what == action::collect && dialled)
            require(std::exchange(linked, false), "what is collected was there");
        if (what == action::finish) require(!linked, "nothing is left at the end");
        if (before == lifecycle::phase::stopped && happened != event::start)
            require(what == action::none, "nothing happens outside of a run");
        auto copy = machine;
        copy.resume(event::cancel);
        copy.resume(event::collected);
        require(copy.visible() == hb::state::stopped, "a cancel ends the run from everywhere");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    script input(data, size);
    switch (input.below(3)) {
        case 0: outbox_trial(input).play(); break;
        case 1: play_monitor(input); break;
        default: play_lifecycle(input); break;
    }
    return 0;
}
