// For the fuzz target of RemoteWriteDecoder: what a request that libprotobuf has read becomes.
#pragma once

#include <vector>

#include "remote_write.pb.h"
#include "tests/fuzz/protobuf_oracle.hpp"

namespace sluice::tests {

// The canonical record of each sample and histogram without its exemplars; of a series the samples first, as
// libprotobuf writes them. Texts may be no UTF-8.
[[nodiscard]] std::vector<Json> records_of(const remote_write::WriteRequest& request);
[[nodiscard]] std::vector<Json> records_of(const remote_write::Request& request);

}  // namespace sluice::tests
