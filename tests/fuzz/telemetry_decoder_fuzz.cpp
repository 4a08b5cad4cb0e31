// Fuzzes TelemetryDecoder. The first byte of the input chooses the message, the second is the byte behind the body, the
// rest is the body. The canonical record of each sample must be JSON that JsonDecoder reads as the same sample, and a
// body must be read to its end in a bounded number of steps.
//
// A sample that libprotobuf does not read must be refused, and every other one must be what libprotobuf reads. Its
// message, written again, must be taken or refused in the same way.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/unknown_field_set.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parsers/telemetry/telemetry_decoder.hpp"
#include "telemetry.pb.h"
#include "tests/fuzz/protobuf_oracle.hpp"
#include "tests/support/canonical_check.hpp"
#include "tests/support/exact_body.hpp"

namespace {

using namespace sluice;
using google::protobuf::UnknownField;
using parsers::TelemetryMessage;
using tests::Decoded;
using tests::demand;
using tests::Json;

constexpr std::int64_t arrival_ns = 1'700'000'123'456'789'012;

Decoded decode(std::string_view bytes, char padding, TelemetryMessage kind) {
    static parsers::TelemetryDecoder decoder;
    const tests::ExactBody body(bytes, padding);
    return tests::decode_checked(decoder, body.view, static_cast<parsers::Dialect>(kind),
                                 {parsers::Precision::ns, arrival_ns}, bytes.size() + 3, bytes.size());
}

// --- the samples of a body -----------------------------------------------------------------------------------------

struct Samples {
    std::vector<std::string> messages;
    bool is_whole = true;
    bool has_group = false;
    std::string device_id;  // of samples without one
    std::uint64_t base_ns = 0;
};

Samples samples_of_batch(const std::string& body) {
    Samples samples;
    const auto fields = tests::fields_of(body);
    samples.is_whole = fields != nullptr;
    for (int i = 0; samples.is_whole && i < fields->field_count(); ++i) {
        const UnknownField& field = fields->field(i);
        const bool is_text = field.type() == UnknownField::TYPE_LENGTH_DELIMITED;
        samples.has_group = samples.has_group || field.type() == UnknownField::TYPE_GROUP;
        if (field.number() == 1 && is_text) samples.messages.push_back(field.length_delimited());
        if (field.number() == 2 && is_text) samples.device_id = field.length_delimited();
        if (field.number() == 3 && field.type() == UnknownField::TYPE_FIXED64) samples.base_ns = field.fixed64();
    }
    return samples;
}

Samples samples_of_stream(const std::string& body) {
    constexpr int length_bytes_max = 5;  // as libprotobuf reads lengths in a message
    Samples samples;
    const auto size = static_cast<int>(body.size());
    google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(body.data()), size);
    while (samples.is_whole && stream.CurrentPosition() < size) {
        const int begin = stream.CurrentPosition();
        std::uint64_t length = 0;
        std::string message;
        samples.is_whole = stream.ReadVarint64(&length) && stream.CurrentPosition() - begin <= length_bytes_max &&
                           length <= static_cast<std::uint64_t>(size - stream.CurrentPosition()) &&
                           stream.ReadString(&message, static_cast<int>(length));
        if (samples.is_whole) samples.messages.push_back(std::move(message));
    }
    return samples;
}

Samples samples_of(const std::string& body, TelemetryMessage kind) {
    if (kind == TelemetryMessage::batch) return samples_of_batch(body);
    if (kind == TelemetryMessage::delimited) return samples_of_stream(body);
    return {.messages = {body}, .device_id = {}};
}

// --- the record of a sample ----------------------------------------------------------------------------------------

Json json_of(const v1::Value& value) {
    switch (value.kind_case()) {
        case v1::Value::kNumber: return tests::json_of(value.number());
        case v1::Value::kInteger: return value.integer();
        case v1::Value::kNatural: return value.natural();
        case v1::Value::kFlag: return value.flag();
        case v1::Value::kText: return value.text();
        case v1::Value::KIND_NOT_SET: break;
    }
    return nullptr;
}

Json object_of(const google::protobuf::RepeatedPtrField<v1::Field>& fields) {
    Json object = Json::object();
    for (const v1::Field& field : fields) object[field.name()] = json_of(field.value());
    return object;
}

std::int64_t time_of(const v1::TelemetrySample& sample, std::uint64_t base_ns) {
    if (sample.timestamp_ns() != 0) return static_cast<std::int64_t>(sample.timestamp_ns());
    if (base_ns == 0) return arrival_ns;
    return static_cast<std::int64_t>(base_ns + static_cast<std::uint64_t>(sample.delta_ns()));
}

Json record_of(const v1::TelemetrySample& sample, const Samples& around) {
    Json record;
    record["device_id"] = sample.device_id().empty() ? around.device_id : sample.device_id();
    if (!sample.type().empty()) record["type"] = sample.type();
    if (sample.has_value()) record["value"] = json_of(sample.value());
    else record["values"] = object_of(sample.values());
    if (!sample.unit().empty()) record["unit"] = sample.unit();
    record["timestamp"] = time_of(sample, around.base_ns);
    if (sample.metadata_size() != 0) record["metadata"] = object_of(sample.metadata());
    if (Json metadata = Json::parse(sample.metadata_json(), nullptr, false); !metadata.is_discarded())
        record["metadata"] = std::move(metadata);
    if (sample.priority() != v1::PRIORITY_UNSPECIFIED) record["priority"] = v1::Priority_Name(sample.priority());
    for (const v1::Field& other : sample.others()) record[other.name()] = json_of(other.value());
    return record;
}

// --- what must hold ------------------------------------------------------------------------------------------------

const tests::RefusedRecord* refused_at(const Decoded& decoded, std::size_t index) {
    for (const tests::RefusedRecord& one : decoded.refused)
        if (one.index == index) return &one;
    return nullptr;
}

// The record that it must be, if it is taken; null: libprotobuf does not tell.
Json check_sample(const std::string& message, const tests::RefusedRecord* refused, const Samples& around) {
    const tests::Form form = tests::form_of(*v1::TelemetrySample::descriptor(), message,
                                            [](std::string_view) { return tests::Part::record; });
    if (!form.is_usual || message.size() > tests::compared_bytes_max) return nullptr;
    auto tree = tests::tree_of<v1::TelemetrySample>(message);
    if (!tree) {
        demand(refused != nullptr, "what libprotobuf refuses is refused", message);
        return nullptr;
    }
    demand(refused == nullptr || refused->refusal != Refusal::malformed_message, "what libprotobuf reads is read",
           message);
    tree->DiscardUnknownFields();
    const Decoded one = decode(message, ' ', TelemetryMessage::sample);
    const Decoded again = decode(tree->SerializeAsString(), ' ', TelemetryMessage::sample);
    demand(one.refused.empty() == again.refused.empty(), "the same as libprotobuf writes it", message);
    tests::demand_records(again, {record_of(*tree, {.messages = {}, .device_id = {}})}, {}, message);
    return record_of(*tree, around);
}

void check(std::string_view body, char padding, TelemetryMessage kind) {
    const Decoded decoded = decode(body, padding, kind);
    const Samples samples = samples_of(std::string(body), kind);
    demand(samples.is_whole || decoded.body_refused, "a body that cannot be cut into samples is refused", body);
    if (samples.has_group || (kind == TelemetryMessage::batch && !samples.is_whole)) return;
    demand(decoded.body_refused == !samples.is_whole, "what libprotobuf reads is read", body);
    std::vector<Json> records;
    for (const std::string& message : samples.messages)
        records.push_back(check_sample(message, refused_at(decoded, records.size()), samples));
    tests::demand_records(decoded, records, {}, body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    constexpr std::array kinds{TelemetryMessage::batch, TelemetryMessage::sample, TelemetryMessage::delimited};
    check({reinterpret_cast<const char*>(data) + 2, size - 2}, static_cast<char>(data[1]),
          kinds[data[0] % kinds.size()]);
    return 0;
}
