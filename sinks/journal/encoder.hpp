// The journal's encoder: renders samples as records (format.hpp) straight into the batch, checksum included, so that
// the sink's thread has only to write. Runs on the reactors.
#pragma once

#include <memory>

#include "sinks/encoder.hpp"

namespace sluice::sinks {

// One for each reactor. `has_tenants`: samples may have a tenant.
[[nodiscard]] std::unique_ptr<Encoder> make_journal_encoder(bool has_tenants = false);

}  // namespace sluice::sinks
