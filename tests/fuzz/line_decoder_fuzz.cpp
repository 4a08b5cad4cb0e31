// Fuzzes LineDecoder. The first byte of the input chooses the precision, the second the byte behind the body, the rest
// is the body. The canonical record of each line that is taken must be JSON that JsonDecoder reads as the same sample,
// the sample, written as a line again, must be read as that sample, and a body must be read to its end in a bounded
// number of steps.
#include <nlohmann/json.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "parsers/influx/line_decoder.hpp"
#include "tests/support/canonical_check.hpp"
#include "tests/support/exact_body.hpp"

namespace {

using namespace sluice;
using parsers::Precision;
using parsers::Step;
using tests::demand;

constexpr std::int64_t arrival_ns = 1'700'000'123'456'789'012;

std::string escaped(std::string_view text, std::string_view special) {
    std::string out;
    for (const char c : text) {
        if (special.contains(c)) out += '\\';
        out += c;
    }
    return out;
}

std::string in_quotes(std::string_view text) { return '"' + escaped(text, "\"\\") + '"'; }

std::string number(std::string_view json) {
    if (json.find_first_of(".eE") != std::string_view::npos) return std::string(json);
    const bool is_long = !json.starts_with('-') && std::stoull(std::string(json)) > INT64_MAX;
    return std::string(json) + (is_long ? 'u' : 'i');
}

// Members of a JSON object without others in it as `name=value`, with commas between them: tags, whose texts have no
// quotes, or fields. A number keeps its text.
class MemberWriter final : public nlohmann::json_sax<nlohmann::json> {
  public:
    explicit MemberWriter(bool is_tags) : is_tags_(is_tags) {}

    bool key(std::string& name) override {
        text += (text.empty() ? "" : ",") + escaped(name, ",= ") + '=';
        return true;
    }
    bool string(std::string& value) override { return add(is_tags_ ? escaped(value, ",= ") : in_quotes(value)); }
    bool boolean(bool value) override { return add(value ? "true" : "false"); }
    bool number_integer(std::int64_t value) override { return add(number(std::to_string(value))); }
    bool number_unsigned(std::uint64_t value) override { return add(number(std::to_string(value))); }
    bool number_float(double, const std::string& value) override { return add(number(value)); }
    bool start_object(std::size_t) override { return true; }
    bool end_object() override { return true; }
    bool null() override { return false; }
    bool binary(nlohmann::json::binary_t&) override { return false; }
    bool start_array(std::size_t) override { return false; }
    bool end_array() override { return false; }
    bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override { return false; }

    std::string text;

  private:
    bool add(const std::string& value) {
        text += value;
        return true;
    }
    bool is_tags_;
};

std::string members_of(std::string_view object, bool is_tags) {
    MemberWriter writer(is_tags);
    demand(nlohmann::json::sax_parse(object, &writer), "an object of texts, numbers and booleans", object);
    return writer.text;
}

std::string field_of(const Sample& sample) {
    switch (sample.value_kind) {
        case ValueKind::none: return members_of(sample.values, false);
        case ValueKind::number: return "value=" + number(sample.value);
        case ValueKind::boolean: return "value=" + std::string(sample.value);
        case ValueKind::string: return "value=" + in_quotes(sample.value);
    }
    return {};
}

// A sample written as a line is read as that sample.
void check_line(const Sample& sample) {
    static parsers::LineDecoder decoder;
    const tests::OwnedSample expected = tests::owned(sample);
    std::string line = escaped(sample.type, ", ");
    if (!sample.metadata.empty()) line += ',' + members_of(sample.metadata, true);
    line += ' ' + field_of(sample) + ' ' + std::to_string(sample.timestamp_ns);
    if (line.size() > limits::sample_bytes_max) return;
    const tests::ExactBody body(line, 'x');
    decoder.start(body.view, 0, {Precision::ns, 1});
    demand(decoder.next() == Step::sample, "a sample as a line is read", line);
    demand(tests::is_same_sample(tests::owned(decoder.sample()), expected), "a sample as a line is that sample", line);
    demand(decoder.next() == Step::end, "a sample is one line", line);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    constexpr std::array precisions{Precision::ns, Precision::us, Precision::ms,
                                    Precision::s,  Precision::m,  Precision::h};
    const tests::ExactBody body({reinterpret_cast<const char*>(data) + 2, size - 2}, static_cast<char>(data[1]));
    static parsers::LineDecoder decoder;
    decoder.start(body.view, 0, {precisions[data[0] % precisions.size()], arrival_ns});
    std::size_t steps_count = 0;
    for (Step step{}; step != Step::end; ++steps_count) {
        demand(steps_count <= body.view.size() + 2, "each step goes on", body.view);
        step = decoder.next();
        demand(step != Step::body_refused, "a line is refused, never the body", body.view);
        demand(decoder.offset() <= body.view.size(), "the offset is in the body", body.view);
        if (step != Step::sample) continue;
        tests::check_canonical(decoder.sample());
        check_line(decoder.sample());
    }
    return 0;
}
