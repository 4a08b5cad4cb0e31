// KeptParameters: parameters of a query that become members of each sample of the request (`db` and `rp` of a client of
// InfluxDB). Copies, because the request's head is gone when a long body is read. The reactor's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "engine/core/sample.hpp"

namespace sluice {

// Valid as zeroed memory; clear() makes it whole.
class KeptParameters {
  public:
    static constexpr std::size_t count_max = 2;
    static constexpr std::size_t value_bytes_max = 128;
    using Members = std::array<Member, count_max>;

    void clear() { count_ = 0; }
    // `name` is static. The last value of a name counts, and an empty one is none. False: it is too long, or text that
    // a member cannot have.
    [[nodiscard]] bool keep(std::string_view name, std::string_view percent_encoded_value);
    void assign(const KeptParameters& other) {
        if (other.count_ != 0) std::memcpy(static_cast<void*>(this), &other, sizeof other);
        else clear();
    }
    // Views of `this`, laid down in `members`.
    [[nodiscard]] std::span<const Member> in(Members& members) const;

  private:
    struct Value {
        std::string_view name;
        std::uint8_t bytes;
        std::array<char, value_bytes_max> text;
    };

    std::array<Value, count_max> values_;
    std::uint8_t count_;
};

}  // namespace sluice
