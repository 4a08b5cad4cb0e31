#include "engine/watch/cluster_probe.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/watch/setup_remarks.hpp"
#include "engine/watch/write_trial.hpp"
#include "sinks/redis/cluster/slot.hpp"
#include "sinks/redis/resp/error_class.hpp"

namespace sluice::watch {
namespace {

sinks::RedisSettings settings_of(const sinks::ServerAddress& address, sinks::RedisSettings settings) {
    settings.host = address.host;
    settings.port = address.port;
    return settings;
}

// How full it is: by its own bound if it has one.
double fullness(const Figures& figures) {
    const double used = static_cast<double>(figures.used_bytes.value_or(0));
    const double limit = static_cast<double>(figures.limit_bytes.value_or(0));
    return limit == 0 ? 0 : used / limit;
}

void add(Findings& all, const Findings& one, bool is_first) {
    const Figures& figures = one.figures;
    Figures& sum = all.figures;
    if (is_first) sum.length_sum = 0;
    sum.length_sum =
        sum.length_sum && figures.length_sum ? std::optional(*sum.length_sum + *figures.length_sum) : std::nullopt;
    sum.length_max = std::max(sum.length_max, figures.length_max);  // what is not known is less than any number
    sum.group_lag_max = std::max(sum.group_lag_max, figures.group_lag_max);
    if (!sum.used_bytes || fullness(figures) > fullness(sum)) {
        sum.used_bytes = figures.used_bytes;
        sum.limit_bytes = figures.limit_bytes;
    }
    if (all.error.empty()) all.error = one.error;
    if (all.refusal.empty()) all.refusal = one.refusal;
    all.remarks.insert(all.remarks.end(), one.remarks.begin(), one.remarks.end());
    all.connected.insert(all.connected.end(), one.connected.begin(), one.connected.end());
    all.is_reached = all.is_reached && one.is_reached;
}

}  // namespace

ClusterProbe::ClusterProbe(sinks::RedisSettings settings, std::vector<sinks::ServerAddress> seeds, Subject subject)
    : settings_(std::move(settings)), seeds_(std::move(seeds)), subject_(std::move(subject)) {}

Findings ClusterProbe::learn(const std::function<bool()>& is_stopping) {
    if (const auto read = read_slots(is_stopping); !read)
        return {{}, "The cluster cannot be asked: " + read.error(), false};
    Findings findings;
    const std::vector<Share> all = shares(findings);
    forget_others(all);
    const bool is_partial = !findings.error.empty();
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (is_stopping()) return {};
        add(findings, ask(all[i]), i == 0);
    }
    if (is_partial) findings.figures.length_sum = std::nullopt;  // a part of a sum is no sum
    return findings;
}

std::expected<void, std::string> ClusterProbe::read_slots(const std::function<bool()>& is_stopping) {
    std::string why = "nobody was asked";
    for (const sinks::ServerAddress& address : whom_to_ask()) {
        if (is_stopping()) break;
        Node& node = node_at(address);
        sinks::redis::BlockingClient& client = node.client;
        if (!node.connect()) {
            why = client.failure();
            continue;
        }
        const Reply reply = client.ask(Command{"CLUSTER", "SLOTS"});
        if (reply == nullptr) {
            why = client.failure();
        } else if (sinks::redis::is_error(*reply)) {
            why = sinks::redis::refusal_sentence(text_of(address), sinks::redis::text_of(*reply), "CLUSTER SLOTS");
            client.leave(why);
        } else if (auto slots = sinks::redis::SlotMap::from(*reply, address); slots) {
            slots_ = *std::move(slots);
            return {};
        } else {
            why = slots.error();
            client.leave(why);
        }
    }
    return std::unexpected(why);
}

// First those that are connected, each round another of them; then who was named last time; then the seeds.
std::vector<sinks::ServerAddress> ClusterProbe::whom_to_ask() {
    std::vector<sinks::ServerAddress> candidates;
    for (const auto& node : nodes_)
        if (node->client.is_connected()) candidates.push_back(node->address);
    if (!candidates.empty()) {
        const auto turn = static_cast<std::ptrdiff_t>(rounds_count_++ % candidates.size());
        std::rotate(candidates.begin(), candidates.begin() + turn, candidates.end());
    }
    return sinks::redis::who_may_know(std::move(candidates), slots_, seeds_);
}

// Keys that nobody serves go into the error of `findings`.
std::vector<ClusterProbe::Share> ClusterProbe::shares(Findings& findings) const {
    std::vector<Share> shares;
    for (const std::string& key : subject_.keys) {
        const std::uint16_t slot = sinks::redis::slot_of(key);
        const sinks::ServerAddress* const owner = slots_.owner(slot);
        if (owner == nullptr) {
            findings.error = "no node serves slot " + std::to_string(slot);
            continue;
        }
        auto share = std::ranges::find(shares, *owner, &Share::primary);
        if (share == shares.end())
            share = shares.insert(shares.end(),
                                  {*owner, {.is_list = subject_.is_list, .has_lag_bound = subject_.has_lag_bound}});
        share->subject.keys.push_back(key);
    }
    return shares;
}

Findings ClusterProbe::ask(const Share& share) {
    Node& node = node_at(share.primary);
    Findings setup;
    if (node.connect() && !std::exchange(node.is_setup_told, true))
        add_setup_remarks(node.client, settings_.user, text_of(share.primary), subject_.has_length_bound, setup);
    std::vector<Reply> replies;
    if (node.client.is_connected()) replies = node.client.ask(figure_commands(share.subject));
    Findings findings;
    if (!replies.empty()) findings = figures_from(share.subject, replies);
    else
        findings = {.error = "Redis at " + text_of(share.primary) + " cannot be asked: " + node.client.failure(),
                    .is_reached = false};
    if (subject_.is_tried && node.client.is_connected()) findings.refusal = why_no_sample(node.client, share.subject);
    findings.remarks = std::move(setup.remarks);
    findings.connected = std::move(setup.connected);
    if (!replies.empty() && is_of_no_use(replies) && node.client.is_connected()) node.client.leave(findings.error);
    return findings;
}

bool ClusterProbe::Node::connect() {
    if (client.is_connected()) return true;
    is_setup_told = false;
    return client.connect();
}

ClusterProbe::Node& ClusterProbe::node_at(const sinks::ServerAddress& address) {
    const auto found = std::ranges::find_if(nodes_, [&](const auto& node) { return node->address == address; });
    if (found != nodes_.end()) return **found;
    nodes_.push_back(std::make_unique<Node>(address, settings_of(address, settings_)));
    return *nodes_.back();
}

void ClusterProbe::forget_others(const std::vector<Share>& shares) {
    std::erase_if(nodes_, [&](const auto& node) {
        return std::ranges::find(shares, node->address, &Share::primary) == shares.end();
    });
}

}  // namespace sluice::watch
