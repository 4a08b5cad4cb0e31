#include "engine/journal_tool/commands.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "engine/core/check.hpp"
#include "engine/core/error_text.hpp"
#include "engine/core/standard_streams.hpp"
#include "engine/journal_tool/replay.hpp"
#include "engine/log/writer.hpp"
#include "sinks/journal/delivered.hpp"
#include "sinks/journal/posix_file_system.hpp"
#include "sinks/journal/reader.hpp"

namespace sluice::journal_tool {
namespace {

using config::ExitCode;
using Json = nlohmann::ordered_json;
using namespace sinks::journal;

// Bytes that are not UTF-8 become U+FFFD; the library throws by default.
void print_line(const Json& line) { std::puts(line.dump(-1, ' ', false, Json::error_handler_t::replace).c_str()); }

// The sample as one line: a line feed or carriage return in it can only be white space between its tokens.
std::string line_of(std::string_view text) {
    std::string line(text);
    std::ranges::replace(line, '\n', ' ');
    std::ranges::replace(line, '\r', ' ');
    return line;
}

Json json_of(const Position& position) { return {{"segment", position.segment}, {"offset", position.offset}}; }

// Calls on_record(reader) and on_gap(reader) for everything in the journal.
// What the reader shows is valid during the call only. Beside an engine that writes, the end is where the reader
// arrives at it: samples that come later are not waited for. Ends with the first error that is not damage.
template <typename OnRecord, typename OnGap>
IoResult<void> for_each(FileSystem& files, OnRecord on_record, OnGap on_gap) {
    Reader reader(files, {});
    while (true) {  // ends: each step but the last moves the reader towards the end of the journal
        const auto step = reader.next();
        if (!step) return std::unexpected(step.error());
        switch (*step) {
            case Reader::Step::record: on_record(reader); break;
            case Reader::Step::gap: on_gap(reader); break;
            case Reader::Step::end: return {};
        }
    }
}

void warn_of_gap(const Reader& reader) {
    log::say("sluice: " + segment_name(reader.gap_position().segment) + ": " + std::to_string(reader.gap_bytes()) +
             " bytes at offset " + std::to_string(reader.gap_position().offset) + " are damaged and skipped");
}

// Opens the directory and calls command(files, segments).
// A directory without a segment is an error, not an empty output.
template <typename Command>
ExitCode with_journal(const std::string& directory, Command command) {
    auto files = open_directory(directory);
    if (!files) return complain(directory, text_of(files.error()));
    const auto segments = segments_of(**files);
    if (!segments) return complain(directory, segments.error());
    const IoResult<ExitCode> code = command(**files, *segments);
    if (!code) return complain(directory, text_of(code.error()));
    // Without this a full disk behind a redirection would leave a short output and exit code 0.
    if (!is_stdout_written()) return complain(directory, std::string(stdout_not_written));
    return *code;
}

// Prints each sample by `print`; gaps go to stderr and make the end `failed`.
// Damage does not end it: all samples behind a gap are printed.
template <typename Print>
ExitCode print_each(const std::string& directory, Print print) {
    return with_journal(directory, [&](FileSystem& files, const std::vector<Segment>&) -> IoResult<ExitCode> {
        ExitCode code = ExitCode::ok;
        const auto read = for_each(files, print, [&](const Reader& reader) {
            warn_of_gap(reader);
            code = ExitCode::failed;
        });
        if (!read) return std::unexpected(read.error());
        return code;
    });
}

// What `verify` finds. Each damage is printed when it is met.
class Verification {
  public:
    // The forwarder and replay refuse to start with such a position, unless exactly once makes repeats harmless.
    void check_position(bool is_readable) {
        if (is_readable) return;
        damage({{"damage", "the position up to which it was delivered cannot be read"}, {"file", delivered_name}});
    }

    // A predecessor that was delivered may have been removed for its room: that is no damage. A position that cannot be
    // read counts as none.
    void check_sequence(const std::vector<Segment>& segments, const std::optional<Position>& delivered) {
        for (const Segment& segment : segments)
            if (lacks_predecessor(segment, delivered))
                damage(
                    {{"damage", "the segment before this one is missing"}, {"file", segment_name(segment.sequence)}});
    }

    [[nodiscard]] IoResult<void> check_records(FileSystem& files, const std::vector<Segment>& segments) {
        // with_journal() refuses an empty directory.
        CHECK(!segments.empty());
        end_ = {segments.front().sequence, segment_header_bytes};
        const auto on_record = [this](const Reader& reader) {
            ++records_count_;
            advance(reader);
        };
        const auto on_gap = [this](const Reader& reader) {
            const Position at = reader.gap_position();
            damage({{"damage", "bytes that are no record"},
                    {"file", segment_name(at.segment)},
                    {"segment", at.segment},
                    {"offset", at.offset},
                    {"bytes", reader.gap_bytes()}});
            advance(reader);
        };
        return for_each(files, on_record, on_gap);
    }

    // `end`: behind the last record or gap. `delivered` is null if nothing was delivered, or if it cannot be read.
    [[nodiscard]] ExitCode report(std::size_t segments_count, const std::optional<Position>& delivered) const {
        print_line({{"segments", segments_count},
                    {"records", records_count_},
                    {"damages", damages_count_},
                    {"end", json_of(end_)},
                    {"delivered", delivered ? json_of(*delivered) : Json(nullptr)}});
        return damages_count_ == 0 ? ExitCode::ok : ExitCode::failed;
    }

  private:
    void damage(const Json& line) {
        ++damages_count_;
        print_line(line);
    }

    // A damaged segment header leaves the position where it is; nothing moves it back.
    void advance(const Reader& reader) {
        CHECK(end_ <= reader.position());
        end_ = reader.position();
    }

    std::uint64_t records_count_ = 0;
    std::uint64_t damages_count_ = 0;
    Position end_{};
};

// The records of an open segment; `reader` stands behind the last one then.
IoResult<std::uint64_t> count_records(SegmentReader& reader) {
    std::uint64_t count = 0;
    while (true) {  // ends: each step but the last moves the reader towards the end of the file
        const auto step = reader.next();
        if (!step) return std::unexpected(step.error());
        if (*step == SegmentReader::Step::end) return count;
        if (*step == SegmentReader::Step::record) ++count;
    }
}

}  // namespace

std::expected<std::vector<Segment>, std::string> segments_of(FileSystem& files) {
    auto segments = list_segments(files);
    if (!segments) return std::unexpected(text_of(segments.error()));
    if (segments->empty()) return std::unexpected("there is no journal (no file like " + segment_name(1) + ")");
    return std::move(*segments);
}

ExitCode complain(const std::string& directory, const std::string& what) {
    log::say("sluice: journal " + directory + ": " + what);
    return ExitCode::failed;
}

ExitCode run(const config::Invocation& invocation) {
    switch (invocation.journal_action) {
        case config::JournalAction::ls: return list(invocation.file);
        case config::JournalAction::cat: return print_samples(invocation.file);
        case config::JournalAction::verify: return verify(invocation.file);
        case config::JournalAction::export_all: return export_samples(invocation.file);
        case config::JournalAction::replay:
            return replay(invocation.file, invocation.overrides, invocation.replay_range);
    }
    return ExitCode::failed;
}

// Reads every record, since no segment says how many it has.
ExitCode list(const std::string& directory) {
    return with_journal(directory, [](FileSystem& files, const std::vector<Segment>& segments) -> IoResult<ExitCode> {
        // One that cannot be read shows as `is_delivered` false; `verify` tells of it.
        const auto delivered = read_delivered(files);
        for (const Segment& segment : segments) {
            auto file = files.open(segment_name(segment.sequence), Access::read);
            if (!file) continue;  // removed meanwhile
            SegmentReader reader(**file, segment_header_bytes);
            // What stands behind the end was never acknowledged, and does not count.
            if (segment.end) reader.set_end(*segment.end);
            const auto records_count = count_records(reader);
            if (!records_count) return std::unexpected(records_count.error());
            print_line({{"segment", segment.sequence},
                        {"file", segment_name(segment.sequence)},
                        {"bytes", segment.bytes},
                        {"end", reader.offset()},
                        {"records", *records_count},
                        {"created_ns", segment.header ? Json(segment.header->created_ns) : Json(nullptr)},
                        // Also of a segment whose writer was killed, until a successor names its end.
                        {"is_open", !segment.end.has_value()},
                        {"is_delivered", delivered && *delivered && is_delivered(segment, **delivered)}});
        }
        return ExitCode::ok;
    });
}

ExitCode print_samples(const std::string& directory) {
    return print_each(directory, [](const Reader& reader) { std::puts(line_of(reader.record().text).c_str()); });
}

// The sample is put in as it came and not parsed: it was valid JSON when it was accepted, and its numbers keep all
// their digits.
ExitCode export_samples(const std::string& directory) {
    return print_each(directory, [](const Reader& reader) {
        const Position at = reader.record_position();
        // A name has no character that JSON escapes.
        const std::string tenant(reader.record().tenant);
        std::printf("{\"segment\":%llu,\"offset\":%llu,\"timestamp_ns\":%lld,%s\"sample\":%s}\n",
                    static_cast<unsigned long long>(at.segment), static_cast<unsigned long long>(at.offset),
                    static_cast<long long>(reader.record().timestamp_ns),
                    tenant.empty() ? "" : ("\"tenant\":\"" + tenant + "\",").c_str(),
                    line_of(reader.record().text).c_str());
    });
}

ExitCode verify(const std::string& directory) {
    return with_journal(directory, [](FileSystem& files, const std::vector<Segment>& segments) -> IoResult<ExitCode> {
        const auto delivered = read_delivered(files);
        // io_error: both slots are damaged, which is a finding. Any other error, such as a missing permission, ends it.
        if (!delivered && delivered.error() != std::errc::io_error) return std::unexpected(delivered.error());
        Verification verification;
        verification.check_position(delivered.has_value());
        verification.check_sequence(segments, delivered.value_or(std::nullopt));
        if (const auto read = verification.check_records(files, segments); !read) return std::unexpected(read.error());
        return verification.report(segments.size(), delivered.value_or(std::nullopt));
    });
}

}  // namespace sluice::journal_tool
