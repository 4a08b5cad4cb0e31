#include "engine/watch/setup_remarks.hpp"

#include "engine/log/log.hpp"
#include "engine/watch/probe.hpp"

namespace sluice::watch {

void remark_on_setup(sinks::redis::BlockingClient& client, const std::string& server, bool has_length_bound) {
    if (client.has_name()) log::info("admission_connected", {{"server", client.peer()}});
    const std::vector<Reply> replies = client.ask(setup_commands());
    if (replies.empty()) return;
    const std::string prefix = server.empty() ? "" : "at " + server + " ";
    for (const Remark& remark : remarks_on(setup_from(replies), has_length_bound))
        log::line(remark.is_warning ? LogLevel::warn : LogLevel::info, remark.event,
                  {{"reason", prefix + remark.reason}, {"change", remark.change}});
}

}  // namespace sluice::watch
