#include "tools/load/result/counts_text.hpp"

namespace sluice::load {
namespace {

void append_count(std::string& text, std::string_view separator, std::string_view name, std::uint64_t count) {
    if (count == 0) return;
    text.append(text.empty() ? "" : separator).append(name).append(": ").append(std::to_string(count));
}

}  // namespace

std::string counted(std::uint64_t count, std::string_view noun, std::string_view plural) {
    std::string text = std::to_string(count) + " ";
    text.append(count == 1 || plural.empty() ? noun : plural);
    return text.append(count == 1 || !plural.empty() ? "" : "s");
}

std::string acks_text(const Counts& counts, std::string_view separator) {
    std::string text;
    for (std::size_t i = 0; i < ack_levels_count; ++i)
        append_count(text, separator, name_of(static_cast<AckLevel>(i)), counts.acks[i]);
    return text;
}

std::string statuses_text(const Counts& counts, std::string_view separator) {
    std::string text;
    for (std::size_t status = 0; status < counts.statuses.size(); ++status)
        append_count(text, separator, std::to_string(status), counts.statuses[status]);
    return text;
}

std::string faults_text(const Counts& counts, std::string_view separator) {
    std::string text;
    for (std::size_t i = 0; i < faults_count; ++i)
        append_count(text, separator, name_of(static_cast<Fault>(i)), counts.faults[i]);
    return text;
}

}  // namespace sluice::load
