// IdempotencyTable: which Idempotency-Keys were seen, and what became of the requests that carried them.
//
// The one thing that all reactors write to: a retry may come on any connection, and so to any of them. It is touched
// only by requests that carry a key; all others pay one comparison. Shards by the key's hash, each behind a mutex that
// is held for some ten memory accesses, never across a system call.
//
//             claim()                  settle(), answered whole
//   absent ───────────> in progress ──────────────────────────────> answered ── window over, or evicted ──> absent
//      ^                     │ forget(), or settle() with samples that were refused
//      └─────────────────────┘
//
// The life of a key is that of the samples, not of the connection: its answer is remembered when the sink confirms
// them, also if the client was told `ack_timeout` or has gone by then. What is in progress is never evicted, because
// its samples may still be stored. What is answered is evicted oldest first when there is no room.
//
// Bounded: keys_count_max answered or in progress, in memory that is reserved at construction and touched as it is
// used. Allocates nothing afterwards. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "engine/core/ack.hpp"
#include "engine/core/lazy_array.hpp"
#include "engine/core/limits.hpp"
#include "engine/idempotency/fingerprint.hpp"

namespace sluice {

struct IdempotencySettings {
    std::uint64_t keys_count_max = 0;  // at least 1
    std::uint64_t window_ns = 0;
    std::uint64_t seed = 0;  // one that clients do not know
};

// What is needed to give the answer again. The list of refused records follows from the body, which is the same.
struct IdempotentAnswer {
    AckLevel ack{};
    bool is_single = false;
    std::uint32_t accepted = 0;
    std::uint32_t rejected = 0;
    friend bool operator==(const IdempotentAnswer&, const IdempotentAnswer&) = default;
};

class IdempotencyTable {
  public:
    enum class Claimed : std::uint8_t {
        fresh,  // the key is the caller's, who must settle() or forget() the entry
        replay,  // answer again
        in_progress,  // the first request's samples are still on their way
        mismatch,  // the key belongs to another request
        full,  // everything is in progress
    };
    struct Claim {
        Claimed claimed;
        std::uint32_t entry = 0;  // fresh
        IdempotentAnswer answer{};  // replay
    };
    struct Figures {
        std::uint64_t keys = 0;  // answered or in progress
        std::uint64_t in_progress = 0;
        std::uint64_t replayed = 0;
        std::uint64_t conflicts = 0;  // found in progress
        std::uint64_t mismatches = 0;
        std::uint64_t evicted_early = 0;  // answers forgotten before their window was over
        std::uint64_t refused_full = 0;
        std::uint64_t released_partly =
            0;  // keys forgotten although some samples were stored, since others were refused
    };

    explicit IdempotencyTable(const IdempotencySettings& settings);
    ~IdempotencyTable();

    [[nodiscard]] std::uint64_t seed() const { return settings_.seed; }

    // `key` has 1 to limits::scoped_idempotency_key_bytes_max bytes; times are monotonic.
    [[nodiscard]] Claim claim(std::string_view key, const Fingerprint& fingerprint, std::uint64_t now_ns);
    // Whether a request with it was answered, or is in progress; maybe longer than its window.
    [[nodiscard]] bool knows(std::string_view key);
    // The entry's fate comes in `parts_count` parts, and this is the answer if all are good. Before the first settle().
    void expect(std::uint32_t entry, const IdempotentAnswer& answer, std::uint32_t parts_count);
    struct Outcome {
        std::uint32_t samples_refused = 0;  // of the part's samples: not stored
        bool lacks_replicas = false;  // stored, but not on the replicas that were asked for
    };
    // A part is decided. What lacks replicas is stored, so a retry is answered so, and not stored again.
    void settle(std::uint32_t entry, const Outcome& outcome, std::uint64_t now_ns);
    // Nothing of the request was accepted: a retry is a first request.
    void forget(std::uint32_t entry);

    [[nodiscard]] Figures figures() const;

  private:
    enum class State : std::uint8_t { free, in_progress, answered };
    using Index = std::uint32_t;  // within a shard, from 1; 0: none. So zeroed memory is an empty table.

    struct Entry {
        Fingerprint fingerprint;
        std::uint64_t answered_ns;
        IdempotentAnswer answer;
        std::uint32_t parts_count;  // not settled yet
        std::uint32_t samples_refused;
        std::uint32_t bucket;
        Index chain;  // next in the bucket; of a free entry, the next free one
        Index older, newer;  // among the answered
        State state;
        std::uint8_t key_bytes;
        std::array<char, limits::scoped_idempotency_key_bytes_max> key;
    };

    class Shard;

    struct Place {
        Shard& shard;
        Index index;
    };
    [[nodiscard]] Place place_of(std::uint32_t entry);

    const IdempotencySettings settings_;
    std::vector<std::unique_ptr<Shard>> shards_;  // a power of two
    std::uint32_t shard_keys_count_max_;
};

}  // namespace sluice
