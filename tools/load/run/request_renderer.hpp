// RequestRenderer: the bytes of each request of one endpoint. One load thread's; allocates only when it is made.
//
// The body is a template, or what the BodyWriter of a format makes. Of templates:
// The last request is kept as an image. As long as every field is as wide as in it, the fields are patched in place and
// the image is copied; when a width changes (a count gains a digit), the image and its Content-Length are written anew.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/core/content_coding.hpp"
#include "tools/load/format/body_writer.hpp"
#include "tools/load/plan/body_template.hpp"
#include "tools/load/run/compressor.hpp"
#include "tools/load/run/devices.hpp"

namespace sluice::load {

struct RequestSpec {
    std::string method = "POST";
    std::string path = "/";  // with the query; a template, as the values of headers are
    std::string host_header;
    std::vector<std::pair<std::string, std::string>> headers;
    std::vector<std::string> tokens;  // as those of RunPlan
    bool has_body = true;
    BodyTemplate body;  // of the whole batch; empty if the format has a writer
    BodyFormat format = BodyFormat::json;
    std::uint32_t samples_count = 1;  // in a request
    std::string device_prefix = "device-";
    std::uint32_t devices_count = 1000;
    ContentCoding coding = ContentCoding::identity;
    bool is_chunked = false;
};

// Which samples a request carries.
struct RequestIdentity {
    std::uint32_t device = 0;
    std::uint32_t samples_count = 1;
    std::uint64_t first_seq = 0;
};

class RequestRenderer {
  public:
    explicit RequestRenderer(const RequestSpec& spec);
    ~RequestRenderer();
    RequestRenderer(const RequestRenderer&) = delete;
    RequestRenderer& operator=(const RequestRenderer&) = delete;

    // Every request is the same: fixed() are its bytes.
    [[nodiscard]] bool is_fixed() const {
        return head_.fields.empty() && spec_.body.fields.empty() && writer_ == nullptr;
    }
    [[nodiscard]] std::string_view fixed() const { return {image_.data(), image_bytes_}; }
    // No request is longer.
    [[nodiscard]] std::size_t bytes_max() const { return bytes_max_; }

    // Writes the next request to `out`, which has room for bytes_max(), and returns its length. Not for fixed ones.
    // `connection_index`: of all connections of the run; it decides the token.
    std::size_t render(char* out, Devices& devices, Random& random, RequestIdentity& identity,
                       std::size_t connection_index = 0);

    // Of a chunked body: as Go's io.Copy reads, which Telegraf and the OpenTelemetry Collector send through.
    static constexpr std::size_t chunk_bytes_max = std::size_t{32} * 1024;

  private:
    void draw(Devices& devices, Random& random, RequestIdentity& identity, std::size_t connection_index);
    void draw_batch(Random& random, const RequestIdentity& identity);
    std::string_view write_device(char* at, std::uint32_t device) const;
    void draw_number(const Field& field, Random& random, std::size_t index);
    void draw_time(Field::Kind kind, std::int64_t now_ns, std::size_t index);
    void keep(std::size_t index, std::string_view text);
    [[nodiscard]] bool fits_image() const;
    void write_image();
    [[nodiscard]] char* write_text(const BodyTemplate& text, std::size_t first_index, char* at);
    // The body is not sent as it stands in the image.
    [[nodiscard]] bool is_transformed() const {
        return writer_ != nullptr || compressor_ != nullptr || spec_.is_chunked;
    }
    std::size_t write_transformed(char* out);

    RequestSpec spec_;
    BodyTemplate head_;  // up to and including "Content-Length: "; without a body, or with a chunked one, all of it
    std::size_t bytes_max_ = 0;
    std::vector<char> image_;  // head, length, body
    std::size_t image_bytes_ = 0;
    std::size_t head_bytes_ = 0;  // in image_, of head_
    std::size_t body_begin_ = 0;  // in image_
    // Of the fields of the head, and then of those of the body:
    std::vector<std::uint32_t> positions_;  // of each field, in image_
    std::vector<std::uint32_t> widths_;  // of each field, in image_
    std::vector<char> scratch_;  // value_bytes_max for each field
    std::vector<std::string_view> values_;  // in scratch_ or a choice
    int device_digits_ = 1;
    std::int64_t iso_time_s_ = -1;
    char iso_text_[32] = {};  // of iso_second_, up to the point
    std::unique_ptr<BodyWriter> writer_;  // null: the body is a template
    std::vector<DrawnSample> drawn_;  // of batch_
    std::vector<char> device_name_;  // of batch_
    SampleBatch batch_;  // what writer_ writes next
    std::unique_ptr<Compressor> compressor_;
};

}  // namespace sluice::load
