#include "tools/load/plan/body_template.hpp"

#include <algorithm>

#include "engine/core/escape.hpp"
#include "engine/core/limits.hpp"

namespace sluice::load {
namespace {

constexpr int decimals_max = 9;
constexpr double number_max = 1e15;  // a double shows 15 digits exactly

std::unexpected<PlanError> wrong(std::string_view field, std::string_view why) {
    return std::unexpected(
        PlanError{quoted("{" + std::string(field) + "}", limits::shown_bytes_max) + " " + std::string(why)});
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (true) {
        const std::size_t end = std::min(text.find(separator), text.size());
        parts.emplace_back(text.substr(0, end));
        if (end == text.size()) return parts;
        text.remove_prefix(end + 1);
    }
}

int decimals_of(std::string_view number) {
    const std::size_t point = number.find('.');
    return point == std::string_view::npos ? 0 : static_cast<int>(number.size() - point - 1);
}

std::expected<Field, PlanError> parse_number_field(std::string_view text, const std::vector<std::string>& bounds) {
    if (bounds.size() != 2) return wrong(text, "takes two bounds, such as {float:15:35}");
    const auto low = parse_number(bounds[0]), high = parse_number(bounds[1]);
    if (!low || !high || *low > *high || std::max(-*low, *high) > number_max)
        return wrong(text, "takes two ascending numbers of at most 15 digits, such as {float:15:35}");
    Field field{.kind = Field::Kind::number, .low = *low, .high = *high, .choices = {}};
    field.decimals = std::clamp(std::max(decimals_of(bounds[0]), decimals_of(bounds[1])), 1, decimals_max);
    return field;
}

// `text` is what stands between the braces: name[:arguments].
std::expected<Field, PlanError> parse_field(std::string_view text) {
    const std::size_t colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    const std::string_view rest = colon == std::string_view::npos ? "" : text.substr(colon + 1);
    if (text == "device") return Field{.kind = Field::Kind::device, .choices = {}};
    if (text == "seq") return Field{.kind = Field::Kind::seq, .choices = {}};
    if (text == "ts" || text == "ts:iso") return Field{.kind = Field::Kind::ts_iso, .choices = {}};
    if (text == "ts:ms") return Field{.kind = Field::Kind::ts_ms, .choices = {}};
    if (text == "ts:ns") return Field{.kind = Field::Kind::ts_ns, .choices = {}};
    if (name == "float") return parse_number_field(text, split(rest, ':'));
    if (name == "choice" && rest.empty()) return wrong(text, "has nothing to choose from; write {choice:a|b}");
    if (name == "choice") return Field{.kind = Field::Kind::choice, .choices = split(rest, '|')};
    return wrong(
        text,
        "is not known; fields are {device} {seq} {ts} {ts:ms} {ts:ns} {float:lo:hi} {choice:a|b}; {{ sends a brace");
}

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

// What stands between the braces that begin at text[0], or nothing if that brace stands for itself.
std::string_view field_at(std::string_view text) {
    std::size_t end = 1;
    while (end < text.size() && is_lower(text[end])) ++end;
    if (end == 1 || end == text.size() || (text[end] != '}' && text[end] != ':')) return {};
    const std::size_t close = text.find('}', end);
    return close == std::string_view::npos ? std::string_view{} : text.substr(1, close - 1);
}

}  // namespace

std::expected<BodyTemplate, PlanError> parse_body_template(std::string_view text) {
    BodyTemplate result;
    std::string literal;
    while (!text.empty()) {
        if (const std::string_view escaped = text.starts_with("{{") ? field_at(text.substr(1)) : ""; !escaped.empty()) {
            literal.append("{").append(escaped).append("}");
            text.remove_prefix(escaped.size() + 3);
            continue;
        }
        const std::string_view inner = text.front() == '{' ? field_at(text) : std::string_view{};
        if (inner.empty()) {
            literal += text.front();
            text.remove_prefix(1);
            continue;
        }
        auto field = parse_field(inner);
        if (!field) return std::unexpected(field.error());
        result.fields.push_back(std::move(*field));
        result.literals.push_back(std::move(literal));
        literal.clear();
        text.remove_prefix(inner.size() + 2);
    }
    result.literals.push_back(std::move(literal));
    return result;
}

std::string literal_template(std::string_view text) {
    std::string escaped;
    while (!text.empty()) {  // ends: each turn takes a byte at least
        const std::string_view inner = text.front() == '{' ? field_at(text) : std::string_view{};
        const std::size_t bytes = inner.empty() ? 1 : inner.size() + 2;
        escaped.append(inner.empty() ? "" : "{").append(text.substr(0, bytes));
        text.remove_prefix(bytes);
    }
    return escaped;
}

void append(BodyTemplate& text, const BodyTemplate& more) {
    text.literals.back() += more.literals.front();
    text.literals.insert(text.literals.end(), more.literals.begin() + 1, more.literals.end());
    text.fields.insert(text.fields.end(), more.fields.begin(), more.fields.end());
}

BodyTemplate batch_of(const BodyTemplate& sample, std::uint32_t count, BatchForm form) {
    if (count <= 1 && form == BatchForm::array) return sample;
    BodyTemplate batch;
    std::string pending = form == BatchForm::array ? "[" : "";
    for (std::uint32_t index = 0; index < std::max(count, 1u); ++index) {
        if (index != 0 && form == BatchForm::array) pending += ',';
        for (std::size_t i = 0; i < sample.fields.size(); ++i) {
            batch.literals.push_back(pending + sample.literals[i]);
            pending.clear();
            batch.fields.push_back(sample.fields[i]);
        }
        pending += sample.literals.back();
        if (form == BatchForm::ndjson) pending += '\n';
    }
    if (form == BatchForm::array) pending += ']';
    batch.literals.push_back(std::move(pending));
    return batch;
}

}  // namespace sluice::load
