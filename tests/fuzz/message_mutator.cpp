// How libFuzzer changes an input of the targets whose bodies are messages (two bytes, then the body): half of the time
// it changes a field somewhere within the message, and the lengths around it are mended, so that the way to it stays
// open. Bodies that are no message are changed as libFuzzer does it.
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

namespace {

using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

constexpr std::size_t head_bytes = 2;
constexpr int levels_max = 32;

class Mutator {
  public:
    explicit Mutator(unsigned seed) : random_(seed) {}

    // `room_bytes`: by so much it may grow.
    void change_message(std::string& message, std::size_t room_bytes, int level = 0) {
        UnknownFieldSet fields;
        if (level == levels_max || !fields.ParseFromString(message) || fields.empty())
            return change_bytes(message, room_bytes);
        const int at = below(fields.field_count());
        switch (below(8)) {
            case 0: fields.DeleteSubrange(at, 1); break;
            case 1: add(fields, at, room_bytes); break;
            case 2: return change_bytes(message, room_bytes);
            default: change_field(*fields.mutable_field(at), room_bytes, level);
        }
        message.clear();
        fields.SerializeToString(&message);
    }
    [[nodiscard]] int below(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }

  private:
    // A copy of one behind the others, with its number or another one.
    void add(UnknownFieldSet& fields, int at, std::size_t room_bytes) {
        const UnknownField& field = fields.field(at);
        constexpr int numbers_count = 18;
        const int number = below(2) == 0 ? field.number() : 1 + below(numbers_count);
        switch (field.type()) {
            case UnknownField::TYPE_VARINT: return fields.AddVarint(number, field.varint());
            case UnknownField::TYPE_FIXED32: return fields.AddFixed32(number, field.fixed32());
            case UnknownField::TYPE_FIXED64: return fields.AddFixed64(number, field.fixed64());
            case UnknownField::TYPE_LENGTH_DELIMITED:
                if (field.length_delimited().size() + 16 < room_bytes)
                    fields.AddLengthDelimited(number, field.length_delimited());
                return;
            case UnknownField::TYPE_GROUP: return;
        }
    }

    void change_field(UnknownField& field, std::size_t room_bytes, int level) {
        switch (field.type()) {
            case UnknownField::TYPE_VARINT: return field.set_varint(changed(field.varint()));
            case UnknownField::TYPE_FIXED32: return field.set_fixed32(changed(field.fixed32()));
            case UnknownField::TYPE_FIXED64: return field.set_fixed64(changed(field.fixed64()));
            case UnknownField::TYPE_LENGTH_DELIMITED:
                return change_message(*field.mutable_length_delimited(), room_bytes, level + 1);
            case UnknownField::TYPE_GROUP: return;
        }
    }

    template <typename Number>
    Number changed(Number number) {
        std::uint8_t bytes[sizeof number];
        std::memcpy(bytes, &number, sizeof number);
        const std::size_t left = LLVMFuzzerMutate(bytes, sizeof bytes, sizeof bytes);
        std::fill(bytes + std::min(left, sizeof bytes), bytes + sizeof bytes, std::uint8_t{0});
        std::memcpy(&number, bytes, sizeof number);
        return number;
    }

    static void change_bytes(std::string& text, std::size_t room_bytes) {
        const std::size_t size = text.size();
        const std::size_t size_max = std::max<std::size_t>(size + room_bytes, 1);
        text.resize(size_max);
        text.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(text.data()), size, size_max));
    }

    std::minstd_rand random_;
};

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t size_max,
                                               unsigned seed) {
    Mutator mutator(seed);
    if (size <= head_bytes || mutator.below(2) == 0) return LLVMFuzzerMutate(data, size, size_max);
    std::string body(reinterpret_cast<const char*>(data) + head_bytes, size - head_bytes);
    constexpr std::size_t growth_bytes_max = 256;
    mutator.change_message(body, std::min(size_max - size, growth_bytes_max));
    if (body.size() + head_bytes > size_max) return LLVMFuzzerMutate(data, size, size_max);
    std::memcpy(data + head_bytes, body.data(), body.size());
    return head_bytes + body.size();
}
