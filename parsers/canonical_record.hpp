// The canonical JSON record of a sample: Sample::raw of formats that are not JSON. JsonDecoder reads it as the same
// sample, with a precision of ns. Members in this order, absent ones left out:
//
//   {"device_id":…,"type":…,"value":… or "values":…,"unit":…,"timestamp":…,"metadata":…,"priority":…, then
//    `others`}
#pragma once

#include "engine/core/sample.hpp"
#include "parsers/json_writer.hpp"

namespace sluice::parsers {

// `sample.raw` is not looked at.
void write_canonical(const Sample& sample, JsonWriter& out);

}  // namespace sluice::parsers
