// From the configuration to encoders and sinks: the one place that makes them.
#pragma once

#include <cstdint>
#include <memory>

#include "engine/config/config.hpp"
#include "sinks/encoder.hpp"
#include "sinks/journal/journal_sink.hpp"
#include "sinks/redis/exactly_once/exactly_once_sink.hpp"
#include "sinks/sink.hpp"

namespace sluice {

// One for each reactor: of the journal, if there is one.
[[nodiscard]] std::unique_ptr<sinks::Encoder> make_encoder(const config::Config& config);

// What a 2xx may promise with the sink that is configured.
[[nodiscard]] AckOffer ack_offer(const config::Config& config);

// `port` and `listener` (may be null) outlive the sink. A journal, if there is one; else what delivers.
[[nodiscard]] std::unique_ptr<sinks::Sink> make_sink(const config::Config& config, sinks::CompletionPort& port,
                                                     sinks::JournalListener* listener);

// What brings samples to Redis, whether there is a journal in front or not. sink.url is no journal. With an owner of
// the streams: exactly once.
[[nodiscard]] std::unique_ptr<sinks::Encoder> make_delivery_encoder(const config::Config& config,
                                                                    const sinks::StreamOwner& owner = {});
[[nodiscard]] std::unique_ptr<sinks::Sink> make_delivery_sink(const config::Config& config, sinks::CompletionPort& port,
                                                              const sinks::StreamOwner& owner = {});

}  // namespace sluice
