#include "engine/ingest/body_inflater.hpp"

#include <algorithm>

#include "engine/core/check.hpp"
#include "parsers/coding/snappy_decompressor.hpp"

namespace sluice {
namespace {

// Where the body says nothing of its text: telemetry becomes 4 to 40 times as long.
constexpr std::size_t usual_ratio = 4;

// What the sender named so may be a stream of Snappy's frames.
ContentCoding actual(ContentCoding coding, std::string_view body) {
    const bool is_stream =
        coding == ContentCoding::snappy && body.starts_with(parsers::SnappyFrames::stream_identifier);
    return is_stream ? ContentCoding::snappy_framed : coding;
}

}  // namespace

BodyInflater::BodyInflater(http::BodyPool& pool, const InflateLimits& limits) : pool_(pool), limits_(limits) {
    for (std::size_t i = 0; i < decompressors_.size(); ++i)
        decompressors_[i] = parsers::make_decompressor(static_cast<ContentCoding>(i));
}

void BodyInflater::start(ContentCoding coding, std::string_view body) {
    CHECK(state_ == State::idle && block_.data == nullptr);
    decompressor_ = decompressors_[static_cast<std::size_t>(actual(coding, body))].get();
    CHECK(decompressor_ != nullptr);
    written_bytes_ = 0;
    state_ = State::inflating;
    text_bytes_max_ = limits_.text_bytes_max;
    if (limits_.ratio_max != 0)
        text_bytes_max_ =
            std::min<std::size_t>(text_bytes_max_, std::max(free_text_bytes_max, limits_.ratio_max * body.size()));
    decompressor_->start(body);
    const parsers::Decompressor::Promise promise = decompressor_->promise();
    if (promise.is_least && promise.text_bytes > text_bytes_max_) return refuse(Refusal::body_too_large);
    const std::size_t wanted_bytes = promise.text_bytes == 0 ? usual_ratio * body.size() : promise.text_bytes;
    body_bytes_ = body.size();
    if (!make_room(std::min(wanted_bytes, text_bytes_max_))) refuse_for_memory(std::min(wanted_bytes, text_bytes_max_));
}

bool BodyInflater::make_room(std::size_t bytes) {
    return pool_.grow(block_, std::max(bytes, block_.capacity_bytes + 1), written_bytes_);
}

// The largest room ends a byte behind what the text may have, in the block's padding: so a text that is too long shows.
void BodyInflater::step() {
    if (state_ != State::inflating) return;
    using Decompression = parsers::Decompressor::State;
    const bool is_largest = block_.capacity_bytes >= text_bytes_max_;
    const std::size_t room_bytes = is_largest ? text_bytes_max_ + 1 : block_.capacity_bytes;
    const auto [state, written_bytes] = decompressor_->step({block_.data, room_bytes}, written_bytes_);
    written_bytes_ = written_bytes;
    if (written_bytes_ > text_bytes_max_) return refuse(Refusal::body_too_large);
    switch (state) {
        case Decompression::more: return;
        case Decompression::end: state_ = State::whole; return;
        case Decompression::refused: return refuse(Refusal::invalid_compression);
        case Decompression::full:
            // As much as the block holds is no room for what comes: the text is longer than it may be.
            if (is_largest) return refuse(Refusal::body_too_large);
            if (!make_room(std::min(2 * block_.capacity_bytes, text_bytes_max_)))
                refuse_for_memory(block_.capacity_bytes + 1);
            return;
    }
}

// Too long for the ratio, or for any body.
void BodyInflater::refuse(Refusal reason) {
    const bool is_by_ratio = reason == Refusal::body_too_large && text_bytes_max_ < limits_.text_bytes_max;
    refusal_ = is_by_ratio ? Refusal::compression_bomb : reason;
    state_ = State::refused;
}

// What would not fit beside its body into memory that nobody else uses will not fit later either.
void BodyInflater::refuse_for_memory(std::size_t text_bytes) {
    const bool could_fit = body_bytes_ + text_bytes <= pool_.memory_bytes_max();
    refusal_ = could_fit ? Refusal::body_memory_full : Refusal::body_too_large;
    state_ = State::refused;
}

void BodyInflater::release() {
    pool_.give_back(block_);
    written_bytes_ = 0;
    state_ = State::idle;
}

}  // namespace sluice
