// Outbox: letters of one reactor on their way to the thread that writes them: a ring of fixed size, without a lock.
//
// Tenants share it: one may hold no more than is free. So a tenant alone has half of it, k tenants that send as much as
// they can have 1/(k + 1) each, and there is always room for another one (Choudhury and Hahne, "Dynamic queue length
// thresholds for shared-memory packet switches", 1998).
// Rejected: a fixed part for each tenant. Of 1,024 parts each would be one letter.
//
// offer() is the reactor's; front() and pop() are the writer's.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>
#include <utility>

#include "engine/core/cache_line.hpp"
#include "engine/core/ingest_format.hpp"
#include "engine/core/lazy_array.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/refusal.hpp"
#include "engine/tenants/tenant_table.hpp"
#include "engine/tenants/tenants_figures.hpp"

namespace sluice::dead_letters {

// A record that was refused. Borrowed for a call.
struct Letter {
    std::string_view stream;  // without stream_suffix
    std::string_view tenant;
    tenants::TenantNumber tenant_number = 0;  // whose room it takes
    std::string_view device_id;  // empty: not known
    std::string_view precision;  // of ?precision=, by its name; empty: the format's own
    std::string_view path;  // that it was sent to, with the parameters that change what is stored
    std::string_view raw;  // as it came; empty: not known
    Refusal reason;
    IngestFormat format;
    std::int64_t received_ns;  // since 1970
    std::uint64_t offset;  // in its body
};

class Outbox {
  public:
    // `is_kept`: somebody takes letters; else they are only counted, as dropped. `figures` outlives it.
    Outbox(bool is_kept, tenants::TenantsFigures& figures) : figures_(figures), is_kept_(is_kept) {}

    static constexpr std::size_t letters_count_max = 1024;

    // A letter as it waits. Valid as zeroed memory.
    class Slot {
      public:
        void keep(const Letter& letter) {
            const auto text = [this](std::uint16_t& bytes, std::string_view from, std::size_t bytes_max) {
                bytes = static_cast<std::uint16_t>(from.copy(text_.data() + text_bytes_, bytes_max));
                text_bytes_ += bytes;
            };
            text_bytes_ = 0;
            text(stream_bytes_, letter.stream, limits::stream_key_bytes_max);
            text(tenant_bytes_, letter.tenant, limits::tenant_name_bytes_max);
            text(device_id_bytes_, letter.device_id, limits::device_id_bytes_max);
            text(precision_bytes_, letter.precision, precision_bytes_max);
            text(path_bytes_, letter.path, path_bytes_max);
            text(raw_bytes_, letter.raw, limits::dead_letter_raw_bytes_max);
            whole_bytes_ = letter.raw.size();
            tenant_number_ = letter.tenant_number;
            reason_ = letter.reason;
            format_ = letter.format;
            received_ns_ = letter.received_ns;
            offset_ = letter.offset;
        }
        // `raw` is what was kept of it. Valid until pop().
        [[nodiscard]] Letter letter() const {
            std::size_t at = 0;
            const auto text = [this, &at](std::size_t bytes) {
                return std::string_view(text_.data() + std::exchange(at, at + bytes), bytes);
            };
            const std::string_view stream = text(stream_bytes_), tenant = text(tenant_bytes_);
            const std::string_view device_id = text(device_id_bytes_), precision = text(precision_bytes_);
            const std::string_view path = text(path_bytes_), raw = text(raw_bytes_);
            return {stream, tenant,  tenant_number_, device_id,    precision, path,
                    raw,    reason_, format_,        received_ns_, offset_};
        }
        [[nodiscard]] tenants::TenantNumber tenant_number() const { return tenant_number_; }
        [[nodiscard]] std::uint64_t whole_bytes() const { return whole_bytes_; }  // of raw, before it was cut

      private:
        static constexpr std::size_t precision_bytes_max = 16;
        // Two values of 128 bytes, as triplets, with their names.
        static constexpr std::size_t path_bytes_max = limits::kib;

        std::array<char, limits::stream_key_bytes_max + limits::tenant_name_bytes_max + limits::device_id_bytes_max +
                             precision_bytes_max + path_bytes_max + limits::dead_letter_raw_bytes_max>
            text_;
        std::size_t text_bytes_;
        std::uint16_t stream_bytes_, tenant_bytes_, device_id_bytes_, precision_bytes_, path_bytes_, raw_bytes_;
        tenants::TenantNumber tenant_number_;
        Refusal reason_;
        IngestFormat format_;
        std::int64_t received_ns_;
        std::uint64_t offset_;
        std::uint64_t whole_bytes_;
    };

    void offer(const Letter& letter) {
        const std::uint64_t end = end_.load(std::memory_order_relaxed);
        const std::uint64_t free_count = letters_count_max - (end - begin_.load(std::memory_order_acquire));
        auto& held_count = held_counts_[letter.tenant_number];
        if (!is_kept_ || held_count.load(std::memory_order_relaxed) >= free_count) {
            figures_.dead_letters_dropped.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        held_count.fetch_add(1, std::memory_order_relaxed);
        slots_[end % letters_count_max].keep(letter);
        end_.store(end + 1, std::memory_order_release);
    }

    // The oldest letter; null: there is none.
    [[nodiscard]] const Slot* front() const {
        const std::uint64_t begin = begin_.load(std::memory_order_relaxed);
        return begin == end_.load(std::memory_order_acquire) ? nullptr : &slots_[begin % letters_count_max];
    }
    void pop() {
        const std::uint64_t begin = begin_.load(std::memory_order_relaxed);
        held_counts_[slots_[begin % letters_count_max].tenant_number()].fetch_sub(1, std::memory_order_relaxed);
        begin_.store(begin + 1, std::memory_order_release);
    }

  private:
    // offer() stores end_, release, pairs with front(); pop() stores begin_, release, pairs with offer().
    alignas(cache_line_bytes) std::atomic<std::uint64_t> end_{0};
    tenants::TenantsFigures& figures_;
    LazyArray<Slot> slots_{letters_count_max};
    const bool is_kept_;
    // By the number of the tenant: its letters between begin_ and end_, whose stores order them.
    std::array<std::atomic<std::uint16_t>, limits::tenants_count_max> held_counts_{};
    alignas(cache_line_bytes) std::atomic<std::uint64_t> begin_{0};
};

}  // namespace sluice::dead_letters
