// The null sink: takes every batch and calls it delivered at once. For benchmarks of everything in front of
// the sink, and for trying the HTTP interface without a Redis. Sink thread only, except signal() and figures().
#pragma once

#include <memory>

#include "sinks/sink.hpp"

namespace sluice::sinks {

// `port` must outlive the sink.
[[nodiscard]] std::unique_ptr<Sink> make_null_sink(CompletionPort& port);

}  // namespace sluice::sinks
