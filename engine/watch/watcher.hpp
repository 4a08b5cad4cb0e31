// Watcher: looks once an interval how full Redis is and how far its consumers are behind, and closes admission while a
// bound is passed. An own thread with an own connection: neither reactors nor sinks ever wait for it.
//
// What it cannot learn closes nothing: Redis away, a user that may not ask and a missing stream all admit. The sink
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

#include "engine/watch/bounds.hpp"
#include "engine/watch/cluster_probe.hpp"
#include "engine/watch/gauges.hpp"
#include "engine/watch/probe.hpp"
#include "engine/watch/trend.hpp"
#include "sinks/redis/link/blocking_client.hpp"

namespace sluice::watch {

struct WatcherSettings {
    sinks::RedisSettings redis;
    std::vector<sinks::ServerAddress>
        seeds;  // of a cluster, to whose nodes `redis` applies; empty: it is the one server
    Subject subject;
    BoundsSettings bounds;
    std::uint64_t interval_ns = 0;  // 0: there is one look, for the remarks on the setup, and no bound is judged
    bool sheds = true;  // false: with a journal in front, which takes what Redis cannot; what is passed is shown only
};

class Watcher {
  public:
    // `gauges` outlives the watcher.
    Watcher(const WatcherSettings& settings, Gauges& gauges);
    ~Watcher() { stop_and_join(); }
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

    void start();
    // Returns within the time-out of a question at worst, twice that while connecting.
    void stop_and_join();

    // One look, on the caller's thread, for who wants to know whether Redis can be asked and takes samples. Writes no
    // log.
    [[nodiscard]] static Findings look_once(const WatcherSettings& settings);

  private:
    void run();
    void probe();
    [[nodiscard]] bool look_for_remarks();
    [[nodiscard]] Findings learn();
    [[nodiscard]] Findings not_reached() const;
    [[nodiscard]] Findings ask_server(Findings& setup);
    [[nodiscard]] bool is_stopping();
    void decide(const Figures& figures);
    void estimate_opening(PassedBound passed, const Figures& figures);
    void log_closed(PassedBound passed, const Figures& figures) const;
    void log_opened() const;

    const WatcherSettings settings_;
    Gauges& gauges_;
    sinks::redis::BlockingClient client_;
    bool was_useless_ = false;  // the server that was asked last; its address is tried last then
    std::unique_ptr<ClusterProbe> cluster_;  // instead of client_
    Bounds bounds_;
    Trend trend_;  // of the figure that closed admission
    std::uint64_t closed_ns_ = 0;  // monotonic: since when a bound has been passed; 0: none is
    std::mutex mutex_;  // guards is_stopping_
    std::condition_variable wake_;
    bool is_stopping_ = false;
    std::thread thread_;
};

}  // namespace sluice::watch
