// Where a refused record lies in its body. Pure functions; a reactor's thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "engine/core/ingest_format.hpp"
#include "engine/core/refusal.hpp"

namespace sluice::dead_letters {

// The record at `begin` of `body`, as it came; of a fault of the text (is_fault_of_text()) the line around it. Empty
// where the format is binary. Its time is in proportion to the record.
[[nodiscard]] std::string_view record_at(std::string_view body, std::size_t begin, IngestFormat format, Refusal reason);

}  // namespace sluice::dead_letters
