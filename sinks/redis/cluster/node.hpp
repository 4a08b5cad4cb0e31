// Node: the connection to one primary of a cluster, and the order in which its replies are due.
//
// Several partitions share it. Each has its own queue; here is only a list of {partition, replies due}, in the order in
// which the commands went over the wire. A batch that the socket took half of is finished before anything else is sent.
//
// Sink thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sinks/redis/cluster/partition_queue.hpp"
#include "sinks/redis/link/link.hpp"
#include "sinks/sink.hpp"

namespace sluice::sinks::redis {

using PartitionQueues = std::vector<std::unique_ptr<PartitionQueue>>;

class Node {
  public:
    // `settings`: of any node; host and port are `address`'. The others outlive the node.
    Node(const ServerAddress& address, const RedisSettings& settings, const PartitionQueues& partitions,
         DeliveryFigures& figures, LinkFigures& link_figures);

    [[nodiscard]] const ServerAddress& address() const { return address_; }
    [[nodiscard]] bool is_ready() const { return link_.is_ready(); }
    // address(); of a name, with the numeric address that was tried last.
    [[nodiscard]] const std::string& peer() const { return link_.peer(); }
    // Connects, reads replies, notices silence. `revents`: poll(2)'s, of fd().
    void advance(short revents, std::uint64_t now_ns);
    // Sends what partitions that go here have.
    void send(std::uint64_t now_ns);
    // `partition` goes here from now on. Needs is_ready().
    void take(PartitionQueue& partition) const;
    // Gives the connection up: it is silent, and another server is primary by now.
    void drop_as_replaced(std::uint64_t now_ns);

    [[nodiscard]] int fd() const { return link_.fd(); }
    // See Link.
    [[nodiscard]] std::uint64_t fd_generation() const { return link_.fd_generation(); }
    [[nodiscard]] short events() const { return link_.events(); }
    [[nodiscard]] std::uint64_t deadline_ns() const { return link_.deadline_ns(route_count_ != 0); }
    // Replies are due, and since when none has come; 0: none is due.
    [[nodiscard]] std::uint64_t silent_since_ns() const { return route_count_ != 0 ? link_.progress_ns() : 0; }

    // One sentence while it is not ready.
    [[nodiscard]] const std::string& last_error() const { return last_error_; }
    // True once for each connection that was lost or could not be made.
    [[nodiscard]] bool take_failed() { return std::exchange(has_failed_, false); }

  private:
    // Replies that are due next.
    struct Route {
        PartitionQueue* partition;
        std::uint32_t replies_count;  // of commands; with is_asking, ASKING's own come before each
        bool is_asking;
    };
    struct Piece {
        PartitionQueue* partition;
        std::size_t bytes;
    };
    static constexpr std::size_t pieces_count_max = 64;

    void attempt_failed();
    void connection_lost(std::uint64_t now_ns);
    void receive(std::uint64_t now_ns);
    [[nodiscard]] bool take_reply(ReplyStream::Next reply, std::uint64_t now_ns);
    [[nodiscard]] bool finish_begun(std::uint64_t now_ns);
    void stage(std::uint64_t now_ns);
    [[nodiscard]] std::size_t gather(std::span<iovec> pieces, std::span<Piece> owners, std::uint64_t now_ns);
    [[nodiscard]] bool send_pieces(std::span<iovec> pieces, std::span<const Piece> owners, std::uint64_t now_ns);
    [[nodiscard]] bool write(std::span<iovec> pieces, std::size_t& sent_bytes, std::uint64_t now_ns);
    void add_route(const Route& route);

    const ServerAddress address_;
    const PartitionQueues& partitions_;
    DeliveryFigures& figures_;
    const bool has_waits_;
    Link link_;
    bool has_failed_ = false;
    std::string last_error_;

    std::vector<Route> routes_;  // a ring: a place for each batch that can be under way
    std::size_t first_route_ = 0;
    std::size_t route_count_ = 0;
    bool is_asking_answered_ = false;  // of the first route's next command
    PartitionQueue* begun_ = nullptr;  // a batch of it is partly sent, or its WAIT is not
    std::string staged_;
    std::size_t staged_sent_bytes_ = 0;
    std::size_t first_partition_ = 0;  // whose turn it is first
};

}  // namespace sluice::sinks::redis
