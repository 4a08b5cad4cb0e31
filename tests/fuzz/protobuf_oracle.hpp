// libprotobuf as an oracle for fuzz targets of decoders of Protocol Buffers.
//
// Where it says that bytes are no message, the decoder must refuse them; where it reads them, the decoder must find the
// same records. The decoders differ from it on purpose in what form_of() calls unusual. Also:
//
// - A record is refused, and not its body, for a text that is not UTF-8 and for a list that is cut off.
// - What follows a fault in a record, in a resource or in the labels of a series is not read: a fault of the form there
//   refuses the records instead of the body, and nothing if there are none.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/unknown_field_set.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/decoding.hpp"

namespace sluice::tests {

// A member of JSON keeps its place.
using Json = nlohmann::ordered_json;

// What a message is for the decoder: between the body and its records, at or below a record, or a thing beside records
// that it need not read to its end.
enum class Part { frame, record, aside };

struct Form {
    bool has_whole_frame = true;  // each frame can be cut into fields
    // No group; no singular message and no oneof twice (a decoder takes the last one, libprotobuf merges them) and no
    // text (libprotobuf looks at each, if it is of type `string`); no number of 32 bits that has more (libprotobuf cuts
    // it off); no more than 100 levels.
    bool is_usual = true;
    bool has_aside = false;
    bool has_broken_aside = false;  // one of them, or what it holds, cannot be cut into fields
    // One is not UTF-8, which is a fault of a record. What follows it is not read, and there may be no record.
    bool has_foreign_text = false;
};

// `part_of` is asked with the name of a message, without its package.
[[nodiscard]] Form form_of(const google::protobuf::Descriptor& shape, const std::string& bytes,
                           Part (*part_of)(std::string_view));

// The fields of a message; null: they cannot be told apart.
[[nodiscard]] std::unique_ptr<google::protobuf::UnknownFieldSet> fields_of(const std::string& bytes);

// Of longer bodies the records are counted, and not compared: their lengths may decide then.
inline constexpr std::size_t compared_bytes_max = limits::sample_bytes_max / 4;

// Nothing: libprotobuf does not read it.
template <typename Tree>
[[nodiscard]] std::optional<Tree> tree_of(std::string_view bytes) {
    Tree tree;
    if (!tree.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
    return tree;
}

// As the decoders write it: a number, or a string if JSON has no such number.
[[nodiscard]] Json json_of(double value);

// `expected`: the canonical records that the body has, also those that may be refused; null: not compared. Nor is the
// member `ignored` of a record.
void demand_records(const Decoded& decoded, const std::vector<Json>& expected, std::string_view ignored,
                    std::string_view body);

// The same samples, and the same refusals of the same records.
void demand_same_outcome(const Decoded& one, const Decoded& other, const char* what, std::string_view body);

}  // namespace sluice::tests
