#include "parsers/json/json_decoder.hpp"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "engine/core/check.hpp"
#include "engine/core/limits.hpp"
#include "parsers/json/json_record.hpp"
#include "parsers/json/json_text.hpp"

namespace sluice::parsers {
namespace {

static_assert(JsonDecoder::padding_bytes >= simdjson::SIMDJSON_PADDING);

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

// NDJSON is indexed by simdjson a window of whole lines at a time, not a line at a time: the first stage has a
// fixed cost of about 30 ns a call, which would double the cost of a small sample. A window's index (4 bytes
// a byte) stays in the L2 cache.
constexpr std::size_t window_bytes_max = limits::json_window_bytes_max;

// Capacity that a parser starts with: bodies of one sample never make it grow.
constexpr std::size_t body_capacity_bytes_min = 16 * limits::kib;

simdjson::padded_string_view padded(std::string_view text) {
    return simdjson::padded_string_view(text.data(), text.size(), text.size() + JsonDecoder::padding_bytes);
}

}  // namespace

struct JsonDecoder::State {
    enum class Phase : std::uint8_t {
        faulty,    // start() found a fault: next() reports it
        single,    // the body is one JSON value, not read yet
        elements,  // the body is a JSON array
        lines,     // NDJSON
        ended,
    };

    explicit State(std::size_t body_bytes_max_) : body_bytes_max(body_bytes_max_) {
        CHECK(body_parser.allocate(std::min(body_capacity_bytes_min, std::max(body_bytes_max, std::size_t{64}))) ==
              simdjson::SUCCESS);
        CHECK(line_parser.allocate(window_bytes_max) == simdjson::SUCCESS);
#ifdef SIMDJSON_THREADS_ENABLED
        line_parser.threaded = false;
#endif
    }

    void start(std::string_view text, BodyFormat format, const DecodeOptions& options);
    void start_json(std::string_view text);
    Step next_single();
    Step next_element();
    Step end_of_elements();
    Step next_line();

    std::string_view take_line();
    void open_window();
    bool read_line_in_window(std::string_view line, Verdict& verdict);
    Verdict read_line_alone(std::string_view line);
    Verdict read_root(std::string_view text);

    bool reserve(std::size_t bytes);
    Verdict fail(Refusal reason, const char* at);
    Verdict fail_stage_one(simdjson::error_code error, std::string_view text);
    Step finish_element(Verdict verdict);
    Step body_refused();
    [[nodiscard]] std::size_t offset_of(const char* at) const { return static_cast<std::size_t>(at - body.data()); }

    std::size_t body_bytes_max;
    std::string_view body;
    Phase phase = Phase::ended;
    bool is_single = false;
    Refusal refusal = Refusal::invalid_json;
    std::size_t offset = 0;
    std::uint32_t record_count = 0;  // records that next() has reported

    ondemand::parser body_parser;  // JSON bodies; grows to the largest body seen
    ondemand::document document;
    ondemand::array_iterator element, elements_end;

    ondemand::parser line_parser;  // NDJSON; never grows
    ondemand::document_stream window;
    ondemand::document_stream::iterator record;
    const char* window_begin = nullptr;
    const char* window_end = nullptr;
    const char* line_begin = nullptr;
    bool in_window = false;  // lines up to window_end are read from `window`; else each is parsed alone

    RecordReader reader{line_parser};
};

void JsonDecoder::State::start(std::string_view text, BodyFormat format, const DecodeOptions& options) {
    body = text;
    reader.start(text, {options.precision, options.arrival_ns});
    offset = 0;
    record_count = 0;
    is_single = false;
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    if (format == BodyFormat::json) return start_json(text);
    phase = Phase::lines;
    line_begin = window_end = text.data();
    in_window = false;
}

void JsonDecoder::State::start_json(std::string_view text) {
    phase = Phase::faulty;
    const std::string_view trimmed = trim(text);
    is_single = !trimmed.starts_with('[');
    if (trimmed.empty()) {
        fail(Refusal::empty_body, text.data());
        return;
    }
    if (trimmed.starts_with(byte_order_mark)) {  // a second one, which simdjson would drop
        fail(Refusal::invalid_json, trimmed.data());
        return;
    }
    if (!reserve(trimmed.size())) {
        fail(Refusal::overloaded, trimmed.data());
        return;
    }
    if (const auto error = body_parser.iterate(padded(trimmed)).get(document); error != simdjson::SUCCESS) {
        fail_stage_one(error, trimmed);
        return;
    }
    if (is_single) {
        phase = Phase::single;
        return;
    }
    ondemand::array array;
    if (document.get_array().get(array) != simdjson::SUCCESS || array.begin().get(element) != simdjson::SUCCESS ||
        array.end().get(elements_end) != simdjson::SUCCESS) {
        fail(Refusal::invalid_json, trimmed.data());
        return;
    }
    phase = Phase::elements;
}

Step JsonDecoder::State::next_single() {
    phase = Phase::ended;
    const Verdict verdict =
        read_root(trim(body.substr(body.starts_with(byte_order_mark) ? byte_order_mark.size() : 0)));
    if (verdict == Verdict::broken) return body_refused();
    return finish_element(verdict);
}

Step JsonDecoder::State::next_element() {
    if (record_count > 0) ++element;
    if (!(element != elements_end)) return end_of_elements();
    ondemand::value value;
    if ((*element).get(value) != simdjson::SUCCESS) {
        fail(Refusal::invalid_json, record_count > 0 ? reader.end() : body.data());
        return body_refused();
    }
    const Verdict verdict = reader.read(value);
    if (verdict == Verdict::broken) {
        fail(reader.refusal(), reader.fault_at());
        return body_refused();
    }
    return finish_element(verdict);
}

Step JsonDecoder::State::end_of_elements() {
    if (!document.at_end()) {
        fail(Refusal::invalid_json, record_count > 0 ? reader.end() : body.data());
        return body_refused();
    }
    phase = Phase::ended;
    return Step::end;
}

Step JsonDecoder::State::finish_element(Verdict verdict) {
    ++record_count;
    offset = offset_of(reader.begin());
    if (verdict == Verdict::sample) return Step::sample;
    refusal = reader.refusal();
    return Step::record_refused;
}

Step JsonDecoder::State::body_refused() {
    phase = Phase::ended;
    return Step::body_refused;
}

Step JsonDecoder::State::next_line() {
    std::string_view line;
    do {
        if (line_begin == body.data() + body.size()) {
            phase = Phase::ended;
            return Step::end;
        }
        line = trim(take_line());
    } while (line.empty());
    ++record_count;
    Verdict verdict{};
    if (!in_window || !read_line_in_window(line, verdict)) {
        in_window = false;
        verdict = read_line_alone(line);
    }
    if (verdict == Verdict::sample) {
        offset = offset_of(line.data());
        return Step::sample;
    }
    if (verdict == Verdict::refused) fail(reader.refusal(), line.data());
    return Step::record_refused;
}

// The next line without its line feed; opens a new window where the line is not in the current one.
std::string_view JsonDecoder::State::take_line() {
    if (line_begin >= window_end) open_window();
    const char* const begin = line_begin;
    const char* const body_end = body.data() + body.size();
    const auto* feed = static_cast<const char*>(std::memchr(begin, '\n', static_cast<std::size_t>(body_end - begin)));
    const char* const end = feed == nullptr ? body_end : feed;
    line_begin = feed == nullptr ? body_end : feed + 1;
    return {begin, static_cast<std::size_t>(end - begin)};
}

// Indexes as many whole lines as a window takes. The byte behind the indexed text is always a line feed: an
// iteration that runs off a malformed last record meets it and stops. A line that no window can take, and a
// last line without a line feed, are left to be parsed alone.
void JsonDecoder::State::open_window() {
    const std::string_view rest = body.substr(offset_of(line_begin));
    const std::size_t last_feed = rest.substr(0, window_bytes_max).rfind('\n');
    in_window = false;
    window_begin = line_begin;
    window_end = line_begin + (last_feed == std::string_view::npos ? 1 : last_feed + 1);
    if (last_feed == std::string_view::npos || last_feed == 0) return;
    if (line_parser.iterate_many(window_begin, last_feed, window_bytes_max).get(window) != simdjson::SUCCESS) return;
    record = window.begin();
    in_window = true;
}

// Reads `line` as the window's next document. False where that is not exactly the line, or is at fault: then
// only parsing the line alone tells what is wrong with it, and the rest of the window is out of step.
bool JsonDecoder::State::read_line_in_window(std::string_view line, Verdict& verdict) {
    if (line.front() != '{' || line.back() != '}' || line.size() > limits::sample_bytes_max) return false;
    if (!(record != window.end())) return false;
    ondemand::document_reference reference;
    ondemand::object object;
    if ((*record).get(reference) != simdjson::SUCCESS || window_begin + record.current_index() != line.data())
        return false;
    if (reference.get_object().get(object) != simdjson::SUCCESS) return false;
    verdict = reader.read(object, line.data());
    if (verdict == Verdict::broken || reader.end() != line.data() + line.size()) return false;
    ++record;
    return true;
}

Verdict JsonDecoder::State::read_line_alone(std::string_view line) {
    if (line.size() > limits::sample_bytes_max) return fail(Refusal::sample_too_large, line.data());
    if (line.starts_with(byte_order_mark)) return fail(Refusal::malformed_record, line.data());
    const auto error = line_parser.iterate(padded(line)).get(document);
    const Verdict verdict = error == simdjson::SUCCESS ? read_root(line) : fail_stage_one(error, line);
    if (verdict == Verdict::broken && refusal == Refusal::invalid_json) refusal = Refusal::malformed_record;
    return verdict;
}

// Reads `document`, which was made of `text`, as one record, and makes sure that nothing follows it.
Verdict JsonDecoder::State::read_root(std::string_view text) {
    Verdict verdict = Verdict::broken;
    if (text.front() == '{') {
        ondemand::object object;
        if (document.get_object().get(object) != simdjson::SUCCESS) return fail(Refusal::invalid_json, text.data());
        verdict = reader.read(object, text.data());
    } else if (text.front() == '[') {
        ondemand::array array;
        if (document.get_array().get(array) != simdjson::SUCCESS) return fail(Refusal::invalid_json, text.data());
        verdict = reader.read(array, text.data());
    } else {
        std::string_view token;
        if (document.raw_json_token().get(token) != simdjson::SUCCESS) return fail(Refusal::invalid_json, text.data());
        verdict = reader.read(trim_end(token));
    }
    if (verdict == Verdict::broken) return fail(reader.refusal(), reader.fault_at());
    if (reader.end() != text.data() + text.size()) return fail(Refusal::invalid_json, reader.end());
    return verdict;
}

// Makes room for a body, in powers of two so that slightly larger ones do not each allocate.
bool JsonDecoder::State::reserve(std::size_t bytes) {
    if (bytes <= body_parser.capacity()) return true;
    const std::size_t capacity = std::max(bytes, std::min(std::bit_ceil(bytes), body_bytes_max));
    return body_parser.allocate(capacity) == simdjson::SUCCESS;
}

Verdict JsonDecoder::State::fail(Refusal reason, const char* at) {
    refusal = reason;
    offset = offset_of(at);
    return Verdict::broken;
}

Verdict JsonDecoder::State::fail_stage_one(simdjson::error_code error, std::string_view text) {
    if (error == simdjson::UTF8_ERROR) return fail(Refusal::invalid_utf8, text.data() + first_invalid_utf8(text));
    return fail(Refusal::invalid_json, text.data() + first_string_fault(text));
}

JsonDecoder::JsonDecoder(std::size_t body_bytes_max) : state_(std::make_unique<State>(body_bytes_max)) {}
JsonDecoder::~JsonDecoder() = default;

void JsonDecoder::start(std::string_view body, BodyFormat format, const DecodeOptions& options) {
    state_->start(body, format, options);
}

Step JsonDecoder::next() {
    switch (state_->phase) {
        case State::Phase::faulty: return state_->body_refused();
        case State::Phase::single: return state_->next_single();
        case State::Phase::elements: return state_->next_element();
        case State::Phase::lines: return state_->next_line();
        case State::Phase::ended: break;
    }
    return Step::end;
}

const Sample& JsonDecoder::sample() const { return state_->reader.sample(); }
Refusal JsonDecoder::refusal() const { return state_->refusal; }
std::size_t JsonDecoder::offset() const { return state_->offset; }
bool JsonDecoder::is_single() const { return state_->is_single; }
std::uint32_t JsonDecoder::record_index() const { return state_->record_count == 0 ? 0 : state_->record_count - 1; }

}  // namespace sluice::parsers
