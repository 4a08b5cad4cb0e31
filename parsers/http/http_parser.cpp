#include "parsers/http/http_parser.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/core/check.hpp"

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

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// A value without the white space behind it, which llhttp leaves there (RFC 9110 section 5.5: it is no part of the
// value).
std::string_view trim_end(std::string_view value) {
    while (!value.empty() && is_blank(value.back())) value.remove_suffix(1);
    return value;
}

constexpr auto host_characters = [] {
    std::array<bool, 256> may_stand{};
    for (unsigned char c = '0'; c <= '9'; ++c) may_stand[c] = true;
    for (unsigned char c = 'a'; c <= 'z'; ++c) may_stand[c] = may_stand[c - 'a' + 'A'] = true;
    for (const unsigned char c : std::string_view("-._~%!$&'()*+,;=:[]")) may_stand[c] = true;
    return may_stand;
}();

constexpr std::size_t host_bytes_max = limits::host_name_bytes_max + sizeof(":65535") - 1;
static_assert(host_bytes_max <= request_headers[static_cast<std::size_t>(RequestHeader::host)].bytes_max);
static_assert(2 * limits::idempotency_key_bytes_max + 2 <=
              request_headers[static_cast<std::size_t>(RequestHeader::idempotency_key)].bytes_max);

// uri-host [ ":" port ] of RFC 9110 section 7.2, by its characters. An empty Host is legal (RFC 9112 section 3.2).
bool is_host(std::string_view value) {
    return value.size() <= host_bytes_max && std::all_of(value.begin(), value.end(), [](char c) {
               return host_characters[static_cast<unsigned char>(c)];
           });
}

// Than 100-continue, the only one there is (RFC 9110 section 10.1.1).
bool has_other_expectation(const RequestHead& head) {
    if (!head.has(RequestHeader::expect)) return false;
    std::string_view list = head.header(RequestHeader::expect);
    std::string_view expectation = take_list_element(list);
    if (expectation.empty()) return true;
    for (; !expectation.empty(); expectation = take_list_element(list))
        if (!equals_ignoring_case(expectation, "100-continue")) return true;
    return head.value(RequestHeader::expect).is_cut;
}

Method method_of(std::uint8_t method) {
    switch (method) {
        case HTTP_GET: return Method::get;
        case HTTP_HEAD: return Method::head;
        case HTTP_POST: return Method::post;
        default: return Method::other;
    }
}

}  // namespace

void RequestHead::clear() { std::memset(static_cast<void*>(this), 0, offsetof(RequestHead, target)); }

std::string_view take_list_element(std::string_view& list) {
    std::string_view element;
    while (element.empty() && !list.empty()) {  // ends: each turn takes an element off the list
        const std::size_t comma = std::min(list.find(','), list.size());
        element = trim_end(list.substr(0, comma));
        while (!element.empty() && is_blank(element.front())) element.remove_prefix(1);
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return element;
}

// llhttp's callbacks, bound to HttpParser. Data callbacks may be called several times for one element, in pieces.
struct HttpParser::Callbacks {
    static HttpParser& self(llhttp_t* parser) { return *static_cast<HttpParser*>(parser->data); }

    static int on_message_begin(llhttp_t* parser) {
        self(parser).head_->clear();
        self(parser).stage_ = Stage::request_line;
        return HPE_OK;
    }

    static int on_url(llhttp_t* parser, const char* at, std::size_t length) {
        RequestHead& head = *self(parser).head_;
        if (head.target_bytes + length > sizeof head.target) return self(parser).refuse(Refusal::target_too_long);
        std::memcpy(head.target + head.target_bytes, at, length);
        head.target_bytes = static_cast<std::uint16_t>(head.target_bytes + length);
        return HPE_OK;
    }

    static int on_version_complete(llhttp_t* parser) {
        self(parser).stage_ = Stage::headers;
        return HPE_OK;
    }

    static int count(llhttp_t* parser, std::size_t length) {
        RequestHead& head = *self(parser).head_;
        head.header_bytes += static_cast<std::uint32_t>(length);
        return head.header_bytes > limits::request_header_bytes_max ? self(parser).refuse(Refusal::headers_too_large)
                                                                    : static_cast<int>(HPE_OK);
    }

    static int on_header_field(llhttp_t* parser, const char* at, std::size_t length) {
        RequestHead& head = *self(parser).head_;
        const std::size_t kept = std::min(length, sizeof head.name - head.name_bytes);
        std::memcpy(head.name + head.name_bytes, at, kept);
        head.name_bytes = static_cast<std::uint16_t>(head.name_bytes + kept);
        return count(parser, length);
    }

    static int on_header_field_complete(llhttp_t* parser) {
        HttpParser& me = self(parser);
        me.head_->row_index = row_of({me.head_->name, me.head_->name_bytes});
        if (++me.head_->headers_count > limits::request_headers_count_max) return me.refuse(Refusal::headers_too_large);
        if (me.stage_ == Stage::headers && me.head_->row_index != no_row) me.begin_value();
        return HPE_OK;
    }

    static int on_header_value(llhttp_t* parser, const char* at, std::size_t length) {
        if (self(parser).is_keeping_value()) self(parser).add_to_value({at, length});
        return count(parser, length);
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
        const bool is_too_large = parser->content_length > self(parser).body_bytes_max_;
        return is_too_large ? self(parser).refuse(Refusal::body_too_large) : static_cast<int>(HPE_OK);
    }

    static int on_body(llhttp_t* parser, const char* at, std::size_t length) {
        const auto refusal = self(parser).body_->on_body({at, length});
        return refusal ? self(parser).refuse(*refusal) : static_cast<int>(HPE_OK);
    }

    static int on_message_complete(llhttp_t* parser) {
        self(parser).stage_ = Stage::idle;
        self(parser).event_ = Event::complete;
        return HPE_PAUSED;
    }

    static llhttp_settings_t make() {
        llhttp_settings_t settings;
        llhttp_settings_init(&settings);
        settings.on_message_begin = on_message_begin;
        settings.on_url = on_url;
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
    parser_.data = this;
    head_ = nullptr;
    body_ = nullptr;
    body_bytes_max_ = body_bytes_max;
    stage_ = Stage::idle;
    event_ = Event::need_more;
    is_refused_ = false;
    refusal_ = Refusal::malformed_request_line;
}

HttpParser::Result HttpParser::parse(std::span<const char> bytes, RequestHead& head, BodyReceiver& body) {
    CHECK(!is_refused_);
    head_ = &head;
    body_ = &body;
    event_ = Event::need_more;
    const llhttp_errno_t error = llhttp_execute(&parser_, bytes.data(), bytes.size());
    if (error == HPE_OK) return {Event::need_more, bytes.size()};
    const auto consumed = static_cast<std::size_t>(llhttp_get_error_pos(&parser_) - bytes.data());
    if (error == HPE_PAUSED) {
        llhttp_resume(&parser_);
        return {event_, consumed};
    }
    if (!is_refused_) refuse(refusal_of(error));
    return {Event::refused, std::min(consumed, bytes.size())};
}

int HttpParser::refuse(Refusal refusal) {
    is_refused_ = true;
    refusal_ = refusal;
    return HPE_USER;
}

// --- header values -------------------------------------------------------------------------------------------------

// Trailers are read and ignored.
bool HttpParser::is_keeping_value() const {
    return stage_ == Stage::headers && head_->row_index != no_row &&
           request_headers[head_->row_index].repeated != Repeated::count;
}

void HttpParser::begin_value() {
    RequestHead::Value& value = head_->values[head_->row_index];
    const bool is_next_of_list = value.count != 0 && request_headers[head_->row_index].repeated == Repeated::list;
    value.count = static_cast<std::uint8_t>(std::min(value.count + 1, 255));
    if (is_next_of_list) return add_to_value(",");
    value.bytes = 0;
    value.is_cut = false;
}

void HttpParser::add_to_value(std::string_view bytes) {
    RequestHead::Value& value = head_->values[head_->row_index];
    const std::size_t kept =
        std::min<std::size_t>(bytes.size(), request_headers[head_->row_index].bytes_max - value.bytes);
    std::memcpy(head_->text + request_header_places[head_->row_index] + value.bytes, bytes.data(), kept);
    value.bytes = static_cast<std::uint16_t>(value.bytes + kept);
    value.is_cut = value.is_cut || kept < bytes.size();
}

void HttpParser::end_value() {
    RequestHead::Value& value = head_->values[head_->row_index];
    const char* const text = head_->text + request_header_places[head_->row_index];
    value.bytes = static_cast<std::uint16_t>(trim_end({text, value.bytes}).size());
}

// --- the head ------------------------------------------------------------------------------------------------------

int HttpParser::on_head_complete() {
    RequestHead& head = *head_;
    head.method = method_of(parser_.method);
    head.is_http_1_0 = parser_.http_minor == 0;
    head.keeps_alive = llhttp_should_keep_alive(&parser_) == 1;
    head.content_length = head.has(RequestHeader::content_length) ? parser_.content_length : 0;
    if (const auto refusal = fault_of_head()) return refuse(*refusal);
    stage_ = Stage::body;
    parser_.upgrade = 0;  // an Upgrade may be ignored (RFC 9110 section 7.8), and is
    // RFC 9110 section 10.1.1: an HTTP/1.0 client's expectation is ignored.
    head.expects_continue = head.has(RequestHeader::expect) && !head.is_http_1_0;
    const bool has_body = head.has(RequestHeader::transfer_encoding) || head.content_length != 0;
    if (!head.expects_continue || !has_body) return HPE_OK;
    event_ = Event::head;
    return HPE_PAUSED;
}

std::optional<Refusal> HttpParser::fault_of_head() const {
    const RequestHead& head = *head_;
    if (parser_.http_major != 1 || parser_.http_minor > 1) return Refusal::unsupported_version;
    const RequestHead::Value& host = head.value(RequestHeader::host);
    if (host.count > 1) return Refusal::duplicate_host;
    if (host.count == 0 && !head.is_http_1_0) return Refusal::missing_host;
    if (host.is_cut || !is_host(head.header(RequestHeader::host))) return Refusal::bad_host;
    // RFC 9112 section 6.1: both framings, or Transfer-Encoding in an HTTP/1.0 message, are faulty framing.
    const bool has_coding = head.has(RequestHeader::transfer_encoding);
    if (has_coding && (head.has(RequestHeader::content_length) || head.is_http_1_0))
        return Refusal::conflicting_framing;
    if (has_coding && !equals_ignoring_case(head.header(RequestHeader::transfer_encoding), "chunked"))
        return Refusal::unknown_transfer_coding;
    if (!head.is_http_1_0 && has_other_expectation(head)) return Refusal::expectation_failed;
    if (head.content_length > body_bytes_max_) return Refusal::body_too_large;
    return std::nullopt;
}

Refusal HttpParser::refusal_of(llhttp_errno_t error) const {
    const RequestHead& head = *head_;
    const auto is_of = [&head](RequestHeader header) { return head.row_index == static_cast<std::uint8_t>(header); };
    const bool is_framing = is_of(RequestHeader::content_length) || is_of(RequestHeader::transfer_encoding);
    const bool has_coding = head.has(RequestHeader::transfer_encoding);
    const bool has_length = head.has(RequestHeader::content_length);
    switch (error) {
        case HPE_INVALID_VERSION:  // also said of a version line that does not end in CRLF
            return stage_ == Stage::headers ? Refusal::malformed_request_line : Refusal::unsupported_version;
        case HPE_PAUSED_H2_UPGRADE: return Refusal::unsupported_version;
        case HPE_UNEXPECTED_CONTENT_LENGTH:
        case HPE_INVALID_CONTENT_LENGTH:
            return has_coding || (has_length && is_of(RequestHeader::transfer_encoding)) ? Refusal::conflicting_framing
                                                                                         : Refusal::bad_content_length;
        case HPE_INVALID_TRANSFER_ENCODING:
            return has_length && is_framing ? Refusal::conflicting_framing : Refusal::unknown_transfer_coding;
        case HPE_INVALID_CHUNK_SIZE: return Refusal::malformed_chunk;
        default: break;
    }
    if (stage_ == Stage::body) return Refusal::malformed_chunk;
    return stage_ == Stage::headers ? Refusal::malformed_header : Refusal::malformed_request_line;
}

}  // namespace sluice::parsers
