#include "tools/load/command/figure_text.hpp"

#include <fmt/format.h>

#include <iterator>

#include "tools/load/plan/units.hpp"

namespace sluice::load {
namespace {

template <typename Name>
// Two blanks between entries, as between the parts of a line of progress.
void append_count(std::string& text, const Name& name, std::uint64_t count) {
    if (count != 0) fmt::format_to(std::back_inserter(text), "{}{}: {}", text.empty() ? "" : "  ", name, count);
}

}  // namespace

std::string latency_text(const Histogram& histogram, double percentile) {
    if (histogram->total_count == 0) return "-";
    return format_ns(static_cast<std::uint64_t>(hdr_value_at_percentile(histogram.get(), percentile)));
}

// In the order of the numbers. Interim responses (1xx) are among them.
std::string statuses_text(const Counts& counts) {
    std::string text;
    for (std::size_t status = 0; status < counts.statuses.size(); ++status)
        append_count(text, status, counts.statuses[status]);
    return text;
}

std::string faults_text(const Counts& counts) {
    std::string text;
    for (std::size_t i = 0; i < faults_count; ++i) append_count(text, name_of(static_cast<Fault>(i)), counts.faults[i]);
    return text;
}

}  // namespace sluice::load
