// The frame of a report: one file that holds its style and fetches nothing. A policy in the page makes browsers refuse
// whatever would be loaded, and run no script.
#pragma once

#include <string>
#include <string_view>

namespace sluice::load {

// `body` is HTML; `title` is text.
[[nodiscard]] std::string render_page(std::string_view title, std::string_view body);

}  // namespace sluice::load
