#include "tools/load/report/hlog.hpp"

#include <cstdarg>
#include <utility>

#include "tools/load/report/output_file.hpp"
#include "tools/load/result/percentiles.hpp"

// An archive of HdrHistogram_c that was built with glibc 2.38 calls C23's sscanf, which older ones lack; its log writer
// shares an object file with the reader that needs it. It stands here, in the file that draws that object in.
#if defined(__GLIBC__) && !__GLIBC_PREREQ(2, 38)
extern "C" int __isoc23_sscanf(const char* text, const char* format, ...);  // NOLINT
extern "C" int __isoc23_sscanf(const char* text, const char* format, ...) {  // NOLINT
    va_list arguments;
    va_start(arguments, format);
    const int converted = std::vsscanf(text, format, arguments);
    va_end(arguments);
    return converted;
}
#endif

namespace sluice::load {
namespace {

hdr_timespec timespec_of(double seconds) {
    hdr_timespec time{};
    ::hdr_timespec_from_double(&time, seconds);
    return time;
}

}  // namespace

HlogWriter::HlogWriter(std::FILE* stream, std::string version) : stream_(stream), version_(std::move(version)) {
    ::hdr_log_writer_init(&writer_);
}

void HlogWriter::on_begin(std::int64_t began_at_ms) {
    began_at_s_ = static_cast<double>(began_at_ms) / 1e3;
    const std::string tool = "sluice-load " + version_;
    hdr_timespec began_at = timespec_of(began_at_s_);
    ::hdr_log_write_header(&writer_, stream_, tool.c_str(), &began_at);
}

void HlogWriter::on_interval(const Interval& interval) {
    const auto write = [&](std::string tag, const Histogram& histogram) {
        if (count_of(histogram) == 0) return;
        if (interval.is_warmup) tag.insert(0, "warmup_");
        hdr_log_entry entry{};
        entry.start_timestamp = timespec_of(began_at_s_ + interval.begin_s);
        entry.interval = timespec_of(interval.end_s - interval.begin_s);
        entry.tag = tag.data();
        entry.tag_len = tag.size();
        ::hdr_log_write_entry(&writer_, stream_, &entry, histogram.get());
    };
    write("corrected", interval.latencies->corrected);
    write("uncorrected", interval.latencies->uncorrected);
    write("lag", interval.latencies->lag);
    for (const EndpointFigures& endpoint : interval.endpoints)
        write("endpoint_" + plain_name(endpoint.name), endpoint.corrected);
    std::fflush(stream_);
}

}  // namespace sluice::load
