#include "parsers/http/http_parser.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "engine/core/check.hpp"
#include "parsers/http/framing.hpp"
#include "parsers/http/target.hpp"

namespace sluice::parsers {
namespace {

constexpr std::uint8_t no_row = 0xff;
static_assert(request_headers_kept_count < no_row);

// Rows of request_headers, ordered by the length of their names: which rows a name may be is found by its length.
struct RowsByLength {
    std::array<std::uint8_t, request_headers_kept_count> rows{};
    std::array<std::uint8_t, request_header_name_bytes_max + 2> begin{};  // rows[begin[n], begin[n + 1]) have n bytes
};

constexpr RowsByLength rows_by_length = [] {
    RowsByLength sorted;
    std::size_t count = 0;
    for (std::size_t length = 0; length <= request_header_name_bytes_max; ++length) {
        sorted.begin[length] = static_cast<std::uint8_t>(count);
        for (std::size_t row = 0; row < request_headers_kept_count; ++row)
            if (request_headers[row].name.size() == length) sorted.rows[count++] = static_cast<std::uint8_t>(row);
    }
    sorted.begin[request_header_name_bytes_max + 1] = static_cast<std::uint8_t>(count);
    return sorted;
}();

std::uint8_t row_of(std::string_view name) {
    if (name.size() > request_header_name_bytes_max) return no_row;
    for (std::size_t i = rows_by_length.begin[name.size()]; i < rows_by_length.begin[name.size() + 1]; ++i)
        if (equals_ignoring_case(name, request_headers[rows_by_length.rows[i]].name)) return rows_by_length.rows[i];
    return no_row;
}

constexpr std::string_view protocol_begin = " HTTP/";

static_assert(2 * limits::idempotency_key_bytes_max + 2 <= limits::request_head_bytes_max);

// llhttp's state of a header whose value it does not read. It looks at this member after on_header_field_complete().
constexpr std::uint8_t header_state_general = 0;

Method method_of(std::uint8_t method) {
    switch (method) {
        case HTTP_GET: return Method::get;
        case HTTP_HEAD: return Method::head;
        case HTTP_POST: return Method::post;
        case HTTP_OPTIONS: return Method::options;
        default: return Method::other;
    }
}

// Methods that no HTTP/1.1 resource has: those of RTSP and ICE, which llhttp knows, and CONNECT, whose target is
// another server (RFC 9110 section 9.3.6). PRI is left to fault_of_version(), which tells HTTP/2.
bool is_foreign(std::uint8_t method) {
    return method == HTTP_CONNECT || (method >= HTTP_SOURCE && method <= HTTP_FLUSH && method != HTTP_PRI);
}
static_assert(HTTP_PRI == HTTP_SOURCE + 1 && HTTP_DESCRIBE == HTTP_PRI + 1 && HTTP_QUERY == HTTP_FLUSH + 1);

std::size_t name_bytes_of(std::uint8_t method) {
    switch (method) {
        case HTTP_GET: return sizeof("GET") - 1;
        case HTTP_POST: return sizeof("POST") - 1;
        default: return std::strlen(llhttp_method_name(static_cast<llhttp_method_t>(method)));
    }
}

}  // namespace

void RequestHead::clear() { std::memset(static_cast<void*>(this), 0, offsetof(RequestHead, name)); }

// llhttp's callbacks, bound to HttpParser. Data callbacks may be called several times for one element, in pieces.
// Each looks whether the limit of the head is passed before it keeps anything. A decision that the first byte of an
// element brings about comes before that look: else it would depend on how much of the element is there.
struct HttpParser::Callbacks {
    static HttpParser& self(llhttp_t* parser) { return *static_cast<HttpParser*>(parser->data); }

    static int on_url(llhttp_t* parser, const char* at, std::size_t length) {
        HttpParser& me = self(parser);
        RequestHead& head = *me.head_;
        if (head.target_bytes == 0) {
            head.method = method_of(parser->method);
            if (const auto refusal = me.fault_of_begin_of_target(at)) return me.refuse_at(at, *refusal);
        }
        if (!me.has_room(at + length)) return me.refuse_too_large();
        if (head.target_bytes + length > limits::request_target_bytes_max) return me.refuse(Refusal::target_too_long);
        std::memcpy(head.text + head.target_bytes, at, length);
        head.target_bytes = static_cast<std::uint16_t>(head.target_bytes + length);
        me.target_end_ = at + length;
        return HPE_OK;
    }

    static int on_version(llhttp_t* parser, const char* at, std::size_t length) {
        HttpParser& me = self(parser);
        if (me.stage_ == Stage::request_line) {
            me.note_protocol(at);
            if (me.protocol_bytes_ != protocol_begin.size()) return me.refuse_at(at, Refusal::malformed_request_line);
            me.stage_ = Stage::version;
        }
        return me.has_room(at + length) ? static_cast<int>(HPE_OK) : me.refuse_too_large();
    }

    static int on_version_complete(llhttp_t* parser) {
        HttpParser& me = self(parser);
        if (const auto refusal = me.fault_of_version()) return me.refuse(*refusal);
        me.head_->text_bytes = me.head_->target_bytes;
        me.stage_ = Stage::headers;
        return HPE_OK;
    }

    static int on_header_field(llhttp_t* parser, const char* at, std::size_t length) {
        HttpParser& me = self(parser);
        RequestHead& head = *me.head_;
        if (me.stage_ == Stage::request_line) return me.refuse_at(at, Refusal::malformed_request_line);  // no version
        if (!me.has_room(at + length)) return me.refuse_too_large();
        const std::size_t kept = std::min(length, sizeof head.name - head.name_bytes);
        std::memcpy(head.name + head.name_bytes, at, kept);
        head.name_bytes = static_cast<std::uint16_t>(head.name_bytes + kept);
        return HPE_OK;
    }

    static int on_header_field_complete(llhttp_t* parser) {
        HttpParser& me = self(parser);
        parser->header_state = header_state_general;
        me.head_->row_index = row_of({me.head_->name, me.head_->name_bytes});
        if (++me.head_->headers_count > limits::request_headers_count_max) return me.refuse(Refusal::headers_too_large);
        if (me.head_->row_index == no_row) return HPE_OK;
        if (me.stage_ == Stage::headers) me.begin_value();
        else if (me.is_framing_header()) return me.refuse(Refusal::malformed_chunk);
        return HPE_OK;
    }

    static int on_header_value(llhttp_t* parser, const char* at, std::size_t length) {
        HttpParser& me = self(parser);
        if (!me.has_room(at + length)) return me.refuse_too_large();
        if (me.is_keeping_value()) me.add_to_value({at, length});
        return HPE_OK;
    }

    static int on_header_value_complete(llhttp_t* parser) {
        HttpParser& me = self(parser);
        if (me.is_keeping_value()) me.end_value();
        me.head_->name_bytes = 0;
        return HPE_OK;
    }

    static int on_headers_complete(llhttp_t* parser) { return self(parser).on_head_complete(); }

    // llhttp keeps the size of the chunk that begins where it keeps Content-Length otherwise.
    static int on_chunk_header(llhttp_t* parser) {
        HttpParser& me = self(parser);
        me.begins_chunk_ = true;
        return parser->content_length > me.body_bytes_max_ ? me.refuse(Refusal::body_too_large)
                                                           : static_cast<int>(HPE_OK);
    }

    static int on_body(llhttp_t* parser, const char* at, std::size_t length) {
        HttpParser& me = self(parser);
        if (!me.has_room(at)) return me.refuse_too_large();
        me.count_to(at);
        me.counted_to_ = at + length;
        // After the look: what is granted is for what follows this chunk.
        if (std::exchange(me.begins_chunk_, false)) me.framing_bytes_max_ += limits::chunk_framing_bytes;
        const auto refusal = me.body_->on_body({at, length});
        return refusal ? me.refuse(*refusal) : static_cast<int>(HPE_OK);
    }

    static int on_message_complete(llhttp_t* parser) {
        self(parser).stage_ = Stage::idle;
        self(parser).event_ = Event::complete;
        return HPE_PAUSED;
    }

    static llhttp_settings_t make() {
        llhttp_settings_t settings;
        llhttp_settings_init(&settings);
        settings.on_url = on_url;
        settings.on_version = on_version;
        settings.on_version_complete = on_version_complete;
        settings.on_header_field = on_header_field;
        settings.on_header_field_complete = on_header_field_complete;
        settings.on_header_value = on_header_value;
        settings.on_header_value_complete = on_header_value_complete;
        settings.on_headers_complete = on_headers_complete;
        settings.on_chunk_header = on_chunk_header;
        settings.on_body = on_body;
        settings.on_message_complete = on_message_complete;
        return settings;
    }
};

void HttpParser::start(std::uint64_t body_bytes_max) {
    static const llhttp_settings_t settings = Callbacks::make();
    llhttp_init(&parser_, HTTP_REQUEST, &settings);
    llhttp_set_lenient_version(&parser_, 1);  // takes every DIGIT.DIGIT: fault_of_version() tells them apart
    parser_.data = this;
    head_ = nullptr;
    body_ = nullptr;
    body_bytes_max_ = body_bytes_max;
    stage_ = Stage::idle;
    event_ = Event::need_more;
    is_refused_ = false;
    empty_lines_bytes_ = 0;
    refusal_ = Refusal::malformed_request_line;
}

HttpParser::Result HttpParser::parse(std::span<const char> bytes, RequestHead& head, BodyReceiver& body) {
    CHECK(!is_refused_);
    head_ = &head;
    body_ = &body;
    event_ = Event::need_more;
    std::size_t skipped_bytes = 0;
    if (stage_ == Stage::idle) {
        skipped_bytes = begin_request(bytes);
        if (is_refused_) return {Event::refused, skipped_bytes};
        bytes = bytes.subspan(skipped_bytes);
        if (bytes.empty()) return {Event::need_more, skipped_bytes};
    }
    counted_to_ = target_end_ = bytes.data();
    refused_at_ = nullptr;
    const char* const end = stage_ == Stage::unknown_method ? read_unknown_method(bytes) : read(bytes);
    CHECK(counted_to_ <= end);
    const std::size_t consumed_bytes = skipped_bytes + static_cast<std::size_t>(end - bytes.data());
    if (!has_room(refused_at_ != nullptr ? refused_at_ : end)) refuse_too_large();
    if (is_refused_) return {Event::refused, consumed_bytes};
    if (stage_ == Stage::request_line && head.target_bytes != 0) note_protocol(end);
    count_to(end);
    return {event_, consumed_bytes};
}

// To where llhttp reads of `bytes`. What it says to them is in event_, or in is_refused_.
const char* HttpParser::read(std::span<const char> bytes) {
    const char* const end = bytes.data() + bytes.size();
    const llhttp_errno_t error = llhttp_execute(&parser_, bytes.data(), bytes.size());
    if (error == HPE_OK) return end;
    const char* const at = std::min(llhttp_get_error_pos(&parser_), end);
    if (error == HPE_PAUSED) {
        llhttp_resume(&parser_);
    } else if (error == HPE_INVALID_METHOD) {
        return read_unknown_method({at, end});
    } else if (!is_refused_) {
        if (error == HPE_INVALID_URL) end_target(at);
        if (!is_refused_) refuse(refusal_of(error));
    }
    return at;
}

// llhttp keeps back what it has read of a target when a byte comes that no target has. What is wrong with that part
// comes first, as it does where the part was received alone.
void HttpParser::end_target(const char* end) {
    const auto* const begin = static_cast<const char*>(parser_._span_pos0);
    if (begin != nullptr && begin != end) Callbacks::on_url(&parser_, begin, static_cast<std::size_t>(end - begin));
}

int HttpParser::refuse(Refusal refusal) {
    is_refused_ = true;
    refusal_ = refusal;
    return HPE_USER;
}

int HttpParser::refuse_at(const char* at, Refusal refusal) {
    refused_at_ = at;
    return refuse(refusal);
}

int HttpParser::refuse_too_large() {
    const bool is_in_request_line = stage_ == Stage::request_line || stage_ == Stage::version;
    return refuse(is_in_request_line ? Refusal::target_too_long : Refusal::headers_too_large);
}

// --- the request line ----------------------------------------------------------------------------------------------

// Returns how many bytes at the begin of `bytes` are empty lines (RFC 9112 section 2.2). Only CRLF is one: llhttp would
// pass over any CR and LF. Behind them a request begins, if there is a byte.
std::size_t HttpParser::begin_request(std::span<const char> bytes) {
    std::size_t skipped_bytes = 0;
    for (const char c : bytes) {
        const bool is_in_line = empty_lines_bytes_ % 2 != 0;
        if (c != '\r' && c != '\n' && !is_in_line) break;
        if (c != (is_in_line ? '\n' : '\r') || empty_lines_bytes_ == 2 * limits::empty_lines_count_max) {
            refuse(Refusal::malformed_request_line);
            break;
        }
        ++empty_lines_bytes_;
        ++skipped_bytes;
    }
    if (skipped_bytes == bytes.size()) return skipped_bytes;
    head_->clear();
    stage_ = Stage::request_line;
    empty_lines_bytes_ = protocol_bytes_ = 0;
    begins_chunk_ = false;
    framing_bytes_ = 0;
    framing_bytes_max_ = limits::request_head_bytes_max;
    return skipped_bytes;
}

// llhttp knows no method that begins so. The rest of the token tells whether it is one (RFC 9110 section 9.1: 501), or
// the bytes are no HTTP.
const char* HttpParser::read_unknown_method(std::span<const char> bytes) {
    stage_ = Stage::unknown_method;
    bytes = bytes.first(std::min(bytes.size(), limits::method_bytes_max + 1 - framing_bytes(bytes.data())));
    const auto end = std::ranges::find_if_not(bytes, is_token_character);
    const char* const at = bytes.data() + (end - bytes.begin());
    const bool is_too_long = framing_bytes(at) > limits::method_bytes_max;  // RFC 9112 section 3: 501, too
    if (is_too_long || (end != bytes.end() && *end == ' ' && framing_bytes(at) != 0)) {
        refuse(Refusal::method_not_implemented);
    } else if (end != bytes.end()) {
        refuse(Refusal::malformed_request_line);
    }
    return at;
}

// RFC 9112 section 3: one space; more are two readers' two readings.
std::optional<Refusal> HttpParser::fault_of_begin_of_target(const char* at) const {
    if (is_foreign(parser_.method)) return Refusal::method_not_implemented;
    if (framing_bytes(at) != name_bytes_of(parser_.method) + 1) return Refusal::malformed_request_line;
    return std::nullopt;
}

// What stands between the target and the version, up to `end`: " HTTP/". llhttp takes several spaces, and RTSP.
void HttpParser::note_protocol(const char* end) {
    const std::string_view part(target_end_, static_cast<std::size_t>(end - target_end_));
    const bool is_right =
        protocol_begin.substr(std::min<std::size_t>(protocol_bytes_, protocol_begin.size())).starts_with(part);
    protocol_bytes_ = is_right ? static_cast<std::uint8_t>(protocol_bytes_ + part.size()) : std::uint8_t{0xff};
}

// RFC 9110 sections 2.5 and 15.6.6. A version 0 names no version: HTTP/0.9 has none in its request line.
std::optional<Refusal> HttpParser::fault_of_version() const {
    if (parser_.http_major > 1) return Refusal::unsupported_version;
    if (parser_.http_major < 1) return Refusal::malformed_request_line;
    if (parser_.method == HTTP_PRI) return Refusal::method_not_implemented;
    return std::nullopt;
}

// --- header values -------------------------------------------------------------------------------------------------

// Trailers are read and ignored.
bool HttpParser::is_keeping_value() const { return stage_ == Stage::headers && head_->row_index != no_row; }

bool HttpParser::is_framing_header() const {
    return head_->row_index == static_cast<std::uint8_t>(RequestHeader::content_length) ||
           head_->row_index == static_cast<std::uint8_t>(RequestHeader::transfer_encoding);
}

void HttpParser::begin_value() {
    RequestHead::Value& value = head_->values[head_->row_index];
    const bool is_next_of_list = value.count != 0 && request_headers[head_->row_index].repeated == Repeated::list;
    value.count = static_cast<std::uint8_t>(std::min(value.count + 1, 255));
    if (is_next_of_list) {
        move_to_end(value);
        return add_to_value(",");
    }
    value.offset = head_->text_bytes;
    value.bytes = 0;
}

// The next line of its list can only be added behind all others. Seldom: a list in several lines with others between.
void HttpParser::move_to_end(RequestHead::Value& value) {
    const std::size_t end = value.offset + value.bytes;
    if (end == head_->text_bytes) return;
    std::array<char, limits::request_head_bytes_max> moved;
    std::memcpy(moved.data(), head_->text + value.offset, value.bytes);
    std::memmove(head_->text + value.offset, head_->text + end, head_->text_bytes - end);
    for (RequestHead::Value& other : head_->values)
        if (other.offset >= end) other.offset = static_cast<std::uint16_t>(other.offset - value.bytes);
    value.offset = static_cast<std::uint16_t>(head_->text_bytes - value.bytes);
    std::memcpy(head_->text + value.offset, moved.data(), value.bytes);
}

void HttpParser::add_to_value(std::string_view bytes) {
    RequestHead::Value& value = head_->values[head_->row_index];
    CHECK(bytes.size() <= sizeof head_->text - head_->text_bytes);  // has_room() was asked
    std::memcpy(head_->text + head_->text_bytes, bytes.data(), bytes.size());
    head_->text_bytes = static_cast<std::uint16_t>(head_->text_bytes + bytes.size());
    value.bytes = static_cast<std::uint16_t>(value.bytes + bytes.size());
}

// llhttp leaves OWS behind a value, which is no part of it (RFC 9110 section 5.5).
void HttpParser::end_value() {
    RequestHead::Value& value = head_->values[head_->row_index];
    value.bytes = static_cast<std::uint16_t>(trim_ows_end({head_->text + value.offset, value.bytes}).size());
    head_->text_bytes = static_cast<std::uint16_t>(value.offset + value.bytes);
}

// --- the head ------------------------------------------------------------------------------------------------------

int HttpParser::on_head_complete() {
    if (stage_ == Stage::request_line) return refuse(Refusal::malformed_request_line);  // it had no version
    RequestHead& head = *head_;
    head.is_http_1_0 = parser_.http_minor == 0;
    read_connection_header();
    if (const auto refusal = read_head()) return refuse(*refusal);
    stage_ = Stage::body;
    parser_.upgrade = 0;  // an Upgrade may be ignored (RFC 9110 section 7.8), and is
    // RFC 9110 section 10.1.1: an HTTP/1.0 client's expectation is ignored.
    head.expects_continue = head.has(RequestHeader::expect) && !head.is_http_1_0;
    const bool has_body = head.has(RequestHeader::transfer_encoding) || head.content_length != 0;
    if (!head.expects_continue || !has_body) return HPE_OK;
    event_ = Event::head;
    return HPE_PAUSED;
}

// RFC 9112 section 9.3.
void HttpParser::read_connection_header() {
    const ConnectionOptions options = head_->has(RequestHeader::connection)
                                          ? read_connection(head_->header(RequestHeader::connection))
                                          : ConnectionOptions{};
    head_->keeps_alive = !options.has_close && (!head_->is_http_1_0 || options.has_keep_alive);
    if (options.has_close) set_flags(F_CONNECTION_CLOSE);
    else if (options.has_keep_alive) set_flags(F_CONNECTION_KEEP_ALIVE);
}

std::optional<Refusal> HttpParser::read_head() {
    const RequestHead& head = *head_;
    if (!is_target(head.target_view(), head.method)) return Refusal::bad_target;
    const std::uint8_t hosts_count = head.value(RequestHeader::host).count;
    if (hosts_count > 1) return Refusal::duplicate_host;
    if (hosts_count == 0 && !head.is_http_1_0) return Refusal::missing_host;
    if (!is_host(head.header(RequestHeader::host))) return Refusal::bad_host;
    if (const auto refusal = read_framing()) return refusal;
    const bool has_expectation = head.has(RequestHeader::expect) && !head.is_http_1_0;
    if (has_expectation && has_other_expectation(head.header(RequestHeader::expect)))
        return Refusal::expectation_failed;
    if (head.content_length > body_bytes_max_) return Refusal::body_too_large;
    return std::nullopt;
}

// RFC 9112 section 6.3. What it finds is told to llhttp as llhttp's own reading would have.
std::optional<Refusal> HttpParser::read_framing() {
    RequestHead& head = *head_;
    const RequestHead::Value& length = head.value(RequestHeader::content_length);
    if (head.has(RequestHeader::transfer_encoding)) {
        // Section 6.1: both framings, or Transfer-Encoding in an HTTP/1.0 message, are faulty framing.
        if (length.count != 0 || head.is_http_1_0) return Refusal::conflicting_framing;
        set_flags(F_TRANSFER_ENCODING | F_CHUNKED);
        return fault_of_transfer_encoding(head.header(RequestHeader::transfer_encoding));
    }
    if (length.count == 0) return std::nullopt;
    const auto bytes = read_content_length(head.header(RequestHeader::content_length));
    if (!bytes || length.count > 1) return Refusal::bad_content_length;
    head.content_length = parser_.content_length = *bytes;
    set_flags(F_CONTENT_LENGTH);
    return std::nullopt;
}

Refusal HttpParser::refusal_of(llhttp_errno_t error) const {
    if (stage_ == Stage::body) return Refusal::malformed_chunk;
    // HPE_INVALID_VERSION is also said of what stands between the version and CRLF.
    const bool is_in_header = stage_ == Stage::headers && error != HPE_INVALID_VERSION;
    return is_in_header ? Refusal::malformed_header : Refusal::malformed_request_line;
}

}  // namespace sluice::parsers
