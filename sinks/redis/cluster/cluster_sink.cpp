#include "sinks/redis/cluster/cluster_sink.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/error_text.hpp"
#include "sinks/last_error.hpp"
#include "sinks/redis/cluster/epoll_set.hpp"
#include "sinks/redis/cluster/node.hpp"
#include "sinks/redis/cluster/partition_queue.hpp"
#include "sinks/redis/cluster/slot_query.hpp"
#include "sinks/redis/resp/error_class.hpp"

namespace sluice::sinks::redis {
namespace {

constexpr std::uint64_t refresh_interval_ns = 250'000'000;
// A node that says nothing for so long may have been replaced: the others are asked.
constexpr std::uint64_t suspicious_silence_ns = 1'000'000'000;
// A connection that epoll had no room for is tried again after so long.
constexpr std::uint64_t watch_retry_interval_ns = 100'000'000;
// Redirects in a row that are followed at once; then somebody's map is wrong, and hurry does not help.
constexpr std::uint32_t redirects_at_once_max = 4;

class ClusterSink final : public Sink {
  public:
    ClusterSink(const ClusterSettings& settings, CompletionPort& port)
        : settings_(settings), query_(settings.node), last_error_("asking for the slots of the cluster") {
        CHECK(!settings_.seeds.empty() && !settings_.keys.empty());
        for (const std::string& key : settings_.keys)
            partitions_.push_back(
                std::make_unique<PartitionQueue>(slot_of(key), port, figures_, cluster_, settings_.node));
    }

    [[nodiscard]] std::expected<std::vector<std::string>, std::string> open() override {
        if (const auto opened = epoll_.open(); !opened) return std::unexpected(watch_failure(opened.error()));
        return {};
    }
    [[nodiscard]] bool has_room() const override { return true; }
    void submit(Batch& batch) override {
        CHECK(batch.lane < partitions_.size());
        partitions_[batch.lane]->submit(batch);
    }
    [[nodiscard]] Interest interest() const override { return {epoll_.fd(), POLLIN, deadline_ns_}; }
    void advance(short revents, std::uint64_t now_ns) override;
    [[nodiscard]] const SinkSignal& signal() const override { return signal_; }
    [[nodiscard]] SinkFigures figures() const override {
        return {.delivery = figures_, .link = &link_figures_, .replication = &replication_, .cluster = &cluster_};
    }
    [[nodiscard]] std::string last_error() const override { return last_error_.text(); }
    [[nodiscard]] std::string connected_to() const override;
    [[nodiscard]] std::vector<NodeView> nodes() const override {
        const std::scoped_lock lock(views_mutex_);
        return views_;
    }

  private:
    struct Member {
        Member(const ServerAddress& address, ClusterSink& sink)
            : node(address, sink.settings_.node, sink.partitions_, sink.figures_, sink.link_figures_) {}
        Node node;
        Watched watch;
        short revents = 0;
    };

    void refresh_if_wanted(std::uint64_t now_ns);
    [[nodiscard]] ServerAddress whom_to_ask();
    void take_map(SlotQuery::Answer answer, std::uint64_t now_ns);
    void record_ownerless();
    void record_failure(const Node& node, bool was_ready);
    void route_all(std::uint64_t now_ns);
    void route(PartitionQueue& partition, std::uint64_t now_ns);
    void take_hint(Redirect& redirect, const PartitionQueue& partition);
    [[nodiscard]] Node* node_at(const ServerAddress& address);
    void mind_silent_nodes(std::uint64_t now_ns);
    void forget_unused_nodes();
    void watch_all(std::uint64_t now_ns);
    void publish_all();
    void publish_replication();
    void publish_breaker();
    void publish_views();
    [[nodiscard]] std::string first_error() const;
    [[nodiscard]] static std::string watch_failure(std::errc error) {
        return "connections to the cluster cannot be watched (epoll): " + sluice::text_of(error);
    }

    ClusterSettings settings_;
    SinkSignal signal_;
    DeliveryFigures figures_;
    LinkFigures link_figures_;
    ClusterFigures cluster_;
    ReplicationFigures replication_;
    PartitionQueues partitions_;
    std::vector<std::unique_ptr<Member>> members_;
    SlotMap map_;
    bool has_map_ = false;
    bool is_map_new_ = false;  // since the partitions were routed

    SlotQuery query_;
    Watched query_watch_;
    short query_revents_ = 0;
    bool is_refresh_wanted_ = true;
    std::uint64_t refresh_at_ns_ = 0;  // not before
    std::size_t asked_count_ = 0;
    std::string map_error_;

    EpollSet epoll_;
    std::string watch_error_;  // of the last step; empty: all are watched
    std::uint64_t deadline_ns_ = 0;
    LastError last_error_;
    std::string last_error_text_;  // as last_error_ has it

    mutable std::mutex views_mutex_;  // guards views_
    std::vector<NodeView> views_;
    bool are_views_stale_ = true;
};

// --- the loop body -----------------------------------------------------------------------------------

void ClusterSink::advance(short revents, std::uint64_t now_ns) {
    if (revents != 0) epoll_.take();
    for (const auto& member : members_) {
        const bool was_ready = member->node.is_ready();
        member->node.advance(std::exchange(member->revents, short{0}), now_ns);
        if (member->node.take_failed()) {
            is_refresh_wanted_ = are_views_stale_ = true;
            record_failure(member->node, was_ready);
        }
        if (member->node.is_ready() != was_ready) are_views_stale_ = true;
    }
    if (auto answer = query_.advance(std::exchange(query_revents_, short{0}), now_ns))
        take_map(std::move(*answer), now_ns);
    mind_silent_nodes(now_ns);
    route_all(now_ns);
    for (const auto& member : members_) member->node.send(now_ns);
    forget_unused_nodes();
    refresh_if_wanted(now_ns);
    watch_all(now_ns);
    publish_all();
}

// --- the map -----------------------------------------------------------------------------------------

void ClusterSink::refresh_if_wanted(std::uint64_t now_ns) {
    if (!is_refresh_wanted_ || query_.is_running() || now_ns < refresh_at_ns_) return;
    refresh_at_ns_ = now_ns + refresh_interval_ns;
    query_.begin(whom_to_ask(), now_ns);
}

// First nodes that are connected; not those that are not, for they are tried anyway. Each time another, because one may
// be cut off from the rest and not know.
ServerAddress ClusterSink::whom_to_ask() {
    std::vector<ServerAddress> connected;
    for (const auto& member : members_)
        if (member->node.is_ready()) connected.push_back(member->node.address());
    std::vector<ServerAddress> candidates = who_may_know(std::move(connected), map_, settings_.seeds);
    std::erase_if(candidates, [&](const ServerAddress& address) {
        return std::ranges::any_of(members_, [&](const auto& member) {
            return !member->node.is_ready() && member->node.address() == address;
        });
    });
    if (candidates.empty()) candidates = settings_.seeds;
    return candidates[asked_count_++ % candidates.size()];
}

void ClusterSink::take_map(SlotQuery::Answer answer, std::uint64_t now_ns) {
    if (!answer) {
        map_error_ = answer.error();
        if (!has_map_) add(link_figures_.connection_failures, 1);
        record_ownerless();
        return;  // another is asked after the interval
    }
    add(cluster_.refreshes, 1);
    map_ = *std::move(answer);
    has_map_ = is_map_new_ = true;
    map_error_.clear();
    is_refresh_wanted_ = false;
    refresh_at_ns_ = now_ns + refresh_interval_ns;
    record_ownerless();
}

// --- whether it is worth waiting for a partition -----------------------------------------------------

void ClusterSink::record_ownerless() {
    for (const auto& partition : partitions_)
        if (map_.owner(partition->slot()) == nullptr) partition->record_failure();
}

// Servers may end idle connections: that is no failure unless the next attempt is one, too.
void ClusterSink::record_failure(const Node& node, bool was_ready) {
    for (const auto& partition : partitions_)
        if (partition->node() == &node && !(was_ready && partition->empty())) partition->record_failure();
}

// --- routing -----------------------------------------------------------------------------------------

void ClusterSink::route_all(std::uint64_t now_ns) {
    const bool is_map_new = std::exchange(is_map_new_, false);  // a MOVED that is met here counts for the next time
    for (const auto& partition : partitions_) {
        partition->schedule_retry(now_ns);
        if (has_map_ && (is_map_new || partition->wants_route())) route(*partition, now_ns);
        if (partition->node() != nullptr && partition->node()->is_ready()) partition->record_connected();
    }
}

void ClusterSink::route(PartitionQueue& partition, std::uint64_t now_ns) {
    Redirect redirect = partition.redirect();
    if (redirect.kind != Redirect::Kind::none) take_hint(redirect, partition);
    const ServerAddress* const owner = map_.owner(partition.slot());
    if (owner == nullptr) {
        is_refresh_wanted_ = true;
        record_refusal(figures_, CommandOutcome::busy, now_ns);
    }
    Node* const next = owner == nullptr ? nullptr : node_at(*owner);
    const bool is_redirected = redirect.kind != Redirect::Kind::none;
    const bool is_elsewhere = partition.node() != next && (!partition.is_asking() || partition.has_asked());
    partition.hold(is_elsewhere);
    if (!partition.is_drained() || !(is_redirected || is_elsewhere || partition.has_asked())) return;

    const bool must_pause =
        redirect.kind == Redirect::Kind::wait || partition.redirects_in_row_count() > redirects_at_once_max;
    const std::uint64_t not_before_ns = is_redirected && must_pause ? now_ns + partition.next_pause_ns() : 0;
    if (is_redirected && must_pause) partition.record_failure();
    partition.hold(next == nullptr);
    are_views_stale_ = true;
    const bool is_asking = redirect.kind == Redirect::Kind::ask;
    Node* const node = is_asking ? node_at(redirect.to) : next;
    partition.go_to(node, is_asking, not_before_ns, now_ns);
    if (node != nullptr && node->is_ready()) node->take(partition);
}

// Makes `redirect` complete, and the map the better for it.
void ClusterSink::take_hint(Redirect& redirect, const PartitionQueue& partition) {
    is_refresh_wanted_ = true;
    if (redirect.to.host.empty() && partition.node() != nullptr) redirect.to.host = partition.node()->address().host;
    if (redirect.kind != Redirect::Kind::moved || redirect.slot != partition.slot()) return;
    const ServerAddress* const owner = map_.owner(redirect.slot);
    if (owner != nullptr && *owner == redirect.to) return;
    map_.set_owner(redirect.slot, redirect.to);
    is_map_new_ = true;
}

Node* ClusterSink::node_at(const ServerAddress& address) {
    for (const auto& member : members_)
        if (member->node.address() == address) return &member->node;
    members_.push_back(std::make_unique<Member>(address, *this));
    return &members_.back()->node;
}

// A node that was replaced and hangs holds what was sent to it until the reply timeout. Its successor is known sooner.
void ClusterSink::mind_silent_nodes(std::uint64_t now_ns) {
    for (const auto& member : members_) {
        const std::uint64_t since_ns = member->node.silent_since_ns();
        if (since_ns == 0 || now_ns < since_ns + suspicious_silence_ns) continue;
        is_refresh_wanted_ = true;
        const auto goes_elsewhere = [&](const auto& partition) {
            const ServerAddress* const owner = map_.owner(partition->slot());
            return partition->node() == &member->node && owner != nullptr && *owner != member->node.address();
        };
        if (std::ranges::any_of(partitions_, goes_elsewhere)) member->node.drop_as_replaced(now_ns);
    }
}

void ClusterSink::forget_unused_nodes() {
    std::erase_if(members_, [&](const auto& member) {
        return std::ranges::none_of(partitions_, [&](const auto& p) {
            const ServerAddress* const owner = map_.owner(p->slot());
            return p->node() == &member->node || (owner != nullptr && *owner == member->node.address());
        });
    });
}

// --- what others see -------------------------------------------------------------------------------

void ClusterSink::watch_all(std::uint64_t now_ns) {
    std::uint64_t deadline_ns = query_.deadline_ns();
    watch_error_.clear();
    const auto watch = [&](Watched& watched, const auto& connection, short& revents) {
        const auto done =
            epoll_.watch(watched, connection.fd(), connection.fd_generation(), connection.events(), revents);
        if (done) return;
        watch_error_ = watch_failure(done.error());
        deadline_ns = earlier(deadline_ns, now_ns + watch_retry_interval_ns);
    };
    for (const auto& member : members_) {
        Node& node = member->node;
        watch(member->watch, node, member->revents);
        deadline_ns = earlier(deadline_ns, node.deadline_ns());
        if (node.silent_since_ns() != 0) {
            const std::uint64_t suspicious_ns = node.silent_since_ns() + suspicious_silence_ns;
            if (suspicious_ns > now_ns) deadline_ns = earlier(deadline_ns, suspicious_ns);
        }
    }
    if (query_.is_running() && query_.fd() >= 0) watch(query_watch_, query_, query_revents_);
    if (query_.is_running() && query_.fd() < 0) deadline_ns = now_ns;  // it failed at once
    if (is_refresh_wanted_ && !query_.is_running()) deadline_ns = earlier(deadline_ns, refresh_at_ns_);
    for (const auto& partition : partitions_) deadline_ns = earlier(deadline_ns, partition->deadline_ns(now_ns));
    deadline_ns_ = deadline_ns;
}

void ClusterSink::publish_all() {
    const bool is_connected =
        has_map_ && std::ranges::all_of(members_, [](const auto& m) { return m->node.is_ready(); });
    const auto is_stuck = [&](const auto& p) { return p->is_stalled() || map_.owner(p->slot()) == nullptr; };
    const bool is_stalled = std::ranges::any_of(partitions_, is_stuck);
    const SinkState state = !is_connected ? SinkState::connecting : is_stalled ? SinkState::stalled : SinkState::ready;
    publish(figures_.state, state);

    std::string text = first_error();
    if (text.empty() && state == SinkState::connecting) text = "connecting to the cluster";
    if (text.empty()) forget_refusal(figures_);
    // A slot that nobody serves refuses nothing, and will be served again: not what an earlier refusal was.
    if (figures_.refused_ns.load(std::memory_order_relaxed) == 0)
        figures_.refusal.store(CommandOutcome::busy, std::memory_order_relaxed);
    if (text != last_error_text_ || last_error_.is_set() == text.empty()) {
        last_error_text_ = text;
        last_error_.set(std::move(text));
    }
    publish_replication();
    publish_breaker();
    if (std::exchange(are_views_stale_, false)) publish_views();
}

void ClusterSink::publish_replication() {
    if (settings_.node.replicas_count == 0) return;
    std::uint64_t waits_count = 0, waits_short_count = 0;
    for (const auto& partition : partitions_) {
        waits_count += partition->waits_count();
        waits_short_count += partition->waits_short_count();
    }
    publish(replication_.waits, waits_count);
    publish(replication_.waits_short, waits_short_count);
    publish(replication_.is_wait_refused, std::ranges::any_of(partitions_, &PartitionQueue::is_wait_refused));
}

// Each partition has a breaker of its own. That of the sink, by which requests are refused before their partitions are
// known, is closed while any of them is.
void ClusterSink::publish_breaker() {
    std::array<std::uint64_t, std::tuple_size_v<decltype(signal_.lanes_away)>> lanes_away{};
    std::uint32_t failures_count = 0;
    for (std::size_t lane = 0; lane < partitions_.size(); ++lane) {
        const Breaker& breaker = partitions_[lane]->breaker();
        failures_count = std::max(failures_count, breaker.failures_count());
        if (breaker.state() != BreakerState::closed) lanes_away[lane / 64] |= std::uint64_t{1} << (lane % 64);
    }
    for (std::size_t i = 0; i < lanes_away.size(); ++i) publish(signal_.lanes_away[i], lanes_away[i]);

    const bool is_open = lanes_away_count(signal_) == partitions_.size();
    const auto is_attempt = [](const auto& member) { return member->node.fd() >= 0 && !member->node.is_ready(); };
    const bool is_half_open = is_open && (query_.is_running() || std::ranges::any_of(members_, is_attempt));
    if (is_open && signal_.breaker.load(std::memory_order_relaxed) == BreakerState::closed)
        add(figures_.breaker_opens, 1);
    publish(figures_.breaker_failures, failures_count);
    publish(signal_.breaker_retry_ns, is_open && !is_half_open ? deadline_ns_ : 0);
    publish(signal_.breaker, is_half_open ? BreakerState::half_open
                             : is_open    ? BreakerState::open
                                          : BreakerState::closed);
}

void ClusterSink::publish_views() {
    std::vector<NodeView> views;
    for (const auto& member : members_) {
        const auto goes_here = [&](const auto& p) { return p->node() == &member->node; };
        const auto count = static_cast<std::uint32_t>(std::ranges::count_if(partitions_, goes_here));
        const ServerAddress& address = member->node.address();
        views.push_back({text_of(address), member->node.is_ready() ? SinkState::ready : SinkState::connecting, count});
    }
    const std::scoped_lock lock(views_mutex_);
    views_ = std::move(views);
}

std::string ClusterSink::connected_to() const {
    std::string text;
    for (const auto& member : members_)
        if (member->node.is_ready()) text += (text.empty() ? "" : ",") + member->node.peer();
    return text;
}

// Empty if all is well.
std::string ClusterSink::first_error() const {
    if (!watch_error_.empty()) return watch_error_;
    for (const auto& member : members_)
        if (!member->node.is_ready() && !member->node.last_error().empty()) return member->node.last_error();
    if (!map_error_.empty()) return map_error_;
    for (const auto& partition : partitions_) {
        if (has_map_ && map_.owner(partition->slot()) == nullptr)
            return "no node serves slot " + std::to_string(partition->slot());
        if (partition->last_error().empty()) continue;
        const ServerAddress* const owner = map_.owner(partition->slot());
        if (owner != nullptr) return refusal_sentence(text_of(*owner), partition->last_error());
        return "Redis refuses: " + error_clause(partition->last_error());
    }
    return {};
}

}  // namespace
}  // namespace sluice::sinks::redis

namespace sluice::sinks {

std::unique_ptr<Sink> make_cluster_sink(const ClusterSettings& settings, CompletionPort& port) {
    return std::make_unique<redis::ClusterSink>(settings, port);
}

}  // namespace sluice::sinks
