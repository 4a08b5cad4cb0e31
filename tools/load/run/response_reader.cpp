#include "tools/load/run/response_reader.hpp"

#include <algorithm>
#include <cstring>

#include "parsers/http/framing.hpp"
#include "parsers/http/text.hpp"

namespace sluice::load {
namespace {

ResponseState& state_of(llhttp_t* parser) { return *static_cast<ResponseState*>(parser->data); }

constexpr std::string_view longest_name = "transfer-encoding";

// llhttp's state of a header whose value it does not read. It looks at this member after on_header_field_complete().
constexpr std::uint8_t header_state_general = 0;

void set_flags(llhttp_t* parser, int flags) { parser->flags = static_cast<std::uint16_t>(parser->flags | flags); }

int on_message_begin(llhttp_t* parser) {
    ResponseState& state = state_of(parser);
    for (HeaderValue* value :
         {&state.content_length, &state.transfer_encoding, &state.connection, &state.acknowledgement}) {
        value->text.clear();
        value->lines_count = 0;
    }
    state.name.clear();
    state.value = nullptr;
    state.is_in_message = true;
    state.is_in_head = true;
    state.is_complete = false;
    state.body_bytes = 0;
    state.body.clear();
    return HPE_OK;
}

int on_header_field(llhttp_t* parser, const char* at, std::size_t length) {
    std::string& name = state_of(parser).name;
    name.append(at, std::min(length, longest_name.size() + 1 - name.size()));
    return HPE_OK;
}

HeaderValue* value_of(ResponseState& state) {
    if (parsers::equals_ignoring_case(state.name, "content-length")) return &state.content_length;
    if (parsers::equals_ignoring_case(state.name, "transfer-encoding")) return &state.transfer_encoding;
    if (parsers::equals_ignoring_case(state.name, "connection")) return &state.connection;
    if (parsers::equals_ignoring_case(state.name, "sluice-ack")) return &state.acknowledgement;
    return nullptr;
}

int on_header_field_complete(llhttp_t* parser) {
    ResponseState& state = state_of(parser);
    state.value = state.is_in_head ? value_of(state) : nullptr;  // trailers say nothing
    state.name.clear();
    parser->header_state = header_state_general;
    if (state.value != nullptr && state.value->lines_count++ != 0) state.value->text += ',';
    return HPE_OK;
}

int on_header_value(llhttp_t* parser, const char* at, std::size_t length) {
    if (HeaderValue* value = state_of(parser).value; value != nullptr) value->text.append(at, length);
    return HPE_OK;
}

// RFC 9112 section 9.3.
void read_connection(llhttp_t* parser, const ResponseState& state) {
    const parsers::ConnectionOptions options = parsers::read_connection(state.connection.text);
    if (options.has_close) set_flags(parser, F_CONNECTION_CLOSE);
    if (options.has_keep_alive) set_flags(parser, F_CONNECTION_KEEP_ALIVE);
}

bool is_last_coding_chunked(std::string_view codings) {
    std::string_view last;
    for (auto coding = parsers::take_list_element(codings); !coding.empty();
         coding = parsers::take_list_element(codings))
        last = coding;
    return parsers::equals_ignoring_case(last, "chunked");
}

// RFC 9112 section 6.3, told to llhttp as its own reading would have. False: where the response ends is not clear.
bool read_framing(llhttp_t* parser, const ResponseState& state) {
    if (state.transfer_encoding.lines_count != 0) {
        if (state.content_length.lines_count != 0) return false;
        set_flags(parser, F_TRANSFER_ENCODING);
        if (is_last_coding_chunked(state.transfer_encoding.text)) set_flags(parser, F_CHUNKED);
        return true;
    }
    if (state.content_length.lines_count == 0) return true;
    const auto bytes = parsers::read_content_length(parsers::trim_ows(state.content_length.text));
    if (!bytes) return false;
    parser->content_length = *bytes;
    set_flags(parser, F_CONTENT_LENGTH);
    return true;
}

int on_headers_complete(llhttp_t* parser) {
    ResponseState& state = state_of(parser);
    read_connection(parser, state);
    if (!read_framing(parser, state)) return HPE_USER;
    state.is_in_head = false;
    state.status = parser->status_code;
    state.has_plain_length = (parser->flags & (F_CONTENT_LENGTH | F_CHUNKED | F_TRANSFER_ENCODING)) == F_CONTENT_LENGTH;
    // llhttp's documented answers: 0 reads a body, 1 says that there is none (a response to HEAD).
    return state.expects_no_body ? 1 : 0;
}

int on_body(llhttp_t* parser, const char* at, std::size_t length) {
    ResponseState& state = state_of(parser);
    state.body_bytes += length;
    const bool is_kept_too_large = state.kept_bytes_max != 0 && state.body_bytes > state.kept_bytes_max;
    if (state.body_bytes > response_body_bytes_max || is_kept_too_large) {
        state.is_too_large = true;
        return HPE_USER;
    }
    if (state.kept_bytes_max != 0) state.body.append(at, length);
    return HPE_OK;
}

int on_message_complete(llhttp_t* parser) {
    ResponseState& state = state_of(parser);
    state.is_in_message = false;
    state.is_complete = true;
    state.keeps_alive = llhttp_should_keep_alive(parser) == 1;
    return HPE_PAUSED;
}

const llhttp_settings_t& settings() {
    static const llhttp_settings_t made = [] {
        llhttp_settings_t result;
        llhttp_settings_init(&result);
        result.on_message_begin = on_message_begin;
        result.on_header_field = on_header_field;
        result.on_header_field_complete = on_header_field_complete;
        result.on_header_value = on_header_value;
        result.on_headers_complete = on_headers_complete;
        result.on_body = on_body;
        result.on_message_complete = on_message_complete;
        return result;
    }();
    return made;
}

// A level that has no such name was not told.
std::optional<AckLevel> ack_of(const ResponseState& state) {
    const std::string_view name = parsers::trim_ows(state.acknowledgement.text);
    return name == name_of(AckLevel::none) ? AckLevel::none : ack_level_of(name);
}

bool is_status(unsigned status) { return status >= 100 && status <= 599; }

}  // namespace

ResponseReader::ResponseReader(bool keeps_bodies) : keeps_bodies_(keeps_bodies) {}

void ResponseReader::start(ResponseState& state) const {
    llhttp_init(&state.parser, HTTP_RESPONSE, &settings());
    state.parser.data = &state;
    state.is_in_message = false;
    state.is_in_head = false;
    state.is_too_large = false;
    state.head_bytes = 0;
    state.kept_bytes_max = keeps_bodies_ ? kept_body_bytes_max : 0;
}

ResponseReader::Result ResponseReader::read(ResponseState& state, std::span<const char> bytes, bool is_head_request) {
    Result known;
    const bool is_at_begin = !state.is_in_message;
    if (is_at_begin && !is_head_request && reads_known(bytes, known)) return known;
    state.expects_no_body = is_head_request;
    state.is_complete = false;
    if (is_at_begin) state.head_bytes = 0;
    const llhttp_errno_t error = llhttp_execute(&state.parser, bytes.data(), bytes.size());
    const std::size_t consumed =
        error == HPE_OK
            ? bytes.size()
            : std::min(bytes.size(), static_cast<std::size_t>(llhttp_get_error_pos(&state.parser) - bytes.data()));
    if (state.is_in_head) {
        state.head_bytes += consumed;
        state.is_too_large = state.is_too_large || state.head_bytes > response_head_bytes_max;
    }
    if (is_at_begin && error == HPE_PAUSED && !is_head_request) learn(bytes, state, consumed);
    return result_of(state, error, consumed);
}

ResponseReader::Result ResponseReader::read_end(ResponseState& state) {
    state.is_complete = false;
    const llhttp_errno_t error = llhttp_finish(&state.parser);
    return state.is_complete ? result_of(state, error, 0) : Result{};
}

ResponseReader::Result ResponseReader::result_of(ResponseState& state, llhttp_errno_t error,
                                                 std::size_t consumed_bytes) const {
    if (state.is_too_large) return {.event = Event::too_large, .consumed_bytes = consumed_bytes, .body = {}};
    if (error == HPE_OK && !state.is_complete)
        return {.event = Event::need_more, .consumed_bytes = consumed_bytes, .body = {}};
    // After an upgrade nothing can be read as HTTP any more.
    if ((error != HPE_PAUSED && error != HPE_OK) || !is_status(state.status) || state.status == 101)
        return {.event = Event::malformed, .consumed_bytes = consumed_bytes, .body = {}};
    // Some send 100 as HTTP/1.0, which has no interim responses (RFC 9110, 15.2): to llhttp that ends the connection.
    if (state.status < 200) llhttp_reset(&state.parser);
    else llhttp_resume(&state.parser);
    return {.event = state.status < 200 ? Event::interim : Event::response,
            .consumed_bytes = consumed_bytes,
            .status = state.status,
            .keeps_alive = state.keeps_alive,
            .ack = ack_of(state),
            .body = state.body};
}

bool ResponseReader::reads_known(std::span<const char> bytes, Result& result) const {
    for (const KnownHead& known : known_heads_) {
        const std::size_t head_bytes = known.bytes.size();
        if (head_bytes == 0 || bytes.size() < head_bytes + known.content_bytes ||
            std::memcmp(bytes.data(), known.bytes.data(), head_bytes) != 0)
            continue;
        result = {.event = Event::response,
                  .consumed_bytes = head_bytes + known.content_bytes,
                  .status = known.status,
                  .keeps_alive = true,
                  .ack = known.ack,
                  .body = {bytes.data() + head_bytes, known.content_bytes}};
        return true;
    }
    return false;
}

// Keeps the head of a whole response that lies in `bytes`, if its length alone tells where it ends and the connection
// goes on. Of such a response, all bytes before the content are its head.
void ResponseReader::learn(std::span<const char> bytes, const ResponseState& state, std::size_t consumed_bytes) {
    if (!state.is_complete || state.is_too_large || !state.keeps_alive || !state.has_plain_length ||
        state.status < 200 || state.status > 599)
        return;
    KnownHead& known = known_heads_[forgotten_next_];
    forgotten_next_ = (forgotten_next_ + 1) % known_heads_count;
    known.bytes.assign(bytes.data(), consumed_bytes - state.body_bytes);
    known.content_bytes = state.body_bytes;
    known.status = state.status;
    known.ack = ack_of(state);
}

}  // namespace sluice::load
