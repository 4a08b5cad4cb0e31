// StopSequence: the phases of an engine's end, and what leads from one to the next. A value without a clock; the main
// thread tells it of signals and of the time. run_until_stopped() (run.hpp) does what a phase asks for.
//
//   serving ── stop signal ──▶ draining ── all is delivered, or time is up ──▶ ending ── threads have ended ──▶
//   ended
//                                 └────────────── a second stop signal ──────────────┴──▶ at_once
//
// A stop signal that comes within `repeat_ns` of the first is the same one: timeout(1) sends two, and so does a process
// manager that signals a process and its group.
//
// To add a phase: an enumerator, its condition in advance(), and what begins with it in run.cpp.
#pragma once

#include <cstdint>

namespace sluice {

class StopSequence {
  public:
    enum class Phase : std::uint8_t {
        serving,
        draining,  // no new work; what is there is answered and delivered
        ending,  // threads are ended, whatever is undelivered
        ended,  // all threads have ended
        at_once,  // the process ends without waiting for them
    };
    static constexpr std::uint64_t repeat_ns = 1'000'000'000;

    struct Progress {
        bool is_drained = false;
        bool has_ended = false;
    };

    explicit StopSequence(std::uint64_t drain_ns_max) : drain_ns_max_(drain_ns_max) {}

    void on_stop_signal(std::uint64_t now_ns);
    // Goes on by one phase at most. True: the phase has changed, also by the signals since the last call.
    [[nodiscard]] bool advance(std::uint64_t now_ns, const Progress& progress);

    [[nodiscard]] Phase phase() const { return phase_; }
    [[nodiscard]] bool is_over() const { return phase_ == Phase::ended || phase_ == Phase::at_once; }

  private:
    [[nodiscard]] Phase next(std::uint64_t now_ns, const Progress& progress) const;

    const std::uint64_t drain_ns_max_;
    Phase phase_ = Phase::serving;
    bool is_asked_ = false;  // a stop signal has come
    bool is_urged_ = false;  // a second one has come
    std::uint64_t asked_ns_ = 0;
    std::uint64_t phase_began_ns_ = 0;
};

}  // namespace sluice
