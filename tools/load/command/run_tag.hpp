// The tag that keeps the samples of one run with a ledger apart from those of other runs. {device} and {seq} begin
// again with each run. Without the tag, samples of an earlier run in the same Redis would pass for those that this one
// lost. Any thread.
#pragma once

#include <string>

namespace sluice::load {

// Eight characters of 0-9 and a-z, another each time: 40 bits of the kernel's randomness, not of --seed.
[[nodiscard]] std::string draw_run_tag();

}  // namespace sluice::load
