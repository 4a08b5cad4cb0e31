// What an engine's answer to one record proves. A letter may only be deleted where its record is safe elsewhere, so
// what is not understood proves nothing. Values.
#pragma once

#include <cstdint>
#include <string>

#include "engine/core/ack.hpp"
#include "engine/dead_tool/http_post.hpp"

namespace sluice::dead_tool {

enum class Proof : std::uint8_t {
    taken,           // the record is stored, as safe as `asked` says
    refused_record,  // by the schema, or by what the tenant may send: the engine keeps it again if the tenant has
                     // dead_letter
    refused_request,  // as a whole, which leaves no letter; the next one may fare better
    none,            // nothing is known, or the next one would fare no better
};

struct Verdict {
    Proof proof = Proof::none;
    std::string what;  // of the last two: what the engine says, for a sentence
};

// `asked`: the level that the request asked for.
//
//   200, 204   taken, if Sluice-Ack names the level and a body counts one record; else it is no such engine: none
//   400, 413   refused_record if the body says so of one record; else refused_request
//   others     none: 401, 403 and 415 hold for every letter; 429 and 503 pass; 207 is not for one record
[[nodiscard]] Verdict judge(const HttpAnswer& answer, AckLevel asked);

}  // namespace sluice::dead_tool
