#include "tools/load/plan/stages.hpp"

#include <algorithm>
#include <cmath>

#include "engine/core/escape.hpp"

namespace sluice::load {

Stages::Stages(double level, std::vector<Stage> stages) : first_level_(level), stages_(std::move(stages)) {
    for (const Stage& stage : stages_) {
        if (stage.seconds > 0) {
            pieces_.push_back({seconds_, stage.seconds, level, (stage.level - level) / stage.seconds, area_});
            area_ += (level + stage.level) / 2 * stage.seconds;
            seconds_ += stage.seconds;
        }
        level = stage.level;
    }
}

const Stages::Piece* Stages::piece_at(double second) const {
    const auto behind = std::upper_bound(pieces_.begin(), pieces_.end(), second,
                                         [](double value, const Piece& piece) { return value < piece.begin; });
    return behind == pieces_.begin() ? nullptr : &*(behind - 1);
}

double Stages::level_at(double second) const {
    const Piece* piece = second < seconds_ ? piece_at(second) : nullptr;
    return piece == nullptr ? 0 : piece->level + piece->slope * (second - piece->begin);
}

double Stages::level_max() const {
    double level = pieces_.empty() ? 0 : first_level_;
    for (const Stage& stage : stages_) level = std::max(level, stage.level);
    return level;
}

// Solves level × t + slope / 2 × t² = rest. The form 2c / (b + √(b² + 4ac)) stays exact where the slope is nearly
// nothing.
double Stages::second_of_area(double area) const {
    if (area > area_ || pieces_.empty()) return -1;
    auto behind = std::upper_bound(pieces_.begin(), pieces_.end(), area,
                                   [](double value, const Piece& piece) { return value < piece.area_before; });
    const Piece& piece = behind == pieces_.begin() ? *behind : *(behind - 1);
    const double rest = area - piece.area_before;
    if (rest <= 0) return piece.begin;
    const double root = std::sqrt(std::max(0.0, piece.level * piece.level + 2 * piece.slope * rest));
    return piece.begin + std::min(2 * rest / (piece.level + root), piece.seconds);
}

Stages Stages::sped_up(double scale) const {
    std::vector<Stage> stages = stages_;
    for (Stage& stage : stages) stage.seconds /= scale;
    return {first_level_, std::move(stages)};
}

namespace {

template <typename ParseLevel>
std::expected<Stages, PlanError> parse_stages(std::string_view text, std::string_view example, ParseLevel parse_level) {
    std::vector<Stage> stages;
    while (true) {
        const std::string_view part = text.substr(0, text.find(','));
        const std::size_t at = part.find('@');
        if (at == std::string_view::npos || at == 0 || at + 1 == part.size())
            return std::unexpected(
                PlanError{quoted(part, 64) + " is no stage; write DURATION@LEVEL, such as " + std::string(example)});
        const auto span_ns = parse_span_ns(part.substr(0, at));
        if (!span_ns) return std::unexpected(span_ns.error());
        const auto level = parse_level(part.substr(at + 1));
        if (!level) return std::unexpected(level.error());
        stages.push_back({static_cast<double>(*span_ns) / 1e9, static_cast<double>(*level)});
        if (part.size() == text.size()) break;
        text.remove_prefix(part.size() + 1);
    }
    Stages result(0, std::move(stages));
    if (result.seconds() <= 0 || result.level_max() <= 0)
        return std::unexpected(
            PlanError{"the stages take no time or never rise above 0; write them as " + std::string(example)});
    return result;
}

}  // namespace

std::expected<Stages, PlanError> parse_rate_stages(std::string_view text) {
    return parse_stages(text, "30s@5k,1m@50k,10s@0", parse_rate);
}

std::expected<Stages, PlanError> parse_user_stages(std::string_view text) {
    return parse_stages(text, "10s@50,20s@100,10s@0", parse_count);
}

}  // namespace sluice::load
