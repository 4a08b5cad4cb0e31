#include "parsers/otlp/message_shape.hpp"

namespace sluice::parsers::otlp {
namespace {

using enum FieldType;

MessageShape any_value();

MessageShape key_value() {
    static constexpr FieldShape fields[]{{"key", 1, text}, {"value", 2, message, false, any_value}};
    return fields;
}
MessageShape key_value_list() {
    static constexpr FieldShape fields[]{{"values", 1, message, true, key_value}};
    return fields;
}
MessageShape array_value() {
    static constexpr FieldShape fields[]{{"values", 1, message, true, any_value}};
    return fields;
}
MessageShape any_value() {
    static constexpr FieldShape fields[]{{"stringValue", 1, text},
                                         {"boolValue", 2, boolean},
                                         {"intValue", 3, sint64},
                                         {"doubleValue", 4, real},
                                         {"arrayValue", 5, message, false, array_value},
                                         {"kvlistValue", 6, message, false, key_value_list},
                                         {"bytesValue", 7, bytes}};
    return fields;
}

MessageShape resource() {
    static constexpr FieldShape fields[]{{"attributes", 1, message, true, key_value}};
    return fields;
}
MessageShape scope() {
    static constexpr FieldShape fields[]{
        {"name", 1, text}, {"version", 2, text}, {"attributes", 3, message, true, key_value}};
    return fields;
}

MessageShape number_point() {
    static constexpr FieldShape fields[]{{"attributes", 7, message, true, key_value},
                                         {"startTimeUnixNano", 2, fixed64},
                                         {"timeUnixNano", 3, fixed64},
                                         {"asDouble", 4, real},
                                         {"asInt", 6, sfixed64},
                                         {"flags", 8, varint}};
    return fields;
}
MessageShape histogram_point() {
    static constexpr FieldShape fields[]{{"attributes", 9, message, true, key_value},
                                         {"startTimeUnixNano", 2, fixed64},
                                         {"timeUnixNano", 3, fixed64},
                                         {"count", 4, fixed64},
                                         {"sum", 5, real},
                                         {"bucketCounts", 6, fixed64, true},
                                         {"explicitBounds", 7, real, true},
                                         {"flags", 10, varint},
                                         {"min", 11, real},
                                         {"max", 12, real}};
    return fields;
}
MessageShape buckets() {
    static constexpr FieldShape fields[]{{"offset", 1, zigzag}, {"bucketCounts", 2, varint, true}};
    return fields;
}
MessageShape exponential_point() {
    static constexpr FieldShape fields[]{{"attributes", 1, message, true, key_value},
                                         {"startTimeUnixNano", 2, fixed64},
                                         {"timeUnixNano", 3, fixed64},
                                         {"count", 4, fixed64},
                                         {"sum", 5, real},
                                         {"scale", 6, zigzag},
                                         {"zeroCount", 7, fixed64},
                                         {"positive", 8, message, false, buckets},
                                         {"negative", 9, message, false, buckets},
                                         {"flags", 10, varint},
                                         {"min", 12, real},
                                         {"max", 13, real},
                                         {"zeroThreshold", 14, real}};
    return fields;
}
MessageShape quantile() {
    static constexpr FieldShape fields[]{{"quantile", 1, real}, {"value", 2, real}};
    return fields;
}
MessageShape summary_point() {
    static constexpr FieldShape fields[]{{"attributes", 7, message, true, key_value},
                                         {"startTimeUnixNano", 2, fixed64},
                                         {"timeUnixNano", 3, fixed64},
                                         {"count", 4, fixed64},
                                         {"sum", 5, real},
                                         {"quantileValues", 6, message, true, quantile},
                                         {"flags", 8, varint}};
    return fields;
}

// Gauge has no temporality, and the others but Sum are not monotonic: such members would mean nothing.
template <MessageShape (*point)()>
MessageShape data() {
    static constexpr FieldShape fields[]{
        {"dataPoints", 1, message, true, point}, {"aggregationTemporality", 2, sint64}, {"isMonotonic", 3, boolean}};
    return fields;
}

MessageShape metric() {
    static constexpr FieldShape fields[]{{"name", 1, text},
                                         {"unit", 3, text},
                                         {"gauge", 5, message, false, data<number_point>},
                                         {"sum", 7, message, false, data<number_point>},
                                         {"histogram", 9, message, false, data<histogram_point>},
                                         {"exponentialHistogram", 10, message, false, data<exponential_point>},
                                         {"summary", 11, message, false, data<summary_point>}};
    return fields;
}
MessageShape scope_metrics() {
    static constexpr FieldShape fields[]{{"scope", 1, message, false, scope}, {"metrics", 2, message, true, metric}};
    return fields;
}
MessageShape resource_metrics() {
    static constexpr FieldShape fields[]{{"resource", 1, message, false, resource},
                                         {"scopeMetrics", 2, message, true, scope_metrics}};
    return fields;
}

}  // namespace

MessageShape request_shape() {
    static constexpr FieldShape fields[]{{"resourceMetrics", 1, message, true, resource_metrics}};
    return fields;
}

}  // namespace sluice::parsers::otlp
