#include "tools/load/run/request_renderer.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <ctime>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"

namespace sluice::load {
namespace {

constexpr std::size_t value_bytes_max =
    48;  // the longest: a number of 15 digits and 9 decimals with its sign, a prefixed device
constexpr std::size_t length_digits_max = 20;
constexpr std::size_t device_digits_max = 10;
constexpr std::size_t chunk_head_bytes_max = 20;  // of a chunk: its size in hexadecimal digits, and two line ends

std::size_t digits_of(std::uint64_t number) {
    char text[24];
    return static_cast<std::size_t>(std::to_chars(text, text + sizeof text, number).ptr - text);
}

std::size_t width_max_of(const Field& field, std::size_t device_bytes) {
    if (field.kind == Field::Kind::device) return device_bytes;
    std::size_t width = value_bytes_max;
    for (const std::string& choice : field.choices) width = std::max(width, choice.size());
    return width;
}

std::size_t bytes_max_of(const BodyTemplate& text, std::size_t device_bytes) {
    std::size_t bytes = 0;
    for (const std::string& literal : text.literals) bytes += literal.size();
    for (const Field& field : text.fields) bytes += width_max_of(field, device_bytes);
    return bytes;
}

// Has been parsed before without error.
BodyTemplate template_of(const std::string& text) {
    auto parsed = parse_body_template(text);
    CHECK(parsed.has_value());
    return std::move(*parsed);
}

// A method that gives its content a meaning says also that there is none (RFC 9110, 8.6).
bool expects_content(const std::string& method) { return method == "POST" || method == "PUT" || method == "PATCH"; }

// Up to and including "Content-Length: ", behind which the length of the body stands; without a body, or with a chunked
// one, all of it.
BodyTemplate head_of(const RequestSpec& spec) {
    BodyTemplate head{.literals = {spec.method + " "}, .fields = {}};
    append(head, template_of(spec.path));
    head.literals.back() += " HTTP/1.1\r\nHost: " + spec.host_header + "\r\n";
    for (const auto& [name, value] : spec.headers) {
        head.literals.back() += name + ": ";
        append(head, template_of(value));
        head.literals.back() += "\r\n";
    }
    if (!spec.tokens.empty()) {
        head.literals.back() += "Authorization: Bearer ";
        head.literals.emplace_back("\r\n");
        head.fields.push_back({.kind = Field::Kind::token, .choices = spec.tokens});
    }
    if (spec.coding != ContentCoding::identity && spec.has_body)
        head.literals.back() += "Content-Encoding: " + std::string(name_of(spec.coding)) + "\r\n";
    if (spec.is_chunked && spec.has_body) head.literals.back() += "Transfer-Encoding: chunked\r\n\r\n";
    else if (spec.has_body) head.literals.back() += "Content-Length: ";
    else head.literals.back() += expects_content(spec.method) ? "Content-Length: 0\r\n\r\n" : "\r\n";
    return head;
}

}  // namespace

RequestRenderer::RequestRenderer(const RequestSpec& spec) : spec_(spec), head_(head_of(spec)) {
    device_digits_ = static_cast<int>(digits_of(std::max(spec_.devices_count, 1u) - 1));
    const std::size_t device_bytes = spec_.device_prefix.size() + device_digits_max;
    writer_ =
        make_body_writer(spec_.format, {.samples_count_max = spec_.samples_count, .device_bytes_max = device_bytes});
    if (writer_) drawn_.resize(spec_.samples_count);
    device_name_.resize(device_bytes);
    const std::size_t body_bytes_max = writer_ ? writer_->bytes_max() : bytes_max_of(spec_.body, device_bytes);
    const std::size_t fields_count = head_.fields.size() + spec_.body.fields.size();
    positions_.resize(fields_count);
    widths_.resize(fields_count);
    values_.resize(fields_count);
    scratch_.resize(fields_count * std::max(value_bytes_max, device_bytes));
    if (spec_.has_body) compressor_ = make_compressor(spec_.coding, body_bytes_max);
    else spec_.is_chunked = false;
    const std::size_t sent_bytes_max =
        compressor_ ? std::max(compressor_->bytes_max(), body_bytes_max) : body_bytes_max;
    const std::size_t chunks_count_max = sent_bytes_max / chunk_bytes_max + 2;  // with the last one, which is empty
    bytes_max_ = bytes_max_of(head_, device_bytes) + length_digits_max + 4 + sent_bytes_max +
                 chunks_count_max * chunk_head_bytes_max;
    image_.resize(bytes_max_);
    if (!is_fixed()) return;
    write_image();
    if (!is_transformed()) return;
    std::vector<char> transformed(bytes_max_);
    image_bytes_ = write_transformed(transformed.data());
    image_ = std::move(transformed);
}

RequestRenderer::~RequestRenderer() = default;

std::size_t RequestRenderer::render(char* out, Devices& devices, Random& random, RequestIdentity& identity,
                                    std::size_t connection_index) {
    draw(devices, random, identity, connection_index);
    if (fits_image()) {
        for (std::size_t i = 0; i < values_.size(); ++i)
            std::memcpy(image_.data() + positions_[i], values_[i].data(), values_[i].size());
    } else {
        write_image();
    }
    if (is_transformed()) return write_transformed(out);
    std::memcpy(out, image_.data(), image_bytes_);
    return image_bytes_;
}

// --- values -----------------------------------------------------------------------------------------

void RequestRenderer::keep(std::size_t index, std::string_view text) {
    char* const place = scratch_.data() + index * (scratch_.size() / values_.size());
    std::memcpy(place, text.data(), text.size());
    values_[index] = {place, text.size()};
}

void RequestRenderer::draw(Devices& devices, Random& random, RequestIdentity& identity, std::size_t connection_index) {
    const std::uint32_t device_index = devices.draw(random);
    identity.device = devices.number_of(device_index);
    identity.samples_count = spec_.samples_count;
    identity.first_seq = devices.take(device_index, spec_.samples_count);
    if (writer_) draw_batch(random, identity);

    const std::size_t head_fields_count = head_.fields.size();
    const std::size_t fields_a_sample = spec_.body.fields.size() / std::max(spec_.samples_count, 1u);
    std::int64_t now_ns = 0;
    char text[64];
    for (std::size_t i = 0; i < values_.size(); ++i) {
        const bool is_of_head = i < head_fields_count;
        const Field& field = is_of_head ? head_.fields[i] : spec_.body.fields[i - head_fields_count];
        switch (field.kind) {
            case Field::Kind::device:
                values_[i] = write_device(scratch_.data() + i * (scratch_.size() / values_.size()), identity.device);
                break;
            case Field::Kind::seq: {
                // A head has the count of its first sample.
                const std::size_t sample_index = is_of_head ? 0 : (i - head_fields_count) / fields_a_sample;
                const char* end = std::to_chars(text, text + sizeof text, identity.first_seq + sample_index).ptr;
                keep(i, {text, static_cast<std::size_t>(end - text)});
                break;
            }
            case Field::Kind::number: draw_number(field, random, i); break;
            case Field::Kind::choice: values_[i] = field.choices[random.below(field.choices.size())]; break;
            case Field::Kind::token: values_[i] = field.choices[connection_index % field.choices.size()]; break;
            case Field::Kind::ts_iso:
            case Field::Kind::ts_ms:
            case Field::Kind::ts_ns:
                if (now_ns == 0) now_ns = unix_ns();
                draw_time(field.kind, now_ns, i);
                break;
        }
    }
}

// Prefix and number, padded with zeros. `at` has room for both.
std::string_view RequestRenderer::write_device(char* at, std::uint32_t device) const {
    char* const digits = std::ranges::copy(spec_.device_prefix, at).out;
    for (int digit = device_digits_; digit-- > 0; device /= 10) digits[digit] = static_cast<char>('0' + device % 10);
    return {at, spec_.device_prefix.size() + static_cast<std::size_t>(device_digits_)};
}

// As the built-in JSON sample is drawn: one of the types, 15 to 35 with one decimal, now in ms.
void RequestRenderer::draw_batch(Random& random, const RequestIdentity& identity) {
    for (DrawnSample& sample : drawn_)
        sample = {.type_index = static_cast<std::uint8_t>(random.below(sample_types.size())),
                  .value = static_cast<double>(150 + random.below(201)) / 10};
    batch_ = {.device = write_device(device_name_.data(), identity.device),
              .first_seq = identity.first_seq,
              .timestamp_ns = unix_ns() / 1'000'000 * 1'000'000,
              .samples = drawn_};
}

void RequestRenderer::draw_number(const Field& field, Random& random, std::size_t index) {
    char text[value_bytes_max];
    const double value = field.low + (field.high - field.low) * random.uniform();
    const auto [end, error] = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, field.decimals);
    CHECK(error == std::errc{});
    keep(index, {text, static_cast<std::size_t>(end - text)});
}

void RequestRenderer::draw_time(Field::Kind kind, std::int64_t now_ns, std::size_t index) {
    char text[value_bytes_max];
    if (kind != Field::Kind::ts_iso) {
        const std::int64_t number = kind == Field::Kind::ts_ms ? now_ns / 1'000'000 : now_ns;
        return keep(index,
                    {text, static_cast<std::size_t>(std::to_chars(text, text + sizeof text, number).ptr - text)});
    }
    const std::int64_t second = now_ns / 1'000'000'000;
    if (second != iso_time_s_) {
        const std::time_t time = second;
        std::tm parts{};
        gmtime_r(&time, &parts);
        CHECK(std::strftime(iso_text_, sizeof iso_text_, "%Y-%m-%dT%H:%M:%S.", &parts) == 20);
        iso_time_s_ = second;
    }
    std::memcpy(text, iso_text_, 20);
    const auto millisecond = static_cast<unsigned>(now_ns / 1'000'000 % 1000);
    text[20] = static_cast<char>('0' + millisecond / 100);
    text[21] = static_cast<char>('0' + millisecond / 10 % 10);
    text[22] = static_cast<char>('0' + millisecond % 10);
    text[23] = 'Z';
    keep(index, {text, 24});
}

// --- bytes ------------------------------------------------------------------------------------------

bool RequestRenderer::fits_image() const {
    if (image_bytes_ == 0) return false;
    for (std::size_t i = 0; i < values_.size(); ++i)
        if (values_[i].size() != widths_[i]) return false;
    return true;
}

// Writes the text at `at` with the values from `first_index` on, and keeps where each is. The end of what was written.
char* RequestRenderer::write_text(const BodyTemplate& text, std::size_t first_index, char* at) {
    for (std::size_t i = 0; i < text.literals.size(); ++i) {
        at = std::copy(text.literals[i].begin(), text.literals[i].end(), at);
        if (i == text.fields.size()) break;
        const std::size_t index = first_index + i;
        positions_[index] = static_cast<std::uint32_t>(at - image_.data());
        widths_[index] = static_cast<std::uint32_t>(values_[index].size());
        at = std::copy(values_[index].begin(), values_[index].end(), at);
    }
    return at;
}

void RequestRenderer::write_image() {
    const std::size_t head_fields_count = head_.fields.size();
    std::size_t body_bytes = 0;
    for (const std::string& literal : spec_.body.literals) body_bytes += literal.size();
    for (std::size_t i = head_fields_count; i < values_.size(); ++i) body_bytes += values_[i].size();

    char* at = write_text(head_, 0, image_.data());
    head_bytes_ = static_cast<std::size_t>(at - image_.data());
    if (spec_.has_body && !spec_.is_chunked) {
        at = std::to_chars(at, at + length_digits_max, body_bytes).ptr;
        at = std::copy_n("\r\n\r\n", 4, at);
    }
    body_begin_ = static_cast<std::size_t>(at - image_.data());
    if (spec_.has_body) at = write_text(spec_.body, head_fields_count, at);
    image_bytes_ = static_cast<std::size_t>(at - image_.data());
    CHECK(image_bytes_ <= bytes_max_);
}

// The body written, compressed, in chunks, or several of these.
std::size_t RequestRenderer::write_transformed(char* out) {
    std::string_view body = writer_ != nullptr
                                ? writer_->write(batch_)
                                : std::string_view(image_.data() + body_begin_, image_bytes_ - body_begin_);
    if (compressor_ != nullptr) body = compressor_->compress(body);
    char* at = std::copy_n(image_.data(), head_bytes_, out);
    if (!spec_.is_chunked) {
        at = std::to_chars(at, at + length_digits_max, body.size()).ptr;
        at = std::copy_n("\r\n\r\n", 4, at);
        at = std::copy(body.begin(), body.end(), at);
        return static_cast<std::size_t>(at - out);
    }
    for (; !body.empty(); body.remove_prefix(std::min(body.size(), chunk_bytes_max))) {
        const std::string_view chunk = body.substr(0, chunk_bytes_max);
        at = std::to_chars(at, at + length_digits_max, chunk.size(), 16).ptr;
        at = std::copy_n("\r\n", 2, at);
        at = std::copy(chunk.begin(), chunk.end(), at);
        at = std::copy_n("\r\n", 2, at);
    }
    at = std::copy_n("0\r\n\r\n", 5, at);
    return static_cast<std::size_t>(at - out);
}

}  // namespace sluice::load
