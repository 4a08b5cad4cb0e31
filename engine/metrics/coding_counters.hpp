// What a reactor counts about compressed bodies, by their coding. The reactor's thread; others read copies.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/core/content_coding.hpp"

namespace sluice {

// Indexed by ContentCoding; identity stays 0.
struct CodingCounters {
    using ByCoding = std::array<std::uint64_t, content_codings_count>;
    ByCoding bodies{};      // whose text was read to its end
    ByCoding body_bytes{};  // of these, as they came
    ByCoding text_bytes{};  // of these, decompressed
    ByCoding ns{};          // that decompressing took, refused bodies included

    void took(ContentCoding coding, std::uint64_t duration_ns) { ns[index(coding)] += duration_ns; }
    void read(ContentCoding coding, std::size_t bytes, std::size_t text) {
        ++bodies[index(coding)];
        body_bytes[index(coding)] += bytes;
        text_bytes[index(coding)] += text;
    }

  private:
    [[nodiscard]] static std::size_t index(ContentCoding coding) { return static_cast<std::size_t>(coding); }
};

}  // namespace sluice
