// Log: the writing end of a journal, one for each directory (a lock file sees to that).
//
//   append(records) … append(records), commit()      one fdatasync for all that was appended: group commit
//
// Rules, each of which a test breaks on purpose:
//   - What commit() confirmed is on disk: records, the segment's header, and the directory entry that names it.
//   - After an error of append() or commit() nothing appended since the last commit() counts,
//     and the segment is closed at the end of what was confirmed, never written again and
//     never synced again: the kernel drops pages that it could not write and says so once.
//     What follows goes into a new segment, whose header says where the old one ends.
//   - Nothing is overwritten or dropped for room. When the bound or the device is full, append() says `full`;
//     only segments that were delivered (segments.hpp) are removed.
//   - open() ends what a crash left at its last whole record, keeps whatever is whole, and reports what is damaged.
//
// Blocks on the disk: for a sink's thread. One owner thread.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sinks/journal/file_system.hpp"
#include "sinks/journal/segments.hpp"

namespace sluice::sinks::journal {

struct LogSettings {
    std::uint64_t segment_bytes = 0;  // of a new segment; more than any span that is appended
    std::uint64_t total_bytes_max = 0;  // of all segments; at least two segments
    bool has_tenants = false;  // records may name one
};

enum class LogFailure : std::uint8_t {
    locked,  // another process has the journal
    full,  // the bound is reached, or the device is full
    broken,  // the system refused to read, write or sync
};

struct LogError {
    LogFailure failure;
    std::string sentence;  // without the directory's name
};

template <typename T>
using LogResult = std::expected<T, LogError>;

class Log {
  public:
    // `files` outlives the log. `notes` gets a sentence for each thing that open() found and mended, or could not mend.
    // A full disk is not an error of open(): append() will say so.
    [[nodiscard]] static LogResult<std::unique_ptr<Log>> open(FileSystem& files, const LogSettings& settings,
                                                              std::vector<std::string>& notes);
    // Cuts what was preallocated and not used, and writes into the header where the segment ends. Does not commit.
    ~Log();
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    // Whole records (format.hpp), no more than fit an empty segment.
    [[nodiscard]] LogResult<void> append(std::span<const char> records);
    // Everything appended survives a power loss.
    [[nodiscard]] LogResult<void> commit();
    // Makes sure that there is a segment to append to: whether the disk takes something again, tried without data.
    [[nodiscard]] LogResult<void> prepare();

    // Everything before it is on disk.
    [[nodiscard]] Position confirmed() const {
        return file_ != nullptr ? Position{sequence_, confirmed_end_} : closed_;
    }
    [[nodiscard]] std::uint64_t total_bytes() const { return total_bytes_; }

  private:
    Log(FileSystem& files, const LogSettings& settings, std::unique_ptr<Lock> lock)
        : files_(files), settings_(settings), lock_(std::move(lock)) {}

    [[nodiscard]] LogResult<void> recover(std::vector<std::string>& notes);
    void report_losses(const std::vector<Segment>& segments, std::vector<std::string>& notes);
    [[nodiscard]] LogResult<void> recover_last(const Segment& last, std::vector<std::string>& notes);
    [[nodiscard]] LogResult<void> discard_last(const Segment& last);
    [[nodiscard]] LogResult<void> make_room();
    [[nodiscard]] LogResult<void> remove_delivered();
    [[nodiscard]] IoResult<void> begin_segment(std::unique_ptr<File>& file, std::uint64_t sequence);
    void close_segment();

    FileSystem& files_;
    const LogSettings settings_;
    const std::unique_ptr<Lock> lock_;
    std::uint64_t total_bytes_ = 0;  // of all segment files
    std::uint64_t next_sequence_ = 1;
    Position closed_;  // the last closed segment and its end; {0, 0}: none

    std::unique_ptr<File> file_;  // the open segment; null: none
    SegmentHeader header_;  // of it
    std::uint64_t sequence_ = 0;
    std::uint64_t written_end_ = 0;  // bytes of it that hold header and records
    std::uint64_t confirmed_end_ = 0;  // and that are known to be on disk
};

}  // namespace sluice::sinks::journal
