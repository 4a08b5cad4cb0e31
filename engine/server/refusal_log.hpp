// RefusalLog: at log level debug, one line for a request that was refused, at most one a second: who sent it, the code,
// and what of it helps to find the fault. One for each server, on its thread.
//
// Of a body an excerpt is shown, escaped. Of a head only method, path and the names of query parameters are: values of
// parameters and headers may be secrets. Costs a relaxed load where the level is another.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/core/limits.hpp"
#include "engine/core/refusal.hpp"
#include "engine/http/application.hpp"
#include "engine/log/log.hpp"
#include "engine/server/client_addresses.hpp"
#include "engine/server/server.hpp"

namespace sluice {

class RefusalLog {
  public:
    // Bytes of a body that are shown before and behind the place where it broke.
    static constexpr std::size_t excerpt_bytes_before_max = 128;
    static constexpr std::size_t excerpt_bytes_behind_max = limits::log_value_bytes_max - excerpt_bytes_before_max;

    // `clients` outlives it.
    RefusalLog(Server& server, ClientAddresses& clients) : server_(server), clients_(clients) {}

    // Refused by its head, or by what it wants. `request` is null where no head was read.
    void on_head(Refusal reason, Slot slot, const http::Request* request) {
        if (log::enabled(LogLevel::debug)) write_head(reason, slot, request);
    }

    struct Body {
        std::string_view text;
        std::optional<std::uint64_t> offset{};  // of the byte where it broke, or of the record
        std::optional<std::uint32_t> record_index{};  // of the first record that was refused
        std::uint32_t records_refused_count = 0;  // 0: the body was refused as a whole
    };
    // Refused by its body, or a record of it.
    void on_body(Refusal reason, Slot slot, const Body& body) {
        if (log::enabled(LogLevel::debug)) write_body(reason, slot, body);
    }

  private:
    void write_head(Refusal reason, Slot slot, const http::Request* request);
    void write_body(Refusal reason, Slot slot, const Body& body);

    Server& server_;
    ClientAddresses& clients_;
    log::RateLimited log_;
};

// What of `text` is shown: around `offset`, or its beginning.
[[nodiscard]] std::string_view excerpt_of(std::string_view text, std::optional<std::uint64_t> offset);
// `a,b` of `a=1&b=2`.
[[nodiscard]] std::string parameter_names(std::string_view query);

}  // namespace sluice
