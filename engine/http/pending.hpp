// PendingTable: every request that was read and not yet answered, of all connections of one server.
//
// Responses leave in the order of the requests (RFC 9112 section 9.3.2), while they are decided in any order: so
// each connection has a queue of pending requests, linked through this table, and answers from its head.
// A reference is index + generation; what comes for a request that is gone (its connection closed, its time
// was up) finds another generation and is dropped. One owner thread.
#pragma once

#include <cstdint>

#include "engine/core/check.hpp"
#include "engine/core/lazy_array.hpp"
#include "engine/core/request_ref.hpp"
#include "engine/core/slot.hpp"
#include "engine/http/response.hpp"

namespace sluice::http {

using PendingIndex = std::uint32_t;
inline constexpr PendingIndex no_pending = 0xffff'ffff;
// Later than any deadline, and far from an overflow.
inline constexpr std::uint64_t never_ns = std::uint64_t{1} << 62;

struct Pending {
    PendingIndex next;             // in the connection's queue, or in the free list
    std::uint32_t generation;
    Slot connection;
    bool is_ready;                 // `response` is made
    bool is_head_request;          // HEAD: the answer has no body
    bool is_http_1_0;
    bool closes;                   // the connection ends with this answer
    std::uint64_t received_ns;
    std::uint64_t wait_begin_ns;  // when the time for the answer begins: with the request; never_ns: its body is lent
    std::uint64_t ready_ns;
    Response response;
};

class PendingTable {
  public:
    explicit PendingTable(std::uint32_t count_max) : entries_(count_max) {}

    [[nodiscard]] bool has_room() const { return free_ != no_pending || touched_count_ < entries_.size(); }

    // Precondition: has_room().
    [[nodiscard]] PendingIndex take() {
        PendingIndex index = free_;
        if (index != no_pending) free_ = entries_[index].next;
        else index = touched_count_++;
        CHECK(index < entries_.size());
        Pending& pending = entries_[index];
        pending.next = no_pending;
        pending.is_ready = false;
        return index;
    }

    void give_back(PendingIndex index) {
        CHECK(index < touched_count_ && index != free_);
        Pending& pending = entries_[index];
        ++pending.generation;  // refs to it find nobody from here on
        pending.next = free_;
        free_ = index;
    }

    [[nodiscard]] Pending& operator[](PendingIndex index) { return entries_[index]; }
    [[nodiscard]] RequestRef ref(PendingIndex index) const { return {index, entries_[index].generation}; }
    // Null when the request is gone.
    [[nodiscard]] Pending* find(RequestRef ref) {
        CHECK(ref.index < touched_count_);
        Pending& pending = entries_[ref.index];
        return pending.generation == ref.generation ? &pending : nullptr;
    }

  private:
    LazyArray<Pending> entries_;
    PendingIndex free_ = no_pending;
    std::uint32_t touched_count_ = 0;
};

}  // namespace sluice::http
