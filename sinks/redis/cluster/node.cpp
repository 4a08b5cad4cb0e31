#include "sinks/redis/cluster/node.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/limits.hpp"

namespace sluice::sinks::redis {
namespace {

RedisSettings settings_of(const ServerAddress& address, RedisSettings settings) {
    settings.host = address.host;
    settings.port = address.port;
    settings.random_seed += address.port;
    return settings;
}

// Each batch of each window has at most one route, and what is staged one more.
std::size_t routes_count_max(const PartitionQueues& partitions) {
    return partitions.size() * (limits::sink_window_batches_count_max + 1);
}

}  // namespace

Node::Node(const ServerAddress& address, const RedisSettings& settings, const PartitionQueues& partitions,
           DeliveryFigures& figures, LinkFigures& link_figures)
    : address_(address),
      partitions_(partitions),
      figures_(figures),
      has_waits_(settings.replicas_count != 0),
      link_(settings_of(address, settings), link_figures),
      last_error_("connecting to " + link_.peer()),
      routes_(routes_count_max(partitions)) {}

// --- the connection --------------------------------------------------------------------------------

void Node::advance(short revents, std::uint64_t now_ns) {
    switch (link_.advance(revents, now_ns)) {
        case Link::Event::none:
        case Link::Event::attempt: break;
        case Link::Event::ready:
            link_.established(now_ns);
            last_error_.clear();
            for (const auto& partition : partitions_)
                if (partition->node() == this) take(*partition);
            break;
        case Link::Event::failed: attempt_failed(); break;
        case Link::Event::readable: receive(now_ns); break;
    }
    if (link_.is_ready() && link_.drop_if_late(route_count_ != 0, now_ns)) connection_lost(now_ns);
}

void Node::take(PartitionQueue& partition) const {
    CHECK(link_.is_ready() && partition.node() == this);
    if (has_waits_) partition.set_wait_command(link_.wait_command());
}

void Node::attempt_failed() {
    has_failed_ = true;
    last_error_ = link_.failure();
}

void Node::drop_as_replaced(std::uint64_t now_ns) {
    link_.drop_as_replaced(now_ns);
    connection_lost(now_ns);
}

// A connection that was ready is gone, or was given up.
void Node::connection_lost(std::uint64_t now_ns) {
    CHECK(!link_.is_ready());
    route_count_ = 0;
    is_asking_answered_ = false;
    begun_ = nullptr;
    staged_.clear();
    staged_sent_bytes_ = 0;
    for (const auto& partition : partitions_)
        if (partition->node() == this) partition->connection_lost(now_ns);
    attempt_failed();
}

// --- replies ---------------------------------------------------------------------------------------

void Node::receive(std::uint64_t now_ns) {
    const auto take = [this, now_ns](ReplyStream::Next reply) { return take_reply(reply, now_ns); };
    const auto takes_integers = [this] {
        return route_count_ != 0 && routes_[first_route_].partition->takes_integers();
    };
    if (!link_.receive(now_ns, take, takes_integers)) connection_lost(now_ns);
}

// False: the connection cannot be used on.
bool Node::take_reply(ReplyStream::Next reply, std::uint64_t now_ns) {
    CHECK(link_.is_ready() && link_.is_established());
    if (route_count_ == 0) return false;
    Route& route = routes_[first_route_];
    CHECK(route.replies_count != 0 && route.partition->node() == this);
    if (route.is_asking && !std::exchange(is_asking_answered_, true)) return true;  // the command's reply tells more
    is_asking_answered_ = false;
    PartitionQueue& partition = *route.partition;
    if (--route.replies_count == 0) {
        first_route_ = (first_route_ + 1) % routes_.size();
        --route_count_;
    }
    const bool is_error = reply == ReplyStream::Next::error;
    const std::string_view error = is_error ? link_.replies().error_text() : std::string_view();
    // It forgot who we are: greet it again.
    if (error.starts_with("NOAUTH")) return link_.unusable(link_.refusal(error));
    if (partition.is_wait_due()) return partition.reply_wait(link_.confirms_replicas(reply), error, now_ns);
    return is_error ? partition.reply_error(error, now_ns) : partition.reply_ok(now_ns);
}

// --- sending ---------------------------------------------------------------------------------------

void Node::send(std::uint64_t now_ns) {
    if (!link_.is_ready()) return;
    CHECK(link_.is_established());
    if (!finish_begun(now_ns)) return;
    stage(now_ns);
    if (!finish_begun(now_ns)) return;
    std::array<iovec, pieces_count_max> pieces;
    std::array<Piece, pieces_count_max> owners;
    const std::size_t count = gather(pieces, owners, now_ns);
    static_cast<void>(send_pieces(std::span(pieces).first(count), std::span(owners).first(count), now_ns));
}

// What is partly on the wire, of a batch or of what was staged. False if there is more of it, or the connection is
// gone.
bool Node::finish_begun(std::uint64_t now_ns) {
    if (begun_ != nullptr) {
        std::array<iovec, 2> pieces{};  // of a batch, and its WAIT
        const std::size_t count = begun_->gather(pieces, PartitionQueue::Turn::rest);
        CHECK(count != 0);
        const std::array<Piece, 2> owners{Piece{begun_, pieces[0].iov_len}, Piece{begun_, pieces[1].iov_len}};
        return send_pieces(std::span(pieces).first(count), std::span(owners).first(count), now_ns);
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
        if (route_count_ == 0) link_.await_replies(now_ns);
        add_route({partition.get(), count, partition->is_asking()});
    }
}

std::size_t Node::gather(std::span<iovec> pieces, std::span<Piece> owners, std::uint64_t now_ns) {
    std::size_t count = 0;
    first_partition_ = (first_partition_ + 1) % partitions_.size();
    for (std::size_t i = 0; i < partitions_.size() && count + 1 < pieces.size(); ++i) {
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
        begun_ = owner.partition->is_partly_sent() ? owner.partition : nullptr;
    }
    CHECK(sent_bytes == 0);  // each byte was some partition's
    return begun_ == nullptr;
}

bool Node::write(std::span<iovec> pieces, std::size_t& sent_bytes, std::uint64_t now_ns) {
    if (!link_.send(pieces, sent_bytes, now_ns)) {
        connection_lost(now_ns);
        return false;
    }
    if (sent_bytes != 0 && route_count_ == 0) link_.await_replies(now_ns);
    return true;
}

void Node::add_route(const Route& route) {
    CHECK(route_count_ < routes_.size() && route.replies_count != 0);
    routes_[(first_route_ + route_count_++) % routes_.size()] = route;
}

}  // namespace sluice::sinks::redis
