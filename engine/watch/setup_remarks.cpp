#include "engine/watch/setup_remarks.hpp"

#include <utility>

#include "engine/log/log.hpp"

namespace sluice::watch {

void add_setup_remarks(sinks::redis::BlockingClient& client, const std::string& user, const std::string& server,
                       bool has_length_bound, Findings& findings) {
    if (client.has_name()) findings.connected.push_back(client.peer());
    const std::vector<Reply> replies = client.ask(setup_commands());
    if (replies.empty()) return;
    const std::string prefix = server.empty() ? "" : "at " + server + " ";
    for (Remark& remark : remarks_on(setup_from(replies), has_length_bound, user)) {
        remark.reason.insert(0, prefix);
        findings.remarks.push_back(std::move(remark));
    }
}

void log_setup(const Findings& findings) {
    for (const std::string& server : findings.connected) log::info("admission_connected", {{"server", server}});
    for (const Remark& remark : findings.remarks)
        log::line(remark.is_warning ? LogLevel::warn : LogLevel::info, remark.event,
                  {{"reason", remark.reason}, {"change", remark.change}});
}

}  // namespace sluice::watch
