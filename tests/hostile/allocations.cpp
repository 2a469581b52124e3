// SPDX-License-Identifier: BSL-1.0
//
// Replaces operator new and delete for the whole program. Each block has its counted size in front of it. The
// counters cannot be but global: the operators have nothing else to go by.
#include "allocations.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

namespace {

// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
constinit std::atomic<std::size_t> live_bytes{0};
constinit std::atomic<std::size_t> most_bytes{0};
constinit thread_local bool is_counting = false;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

}  // namespace

namespace allocations {

std::size_t live() noexcept { return live_bytes; }
std::size_t peak() noexcept { return most_bytes; }
void restart_peak() noexcept { most_bytes = live_bytes.load(); }

scope::scope(bool counting) noexcept : before_(is_counting) { is_counting = counting; }
scope::~scope() { is_counting = before_; }

}  // namespace allocations

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define HEARTBEAT_TESTS_SANITIZED 1
#endif
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(HEARTBEAT_TESTS_SANITIZED)

bool allocations::are_counted() noexcept { return false; }

#else

bool allocations::are_counted() noexcept { return true; }

namespace {

constexpr std::size_t least_alignment = alignof(std::max_align_t);

void* allocate(std::size_t size, std::size_t alignment) noexcept {
    alignment = std::max(alignment, least_alignment);
    auto const whole = (size + 2 * alignment - 1) / alignment * alignment;
    void* const start =
        alignment == least_alignment ? std::malloc(whole) : std::aligned_alloc(alignment, whole);
    if (start == nullptr) return nullptr;
    std::size_t const counted = is_counting ? size : 0;
    auto* const block = static_cast<char*>(start) + alignment;
    std::memcpy(block - sizeof counted, &counted, sizeof counted);
    auto const now = live_bytes += counted;
    auto most = most_bytes.load();
    while (now > most && !most_bytes.compare_exchange_weak(most, now)) {}
    return block;
}

void* allocate_or_throw(std::size_t size, std::size_t alignment) {
    void* const block = allocate(size, alignment);
    if (block == nullptr) throw std::bad_alloc();
    return block;
}

void release(void* block, std::size_t alignment) noexcept {
    if (block == nullptr) return;
    auto* const bytes = static_cast<char*>(block);
    std::size_t counted = 0;
    std::memcpy(&counted, bytes - sizeof counted, sizeof counted);
    live_bytes -= counted;
    std::free(bytes - std::max(alignment, least_alignment));
}

}  // namespace

void* operator new(std::size_t size) { return allocate_or_throw(size, 0); }
void* operator new[](std::size_t size) { return allocate_or_throw(size, 0); }
void* operator new(std::size_t size, std::nothrow_t const&) noexcept { return allocate(size, 0); }
void* operator new[](std::size_t size, std::nothrow_t const&) noexcept { return allocate(size, 0); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
    return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}

void operator delete(void* block) noexcept { release(block, 0); }
void operator delete[](void* block) noexcept { release(block, 0); }
void operator delete(void* block, std::size_t) noexcept { release(block, 0); }
void operator delete[](void* block, std::size_t) noexcept { release(block, 0); }
void operator delete(void* block, std::nothrow_t const&) noexcept { release(block, 0); }
void operator delete[](void* block, std::nothrow_t const&) noexcept { release(block, 0); }
void operator delete(void* block, std::align_val_t alignment) noexcept {
    release(block, static_cast<std::size_t>(alignment));
}
void operator delete[](void* block, std::align_val_t alignment) noexcept {
    release(block, static_cast<std::size_t>(alignment));
}
void operator delete(void* block, std::size_t, std::align_val_t alignment) noexcept {
    release(block, static_cast<std::size_t>(alignment));
}
void operator delete[](void* block, std::size_t, std::align_val_t alignment) noexcept {
    release(block, static_cast<std::size_t>(alignment));
}

#endif
