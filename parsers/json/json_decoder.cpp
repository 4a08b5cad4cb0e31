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

static_assert(limits::body_padding_bytes >= simdjson::SIMDJSON_PADDING);

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

simdjson::padded_string_view padded(std::string_view text) {
    return simdjson::padded_string_view(text.data(), text.size(), text.size() + limits::body_padding_bytes);
}

}  // namespace

// A record that was read, and where it ended.
struct RecordEnd {
    RecordState state;
    const char* end;
};

struct JsonDecoder::State {
    enum class Phase : std::uint8_t {
        faulty,    // start() found a fault: next() reports it
        single,    // the body is one JSON value, not read yet
        elements,  // the body is a JSON array that fits a window
        windows,   // a longer one
        lines,     // NDJSON
        ended,
    };

    explicit State(std::size_t window_bytes_) : window_bytes(window_bytes_) {
        CHECK(window_bytes > limits::sample_bytes_max);  // a record that fits no window is too large anyway
        CHECK(parser.allocate(window_bytes) == simdjson::SUCCESS);
#ifdef SIMDJSON_THREADS_ENABLED
        parser.threaded = false;
#endif
    }

    void start(std::string_view text, BodyFormat format, const DecodeOptions& options);
    void start_json(std::string_view text);
    void start_long_json(std::string_view text);
    Step next_single();
    Step next_element();
    Step end_of_elements();
    Step next_in_windows();
    Step next_line();

    bool find_element();
    RecordState read_element();
    void open_window_of_elements();
    RecordState read_element_alone();

    std::string_view take_line();
    void open_window_of_lines();
    RecordState read_line_alone(std::string_view line);

    void open_window(const char* begin, std::size_t bytes, bool are_elements);
    bool read_in_window(const char* begin, RecordEnd& found);
    RecordState read_root(std::string_view text);

    RecordState fail(Refusal reason, const char* where);
    RecordState fail_stage_one(simdjson::error_code error, std::string_view text);
    Step finish_element(RecordState state);
    Step body_refused();
    [[nodiscard]] std::size_t offset_of(const char* where) const {
        return static_cast<std::size_t>(where - body.data());
    }

    const std::size_t window_bytes;
    std::string_view body;
    std::string_view single;  // in Phase::single: the body without white space around it, which `document` was made of
    Phase phase = Phase::ended;
    bool is_single = false;
    Refusal refusal = Refusal::invalid_json;
    std::size_t offset = 0;
    std::uint32_t record_count = 0;  // records that next() has reported

    ondemand::parser parser;  // never grows
    ondemand::document document;
    ondemand::array_iterator element, elements_end;

    ondemand::document_stream window;
    ondemand::document_stream::iterator record;
    const char* window_begin = nullptr;
    const char* window_end = nullptr;
    const char* at = nullptr;  // what was read so far: of the lines, or of a long array
    bool in_window = false;  // records up to window_end are read from `window`; else each is parsed alone

    RecordReader reader{parser};
};

void JsonDecoder::State::start(std::string_view text, BodyFormat format, const DecodeOptions& options) {
    body = text;
    reader.start(text, {options.precision, options.arrival_ns, format == BodyFormat::ndjson});
    offset = 0;
    record_count = 0;
    is_single = false;
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    if (format == BodyFormat::json) return start_json(text);
    phase = Phase::lines;
    at = window_end = text.data();
    in_window = false;
}

void JsonDecoder::State::start_json(std::string_view text) {
    phase = Phase::faulty;
    const std::string_view trimmed = trim_body(text);
    is_single = !trimmed.starts_with('[');
    if (trimmed.empty()) {
        fail(Refusal::empty_body, text.data());
        return;
    }
    if (trimmed.starts_with(byte_order_mark)) {  // a second one, which simdjson would drop
        fail(Refusal::invalid_json, trimmed.data());
        return;
    }
    if (trimmed.size() > window_bytes) return start_long_json(trimmed);
    if (const auto error = parser.iterate(padded(trimmed)).get(document); error != simdjson::SUCCESS) {
        fail_stage_one(error, trimmed);
        return;
    }
    if (is_single) {
        phase = Phase::single;
        single = trimmed;
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

// `text` is the body without white space around it. A lone value of this size is no sample; but is it JSON?
void JsonDecoder::State::start_long_json(std::string_view text) {
    if (!is_single) {
        phase = Phase::windows;
        at = window_end = text.data() + 1;
        in_window = false;
        return;
    }
    const ValueExtent extent = extent_of_value(text.substr(0, window_bytes));
    const bool is_cut = extent.end == ValueEnd::not_here;
    if (extent.end == ValueEnd::too_deep) fail(Refusal::json_too_deep, text.data() + extent.bytes);
    else fail(is_cut ? Refusal::sample_too_large : Refusal::invalid_json, text.data() + (is_cut ? 0 : extent.bytes));
}

Step JsonDecoder::State::next_single() {
    phase = Phase::ended;
    const RecordState state = read_root(single);
    if (state == RecordState::broken) return body_refused();
    return finish_element(state);
}

Step JsonDecoder::State::next_element() {
    if (record_count > 0) ++element;
    if (!(element != elements_end)) return end_of_elements();
    ondemand::value value;
    if ((*element).get(value) != simdjson::SUCCESS) {
        fail(Refusal::invalid_json, record_count > 0 ? reader.end() : body.data());
        return body_refused();
    }
    const RecordState state = reader.read(value);
    if (state == RecordState::broken) {
        fail(reader.refusal(), reader.fault_at());
        return body_refused();
    }
    return finish_element(state);
}

Step JsonDecoder::State::end_of_elements() {
    if (!document.at_end()) {
        fail(Refusal::invalid_json, record_count > 0 ? reader.end() : body.data());
        return body_refused();
    }
    phase = Phase::ended;
    return Step::end;
}

Step JsonDecoder::State::finish_element(RecordState state) {
    ++record_count;
    offset = offset_of(reader.begin());
    if (state == RecordState::sample) return Step::sample;
    refusal = reader.refusal();
    return Step::record_refused;
}

Step JsonDecoder::State::body_refused() {
    phase = Phase::ended;
    return Step::body_refused;
}

// --- a long array, in windows --------------------------------------------------------------------------------------

Step JsonDecoder::State::next_in_windows() {
    if (!find_element()) return phase == Phase::ended ? Step::end : body_refused();
    const RecordState state = read_element();
    if (state == RecordState::broken) return body_refused();
    return finish_element(state);
}

// Moves `at` to the next element. False: the array has ended (the phase says so), or is at fault.
bool JsonDecoder::State::find_element() {
    const char* const end = body.data() + body.size();
    const auto skip_space = [this, end] {
        at = behind_space(at, end);
        return at != end;
    };
    if (skip_space() && record_count > 0 && *at == ',') {
        ++at;
        if (skip_space() && *at != ']') return true;
    } else if (at != end && *at == ']') {
        ++at;
        if (skip_space()) {  // something follows the array
            fail(Refusal::invalid_json, at);
            return false;
        }
        phase = Phase::ended;
        return false;
    } else if (at != end && record_count == 0) {
        return true;
    }
    fail(Refusal::invalid_json, at);
    return false;
}

RecordState JsonDecoder::State::read_element() {
    if (body.substr(offset_of(at)).starts_with(byte_order_mark)) return fail(Refusal::invalid_json, at);
    if (at >= window_end) open_window_of_elements();
    RecordEnd found;
    if (in_window && read_in_window(at, found)) {
        at = found.end;
        return found.state;
    }
    in_window = false;
    return read_element_alone();
}

// Where an element ends is known only once it was read. So the window ends at what looks like the end of one: a brace,
// a comma and a brace. If that lies inside an element, the element is not whole in the window, and is read alone.
void JsonDecoder::State::open_window_of_elements() {
    const std::string_view rest = body.substr(offset_of(at));
    const std::string_view reach = rest.substr(0, window_bytes);
    in_window = false;
    window_begin = at;
    window_end = at + reach.size();
    std::size_t brace = reach.rfind('}');
    while (brace != std::string_view::npos && brace > 0) {  // ends: each turn goes towards the begin
        const std::string_view behind = rest.substr(brace + 1, 64);
        const std::size_t comma = behind.find_first_not_of(" \t\r\n");
        if (comma == std::string_view::npos || behind[comma] == ',' || behind[comma] == ']') break;
        brace = reach.substr(0, brace).rfind('}');
    }
    if (brace == std::string_view::npos || brace == 0) return;
    window_end = at + brace + 1;
    open_window(at, brace + 1, true);
}

RecordState JsonDecoder::State::read_element_alone() {
    const std::string_view reach = body.substr(offset_of(at), window_bytes);
    const ValueExtent extent = extent_of_value(reach);
    const bool ends_with_body = reach.data() + reach.size() == body.data() + body.size();
    if (extent.end == ValueEnd::too_deep) return fail(Refusal::json_too_deep, at + extent.bytes);
    if (extent.end == ValueEnd::not_here)
        return fail(ends_with_body ? Refusal::invalid_json : Refusal::sample_too_large, at);
    if (extent.bytes == 0) return fail(Refusal::invalid_json, at);
    const std::string_view text = reach.substr(0, extent.bytes);
    const auto error = parser.iterate(padded(text)).get(document);
    at += extent.bytes;
    return error == simdjson::SUCCESS ? read_root(text) : fail_stage_one(error, text);
}

// --- lines ---------------------------------------------------------------------------------------------------------

Step JsonDecoder::State::next_line() {
    std::string_view line;
    do {  // ends: each turn takes a line
        at = behind_space(at, body.data() + body.size());
        if (at == body.data() + body.size()) {
            phase = Phase::ended;
            return Step::end;
        }
        line = trim(take_line());
    } while (line.empty());
    ++record_count;
    RecordEnd found{RecordState::broken, nullptr};
    const bool fits_window = line.front() == '{' && line.back() == '}' && line.size() <= limits::sample_bytes_max;
    if (!in_window || !fits_window || !read_in_window(line.data(), found) || found.end != line.data() + line.size()) {
        in_window = false;
        found.state = read_line_alone(line);
    }
    if (found.state == RecordState::sample) {
        offset = offset_of(line.data());
        return Step::sample;
    }
    if (found.state == RecordState::refused) fail(reader.refusal(), line.data());
    return Step::record_refused;
}

// The next line without its line feed; opens a new window where the line is not in the current one.
std::string_view JsonDecoder::State::take_line() {
    if (at >= window_end) open_window_of_lines();
    const char* const begin = at;
    const char* const body_end = body.data() + body.size();
    const auto* feed = static_cast<const char*>(std::memchr(begin, '\n', static_cast<std::size_t>(body_end - begin)));
    const char* const end = feed == nullptr ? body_end : feed;
    at = feed == nullptr ? body_end : feed + 1;
    return {begin, static_cast<std::size_t>(end - begin)};
}

// As many whole lines as a window takes. The byte behind the indexed text is always a line feed: an iteration that runs
// off a malformed last record meets it and stops. A line that no window can take, and a last line without a line feed,
// are left to be parsed alone.
void JsonDecoder::State::open_window_of_lines() {
    const std::string_view rest = body.substr(offset_of(at));
    const std::size_t last_feed = rest.substr(0, window_bytes).rfind('\n');
    in_window = false;
    window_begin = at;
    window_end = at + (last_feed == std::string_view::npos ? 1 : last_feed + 1);
    if (last_feed == std::string_view::npos || last_feed == 0) return;
    open_window(at, last_feed, false);
}

// --- records -------------------------------------------------------------------------------------------------------

// Has simdjson index `bytes` from `begin` on, of several documents: the first stage has a fixed cost of about 30 ns a
// call, which would double the cost of a small sample.
void JsonDecoder::State::open_window(const char* begin, std::size_t bytes, bool are_elements) {
    if (parser.iterate_many(begin, bytes, window_bytes, are_elements).get(window) != simdjson::SUCCESS) return;
    record = window.begin();
    in_window = true;
}

// Reads the record at `begin` as the window's next document. False where that does not begin there, is no object, or is
// at fault: then only parsing it alone tells what is wrong with it, and the rest of the window is out of step.
bool JsonDecoder::State::read_in_window(const char* begin, RecordEnd& found) {
    if (!(record != window.end())) return false;
    ondemand::document_reference reference;
    ondemand::object object;
    if ((*record).get(reference) != simdjson::SUCCESS || window_begin + record.current_index() != begin) return false;
    if (reference.get_object().get(object) != simdjson::SUCCESS) return false;
    found = {reader.read(object, begin), reader.end()};
    if (found.state == RecordState::broken || found.end > window_end) return false;
    ++record;
    return true;
}

RecordState JsonDecoder::State::read_line_alone(std::string_view line) {
    if (line.size() > limits::sample_bytes_max) return fail(Refusal::sample_too_large, line.data());
    if (line.starts_with(byte_order_mark)) return fail(Refusal::malformed_record, line.data());
    const auto error = parser.iterate(padded(line)).get(document);
    const RecordState state = error == simdjson::SUCCESS ? read_root(line) : fail_stage_one(error, line);
    if (state == RecordState::broken && refusal == Refusal::invalid_json) refusal = Refusal::malformed_record;
    return state;
}

// Reads `document`, which was made of `text`, as one record, and makes sure that nothing follows it.
RecordState JsonDecoder::State::read_root(std::string_view text) {
    RecordState state = RecordState::broken;
    if (text.front() == '{') {
        ondemand::object object;
        if (document.get_object().get(object) != simdjson::SUCCESS) return fail(Refusal::invalid_json, text.data());
        state = reader.read(object, text.data());
    } else if (text.front() == '[') {
        ondemand::array array;
        if (document.get_array().get(array) != simdjson::SUCCESS) return fail(Refusal::invalid_json, text.data());
        state = reader.read(array, text.data());
    } else {
        std::string_view token;
        if (document.raw_json_token().get(token) != simdjson::SUCCESS) return fail(Refusal::invalid_json, text.data());
        state = reader.read(trim_end(token));
    }
    if (state == RecordState::broken) return fail(reader.refusal(), reader.fault_at());
    if (reader.end() != text.data() + text.size()) return fail(Refusal::invalid_json, reader.end());
    return state;
}

RecordState JsonDecoder::State::fail(Refusal reason, const char* where) {
    refusal = reason;
    offset = offset_of(where);
    return RecordState::broken;
}

RecordState JsonDecoder::State::fail_stage_one(simdjson::error_code error, std::string_view text) {
    if (error == simdjson::UTF8_ERROR) return fail(Refusal::invalid_utf8, text.data() + first_invalid_utf8(text));
    return fail(Refusal::invalid_json, text.data() + first_string_fault(text));
}

JsonDecoder::JsonDecoder(std::size_t window_bytes) : state_(std::make_unique<State>(window_bytes)) {}
JsonDecoder::~JsonDecoder() = default;

void JsonDecoder::start(std::string_view body, Dialect dialect, const DecodeOptions& options) {
    CHECK(dialect <= static_cast<Dialect>(BodyFormat::ndjson));
    state_->start(body, static_cast<BodyFormat>(dialect), options);
}

Step JsonDecoder::next() {
    switch (state_->phase) {
        case State::Phase::faulty: return state_->body_refused();
        case State::Phase::single: return state_->next_single();
        case State::Phase::elements: return state_->next_element();
        case State::Phase::windows: return state_->next_in_windows();
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
