#include "sinks/journal/log.hpp"

#include <algorithm>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/core/error_text.hpp"
#include "engine/core/limits.hpp"
#include "sinks/journal/delivered.hpp"
#include "sinks/journal/segment_reader.hpp"

namespace sluice::sinks::journal {
namespace {

std::unexpected<LogError> failure(const std::string& what, std::errc error) {
    const bool is_full = error == std::errc::no_space_on_device;
    return std::unexpected(LogError{is_full ? LogFailure::full : LogFailure::broken, what + ": " + text_of(error)});
}

std::string gap_note(std::uint64_t sequence, std::uint64_t offset, std::uint64_t bytes) {
    return segment_name(sequence) + ": " + std::to_string(bytes) + " bytes at offset " + std::to_string(offset) +
           " are damaged and will be skipped";
}

// Bytes of `file` behind `from`, up to the last one that is not zero: what a write that was not finished left.
IoResult<std::uint64_t> torn_bytes(File& file, std::uint64_t from) {
    std::vector<char> buffer(256 * limits::kib);
    std::uint64_t end = from;
    for (std::uint64_t offset = from;;) {  // ends: each turn passes a part of the file
        const auto read = file.read(offset, buffer);
        if (!read) return std::unexpected(read.error());
        for (std::size_t i = *read; i > 0; --i) {
            if (buffer[i - 1] == 0) continue;
            end = offset + i;
            break;
        }
        if (*read < buffer.size()) return end - from;
        offset += *read;
    }
}

}  // namespace

// --- opening -------------------------------------------------------------------------------------------------------

LogResult<std::unique_ptr<Log>> Log::open(FileSystem& files, const LogSettings& settings,
                                          std::vector<std::string>& notes) {
    CHECK(settings.total_bytes_max >= 2 * settings.segment_bytes);
    auto lock = files.lock_directory();
    if (!lock && lock.error() == std::errc::resource_unavailable_try_again)
        return std::unexpected(LogError{LogFailure::locked, "another process writes this journal"});
    if (!lock) return failure("cannot lock the directory", lock.error());
    std::unique_ptr<Log> log(new Log(files, settings, std::move(*lock)));
    reserve_delivered(files);
    if (auto recovered = log->recover(notes); !recovered) return std::unexpected(recovered.error());
    // A directory that takes no new file must be known at the start; a full one may be emptied while the engine runs.
    if (auto prepared = log->prepare(); !prepared && prepared.error().failure != LogFailure::full)
        return std::unexpected(prepared.error());
    return log;
}

LogResult<void> Log::recover(std::vector<std::string>& notes) {
    Position told;  // what a segment that was removed said of the one before it
    for (;;) {  // ends: each turn but the last removes a segment
        const auto segments = list_segments(files_);
        if (!segments) return failure("cannot read the directory", segments.error());
        total_bytes_ = 0;
        for (const Segment& segment : *segments) total_bytes_ += segment.bytes;
        // A number below the delivered position would count as delivered.
        if (const auto delivered = read_delivered(files_); delivered && *delivered)
            next_sequence_ = std::max(next_sequence_, (**delivered).segment + 1);
        if (segments->empty()) return {};
        Segment last = segments->back();
        if (last.sequence == told.segment) last.end = told.offset;
        next_sequence_ = std::max(next_sequence_, last.sequence + 1);
        if (auto recovered = recover_last(last, notes); !recovered) return recovered;
        if (closed_.segment == last.sequence) {
            report_losses(*segments, notes);
            return {};
        }
        if (auto discarded = discard_last(last); !discarded) return discarded;
        if (last.header) told = {last.header->previous_sequence, last.header->previous_end};
    }
}

void Log::report_losses(const std::vector<Segment>& segments, std::vector<std::string>& notes) {
    const auto delivered = read_delivered(files_);
    for (const Segment& segment : segments)
        if (lacks_predecessor(segment, delivered.value_or(std::nullopt)))
            notes.push_back(segment_name(segment.sequence) + ": the segment before it is missing");
}

// Finds the end of what the last writer left. Leaves closed_ alone if nothing is in the segment.
LogResult<void> Log::recover_last(const Segment& last, std::vector<std::string>& notes) {
    auto file = files_.open(segment_name(last.sequence), Access::read_and_write);
    if (!file) return failure("cannot open " + segment_name(last.sequence), file.error());
    SegmentReader reader(**file, segment_header_bytes);
    if (last.end) reader.set_end(*last.end);
    bool is_empty = true;
    for (;;) {  // ends: each turn passes a record or a gap
        const auto step = reader.next();
        if (!step) return failure("cannot read " + segment_name(last.sequence), step.error());
        if (*step == SegmentReader::Step::end) break;
        if (*step == SegmentReader::Step::gap && notes.size() < limits::journal_notes_count_max)
            notes.push_back(gap_note(last.sequence, reader.gap_offset(), reader.gap_bytes()));
        is_empty = false;
    }
    const std::uint64_t end = reader.offset();
    const auto torn = torn_bytes(**file, end);
    if (!torn && torn.error() != std::errc::io_error)
        return failure("cannot read " + segment_name(last.sequence), torn.error());
    if (!torn)
        notes.push_back(segment_name(last.sequence) + ": what is behind offset " + std::to_string(end) +
                        " cannot be read");
    else if (*torn != 0)
        notes.push_back(segment_name(last.sequence) + ": " + std::to_string(*torn) + " bytes at offset " +
                        std::to_string(end) +
                        " are no whole record (a write that was not finished, or damage) and do not count");
    if (is_empty && torn && *torn == 0) return {};
    if (!last.header) notes.push_back(gap_note(last.sequence, 0, segment_header_bytes));
    if (torn &&
        end + *torn < last.bytes) {  // gives back what is still zeros; what is not stays for whoever wants to look
        const std::uint64_t bytes = end + *torn;
        if (auto cut = (*file)->truncate(bytes); !cut)
            return failure("cannot cut the tail of " + segment_name(last.sequence), cut.error());
        total_bytes_ -= last.bytes - bytes;
    }
    // Whole records that the last writer had not synced count from now on.
    if (auto synced = (*file)->sync(); !synced)
        return failure("cannot sync " + segment_name(last.sequence), synced.error());
    closed_ = {last.sequence, end};
    return {};
}

// A segment without records goes; but what it says of its predecessor must not be forgotten with it.
LogResult<void> Log::discard_last(const Segment& last) {
    if (last.header && last.header->previous_sequence != 0) {
        const std::string name = segment_name(last.header->previous_sequence);
        auto file = files_.open(name, Access::read_and_write);
        if (!file && file.error() != std::errc::no_such_file_or_directory)
            return failure("cannot open " + name, file.error());
        if (file) {
            const auto bytes = (*file)->size();
            if (!bytes) return failure("cannot look at " + name, bytes.error());
            if (*bytes > last.header->previous_end) {
                if (auto cut = (*file)->truncate(last.header->previous_end); !cut)
                    return failure("cannot cut the tail of " + name, cut.error());
                if (auto synced = (*file)->sync(); !synced) return failure("cannot sync " + name, synced.error());
            }
        }
    }
    if (auto removed = files_.remove(segment_name(last.sequence)); !removed)
        return failure("cannot remove " + segment_name(last.sequence), removed.error());
    if (auto synced = files_.sync_directory(); !synced) return failure("cannot sync the directory", synced.error());
    return {};
}

Log::~Log() {
    if (file_ == nullptr) return;
    // Whatever this leaves undone, the next open() does. The header comes last: what it says must be true by then.
    if (!file_->truncate(confirmed_end_) || !file_->sync()) return;
    header_.closed_end = confirmed_end_;
    if (file_->write(0, render_segment_header(header_))) static_cast<void>(file_->sync());
}

// --- segments ------------------------------------------------------------------------------------------------------

// From now on only the confirmed part of the open segment counts.
void Log::close_segment() {
    if (file_ == nullptr) return;
    // Gives space back; if that fails, the bytes are only wasted, for the successor's header says that they do not
    // count.
    if (file_->truncate(confirmed_end_)) total_bytes_ -= settings_.segment_bytes - confirmed_end_;
    closed_ = {sequence_, confirmed_end_};
    file_.reset();
}

LogResult<void> Log::make_room() {
    if (total_bytes_ + settings_.segment_bytes <= settings_.total_bytes_max) return {};
    if (auto removed = remove_delivered(); !removed) return removed;
    if (total_bytes_ + settings_.segment_bytes <= settings_.total_bytes_max) return {};
    const char* const why = read_delivered(files_) ? "no segment of it was delivered, so that it could be removed"
                                                   : "the file `delivered` cannot be read, so nothing can be removed";
    return std::unexpected(LogError{
        LogFailure::full,
        "the journal has reached its bound of " + std::to_string(settings_.total_bytes_max) + " bytes, and " + why});
}

// Oldest first.
LogResult<void> Log::remove_delivered() {
    const auto delivered = read_delivered(files_);
    const auto segments = list_segments(files_);
    if (!segments) return failure("cannot read the directory", segments.error());
    total_bytes_ = 0;
    for (const Segment& segment : *segments) {
        total_bytes_ += segment.bytes;
        Segment closed = segment;
        if (segment.sequence == closed_.segment) closed.end = closed_.offset;
        if (!delivered || !*delivered || !is_delivered(closed, **delivered)) continue;
        if (files_.remove(segment_name(segment.sequence))) total_bytes_ -= segment.bytes;
    }
    return {};
}

LogResult<void> Log::prepare() {
    if (file_ != nullptr) return {};
    if (auto room = make_room(); !room) return room;
    const std::uint64_t sequence = next_sequence_;
    const std::string name = segment_name(sequence);
    auto file = files_.create(name, settings_.segment_bytes);
    if (!file &&
        file.error() == std::errc::no_space_on_device) {  // the device is smaller than the bound, or others fill it
        if (auto removed = remove_delivered(); !removed) return removed;
        file = files_.create(name, settings_.segment_bytes);
    }
    if (!file) return failure("cannot make " + name, file.error());
    next_sequence_ = sequence + 1;  // whatever happens: a name that was tried is not used again
    if (auto begun = begin_segment(*file, sequence); !begun) {
        static_cast<void>(files_.remove(name));
        return failure("cannot make " + name, begun.error());
    }
    total_bytes_ += settings_.segment_bytes;
    file_ = std::move(*file);
    sequence_ = sequence;
    written_end_ = confirmed_end_ = segment_header_bytes;
    return {};
}

IoResult<void> Log::begin_segment(std::unique_ptr<File>& file, std::uint64_t sequence) {
    header_ = {sequence,       unix_ns(), closed_.segment,
               closed_.offset, 0,         settings_.has_tenants ? tenants_version : plain_version};
    if (auto written = file->write(0, render_segment_header(header_)); !written) return written;
    if (auto synced = file->sync(); !synced) return synced;
    return files_.sync_directory();
}

// --- records -------------------------------------------------------------------------------------------------------

LogResult<void> Log::append(std::span<const char> records) {
    CHECK(records.size() % record_alignment == 0);
    CHECK(segment_header_bytes + records.size() <= settings_.segment_bytes);
    if (file_ != nullptr && written_end_ + records.size() > settings_.segment_bytes) {
        if (auto committed = commit(); !committed) return committed;
        close_segment();
    }
    if (auto prepared = prepare(); !prepared) return prepared;
    if (auto written = file_->write(written_end_, records); !written) {
        close_segment();
        return failure("cannot write " + segment_name(sequence_), written.error());
    }
    written_end_ += records.size();
    return {};
}

LogResult<void> Log::commit() {
    if (file_ == nullptr || written_end_ == confirmed_end_) return {};
    if (auto synced = file_->sync(); !synced) {
        close_segment();
        return failure("cannot sync " + segment_name(sequence_), synced.error());
    }
    confirmed_end_ = written_end_;
    return {};
}

}  // namespace sluice::sinks::journal
