// Texts as clients compress them, for tests and benchmarks: by the libraries themselves.
#pragma once

#include <string>
#include <string_view>

#include "engine/core/content_coding.hpp"

namespace sluice::tests {

// `text` in `coding`; deflate with zlib's header. `level` is the library's.
[[nodiscard]] std::string compressed(ContentCoding coding, std::string_view text, int level = 3);
// A bare DEFLATE stream.
[[nodiscard]] std::string raw_deflated(std::string_view text);
// A zstd frame that does not tell how long its text is, as a sender makes that streams.
[[nodiscard]] std::string streamed_zstd(std::string_view text, int window_bits = 0);
// A zstd frame that is passed over.
[[nodiscard]] std::string skippable_frame(std::string_view content);

// `count` samples as NDJSON, no two alike.
[[nodiscard]] std::string telemetry_lines(std::size_t count);

}  // namespace sluice::tests
