#include "sinks/redis/cluster/node.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/core/limits.hpp"
#include "sinks/redis/resp/error_class.hpp"

namespace sluice::sinks::redis {
namespace {

constexpr int receives_count_max = 4;  // reads per advance(), as in RedisSink

RedisSettings settings_of(const ServerAddress& address, RedisSettings settings) {
    settings.host = address.host;
    settings.port = address.port;
    return settings;
}

// Each batch of each window has at most one route, and what is staged one more.
std::size_t routes_count_max(const PartitionQueues& partitions) {
    return partitions.size() * (limits::sink_window_batches_count_max + 1);
}

}  // namespace

Node::Node(const ServerAddress& address, const RedisSettings& settings, const PartitionQueues& partitions,
           DeliveryFigures& figures, LinkFigures& link)
    : address_(address),
      partitions_(partitions),
      figures_(figures),
      link_(link),
      connect_timeout_ns_(settings.connect_timeout_ns),
      reply_timeout_ns_(settings.reply_timeout_ns),
      backoff_max_ns_(settings.backoff_max_ns),
      session_(settings_of(address, settings)),
      connect_backoff_(settings.backoff_min_ns, settings.backoff_max_ns, settings.random_seed + address.port),
      trouble_("connecting to " + session_.peer()),
      routes_(routes_count_max(partitions)) {}

// --- the connection --------------------------------------------------------------------------------

short Node::events() const {
    if (!session_.ready()) return session_.events();
    return static_cast<short>(is_send_blocked_ ? POLLIN | POLLOUT : POLLIN);
}

std::uint64_t Node::deadline_ns() const {
    switch (session_.state()) {
        case Session::State::closed: return connect_at_ns_;
        case Session::State::connecting:
        case Session::State::greeting: return connect_deadline_ns_;
        case Session::State::ready: break;
    }
    return route_count_ != 0 ? progress_ns_ + reply_timeout_ns_ : 0;
}

void Node::advance(short revents, std::uint64_t now_ns) {
    switch (session_.state()) {
        case Session::State::closed: connect(now_ns); break;
        case Session::State::connecting:
        case Session::State::greeting: go_on_connecting(revents, now_ns); break;
        case Session::State::ready:
            if ((revents & (POLLIN | POLLERR | POLLHUP)) != 0) receive(now_ns);
            break;
    }
    if (session_.ready() && route_count_ != 0 && now_ns >= progress_ns_ + reply_timeout_ns_)
        drop("no reply from " + session_.peer() + " within the reply timeout", now_ns);
}

void Node::connect(std::uint64_t now_ns) {
    if (now_ns < connect_at_ns_) return;
    connect_deadline_ns_ = now_ns + connect_timeout_ns_;
    ++fd_generation_;
    if (session_.open() == Session::Step::failed) connection_failed(session_.failure(), now_ns);
}

void Node::go_on_connecting(short revents, std::uint64_t now_ns) {
    if (session_.advance(revents) == Session::Step::failed) return connection_failed(session_.failure(), now_ns);
    if (session_.ready()) {
        add(link_.connects, 1);
        ready_since_ns_ = now_ns;
        is_send_blocked_ = false;
        trouble_.clear();
        return;
    }
    if (now_ns < connect_deadline_ns_) return;
    session_.close();
    connection_failed(session_.peer() + " does not answer (connect timeout)", now_ns);
}

void Node::connection_failed(const std::string& why, std::uint64_t now_ns) {
    add(link_.connection_failures, 1);
    connect_at_ns_ = now_ns + connect_backoff_.next_ns();
    has_failed_ = true;
    trouble_ = why;
}

void Node::drop(const std::string& why, std::uint64_t now_ns) {
    session_.close();
    route_count_ = 0;
    is_asking_answered_ = false;
    begun_ = nullptr;
    staged_.clear();
    staged_sent_bytes_ = 0;
    for (const auto& partition : partitions_)
        if (partition->node() == this) partition->connection_lost();
    if (now_ns - ready_since_ns_ >= backoff_max_ns_) connect_backoff_.reset();
    connection_failed(why, now_ns);
}

// --- replies ---------------------------------------------------------------------------------------

void Node::receive(std::uint64_t now_ns) {
    for (int i = 0; i < receives_count_max; ++i) {
        std::span<const char> bytes;
        if (session_.receive(bytes) == Session::Step::failed) return drop(session_.failure(), now_ns);
        session_.replies().give(bytes);
        if (!take_replies() || bytes.size() < limits::redis_receive_bytes) return;
    }
}

// False if the connection had to be dropped.
bool Node::take_replies() {
    const std::uint64_t now_ns = monotonic_ns();
    for (bool any = false;; any = true) {  // ends: each turn takes a reply out of what was received
        const ReplyStream::Next reply = session_.replies().next();
        if (reply == ReplyStream::Next::need_more) {
            if (any) connect_backoff_.reset();
            return true;
        }
        if (!take_reply(reply, now_ns)) return false;
        progress_ns_ = now_ns;
    }
}

bool Node::take_reply(ReplyStream::Next reply, std::uint64_t now_ns) {
    if (reply == ReplyStream::Next::broken) {
        drop("protocol error from " + session_.peer() + ": " + printable(session_.replies().broken_because()), now_ns);
        return false;
    }
    if (route_count_ == 0) {
        drop(session_.peer() + " answers what it was not asked", now_ns);
        return false;
    }
    Route& route = routes_[first_route_];
    if (route.is_asking && !std::exchange(is_asking_answered_, true)) return true;  // the command's reply tells more
    is_asking_answered_ = false;
    PartitionQueue& partition = *route.partition;
    if (--route.replies_count == 0) {
        first_route_ = (first_route_ + 1) % routes_.size();
        --route_count_;
    }
    const std::string_view error = session_.replies().error_text();
    if (reply == ReplyStream::Next::error && error.starts_with("NOAUTH")) {  // it forgot who we are: greet it again
        drop("Redis at " + session_.peer() + " refuses: " + printable(error), now_ns);
        return false;
    }
    const bool was_due =
        reply == ReplyStream::Next::ok ? partition.reply_ok(now_ns) : partition.reply_error(error, now_ns);
    if (!was_due) drop(session_.peer() + " answers what it was not asked", now_ns);
    return was_due;
}

// --- sending ---------------------------------------------------------------------------------------

void Node::send(std::uint64_t now_ns) {
    if (!session_.ready() || !finish_begun(now_ns)) return;
    stage(now_ns);
    if (!finish_begun(now_ns)) return;
    std::array<iovec, pieces_count_max> pieces;
    std::array<Piece, pieces_count_max> owners;
    const std::size_t count = gather(pieces, owners, now_ns);
    is_send_blocked_ = false;
    if (count != 0)
        static_cast<void>(send_pieces(std::span(pieces).first(count), std::span(owners).first(count), now_ns));
}

// What is partly on the wire, of a batch or of what was staged. False if there is more of it, or the connection is
// gone.
bool Node::finish_begun(std::uint64_t now_ns) {
    if (begun_ != nullptr) {
        iovec piece{};
        CHECK(begun_->gather({&piece, 1}, PartitionQueue::Turn::rest) == 1);
        const Piece owner{begun_, piece.iov_len};
        return send_pieces({&piece, 1}, {&owner, 1}, now_ns);
    }
    if (staged_.empty()) return true;
    iovec rest{staged_.data() + staged_sent_bytes_, staged_.size() - staged_sent_bytes_};
    std::size_t sent_bytes = 0;
    if (!write({&rest, 1}, sent_bytes, now_ns)) return false;
    staged_sent_bytes_ += sent_bytes;
    if (staged_sent_bytes_ < staged_.size()) return false;
    staged_.clear();
    staged_sent_bytes_ = 0;
    return true;
}

void Node::stage(std::uint64_t now_ns) {
    for (const auto& partition : partitions_) {
        if (partition->node() != this || partition->turn(now_ns) != PartitionQueue::Turn::staged) continue;
        const std::uint32_t count = partition->stage(staged_);
        if (count == 0) continue;
        if (route_count_ == 0) progress_ns_ = now_ns;
        add_route({partition.get(), count, partition->asking()});
    }
}

std::size_t Node::gather(std::span<iovec> pieces, std::span<Piece> owners, std::uint64_t now_ns) {
    std::size_t count = 0;
    first_partition_ = (first_partition_ + 1) % partitions_.size();
    for (std::size_t i = 0; i < partitions_.size() && count < pieces.size(); ++i) {
        PartitionQueue& partition = *partitions_[(first_partition_ + i) % partitions_.size()];
        if (partition.node() != this) continue;
        const PartitionQueue::Turn turn = partition.turn(now_ns);
        if (turn == PartitionQueue::Turn::staged) continue;
        const std::size_t added = partition.gather(pieces.subspan(count), turn);
        for (std::size_t j = count; j < count + added; ++j) owners[j] = {&partition, pieces[j].iov_len};
        count += added;
    }
    return count;
}

// False if the socket did not take everything, or the connection is gone.
bool Node::send_pieces(std::span<iovec> pieces, std::span<const Piece> owners, std::uint64_t now_ns) {
    std::size_t sent_bytes = 0;
    if (!write(pieces, sent_bytes, now_ns)) return false;
    add(figures_.bytes_sent, sent_bytes);
    for (const Piece& owner : owners) {
        if (sent_bytes == 0) return false;
        const std::size_t taken = std::min(sent_bytes, owner.bytes);
        const std::uint32_t due_count = owner.partition->sent(taken);
        if (due_count != 0) add_route({owner.partition, due_count, false});
        sent_bytes -= taken;
        begun_ = taken < owner.bytes ? owner.partition : nullptr;
    }
    return begun_ == nullptr;
}

bool Node::write(std::span<iovec> pieces, std::size_t& sent_bytes, std::uint64_t now_ns) {
    std::size_t wanted_bytes = 0;
    for (const iovec& piece : pieces) wanted_bytes += piece.iov_len;
    if (session_.send(pieces, sent_bytes) == Session::Step::failed) {
        drop(session_.failure(), now_ns);
        return false;
    }
    is_send_blocked_ = sent_bytes < wanted_bytes;
    if (sent_bytes != 0 && route_count_ == 0) progress_ns_ = now_ns;
    return true;
}

void Node::add_route(const Route& route) {
    CHECK(route_count_ < routes_.size());
    routes_[(first_route_ + route_count_++) % routes_.size()] = route;
}

}  // namespace sluice::sinks::redis
