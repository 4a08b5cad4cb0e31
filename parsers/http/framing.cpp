#include "parsers/http/framing.hpp"

#include <charconv>
#include <system_error>

#include "parsers/http/text.hpp"

namespace sluice::parsers {
namespace {

// token *( OWS ";" OWS parameter ) of RFC 9112 section 7, by its characters. A quoted parameter may hold a comma, which
// would end the element for one reader and not for another: it is refused.
bool is_coding(std::string_view element) {
    const std::size_t name_end = element.find(';');
    if (!is_token(trim_ows_end(element.substr(0, name_end)))) return false;
    return name_end == std::string_view::npos || element.find('"') == std::string_view::npos;
}

}  // namespace

std::optional<std::uint64_t> read_content_length(std::string_view value) {
    std::uint64_t bytes = 0;
    const char* const end = value.data() + value.size();
    const auto [parsed_end, error] = std::from_chars(value.data(), end, bytes);  // takes no sign and no blank
    if (error != std::errc{} || parsed_end != end) return std::nullopt;
    return bytes;
}

std::optional<Refusal> fault_of_transfer_encoding(std::string_view value) {
    if (equals_ignoring_case(value, "chunked")) return std::nullopt;
    bool is_last_chunked = false;
    bool has_unknown = false;
    for (auto element = take_list_element(value); !element.empty(); element = take_list_element(value)) {
        if (is_last_chunked || !is_coding(element)) return Refusal::bad_transfer_encoding;
        is_last_chunked = equals_ignoring_case(element, "chunked");
        has_unknown = has_unknown || !is_last_chunked;
    }
    if (!is_last_chunked) return Refusal::bad_transfer_encoding;
    if (has_unknown) return Refusal::unknown_transfer_coding;
    return std::nullopt;
}

ConnectionOptions read_connection(std::string_view value) {
    ConnectionOptions options{};
    for (auto option = take_list_element(value); !option.empty(); option = take_list_element(value)) {
        options.has_close = options.has_close || equals_ignoring_case(option, "close");
        options.has_keep_alive = options.has_keep_alive || equals_ignoring_case(option, "keep-alive");
    }
    return options;
}

bool has_other_expectation(std::string_view value) {
    auto expectation = take_list_element(value);
    if (expectation.empty()) return true;
    for (; !expectation.empty(); expectation = take_list_element(value))
        if (!equals_ignoring_case(expectation, "100-continue")) return true;
    return false;
}

}  // namespace sluice::parsers
