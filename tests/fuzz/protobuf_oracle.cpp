#include "tests/fuzz/protobuf_oracle.hpp"

#include <google/protobuf/empty.pb.h>
#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "parsers/utf8.hpp"
#include "tests/support/canonical_check.hpp"

namespace sluice::tests {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::UnknownField;

// A text that is not UTF-8 is no news.
const bool is_quiet = (google::protobuf::SetLogHandler(nullptr), true);

// As many as libprotobuf reads.
constexpr int levels_max = 100;

bool fits(const FieldDescriptor& field, std::uint64_t value) {
    constexpr std::uint64_t natural_max = std::numeric_limits<std::uint32_t>::max();
    switch (field.type()) {
        case FieldDescriptor::TYPE_UINT32:
        case FieldDescriptor::TYPE_SINT32: return value <= natural_max;
        case FieldDescriptor::TYPE_INT32:
        case FieldDescriptor::TYPE_ENUM: {
            const auto number = static_cast<std::int64_t>(value);
            return number == static_cast<std::int32_t>(number);
        }
        default: return true;
    }
}

bool fit(const FieldDescriptor& field, const std::string& packed) {
    if (!field.is_packable()) return true;
    google::protobuf::io::CodedInputStream list(reinterpret_cast<const std::uint8_t*>(packed.data()),
                                                static_cast<int>(packed.size()));
    std::uint64_t value = 0;
    while (list.ReadVarint64(&value))
        if (!fits(field, value)) return false;
    return true;
}

class Walk {
  public:
    explicit Walk(Part (*part_of)(std::string_view)) : part_of_(part_of) {}

    // `is_beside`: below a thing that stands beside records.
    void enter(const Descriptor& shape, const std::string& bytes, int level, bool is_beside = false) {
        const Part part = part_of_(shape.name());
        is_beside = is_beside || part == Part::aside;
        form.has_aside = form.has_aside || is_beside;
        if (level == levels_max) {
            form.is_usual = false;
            return;
        }
        const auto fields = fields_of(bytes);
        if (!fields) {
            form.has_whole_frame = form.has_whole_frame && part != Part::frame;
            form.has_broken_aside = form.has_broken_aside || is_beside;
            return;
        }
        std::set<int> singular;
        std::set<int> oneofs;
        for (int i = 0; i < fields->field_count(); ++i) {
            const UnknownField& field = fields->field(i);
            form.is_usual = form.is_usual && field.type() != UnknownField::TYPE_GROUP;
            const FieldDescriptor* const known = shape.FindFieldByNumber(field.number());
            if (known == nullptr) continue;
            if (const auto* const oneof = known->real_containing_oneof())
                form.is_usual = oneofs.insert(oneof->index()).second && form.is_usual;
            if (field.type() == UnknownField::TYPE_VARINT)
                form.is_usual = form.is_usual && fits(*known, field.varint());
            if (field.type() != UnknownField::TYPE_LENGTH_DELIMITED) continue;
            form.is_usual = form.is_usual && fit(*known, field.length_delimited());
            const bool is_text = known->type() == FieldDescriptor::TYPE_STRING;
            const bool may_be_text = is_text || known->type() == FieldDescriptor::TYPE_BYTES;
            if (may_be_text && !parsers::is_utf8(field.length_delimited())) form.has_foreign_text = true;
            if (known->message_type() == nullptr && !is_text) continue;
            if (!known->is_repeated()) form.is_usual = singular.insert(known->number()).second && form.is_usual;
            if (!is_text) enter(*known->message_type(), field.length_delimited(), level + 1, is_beside);
        }
    }

    Form form;

  private:
    Part (*part_of_)(std::string_view);
};

}  // namespace

// A message of which all fields are unknown: UnknownFieldSet's own parser takes more than a message may have.
std::unique_ptr<google::protobuf::UnknownFieldSet> fields_of(const std::string& bytes) {
    google::protobuf::Empty message;
    if (!message.ParseFromString(bytes)) return nullptr;
    auto fields = std::make_unique<google::protobuf::UnknownFieldSet>();
    fields->Swap(message.GetReflection()->MutableUnknownFields(&message));
    return fields;
}

Form form_of(const Descriptor& shape, const std::string& bytes, Part (*part_of)(std::string_view)) {
    Walk walk(part_of);
    walk.enter(shape, bytes, 0);
    return walk.form;
}

Json json_of(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
    return value;
}

void demand_records(const Decoded& decoded, const std::vector<Json>& expected, std::string_view ignored,
                    std::string_view body) {
    demand(decoded.samples.size() + decoded.refused.size() == expected.size(), "as many records", body);
    for (const OwnedSample& sample : decoded.samples) {
        demand(sample.index < expected.size(), "a record of the body", body);
        if (expected[sample.index].is_null()) continue;
        Json record = Json::parse(sample.raw, nullptr, false);
        if (record.is_discarded()) continue;  // a number beyond double, which a client wrote as JSON
        if (!ignored.empty()) record.erase(std::string(ignored));
        const std::string is = record.dump();
        const std::string should_be = expected[sample.index].dump();
        if (is != should_be) std::fprintf(stderr, "is        %s\nshould be %s\n", is.c_str(), should_be.c_str());
        demand(is == should_be, "the record that libprotobuf reads", body);
    }
}

void demand_same_outcome(const Decoded& one, const Decoded& other, const char* what, std::string_view body) {
    const auto is_same_refusal = [](const RefusedRecord& a, const RefusedRecord& b) {
        return a.refusal == b.refusal && a.index == b.index;
    };
    const auto is_same = [](const OwnedSample& a, const OwnedSample& b) {
        if (!is_same_sample(a, b)) std::fprintf(stderr, "one   %s\nother %s\n", a.raw.c_str(), b.raw.c_str());
        return is_same_sample(a, b) && a.index == b.index;
    };
    if (one.body_refused != other.body_refused)
        std::fprintf(stderr, "refused: %d, other: %d\n", static_cast<int>(one.body_refusal),
                     static_cast<int>(other.body_refusal));
    demand(one.body_refused == other.body_refused, what, body);
    demand(std::ranges::equal(one.samples, other.samples, is_same), what, body);
    demand(std::ranges::equal(one.refused, other.refused, is_same_refusal), what, body);
}

}  // namespace sluice::tests
