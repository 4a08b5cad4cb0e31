// Instance: the name of an engine in the keys of streams that it alone writes (sink.redis.exactly_once), kept in the
// file `instance` of the journal's directory.
//
// The IDs of entries are positions in that journal. A new journal begins at low positions, so it gets a new name, and
// with it new streams. The file also names the streams (sink.redis.stream, sink.redis.partitions): Redis finds
// duplicates only within one stream, so they must not change. Opened at start-up; then its owner's
// alone: the forwarder's thread, or that of `journal replay`.
#pragma once

#include <expected>
#include <string>

#include "engine/config/config.hpp"
#include "sinks/journal/file_system.hpp"

namespace sluice::forward {

class Instance {
  public:
    // Reads the name, or makes one: `settings.instance`, or the host's name if that is empty, and eight random
    // hexadecimal digits; it is on disk then. `files` outlives it. One sentence if it cannot be read or made, begins
    // with another base, or has other streams.
    [[nodiscard]] static std::expected<Instance, std::string> open(sinks::journal::FileSystem& files,
                                                                   const config::Config::Sink::Redis& settings);

    [[nodiscard]] const std::string& name() const { return name_; }
    // Why the streams of this name cannot be trusted, a sentence; empty if they can.
    [[nodiscard]] const std::string& conflict() const { return conflict_; }
    // Keeps that, so that a later start knows.
    [[nodiscard]] sinks::journal::IoResult<void> set_conflict(const std::string& sentence);

  private:
    explicit Instance(sinks::journal::FileSystem& files) : files_(&files) {}
    [[nodiscard]] sinks::journal::IoResult<void> save() const;

    sinks::journal::FileSystem* files_;
    std::string name_;
    std::string conflict_;
    std::string streams_;
};

}  // namespace sluice::forward
