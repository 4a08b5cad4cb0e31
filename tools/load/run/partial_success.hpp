// Partial success: an answer of success may say that some of the samples were refused. Pure functions.
#pragma once

#include <string_view>

#include "tools/load/format/body_format.hpp"

namespace sluice::load {

// Whether an answer with a status of success may say so in its body.
[[nodiscard]] bool has_partial_success(BodyFormat format);

// Whether the body of such an answer says that every sample was taken: it rejects no data point (OTLP specification,
// "Partial Success"). An empty one does; one that cannot be read does not.
[[nodiscard]] bool is_whole_success(BodyFormat format, std::string_view body);

}  // namespace sluice::load
