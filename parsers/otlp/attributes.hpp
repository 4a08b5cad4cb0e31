// Attributes of OpenTelemetry (KeyValue, AnyValue of opentelemetry/proto/common/v1/common.proto), written as members of
// a JSON object, and the device that they name. Values. The thread of their decoder.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/core/limits.hpp"
#include "engine/core/refusal.hpp"
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

// Which attribute names the device, the best one first.
inline constexpr std::array<std::string_view, 6> device_attributes{"device.id", "device_id",           "host.id",
                                                                   "host.name", "service.instance.id", "service.name"};

// The values of those attributes that were met; a view is empty where one was not, or is no string.
struct DeviceNames {
    std::array<std::string_view, device_attributes.size()> values;
};

// Attributes that come one at a time, as an object. A refusal says why they cannot be written; malformed messages are
// Refusal::invalid_protobuf.
class AttributeObject {
  public:
    explicit AttributeObject(JsonWriter& out) : out_(out) {}

    // Begins a new object, in `out` that was cleared.
    void clear() { keys_.clear(); }

    // `key_value`: the message.
    [[nodiscard]] std::optional<Refusal> add(std::string_view key_value, DeviceNames& devices);
    // Closes the object; nothing is written if no attribute came.
    void close();
    [[nodiscard]] bool is_empty() const { return keys_.is_empty(); }

  private:
    JsonWriter& out_;
    KeyList keys_;
};

}  // namespace sluice::parsers::otlp
