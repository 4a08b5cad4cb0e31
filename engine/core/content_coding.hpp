// Content codings: how the body of a request may be compressed (RFC 9110 section 8.4.1). Any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice {

enum class ContentCoding : std::uint8_t {
    identity,       // none
    gzip,           // RFC 1952
    zstd,           // RFC 8878, window of 8 MiB at most (RFC 9659)
    deflate,        // zlib's format (RFC 1950), or a bare DEFLATE stream (RFC 1951), which many send
    snappy,         // one Snappy block
    snappy_framed,  // Snappy's framing format
};

// Those that the configuration can name, indexed by the value of the enum. snappy_framed comes with snappy.
inline constexpr std::array<std::string_view, 5> content_coding_names{"identity", "gzip", "zstd", "deflate", "snappy"};
inline constexpr std::size_t content_codings_count = content_coding_names.size() + 1;
static_assert(static_cast<std::size_t>(ContentCoding::snappy_framed) == content_codings_count - 1);

[[nodiscard]] constexpr std::string_view name_of(ContentCoding coding) {
    return coding == ContentCoding::snappy_framed ? "snappy_framed"
                                                  : content_coding_names[static_cast<std::size_t>(coding)];
}

[[nodiscard]] constexpr std::optional<ContentCoding> content_coding_of(std::string_view name) {
    const auto* const found = std::ranges::find(content_coding_names, name);
    if (found == content_coding_names.end()) return std::nullopt;
    return static_cast<ContentCoding>(found - content_coding_names.begin());
}

// Which codings are taken. `identity` always is.
class ContentCodings {
  public:
    constexpr void add(ContentCoding coding) {
        bits_ |= bit(coding);
        if (coding == ContentCoding::snappy) bits_ |= bit(ContentCoding::snappy_framed);
    }
    [[nodiscard]] constexpr bool has(ContentCoding coding) const { return (bits_ & bit(coding)) != 0; }
    [[nodiscard]] static constexpr ContentCodings all() {
        ContentCodings codings;
        codings.bits_ = 0xff;
        return codings;
    }

  private:
    [[nodiscard]] static constexpr std::uint8_t bit(ContentCoding coding) {
        return static_cast<std::uint8_t>(1U << static_cast<unsigned>(coding));
    }
    std::uint8_t bits_ = bit(ContentCoding::identity);
};
static_assert(content_codings_count <= 8);

}  // namespace sluice
