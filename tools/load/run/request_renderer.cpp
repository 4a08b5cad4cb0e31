#include "tools/load/run/request_renderer.hpp"

#include <zlib.h>

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
constexpr int gzip_window_bits = 15 + 16;  // zlib.h, deflateInit2: + 16 writes a gzip header
constexpr std::size_t gzip_surplus_bytes = 128;

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

}  // namespace

// One zlib stream, reset for each body: deflate allocates only in deflateInit2.
struct RequestRenderer::Deflater {
    z_stream stream{};
    std::vector<char> body;

    explicit Deflater(std::size_t body_bytes_max) : body(compressBound(body_bytes_max) + gzip_surplus_bytes) {
        CHECK(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window_bits, 8, Z_DEFAULT_STRATEGY) ==
              Z_OK);
    }
    ~Deflater() { deflateEnd(&stream); }
    Deflater(const Deflater&) = delete;
    Deflater& operator=(const Deflater&) = delete;

    std::string_view compress(const char* bytes, std::size_t count) {
        CHECK(deflateReset(&stream) == Z_OK);
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes));
        stream.avail_in = static_cast<uInt>(count);
        stream.next_out = reinterpret_cast<Bytef*>(body.data());
        stream.avail_out = static_cast<uInt>(body.size());
        CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
        return {body.data(), body.size() - stream.avail_out};
    }
};

RequestRenderer::RequestRenderer(const RequestSpec& spec) : spec_(spec) {
    head_ = spec_.method + " " + spec_.path + " HTTP/1.1\r\nHost: " + spec_.host_header + "\r\n";
    for (const auto& [name, value] : spec_.headers) head_ += name + ": " + value + "\r\n";
    if (spec_.is_gzip && spec_.has_body) head_ += "Content-Encoding: gzip\r\n";
    head_ += spec_.has_body ? "Content-Length: " : "\r\n";

    const std::size_t fields_count = spec_.body.fields.size();
    device_digits_ = static_cast<int>(digits_of(std::max(spec_.devices_count, 1u) - 1));
    const std::size_t device_bytes = spec_.device_prefix.size() + 10;
    std::size_t body_bytes_max = 0;
    for (const std::string& literal : spec_.body.literals) body_bytes_max += literal.size();
    for (const Field& field : spec_.body.fields) body_bytes_max += width_max_of(field, device_bytes);

    positions_.resize(fields_count);
    widths_.resize(fields_count);
    values_.resize(fields_count);
    scratch_.resize(fields_count * std::max(value_bytes_max, device_bytes));
    if (spec_.is_gzip && spec_.has_body) deflater_ = std::make_unique<Deflater>(body_bytes_max);
    bytes_max_ = head_.size() + length_digits_max + 4 +
                 (deflater_ ? std::max(deflater_->body.size(), body_bytes_max) : body_bytes_max);
    image_.resize(bytes_max_);
    if (!is_fixed()) return;
    write_image();
    if (deflater_ == nullptr) return;
    std::vector<char> compressed(bytes_max_);
    image_bytes_ = write_compressed(compressed.data());
    image_ = std::move(compressed);
}

RequestRenderer::~RequestRenderer() = default;

std::size_t RequestRenderer::render(char* out, Devices& devices, Random& random, RequestIdentity& identity) {
    draw(devices, random, identity);
    if (fits_image()) {
        for (std::size_t i = 0; i < values_.size(); ++i)
            std::memcpy(image_.data() + positions_[i], values_[i].data(), values_[i].size());
    } else {
        write_image();
    }
    if (deflater_ != nullptr) return write_compressed(out);
    std::memcpy(out, image_.data(), image_bytes_);
    return image_bytes_;
}

// --- values -----------------------------------------------------------------------------------------

void RequestRenderer::keep(std::size_t index, std::string_view text) {
    char* const place = scratch_.data() + index * (scratch_.size() / values_.size());
    std::memcpy(place, text.data(), text.size());
    values_[index] = {place, text.size()};
}

void RequestRenderer::draw(Devices& devices, Random& random, RequestIdentity& identity) {
    const std::uint32_t device_index = devices.draw(random);
    identity.device = devices.number_of(device_index);
    identity.samples_count = spec_.samples_count;
    identity.first_seq = devices.take(device_index, spec_.samples_count);

    const std::size_t fields_a_sample = values_.size() / std::max(spec_.samples_count, 1u);
    std::int64_t now_ns = 0;
    char text[64];
    for (std::size_t i = 0; i < values_.size(); ++i) {
        const Field& field = spec_.body.fields[i];
        switch (field.kind) {
            case Field::Kind::device: {
                char* const digits =
                    scratch_.data() + i * (scratch_.size() / values_.size()) + spec_.device_prefix.size();
                std::memcpy(digits - spec_.device_prefix.size(), spec_.device_prefix.data(),
                            spec_.device_prefix.size());
                std::uint32_t rest = identity.device;
                for (int digit = device_digits_; digit-- > 0; rest /= 10)
                    digits[digit] = static_cast<char>('0' + rest % 10);
                values_[i] = {digits - spec_.device_prefix.size(),
                              spec_.device_prefix.size() + static_cast<std::size_t>(device_digits_)};
                break;
            }
            case Field::Kind::seq: {
                const char* end = std::to_chars(text, text + sizeof text, identity.first_seq + i / fields_a_sample).ptr;
                keep(i, {text, static_cast<std::size_t>(end - text)});
                break;
            }
            case Field::Kind::number: draw_number(field, random, i); break;
            case Field::Kind::choice: values_[i] = field.choices[random.below(field.choices.size())]; break;
            case Field::Kind::ts_iso:
            case Field::Kind::ts_ms:
            case Field::Kind::ts_ns:
                if (now_ns == 0) now_ns = unix_ns();
                draw_time(field.kind, now_ns, i);
                break;
        }
    }
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

void RequestRenderer::write_image() {
    std::size_t body_bytes = 0;
    for (const std::string& literal : spec_.body.literals) body_bytes += literal.size();
    for (const std::string_view value : values_) body_bytes += value.size();

    char* at = std::copy(head_.begin(), head_.end(), image_.data());
    if (spec_.has_body) {
        at = std::to_chars(at, at + length_digits_max, body_bytes).ptr;
        at = std::copy_n("\r\n\r\n", 4, at);
    }
    body_begin_ = static_cast<std::size_t>(at - image_.data());
    for (std::size_t i = 0; i < spec_.body.literals.size() && spec_.has_body; ++i) {
        at = std::copy(spec_.body.literals[i].begin(), spec_.body.literals[i].end(), at);
        if (i == values_.size()) break;
        positions_[i] = static_cast<std::uint32_t>(at - image_.data());
        widths_[i] = static_cast<std::uint32_t>(values_[i].size());
        at = std::copy(values_[i].begin(), values_[i].end(), at);
    }
    image_bytes_ = static_cast<std::size_t>(at - image_.data());
    CHECK(image_bytes_ <= bytes_max_);
}

std::size_t RequestRenderer::write_compressed(char* out) {
    const std::string_view body = deflater_->compress(image_.data() + body_begin_, image_bytes_ - body_begin_);
    char* at = std::copy(head_.begin(), head_.end(), out);
    at = std::to_chars(at, at + length_digits_max, body.size()).ptr;
    at = std::copy_n("\r\n\r\n", 4, at);
    at = std::copy(body.begin(), body.end(), at);
    return static_cast<std::size_t>(at - out);
}

}  // namespace sluice::load
