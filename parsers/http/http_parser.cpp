#include "parsers/http/http_parser.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/core/check.hpp"
#include "parsers/http/idempotency_key.hpp"

namespace sluice::parsers {
namespace {

enum KnownHeader : std::uint8_t {
    other_header,
    host,
    content_length,
    transfer_encoding,
    content_type,
    content_encoding,
    expect,
    idempotency_key,
};

struct KnownName {
    std::string_view name;
    KnownHeader header;
};

constexpr KnownName known_names[]{
    {"host", host},
    {"content-length", content_length},
    {"transfer-encoding", transfer_encoding},
    {"content-type", content_type},
    {"content-encoding", content_encoding},
    {"expect", expect},
    {"idempotency-key", idempotency_key},
};

// Eight bytes at a time, with the bit set that tells 'a' from 'A'. It makes '-', '/' and digits of control characters,
// too, which llhttp lets into no name and no value.
bool equals_ignoring_case(std::string_view text, std::string_view lower_case) {
    if (text.size() != lower_case.size()) return false;
    constexpr std::uint64_t case_bits = 0x2020202020202020;
    std::uint64_t difference = 0;
    std::size_t at = 0;
    for (; at + sizeof case_bits <= text.size(); at += sizeof case_bits) {
        std::uint64_t one, other;
        std::memcpy(&one, text.data() + at, sizeof one);
        std::memcpy(&other, lower_case.data() + at, sizeof other);
        difference |= (one | case_bits) ^ other;
    }
    for (; at < text.size(); ++at) difference |= static_cast<unsigned char>((text[at] | 0x20) ^ lower_case[at]);
    return difference == 0;
}

// Each of the names has a length of its own, which finds it.
constexpr std::size_t known_name_bytes_max = 17;
constexpr auto names_by_length = [] {
    std::array<KnownName, known_name_bytes_max + 1> names{};
    for (const KnownName& known : known_names) {
        if (!names[known.name.size()].name.empty()) throw "two names of one length";  // does not compile
        names[known.name.size()] = known;
    }
    return names;
}();

KnownHeader known_header_of(std::string_view name) {
    if (name.size() > known_name_bytes_max) return other_header;
    const KnownName& known = names_by_length[name.size()];
    return equals_ignoring_case(name, known.name) ? known.header : other_header;
}

// A value without the white space behind it, which llhttp leaves there (RFC 9110 section 5.5: it is no part of the
// value).
std::string_view trim_end(std::string_view value) {
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    return value;
}

// The type/subtype before any parameter.
MediaType media_type_of(std::string_view value) {
    value = trim_end(value.substr(0, value.find(';')));
    if (equals_ignoring_case(value, "application/json") || equals_ignoring_case(value, "text/json"))
        return MediaType::json;
    for (const std::string_view name : {"application/x-ndjson", "application/ndjson", "application/jsonl",
                                        "application/x-jsonlines", "application/jsonlines"})
        if (equals_ignoring_case(value, name)) return MediaType::ndjson;
    return value.empty() ? MediaType::none : MediaType::other;
}

constexpr auto host_characters = [] {
    std::array<bool, 256> may_stand{};
    for (unsigned char c = '0'; c <= '9'; ++c) may_stand[c] = true;
    for (unsigned char c = 'a'; c <= 'z'; ++c) may_stand[c] = may_stand[c - 'a' + 'A'] = true;
    for (const unsigned char c : std::string_view("-._~%!$&'()*+,;=:[]")) may_stand[c] = true;
    return may_stand;
}();

// uri-host [ ":" port ] of RFC 9110 section 7.2, by its characters. An empty Host is legal (RFC 9112 section 3.2).
bool is_host(std::string_view value) {
    return std::all_of(value.begin(), value.end(),
                       [](char c) { return host_characters[static_cast<unsigned char>(c)]; });
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
        RequestHead& head = *self(parser).head_;
        head.header = known_header_of({head.name, head.name_bytes});
        head.value_bytes = 0;
        if (++head.headers_count > limits::request_headers_count_max)
            return self(parser).refuse(Refusal::headers_too_large);
        return HPE_OK;
    }

    static int on_header_value(llhttp_t* parser, const char* at, std::size_t length) {
        RequestHead& head = *self(parser).head_;
        if (head.header != other_header) {
            const std::size_t kept = std::min(length, sizeof head.value - head.value_bytes);
            std::memcpy(head.value + head.value_bytes, at, kept);
            head.value_bytes = static_cast<std::uint16_t>(head.value_bytes + kept);
        }
        return count(parser, length);
    }

    static int on_header_value_complete(llhttp_t* parser) {
        if (self(parser).stage_ == Stage::headers) self(parser).apply_header();  // trailers are read and ignored
        self(parser).head_->name_bytes = 0;
        return HPE_OK;
    }

    static int on_headers_complete(llhttp_t* parser) { return self(parser).on_head_complete(); }

    // llhttp keeps the size of the chunk that begins where it keeps Content-Length otherwise.
    static int on_chunk_header(llhttp_t* parser) {
        const bool is_too_large = parser->content_length > self(parser).body_bytes_max_;
        return is_too_large ? self(parser).refuse(Refusal::body_too_large) : static_cast<int>(HPE_OK);
    }

    static int on_body(llhttp_t* parser, const char* at, std::size_t length) {
        HttpParser& me = self(parser);
        Refusal refusal = Refusal::body_too_large;
        if (me.body_->on_body({at, length}, refusal)) return HPE_OK;
        return me.refuse(refusal);
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

void HttpParser::apply_header() {
    RequestHead& head = *head_;
    const bool is_cut = head.value_bytes == sizeof head.value;
    const std::string_view value = trim_end({head.value, head.value_bytes});
    switch (head.header) {
        case host:
            head.host_count = static_cast<std::uint8_t>(std::min(head.host_count + 1, 2));
            head.has_bad_host = head.has_bad_host || is_cut || !is_host(value);
            break;
        case content_length: head.has_content_length = true; break;
        case transfer_encoding:
            head.has_unknown_coding =
                head.has_unknown_coding || head.has_transfer_encoding || !equals_ignoring_case(value, "chunked");
            head.has_transfer_encoding = true;
            break;
        case content_type: head.media_type = is_cut ? MediaType::other : media_type_of(value); break;
        case content_encoding:
            head.has_content_encoding =
                head.has_content_encoding || (!value.empty() && !equals_ignoring_case(value, "identity"));
            break;
        case expect:
            head.expects_continue = equals_ignoring_case(value, "100-continue");
            head.has_other_expectation = head.has_other_expectation || !head.expects_continue;
            break;
        case idempotency_key: {
            const auto key = is_cut ? std::nullopt : read_idempotency_key(value, head.idempotency_key);
            head.has_bad_idempotency_key = head.has_bad_idempotency_key || head.idempotency_key_bytes != 0 || !key;
            if (key) head.idempotency_key_bytes = static_cast<std::uint8_t>(key->size());
            break;
        }
        default: break;
    }
}

int HttpParser::on_head_complete() {
    RequestHead& head = *head_;
    head.method = method_of(parser_.method);
    head.is_http_1_0 = parser_.http_minor == 0;
    head.keep_alive = llhttp_should_keep_alive(&parser_) == 1;
    head.content_length = head.has_content_length ? parser_.content_length : 0;
    if (parser_.http_major != 1 || parser_.http_minor > 1) return refuse(Refusal::unsupported_version);
    if (head.host_count > 1) return refuse(Refusal::duplicate_host);
    if (head.host_count == 0 && !head.is_http_1_0) return refuse(Refusal::missing_host);
    if (head.has_bad_host) return refuse(Refusal::bad_host);
    // RFC 9112 section 6.1: both framings, or Transfer-Encoding in an HTTP/1.0 message, are faulty framing.
    if (head.has_transfer_encoding && (head.has_content_length || head.is_http_1_0))
        return refuse(Refusal::conflicting_framing);
    if (head.has_unknown_coding) return refuse(Refusal::unknown_transfer_coding);
    // RFC 9110 section 10.1.1: an HTTP/1.0 client's expectation is ignored.
    if (head.has_other_expectation && !head.is_http_1_0) return refuse(Refusal::expectation_failed);
    if (head.content_length > body_bytes_max_) return refuse(Refusal::body_too_large);
    stage_ = Stage::body;
    parser_.upgrade = 0;  // an Upgrade may be ignored (RFC 9110 section 7.8), and is
    const bool has_body = head.has_transfer_encoding || head.content_length != 0;
    if (!head.expects_continue || head.is_http_1_0 || !has_body) return HPE_OK;
    event_ = Event::head;
    return HPE_PAUSED;
}

Refusal HttpParser::refusal_of(llhttp_errno_t error) const {
    const RequestHead& head = *head_;
    const bool is_framing = head.header == content_length || head.header == transfer_encoding;
    switch (error) {
        case HPE_INVALID_VERSION:  // also said of a version line that does not end in CRLF
            return stage_ == Stage::headers ? Refusal::malformed_request_line : Refusal::unsupported_version;
        case HPE_PAUSED_H2_UPGRADE: return Refusal::unsupported_version;
        case HPE_UNEXPECTED_CONTENT_LENGTH:
        case HPE_INVALID_CONTENT_LENGTH:
            return head.has_transfer_encoding || (head.has_content_length && head.header == transfer_encoding)
                       ? Refusal::conflicting_framing
                       : Refusal::bad_content_length;
        case HPE_INVALID_TRANSFER_ENCODING:
            return head.has_content_length && is_framing ? Refusal::conflicting_framing
                                                         : Refusal::unknown_transfer_coding;
        case HPE_INVALID_CHUNK_SIZE: return Refusal::malformed_chunk;
        default: break;
    }
    if (stage_ == Stage::body) return Refusal::malformed_chunk;
    return stage_ == Stage::headers ? Refusal::malformed_header : Refusal::malformed_request_line;
}

}  // namespace sluice::parsers
