#include "sinks/journal/delivered.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/core/check.hpp"

#include "engine/core/crc32c.hpp"

namespace sluice::sinks::journal {
namespace {

struct StoredPosition {
    std::array<char, 8> magic;
    std::uint64_t number;  // 1, 2, …: the greater one is the newer
    std::uint64_t segment;
    std::uint64_t offset;
    std::uint32_t reserved;
    std::uint32_t crc;  // of everything before it
};
static_assert(sizeof(StoredPosition) == 40);
constexpr std::array<char, 8> position_magic{'S', 'L', 'U', 'I', 'C', 'E', 'D', '\n'};
constexpr std::size_t crc_bytes = offsetof(StoredPosition, crc);

constexpr std::uint64_t slot_distance_bytes = 4096;  // a block of its own each: of file systems, and of disks
constexpr std::uint64_t file_bytes = 2 * slot_distance_bytes;

constexpr const char* new_destination_name = "destination.new";
constexpr std::size_t destination_bytes_max = 8192;  // 16 servers with long names

struct Slot {
    enum class State : std::uint8_t { blank, damaged, whole } state = State::blank;
    std::uint64_t number = 0;
    Position position;
};
using Slots = std::array<Slot, 2>;

// Where the file system or the disk cannot read a slot, it is damaged.
IoResult<Slot> read_slot(File& file, std::uint64_t index) {
    std::array<char, sizeof(StoredPosition)> bytes{};
    const auto read = file.read(index * slot_distance_bytes, bytes);
    if (!read && read.error() == std::errc::io_error) return Slot{Slot::State::damaged, 0, {}};
    if (!read) return std::unexpected(read.error());
    if (std::ranges::all_of(bytes, [](char c) { return c == 0; })) return Slot{};
    StoredPosition stored;
    std::memcpy(&stored, bytes.data(), sizeof stored);
    if (stored.magic != position_magic || stored.crc != crc32c(std::span(bytes).first(crc_bytes)))
        return Slot{Slot::State::damaged, 0, {}};
    return Slot{Slot::State::whole, stored.number, {stored.segment, stored.offset}};
}

IoResult<Slots> read_slots(File& file) {
    Slots slots;
    for (std::size_t index = 0; index < slots.size(); ++index) {
        const auto slot = read_slot(file, index);
        if (!slot) return std::unexpected(slot.error());
        slots[index] = *slot;
    }
    return slots;
}

// A slot that is not whole counts as number 0.
std::size_t newer_of(const Slots& slots) { return slots[1].number > slots[0].number ? 1 : 0; }

// A whole block: what is written whole need not be read before, so a block that cannot be read does not stop it.
std::array<char, slot_distance_bytes> render(std::uint64_t number, const Position& position) {
    StoredPosition stored{position_magic, number, position.segment, position.offset, 0, 0};
    std::array<char, slot_distance_bytes> bytes{};
    std::memcpy(bytes.data(), &stored, sizeof stored);
    stored.crc = crc32c(std::span(bytes).first(crc_bytes));
    std::memcpy(bytes.data(), &stored, sizeof stored);
    return bytes;
}

IoResult<void> write_slot(File& file, const Position& position) {
    const auto slots = read_slots(file);
    if (!slots) return std::unexpected(slots.error());
    const std::size_t newer = newer_of(*slots);
    const auto bytes = render((*slots)[newer].number + 1, position);
    const bool is_first = (*slots)[newer].state != Slot::State::whole;
    const std::size_t index = is_first ? 0 : 1 - newer;
    // The newest whole position stays until the next one is on the disk: a torn write loses only that.
    CHECK(index != newer || (*slots)[index].state != Slot::State::whole);
    if (auto written = file.write(index * slot_distance_bytes, bytes); !written) return written;
    return file.sync();
}

bool is_missing(std::errc error) { return error == std::errc::no_such_file_or_directory; }

IoResult<std::unique_ptr<File>> make_file(FileSystem& files) {
    auto file = files.create(delivered_name, file_bytes);
    if (!file) return file;
    if (auto synced = files.sync_directory(); !synced) return std::unexpected(synced.error());
    return file;
}

}  // namespace

IoResult<std::optional<Position>> read_delivered(FileSystem& files) {
    auto file = files.open(delivered_name, Access::read);
    if (!file && file.error() == std::errc::no_such_file_or_directory) return std::nullopt;
    if (!file) return std::unexpected(file.error());
    const auto slots = read_slots(**file);
    if (!slots) return std::unexpected(slots.error());
    const Slot& newer = (*slots)[newer_of(*slots)];
    if (newer.state == Slot::State::whole) return newer.position;
    // One that is blank beside one that is damaged: the very first write was torn.
    const bool both_damaged =
        std::ranges::all_of(*slots, [](const Slot& slot) { return slot.state == Slot::State::damaged; });
    if (both_damaged) return std::unexpected(std::errc::io_error);
    return std::nullopt;
}

std::expected<Beginning, std::string> read_beginning(FileSystem& files, bool are_repeats_refused) {
    const auto delivered = read_delivered(files);
    if (delivered) return Beginning{*delivered, false};
    if (delivered.error() != std::errc::io_error)
        return std::unexpected("cannot read the file `delivered`: " +
                               std::make_error_code(delivered.error()).message());
    if (!are_repeats_refused)
        return std::unexpected("the file `delivered` is damaged; remove it to deliver everything again");
    return Beginning{std::nullopt, true};
}

void reserve_delivered(FileSystem& files) { static_cast<void>(make_file(files)); }

IoResult<void> write_delivered(FileSystem& files, const Position& position) {
    return DeliveredFile(files).write(position);
}

std::string read_destination(FileSystem& files) {
    auto file = files.open(destination_name, Access::read);
    if (!file) return {};
    std::string url(destination_bytes_max, '\0');
    const auto bytes = (*file)->read(0, url);
    url.resize(bytes.value_or(0));
    return url.substr(0, url.find('\n'));
}

void write_destination(FileSystem& files, const std::string& url) {
    if (url.empty() || url.size() >= destination_bytes_max || read_destination(files) == url) return;
    static_cast<void>(files.remove(new_destination_name));  // one that a crash left behind
    const std::string line = url + "\n";
    auto file = files.create(new_destination_name, line.size());
    if (!file || !(*file)->write(0, line) || !(*file)->sync()) return;
    if (files.rename(new_destination_name, destination_name)) static_cast<void>(files.sync_directory());
}

IoResult<void> DeliveredFile::open() {
    auto file = files_.open(delivered_name, Access::read_and_write);
    if (!file && is_missing(file.error())) file = make_file(files_);
    if (!file) return std::unexpected(file.error());
    file_ = std::move(*file);
    return {};
}

IoResult<void> DeliveredFile::write(const Position& position) {
    const bool was_open = file_ != nullptr;
    if (!was_open) {
        if (auto opened = open(); !opened) return opened;
    }
    const auto written = write_slot(*file_, position);
    if (written) return written;
    file_.reset();
    return was_open && is_missing(written.error()) ? write(position) : written;
}

bool lacks_predecessor(const Segment& segment, const std::optional<Position>& delivered) {
    if (segment.has_predecessor || !segment.header) return false;
    return !delivered || *delivered < Position{segment.header->previous_sequence, segment.header->previous_end};
}

bool is_delivered(const Segment& segment, const Position& delivered) {
    if (segment.sequence < delivered.segment) return true;
    return segment.sequence == delivered.segment && segment.end && delivered.offset >= *segment.end;
}

}  // namespace sluice::sinks::journal
