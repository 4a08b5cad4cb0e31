#include "tools/load/format/body_writer.hpp"

namespace sluice::load {

std::unique_ptr<BodyWriter> make_body_writer(BodyFormat format, const BatchBounds& bounds) {
    switch (format) {
        case BodyFormat::json:
        case BodyFormat::ndjson: return nullptr;
        case BodyFormat::influx:
        case BodyFormat::influx_v2: return make_influx_writer(bounds);
        case BodyFormat::remote_write: return make_remote_write_writer(bounds);
        case BodyFormat::remote_write_2: return make_remote_write_2_writer(bounds);
        case BodyFormat::otlp: return make_otlp_writer(bounds);
        case BodyFormat::otlp_json: return make_otlp_json_writer(bounds);
        case BodyFormat::protobuf: return make_telemetry_writer(bounds);
        case BodyFormat::protobuf_delimited: return make_telemetry_delimited_writer(bounds);
    }
    return nullptr;
}

}  // namespace sluice::load
