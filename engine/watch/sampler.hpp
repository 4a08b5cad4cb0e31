// Sampler: looks once an interval how full Redis is and how far its consumers are behind, and closes admission while a
// bound is passed. An own thread with an own connection: neither reactors nor sinks ever wait for it.
//
// What it can not learn closes nothing: Redis away, a user that may not ask and a missing stream all admit. The sink
// finds out by itself whether Redis takes samples. What was closed stays so while Redis is silent for a few looks.
//
// Rejected: asking over the sink's connection (a WAIT or a paused server would hold up the question as well as the
// samples, and replies of other kinds than OK would have to go through the sink's reply stream).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "engine/watch/board.hpp"
#include "engine/watch/bounds.hpp"
#include "engine/watch/cluster_inquiry.hpp"
#include "engine/watch/decline.hpp"
#include "engine/watch/questions.hpp"
#include "sinks/redis/link/blocking_client.hpp"

namespace sluice::admission {

struct SamplerSettings {
    sinks::RedisSettings redis;
    std::vector<sinks::ServerAddress>
        seeds;  // of a cluster, to whose nodes `redis` applies; empty: it is the one server
    Subject subject;
    BoundsSettings bounds;
    std::uint64_t interval_ns = 0;
    bool sheds = true;  // false: with a journal in front, which takes what Redis can not; the verdict is shown only
};

class Sampler {
  public:
    // `board` outlives the sampler.
    Sampler(const SamplerSettings& settings, Board& board);
    ~Sampler() { stop_and_join(); }
    Sampler(const Sampler&) = delete;
    Sampler& operator=(const Sampler&) = delete;

    void start();
    // Returns within the time-out of a question at worst, three times of it while connecting.
    void stop_and_join();

  private:
    void run();
    void look();
    [[nodiscard]] Findings learn();
    void decide(const Figures& figures);
    void foresee(Verdict verdict, const Figures& figures);
    void tell_closed(Verdict verdict, const Figures& figures) const;
    void tell_opened() const;

    const SamplerSettings settings_;
    Board& board_;
    sinks::redis::BlockingClient client_;
    std::unique_ptr<ClusterInquiry> cluster_;  // instead of client_
    Bounds bounds_;
    Decline decline_;  // of the figure that closed admission
    std::uint64_t closed_ns_ = 0;  // monotonic: when the verdict began to be another than admit
    std::mutex mutex_;  // guards is_stopping_
    std::condition_variable wake_;
    bool is_stopping_ = false;
    std::thread thread_;
};

}  // namespace sluice::admission
