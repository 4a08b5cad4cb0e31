// ValueListReader: the JSON text of one value list of collectd in, its members out. As the plugin write_http writes
// them with Format "JSON" (collectd.conf(5)):
//
//   {"values":[1,null],"dstypes":["derive","derive"],"dsnames":["read","write"],"time":1700000000.125,
//    "interval":10.000,"host":"h","plugin":"disk","plugin_instance":"sda","type":"disk_ops","type_instance":""}
//
// Members may come in any order. Others, such as meta, are checked to be JSON and passed over. Allocates nothing after
// construction. The thread of its decoder.
#pragma once

#include <simdjson.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "engine/core/limits.hpp"
#include "engine/core/refusal.hpp"

namespace sluice::parsers::collectd {

// Views point into the text, or into the reader's memory. They live until the next read().
struct ValueList {
    std::string_view host, plugin, plugin_instance, type, type_instance;  // empty if absent
    std::string_view time, interval;  // JSON numbers in range; empty if absent
    std::span<const std::string_view> values;  // JSON numbers in range, or "null"; at least one
    std::span<const std::string_view> names;   // one for each value; unescaped
    std::span<const std::string_view> types;   // one for each value, or none; unescaped
};

class ValueListReader {
  public:
    ValueListReader();
    ~ValueListReader();
    ValueListReader(const ValueListReader&) = delete;
    ValueListReader& operator=(const ValueListReader&) = delete;

    // `text` has at most limits::sample_bytes_max bytes and limits::body_padding_bytes readable behind it; it is
    // borrowed until the next read(). The reason if it is no value list.
    [[nodiscard]] std::optional<Refusal> read(std::string_view text);
    [[nodiscard]] const ValueList& list() const { return list_; }

  private:
    using Fault = std::optional<Refusal>;
    using Texts = std::array<std::string_view, limits::values_count_max>;

    [[nodiscard]] Fault take_member(std::string_view name, simdjson::ondemand::value& value);
    [[nodiscard]] bool is_first(std::size_t member_index);
    [[nodiscard]] Fault take_values(simdjson::ondemand::value& value);
    [[nodiscard]] static Fault take_texts(simdjson::ondemand::value& value, Texts& texts,
                                          std::span<const std::string_view>& taken);
    [[nodiscard]] Fault fault_of_whole() const;

    // Never grows. Behind a pointer: simdjson's parser has another size in sources that are not optimized.
    const std::unique_ptr<simdjson::ondemand::parser> parser_;
    ValueList list_;
    std::uint32_t seen_bits_ = 0;  // a bit for each member that collectd writes
    Texts values_, names_, types_;
};

}  // namespace sluice::parsers::collectd
