#include "tools/load/command/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "engine/core/patient_write.hpp"
#include "tools/load/command/figure_text.hpp"
#include "tools/load/plan/units.hpp"
#include "tools/load/result/counts_text.hpp"

namespace sluice::load {
namespace {

// After the end, the last answers may form an interval that is too short to show.
constexpr double short_interval_s = 0.5;
constexpr std::size_t columns_default = 80;

// The last column stays free: in it a cursor waits to wrap, and clearing the rest of the line would take its character.
// Asked for each line (TIOCGWINSZ, ioctl_tty(2)): the window may have been resized.
std::size_t columns_of(std::FILE* terminal) {
    winsize size{};
    if (::ioctl(::fileno(terminal), TIOCGWINSZ, &size) != 0 || size.ws_col < 2) return columns_default - 1;
    return size.ws_col - 1u;
}

// A span may end within a second: 0.25, and 2 for a whole one.
std::string time_text(double seconds) { return format_number(seconds, 2); }

std::string joined(const std::vector<LinePart>& parts) {
    std::string line;
    for (const LinePart& part : parts) line.append(line.empty() ? "" : "  ").append(part.text);
    return line;
}

}  // namespace

void write_if_taken(std::FILE* stream, std::string_view text) {
    constexpr std::uint64_t at_once = 0;  // a deadline that has passed
    static_cast<void>(write_until(::fileno(stream), text, at_once));
}

// All texts are ASCII (the units are us and ms), so a byte is a column. What is left of parts of rank 0 is cut.
std::string fitted_line(std::vector<LinePart> parts, std::size_t columns) {
    std::string line = joined(parts);
    while (line.size() > columns) {
        const auto least = std::ranges::max_element(parts, {}, &LinePart::rank);
        if (least == parts.end() || least->rank == 0) break;
        parts.erase(least);
        line = joined(parts);
    }
    line.resize(std::min(line.size(), columns));
    return line;
}

// Counts do not tell endpoints apart. So a status is an error only if no endpoint takes it.
Progress::Progress(const RunPlan& plan, std::FILE* stream)
    : stream_(stream), is_terminal_(::isatty(::fileno(stream)) == 1) {
    constexpr std::size_t first_final_status = 200;  // those below are interim
    for (std::size_t status = first_final_status; status < is_error_.size(); ++status)
        is_error_[status] = std::ranges::none_of(plan.endpoints, [&](const Endpoint& endpoint) {
            return endpoint.check.takes(static_cast<std::uint16_t>(status));
        });
}

// Failed requests by status, and by fault those without a status that explains it.
std::string Progress::errors_of(const Counts& counts) const {
    Counts errors;
    errors.faults = counts.faults;
    // What one endpoint refuses and another one takes stays here.
    std::uint64_t& bad_statuses = errors.faults[static_cast<std::size_t>(Fault::bad_status)];
    for (std::size_t status = 0; status < is_error_.size(); ++status) {
        if (!is_error_[status]) continue;
        errors.statuses[status] = counts.statuses[status];
        bad_statuses -= std::min(bad_statuses, counts.statuses[status]);
    }
    std::string text = statuses_text(errors);
    const std::string faults = faults_text(errors);
    return text.append(text.empty() || faults.empty() ? "" : "  ").append(faults);
}

void Progress::on_interval(const Interval& interval) {
    const double seconds = interval.end_s - interval.begin_s;
    if (interval.left_s == 0 && seconds < short_interval_s) return;
    const Latencies& latencies = *interval.latencies;
    const double rate = seconds > 0 ? static_cast<double>(interval.counts.responses) / seconds : 0;
    // The number of a part is its rank. In a narrow window the lag goes first, then p99.9, p50, the time left, p99.
    std::vector<LinePart> parts{{fmt::format("{:>4} s{} {:>9}", time_text(interval.end_s),
                                             interval.is_warmup ? " warm-up" : "", format_rate(rate)),
                                 0},
                                {"p50 " + latency_text(latencies.corrected, 50), 3},
                                {"p99 " + latency_text(latencies.corrected, 99), 1},
                                {"p99.9 " + latency_text(latencies.corrected, 99.9), 4},
                                {"lag p99 " + latency_text(latencies.lag, 99), 5}};
    if (interval.counts.failed() != 0) parts.push_back({"failed " + errors_of(interval.counts), 0});
    if (interval.left_s > 0) parts.push_back({time_text(interval.left_s) + " s left", 2});
    // CSI K clears what a longer line before has left; it clears one row of the screen, so no line may take two.
    if (is_terminal_)
        write_if_taken(stream_, fmt::format("\r{}\x1b[K", fitted_line(std::move(parts), columns_of(stream_))));
    else write_if_taken(stream_, joined(parts) + "\n");
    has_line_ = true;
}

// The line so far stays on the screen.
void Progress::on_stopping() {
    finish();
    has_line_ = false;
    write_if_taken(stream_,
                   "stopping: the last answers have a second to come; Ctrl-C again ends at once, without a report\n");
}

void Progress::finish() {
    if (is_terminal_ && has_line_) write_if_taken(stream_, "\n");
}

}  // namespace sluice::load
