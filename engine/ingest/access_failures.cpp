#include "engine/ingest/access_failures.hpp"

#include <vector>

#include "engine/core/ip_address.hpp"

namespace sluice {

Denied AccessFailures::note(const http::Request& request, Refusal reason, std::string_view why, std::string_view id) {
    const std::string peer = peer_of_(request.slot);
    const bool is_patient = failures_.note(ip_address_of_peer(peer).value_or(IpAddress{}), request.received_ns);
    if (const auto suppressed_count = log_.admit(request.received_ns)) {
        std::vector<log::Field> fields{{"peer", peer}, {"code", info_of(reason).code}, {"token", why}};
        if (!id.empty()) fields.emplace_back("id", id);
        log::write(LogLevel::warn, "access_denied", fields, *suppressed_count);
    }
    return {reason, !is_patient};
}

}  // namespace sluice
