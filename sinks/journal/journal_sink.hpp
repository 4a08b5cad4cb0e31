// The journal sink: writes batches to the log and settles them once they are on disk.
//
// Group commit: while one fdatasync is under way, batches gather in the thread's queue; the next one is for all of
// them. The sink waits for the disk on its own thread alone: reactors hand over and go on. (A ring
// of its own was rejected: the thread would have nothing to do while the ring syncs.)
//
// When the disk refuses, the state is `stalled`: samples that somebody waits for are answered at once (busy while the
// journal or its device is full, refused on any other error) and dropped; `queued` ones are kept, in order, and written
// when the disk takes them again, which is tried once a second, or 20 times if it was full. How much is kept is bounded
// by the reactors' batches.
//
// Sink thread only, except signal(), figures() and last_error().
#pragma once

#include <memory>
#include <string>

#include "sinks/journal/file_system.hpp"
#include "sinks/journal/log.hpp"
#include "sinks/sink.hpp"

namespace sluice::sinks {

// Learns how far the journal is on disk. Called on the sink's thread; by open(), on the caller's.
class JournalListener {
  public:
    virtual void on_confirmed(const journal::Position& end) = 0;

  protected:
    ~JournalListener() = default;
};

struct JournalSettings {
    std::string directory;
    journal::LogSettings log;
    JournalListener* listener = nullptr;  // outlives the sink; null: nobody listens
};

// `port` outlives the sink. The directory is opened by open().
[[nodiscard]] std::unique_ptr<Sink> make_journal_sink(const JournalSettings& settings, CompletionPort& port);

// The same over `files`; for tests.
[[nodiscard]] std::unique_ptr<Sink> make_journal_sink(const JournalSettings& settings, CompletionPort& port,
                                                      std::unique_ptr<journal::FileSystem> files);

}  // namespace sluice::sinks
