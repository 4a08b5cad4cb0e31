// The position up to which a journal was delivered, kept in its directory: what lies before it may be removed.
//
// The file `delivered` has two slots, a block apart, that are written in turn and in place. So keeping a position needs
// no room (a full disk is emptied by nothing else), and a write that tears, or a block that goes bad, leaves the
// position before: then a second's worth is delivered again. (Rejected: a new file and a rename, which needs a block at
// the worst moment.)
//
// Written by whoever holds the lock `deliverer_lock_name`, read by anybody.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "sinks/journal/file_system.hpp"
#include "sinks/journal/segments.hpp"

namespace sluice::sinks::journal {

// Whoever delivers holds this lock.
inline constexpr const char* deliverer_lock_name = "replay.lock";
inline constexpr const char* delivered_name = "delivered";

// Nothing if nothing was delivered yet; an error (io_error) if both slots are damaged.
[[nodiscard]] IoResult<std::optional<Position>> read_delivered(FileSystem& files);
// Where whoever delivers begins; a sentence if that cannot be known. `are_repeats_refused` (exactly once, by Redis):
// then a damaged file only means that everything is sent again.
struct Beginning {
    std::optional<Position> delivered;
    bool is_damaged = false;
};
[[nodiscard]] std::expected<Beginning, std::string> read_beginning(FileSystem& files, bool are_repeats_refused);
// Makes the file, if it can: from then on write_delivered() needs no room.
void reserve_delivered(FileSystem& files);
// Survives a power loss.
[[nodiscard]] IoResult<void> write_delivered(FileSystem& files, const Position& position);

// To what that was, for sentences: the sink's URL without a password. Empty if nobody has said so.
inline constexpr const char* destination_name = "destination";
[[nodiscard]] std::string read_destination(FileSystem& files);
// Replaces it, if it is another one. A full disk may refuse; nothing depends on it.
void write_destination(FileSystem& files, const std::string& url);

// write_delivered() for whoever writes again and again: the file stays open, and a write allocates nothing. A file that
// was removed meanwhile is made again. One thread at a time.
class DeliveredFile {
  public:
    // `files` outlives it.
    explicit DeliveredFile(FileSystem& files) : files_(files) {}
    [[nodiscard]] IoResult<void> write(const Position& position);

  private:
    [[nodiscard]] IoResult<void> open();

    FileSystem& files_;
    std::unique_ptr<File> file_;  // null: not open
};

// Whether what `segment` names as its predecessor is neither there nor delivered: samples are lost.
[[nodiscard]] bool lacks_predecessor(const Segment& segment, const std::optional<Position>& delivered);

// Whether all of a closed segment lies before `delivered`.
[[nodiscard]] bool is_delivered(const Segment& segment, const Position& delivered);

}  // namespace sluice::sinks::journal
