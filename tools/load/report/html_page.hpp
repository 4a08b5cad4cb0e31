// The frame of a report: one file that holds its style and fetches nothing. A policy in the page makes browsers refuse
// to load anything and to run scripts. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace sluice::load {

// `body` is HTML; `title` is text.
[[nodiscard]] std::string render_page(std::string_view title, std::string_view body);

}  // namespace sluice::load
