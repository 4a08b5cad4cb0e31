// ClusterInquiry: the figures of a whole cluster, asked of each primary that owns one of the keys. Blocks, on the
// sampler's thread, over connections of its own.
//
// The slots are read in each round, from another node each time: primaries change, and one that is cut off does not
// know.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/watch/questions.hpp"
#include "sinks/redis/cluster/slot_map.hpp"
#include "sinks/redis/link/blocking_client.hpp"

namespace sluice::admission {

class ClusterInquiry {
  public:
    // `settings`: of every node, without host and port. `seeds`: any nodes; not empty.
    ClusterInquiry(sinks::RedisSettings settings, std::vector<sinks::ServerAddress> seeds, Subject subject);

    // Lengths are added up; the longest lag and the memory of the fullest primary stand for all. What one of them does
    // not tell is not known of the sum. Ends early, with nothing, when `is_stopping` says so between two nodes.
    [[nodiscard]] Findings learn(const std::function<bool()>& is_stopping);

  private:
    struct Node {
        Node(const sinks::ServerAddress& where, const sinks::RedisSettings& settings)
            : address(where), client(settings, client_name) {}
        [[nodiscard]] bool connect();
        const sinks::ServerAddress address;
        sinks::redis::BlockingClient client;
        bool is_setup_told = false;  // of this connection
    };
    // What one primary is asked for.
    struct Share {
        sinks::ServerAddress primary;
        Subject subject;
    };

    [[nodiscard]] std::expected<void, std::string> read_slots(const std::function<bool()>& is_stopping);
    [[nodiscard]] std::vector<sinks::ServerAddress> whom_to_ask();
    [[nodiscard]] std::vector<Share> shares(Findings& findings) const;
    [[nodiscard]] Findings ask(const Share& share);
    [[nodiscard]] Node& node_at(const sinks::ServerAddress& address);
    void forget_others(const std::vector<Share>& shares);

    const sinks::RedisSettings settings_;
    const std::vector<sinks::ServerAddress> seeds_;
    const Subject subject_;
    sinks::redis::SlotMap slots_;
    std::vector<std::unique_ptr<Node>> nodes_;
    std::size_t rounds_count_ = 0;
};

}  // namespace sluice::admission
