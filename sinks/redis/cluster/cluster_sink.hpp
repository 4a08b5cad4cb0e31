// The cluster sink: delivers batches to the primaries of a Redis Cluster, at least once, in order for each partition.
//
// One sink, one thread, and for each primary a connection with a queue of its own (Node). A batch holds commands of one
// partition (the encoder's lane), hence of one slot. Parts: PartitionQueue keeps a partition's order and its books,
// Node a connection's, SlotMap knows who owns what, SlotQuery asks. ClusterSink joins them: it decides where each
// partition goes, and shows all descriptors to the sink thread as one epoll descriptor.
//
// Rejected: a sink thread for each primary. A partition that moves would have to hand its batches from one thread to
// another behind what is on the wire there, with a lock or a queue of its own, and primaries come and go while the
// engine runs. One thread does what some seven redis-servers can take, 0.24 µs a sample with `fields`
// (docs/scaling.md): it neither renders nor copies.
//
// The map is read again when a redirect, a lost connection or a silent node says so, but not more often than every 250
// ms. Sink thread only, except signal(), figures(), trouble() and nodes().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sinks/redis/link/settings.hpp"
#include "sinks/sink.hpp"

namespace sluice::sinks {

struct ClusterSettings {
    std::vector<ServerAddress> seeds;  // any nodes; not empty
    std::vector<std::string> keys;  // of each of the encoder's lanes; not empty
    RedisSettings node;  // of every node; without host, port, path and db
};

// `port` must outlive the sink. Takes every batch that it is given: the bound is the reactors' pools.
[[nodiscard]] std::unique_ptr<Sink> make_cluster_sink(const ClusterSettings& settings, CompletionPort& port);

}  // namespace sluice::sinks
