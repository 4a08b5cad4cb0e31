// Attributes of OpenTelemetry (KeyValue, AnyValue of opentelemetry/proto/common/v1/common.proto), written as members of
// a JSON object, and the device that they name. Values. The thread of their decoder.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/core/limits.hpp"
#include "engine/core/refusal.hpp"
#include "engine/core/sample_mapping.hpp"
#include "parsers/json_writer.hpp"

namespace sluice::parsers::otlp {

// The names of one object's members, to find one that occurs twice.
class KeyList {
  public:
    // Why the object cannot be: it has too many members, or this one twice.
    [[nodiscard]] std::optional<Refusal> add(std::string_view name);
    [[nodiscard]] bool is_empty() const { return keys_count_ == 0; }
    void clear() { keys_count_ = 0; }

  private:
    std::array<std::string_view, limits::members_count_max> keys_;
    std::size_t keys_count_ = 0;
};

// The values of the attributes that may name the device, the best one first; a view is empty where one was not met, or
// is no string.
struct DeviceNames {
    std::array<std::string_view, SampleMapping::names_count_max> values;
};

// Attributes that come one at a time, as an object. A refusal says why they cannot be written; malformed messages are
// Refusal::invalid_protobuf.
class AttributeObject {
  public:
    AttributeObject(JsonWriter& out, std::span<const std::string> device_attributes);

    // Begins a new object, in `out` that was cleared.
    void clear() { keys_.clear(); }

    // `key_value`: the message.
    [[nodiscard]] std::optional<Refusal> add(std::string_view key_value, DeviceNames& devices);
    // Closes the object; nothing is written if no attribute came.
    void close();
    [[nodiscard]] bool is_empty() const { return keys_.is_empty(); }

  private:
    void keep_device(std::string_view key, std::string_view value, DeviceNames& devices) const;

    JsonWriter& out_;
    std::span<const std::string> device_attributes_;  // at most SampleMapping::names_count_max
    std::uint64_t device_sizes_mask_ = 0;  // of their names, modulo 64: most keys have another
    KeyList keys_;
};

}  // namespace sluice::parsers::otlp
