#include "engine/ingest/access_failures.hpp"

#include <string>
#include <vector>

namespace sluice {

Denied AccessFailures::note(const http::Request& request, Refusal reason, std::string_view why, std::string_view id) {
    const bool is_patient = failures_.note(clients_.of(request).address.value_or(IpAddress{}), request.received_ns);
    if (const auto suppressed_count = log_.admit(request.received_ns)) {
        const std::string peer = clients_.peer_of(request.slot), client = clients_.forwarded_of(request);
        std::vector<log::Field> fields{{"peer", peer}, {"code", info_of(reason).code}, {"token", why}};
        if (!client.empty()) fields.emplace_back("client", client);
        if (!id.empty()) fields.emplace_back("id", id);
        log::write(LogLevel::warn, "access_denied", fields, *suppressed_count);
    }
    return {reason, !is_patient};
}

}  // namespace sluice
