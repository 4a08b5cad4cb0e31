// SampleMapping: what the configuration says of how the names of other protocols become a sample. Values. Written
// before the threads start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice {

enum class InfluxPrecision : std::uint8_t { ns, by_magnitude };

struct SampleMapping {
    // Of one list of names: each is compared with every tag or label of a sample.
    static constexpr std::size_t names_count_max = 8;

    struct Influx {
        // Which tags name the device, the best one first. None of them: the measurement does.
        std::vector<std::string> device_tags{"device_id", "device", "host", "hostname"};
        bool is_device_required = false;  // a line without one of the tags is refused
        InfluxPrecision precision = InfluxPrecision::ns;  // of a time stamp, where the request does not say it
        bool keeps_database = true;  // db and rp, bucket and org become members
    } influx;

    struct Prometheus {
        // Which labels name the device. None of them: the name of the series does.
        std::vector<std::string> device_labels{"device_id", "instance", "job"};
    } prometheus;

    struct Otlp {
        // Which attributes name the device, of the point or else of its resource. None of them: it is `unknown`.
        std::vector<std::string> device_attributes{"device.id", "device_id",           "host.id",
                                                   "host.name", "service.instance.id", "service.name"};
        bool is_device_required = false;  // a point without one of the attributes is refused
        bool keeps_resource = true;  // resource and scope become part of the record
    } otlp;
};

}  // namespace sluice
