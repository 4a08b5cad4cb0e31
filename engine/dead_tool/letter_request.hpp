// From a letter to the request that sends its record again, so that what is stored is what would have been stored at
// first: at the same path, with the same parameters, and with the time of arrival where the record has none of its own.
// Values.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "engine/core/sample_mapping.hpp"
#include "engine/dead_tool/letters.hpp"

namespace sluice::dead_tool {

struct LetterRequest {
    std::string path;  // with the query
    std::string content_type;
    std::string body;
    std::string record;  // of the body, as an engine that refuses it again keeps it
};

// An error is the rest of a sentence: why it cannot be sent again. `mapping`: how the engine reads line protocol.
[[nodiscard]] std::expected<LetterRequest, std::string> request_of(const Entry& letter, const SampleMapping& mapping);

}  // namespace sluice::dead_tool
