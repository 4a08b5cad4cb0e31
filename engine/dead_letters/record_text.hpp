// Where a refused record lies in its body. Pure functions; a reactor's thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "engine/core/ingest_format.hpp"
#include "engine/core/refusal.hpp"

namespace sluice::dead_letters {

// The record at `begin` of `body`, as it came; of a fault of the text (is_fault_of_text()) the line around it. Empty
// where the format is binary. `end`: of line protocol, as its decoder tells it, since a line may hold line feeds in
// quotes. Its time is in proportion to the record.
[[nodiscard]] std::string_view record_at(std::string_view body, std::size_t begin, std::size_t end, IngestFormat format,
                                         Refusal reason);

}  // namespace sluice::dead_letters
