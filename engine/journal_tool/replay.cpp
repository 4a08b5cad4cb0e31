#include "engine/journal_tool/replay.hpp"

#include <signal.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/config/exposed_secrets.hpp"
#include "engine/config/sink_url.hpp"
#include "engine/config/units.hpp"
#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/core/counted.hpp"
#include "engine/core/error_text.hpp"
#include "engine/core/escape.hpp"
#include "engine/forward/instance.hpp"
#include "engine/forward/record_feed.hpp"
#include "engine/io/stop_signals.hpp"
#include "engine/journal_tool/commands.hpp"
#include "engine/journal_tool/replay_range.hpp"
#include "engine/log/writer.hpp"
#include "engine/tenants/tenant_store.hpp"
#include "parsers/timestamp.hpp"
#include "sinks/journal/delivered.hpp"
#include "sinks/journal/posix_file_system.hpp"

namespace sluice::journal_tool {
namespace {

using config::ExitCode;
using namespace sinks::journal;

// Also how often the position is kept: a replay that is killed sends again what it has sent since.
constexpr std::uint64_t report_interval_ns = 1'000'000'000;
constexpr std::uint64_t wait_max_ns = 100'000'000;         // after which a signal is noticed
constexpr std::uint64_t give_up_after_ns = 5'000'000'000;  // for what is in flight when a signal comes
constexpr std::uint32_t records_between_pumps = 256;

// SIGTERM and SIGINT, taken when asked for.
// From its construction on they are blocked, and no longer end the process by themselves.
class StopSignal {
  public:
    [[nodiscard]] bool has_come() {
        const timespec at_once{};
        if (::sigtimedwait(&signals_, nullptr, &at_once) > 0) has_come_ = true;
        return has_come_;
    }

  private:
    sigset_t signals_ = block_stop_signals();
    bool has_come_ = false;
};

// What is delivered, and what is told about it.
struct Task {
    Position from{};
    bool is_first = false;  // the journal holds nothing before `from`
    std::int64_t since_ns = std::numeric_limits<std::int64_t>::min();
    config::ReplayRange::Kind range = config::ReplayRange::Kind::rest;
    bool is_copy = false;  // of what was delivered before: the position stays as it is
    std::string to{};         // without a password
    std::string before_to{};  // what lies before `from` was delivered to this; empty: not known, or to nothing
};

// Null: none are configured, and samples of tenants go to the stream of all.
using Tenants = std::shared_ptr<const tenants::TenantTable>;

// One replay, on the main thread: reading, rendering and the connection to Redis take turns in it.
class Replay {
  public:
    Replay(FileSystem& files, const config::Config& config, Task task, const sinks::StreamOwner& owner,
           const Tenants& tenants, StopSignal& stop)
        : files_(files),
          task_(std::move(task)),
          stop_(stop),
          delivery_(config, owner),
          feed_(files, task_.from, delivery_, task_.since_ns) {
        feed_.use_tenants(tenants);
    }

    // Once. An error is of the journal's files: it cannot be read, or the position cannot be kept.
    [[nodiscard]] IoResult<ExitCode> run();

  private:
    [[nodiscard]] IoResult<bool> render_all();
    [[nodiscard]] bool wait_for_room();
    [[nodiscard]] bool drain();
    [[nodiscard]] bool pump(std::uint64_t wait_ns);
    [[nodiscard]] IoResult<void> save();
    void report(std::uint64_t now_ns);
    void tell_of_another_destination() const;
    void report_end(bool is_complete) const;

    FileSystem& files_;
    const Task task_;
    StopSignal& stop_;
    forward::Delivery delivery_;
    forward::RecordFeed feed_;
    std::optional<Position> saved_;
    // Of the last save(): one that fails ends the replay, which could not be continued where it stopped.
    IoResult<void> save_error_;
    bool has_begun_ = false;  // a sample was read
    std::uint64_t problems_count_ = 0;  // gaps, and records that the decoder refuses
    std::uint64_t began_ns_ = monotonic_ns();
    std::uint64_t reported_ns_ = began_ns_;
    std::uint64_t reported_samples_count_ = 0;
};

IoResult<ExitCode> Replay::run() {
    const auto rendered = render_all();
    if (!rendered) return std::unexpected(rendered.error());
    // Hands on the last round, whose batches are seldom full.
    feed_.close_round();
    const bool is_complete = *rendered && drain();
    if (!is_complete) {
        // What is confirmed in this time is not sent again by the next replay. No signal is looked at here.
        const std::uint64_t deadline_ns = monotonic_ns() + give_up_after_ns;
        while (delivery_.has_in_flight() && monotonic_ns() < deadline_ns) delivery_.pump(wait_max_ns);
    }
    // Also where it stops early: a later replay goes on behind what is confirmed by now.
    if (auto saved = save(); !saved) return std::unexpected(saved.error());
    report_end(is_complete);
    return is_complete && problems_count_ == 0 ? ExitCode::ok : ExitCode::failed;
}

std::string why_stopped(const Task& task, const std::optional<Position>& confirmed) {
    if (!task.is_copy) return "; stopped before the end, run it again to go on";
    return "; stopped before the end, go on with --from " + place_of(confirmed.value_or(task.from));
}

// Of a journal without damage, in which there was nothing to deliver.
std::string why_nothing(const Task& task) {
    using Kind = config::ReplayRange::Kind;
    if (task.range == Kind::since) return "; the journal holds no sample of that time or later";
    if (task.is_first || task.range == Kind::all) return "; the journal holds no sample";
    if (task.is_copy) return "; the journal holds no sample from there on";
    return "; all that the journal holds was delivered before" +
           (task.before_to.empty() ? std::string() : ", to " + task.before_to) + ": --all delivers it again";
}

// With so many digits behind the point.
std::string fixed(double value, int digits) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.begin(), text.end(), value, std::chars_format::fixed, digits);
    return {text.data(), end.ptr};
}

void Replay::report_end(bool is_complete) const {
    const double elapsed_s = static_cast<double>(monotonic_ns() - began_ns_) / 1e9;
    const std::uint64_t count = delivery_.confirmed_samples_count();
    std::string ending;
    if (!is_complete) ending = why_stopped(task_, delivery_.confirmed());
    else if (count == 0 && problems_count_ == 0) ending = why_nothing(task_);
    log::say("replay: " + counted(count, "sample") + " delivered to " + task_.to + " in " + fixed(elapsed_s, 2) + " s" +
             ending);
}

// Two names may lead to one Redis, so it is not said that they do not.
void Replay::tell_of_another_destination() const {
    if (task_.is_first || task_.before_to.empty() || config::names_the_same(task_.before_to, task_.to)) return;
    log::say("replay: what lies before " + place_of(task_.from) + " was delivered to " + task_.before_to + ": if " +
             task_.to + " is another Redis, --all delivers it there");
}

void complain_at(const Position& position, const std::string& what) {
    log::say("replay: " + segment_name(position.segment) + ": " + what + " at offset " +
             std::to_string(position.offset));
}

// False: a signal came.
IoResult<bool> Replay::render_all() {
    using Step = forward::RecordFeed::Step;
    for (std::uint32_t count = 1;; ++count) {  // ends: each step moves the feed towards the end of the journal
        // So that replies are read, and a signal is noticed, while rounds are filled.
        if (count % records_between_pumps == 0 && !pump(0)) return false;
        const auto step = feed_.step();
        if (!step) return std::unexpected(step.error());
        switch (*step) {
            case Step::sample:
                if (!std::exchange(has_begun_, true)) tell_of_another_destination();
                break;
            case Step::passed: break;
            case Step::end: return true;
            case Step::full:
                if (!wait_for_room()) return false;
                break;
            case Step::gap:
                ++problems_count_;
                complain_at(feed_.reader().gap_position(),
                            "skipped " + std::to_string(feed_.reader().gap_bytes()) + " damaged bytes");
                break;
            case Step::refused:
                ++problems_count_;
                complain_at(feed_.reader().record_position(),
                            "skipped a record without a sample that this version understands");
                break;
        }
    }
}

// Waits as long as Redis is away: there is no time-out. False as pump(); so is drain().
bool Replay::wait_for_room() {
    while (!delivery_.can_begin_round())
        if (!pump(wait_max_ns)) return false;
    return pump(0);
}

bool Replay::drain() {
    while (delivery_.has_in_flight())
        if (!pump(wait_max_ns)) return false;
    return true;
}

// False: a signal came, or the position cannot be kept.
bool Replay::pump(std::uint64_t wait_ns) {
    // Returns earlier when Redis answers. A signal does not end its wait: it is blocked.
    delivery_.pump(wait_ns);
    const std::uint64_t now_ns = monotonic_ns();
    if (now_ns - reported_ns_ >= report_interval_ns) {
        report(now_ns);
        save_error_ = save();
    }
    return !stop_.has_come() && save_error_.has_value();
}

IoResult<void> Replay::save() {
    const auto& confirmed = delivery_.confirmed();
    if (task_.is_copy || !confirmed || saved_ == confirmed) return {};
    CHECK(!saved_ || *saved_ < *confirmed);  // what was kept must never be delivered again
    // On the disk when it returns. The file is opened for each call, which is once a second.
    auto written = write_delivered(files_, *confirmed);
    if (!written) return written;
    if (!saved_) write_destination(files_, task_.to);
    saved_ = confirmed;
    return {};
}

// On stderr, once a second. The rate is that since the last report; the segment is the one being read, ahead of what is
// confirmed.
void Replay::report(std::uint64_t now_ns) {
    const std::uint64_t count = delivery_.confirmed_samples_count();
    const double rate =
        static_cast<double>(count - reported_samples_count_) * 1e9 / static_cast<double>(now_ns - reported_ns_);
    const std::string error = delivery_.sink().last_error();
    log::say("replay: " + counted(count, "sample") + " delivered, " + fixed(rate, 0) + "/s, at " +
             segment_name(feed_.reader().position().segment) + (error.empty() ? "" : "; ") + error);
    reported_ns_ = now_ns;
    reported_samples_count_ = count;
}

// As the engine's forwarder would deliver it, under the same name.
// `instance` outlives the owner, which keeps a reference to it.
std::expected<sinks::StreamOwner, std::string> owner_of(forward::Instance& instance, FileSystem& files,
                                                        const Position& delivered) {
    const auto segments = list_segments(files);
    if (!segments) return std::unexpected(text_of(segments.error()));
    // The files are at least as long as what is in them.
    const Position end =
        segments->empty() ? delivered : std::max(delivered, {segments->back().sequence, segments->back().bytes});
    return sinks::StreamOwner{.instance = instance.name(),
                              .known_last = forward::last_entry_id_before(end),
                              .conflict = instance.conflict(),
                              .on_conflict = [&instance](const std::string& sentence) {
                                  static_cast<void>(instance.set_conflict(sentence));
                              }};
}

ExitCode bad_usage(const std::string& sentence) {
    log::say("sluice: " + sentence);
    return ExitCode::bad_usage;
}

bool is_journal(std::string_view url) {
    const auto parsed = config::parse_sink_url(url);
    return parsed && parsed->kind == config::SinkKind::journal;
}

// The settings under which the journal of `directory` is delivered.
// --to is checked here as well: relations.hpp would name journal.directory, which was not given, and null: is legal for
// an engine.
std::expected<config::Config, std::string> load_settings(const std::string& directory,
                                                         const config::Overrides& overrides) {
    config::Overrides settings = overrides;
    settings.settings.push_back(
        {"--to", "ack", "stored"});  // a file for the engine may ask for what only a journal gives
    const auto target = std::ranges::find(settings.settings, std::string("sink.url"), &config::Override::key);
    if (target != settings.settings.end() && is_journal(target->value))
        return std::unexpected("--to is a journal; replay delivers to Redis");
    // Now the relations between keys are those of an engine with this journal in front of Redis (exactly once needs
    // it).
    settings.settings.push_back({"DIR", "journal.directory", directory});
    auto config = config::load_config(settings);
    if (!config) return std::unexpected(config.error().sentence);
    if (config->sink.url.kind == config::SinkKind::null)
        return std::unexpected("--to is null:, which keeps nothing; replay delivers to Redis");
    return std::move(*config);
}

// Writes the streams of tenants into `config`, as a start of the engine does.
std::expected<Tenants, std::string> read_tenants(config::Config& config) {
    if (!config.has_tenants()) return nullptr;
    auto table = tenants::TenantStore(config.tenants.file, {}).read();
    if (!table) return std::unexpected(table.error());
    config.tenants.streams = (*table)->streams();
    return std::move(*table);
}

// ns since 1970 of a time stamp, or of so long ago.
std::optional<std::int64_t> time_of(const std::string& text) {
    if (const auto ago_ns = config::parse_duration(text)) return unix_ns() - static_cast<std::int64_t>(*ago_ns);
    parsers::DateCache cache;
    const std::int64_t time_ns = parsers::parse_timestamp_text(text, cache);
    return time_ns == parsers::no_timestamp ? std::nullopt : std::optional(time_ns);
}

// Held until the end. The operating system drops it if the process is killed. An engine that only writes this journal
// does not take it, so replay may run beside it. A copy needs none, unless it uses the engine's own streams.
std::expected<std::unique_ptr<Lock>, std::string> lock_of(FileSystem& files, bool is_needed) {
    if (!is_needed) return nullptr;
    auto lock = files.lock_file(deliverer_lock_name);
    if (lock) return std::move(*lock);
    if (lock.error() == std::errc::resource_unavailable_try_again)
        return std::unexpected("another replay, or an engine, delivers it already");
    return std::unexpected("cannot take the lock file: " + text_of(lock.error()));
}

// Where a replay of what is left begins. Before anything is delivered: keeping the position must not need room on a
// disk that is full.
std::expected<Task, std::string> task_of_the_rest(FileSystem& files, const config::Config& config) {
    reserve_delivered(files);
    const auto beginning = read_beginning(files, config.sink.redis.exactly_once);
    if (!beginning) return std::unexpected(beginning.error());
    return Task{.from = beginning->delivered.value_or(Position{}),
                .to = config.sink.url.display,
                .before_to = beginning->delivered ? read_destination(files) : std::string()};
}

std::expected<Task, std::string> task_of(FileSystem& files, const config::Config& config,
                                         const config::ReplayRange& range, std::int64_t since_ns) {
    if (range.kind == config::ReplayRange::Kind::rest) return task_of_the_rest(files, config);
    return Task{.from = {range.segment, range.offset},
                .since_ns = since_ns,
                .range = range.kind,
                .is_copy = true,
                .to = config.sink.url.display};
}

}  // namespace

ExitCode replay(const std::string& directory, const config::Overrides& overrides, const config::ReplayRange& range) {
    StopSignal stop;
    const log::Writer writer;  // a reader of stderr that has stopped does not hold up the delivery
    auto config = load_settings(directory, overrides);
    if (!config) return bad_usage(config.error());
    const auto tenants = read_tenants(*config);
    if (!tenants) return bad_usage(tenants.error());
    const bool is_since = range.kind == config::ReplayRange::Kind::since;
    const auto since_ns = is_since ? time_of(range.since) : std::numeric_limits<std::int64_t>::min();
    if (!since_ns)
        return bad_usage("--since is " + quoted(range.since, limits::shown_bytes_max) +
                         "; allowed is a time that exists, such as 2026-11-30T08:00:00Z, or how long ago, such as 2h");
    for (const std::string& option : config::exposed_secrets(overrides))
        log::say("replay: warning: " + option + " holds a password: " + std::string(config::exposed_reason) + "; " +
                 std::string(config::exposed_change));
    auto files = open_directory(directory);
    if (!files) return complain(directory, text_of(files.error()));
    const bool is_copy = range.kind != config::ReplayRange::Kind::rest;
    const auto lock = lock_of(**files, !is_copy || config->sink.redis.exactly_once);
    if (!lock) return complain(directory, lock.error());
    const auto segments = segments_of(**files);
    if (!segments) return complain(directory, segments.error());
    if (const auto checked = check_from(**files, *segments, range); !checked) return bad_usage(checked.error());
    auto task = task_of(**files, *config, range, *since_ns);
    if (!task) return complain(directory, task.error());
    task->is_first = !holds_anything_before(*segments, task->from);
    // Both outlive `replay`, whose sink tells `instance` of a conflict.
    sinks::StreamOwner owner;
    std::optional<forward::Instance> instance;
    if (config->sink.redis.exactly_once) {
        auto opened = forward::Instance::open(**files, config->sink.redis);
        if (!opened) return complain(directory, opened.error());
        instance.emplace(std::move(*opened));
        auto owned = owner_of(*instance, **files, task->from);
        if (!owned) return complain(directory, owned.error());
        owner = std::move(*owned);
    }
    Replay replay(**files, *config, *task, owner, *tenants, stop);
    const auto code = replay.run();
    if (!code) return complain(directory, text_of(code.error()));
    return *code;
}

}  // namespace sluice::journal_tool
