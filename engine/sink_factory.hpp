// From the configuration to encoders and sinks: the one place that knows which kinds there are.
#pragma once

#include <cstdint>
#include <memory>

#include "engine/config/config.hpp"
#include "sinks/encoder.hpp"
#include "sinks/sink.hpp"

namespace sluice {

// One for each reactor.
[[nodiscard]] std::unique_ptr<sinks::Encoder> make_encoder(const config::Config& config);

// What a 2xx may promise with the sink that is configured.
[[nodiscard]] AckOffer ack_offer(const config::Config& config);

// Sink connections the configuration asks for; encoders number them from 0.
[[nodiscard]] std::uint32_t sinks_count(const config::Config& config);

// `port` outlives the sink.
[[nodiscard]] std::unique_ptr<sinks::Sink> make_sink(const config::Config& config, std::uint32_t index,
                                                     sinks::CompletionPort& port);

}  // namespace sluice
