// SimulatedDisk: a FileSystem in memory that can do what disks do to a journal: lose power with any part of what was
// not synced, tear writes, run full, fail to read, to write, to cut and to sync, and then, as Linux does, call the next
// sync a success.
//
// Contents live in sectors of 512 bytes: after a power loss each sector that was written and not synced has the new
// bytes or the old ones, at random. Creations, removals and renames that were not synced survive up to some point of
// their order, as on a file system with a metadata log. Handles of before a crash fail from then on.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sinks/journal/file_system.hpp"

namespace sluice::tests {

class SimulatedDisk final : public sinks::journal::FileSystem {
  public:
    template <typename T>
    using IoResult = sinks::journal::IoResult<T>;
    using File = sinks::journal::File;

    explicit SimulatedDisk(std::uint64_t seed) : random_(seed) {}

    // --- what can happen to it -----------------------------------------------------------------------
    std::uint64_t capacity_bytes = ~std::uint64_t{0};
    // Counted down by each call; the call that finds 0 fails, and the ones after it do not.
    std::optional<unsigned> writes_until_failure;
    std::optional<unsigned> syncs_until_failure;
    std::optional<unsigned> truncates_until_failure;
    // Reads that touch these bytes fail.
    struct Place {
        std::string name;
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
    } unreadable;
    bool is_read_only = false;

    // From now on every handle and call fails, until revive(): the moment in which the process is gone.
    void die() { ++generation_, is_dead_ = true; }
    // kill -9: what was written stays.
    void revive() { is_dead_ = is_locked_ = false; }
    // The machine lost power: what was not synced is gone in part.
    void revive_after_power_loss();

    // Flips one bit of what is on disk.
    void flip_bit(const std::string& name, std::uint64_t offset, unsigned bit) {
        Content& content = *names_.at(name);
        content.now.at(offset) = static_cast<char>(content.now.at(offset) ^ (1 << bit));
        if (offset < content.durable.size()) content.durable[offset] = content.now[offset];
    }
    [[nodiscard]] std::uint64_t used_bytes() const {
        std::uint64_t bytes = 0;
        for (const auto& [name, content] : names_) bytes += content->now.size();
        return bytes;
    }

    // --- FileSystem ----------------------------------------------------------------------------------
    IoResult<std::unique_ptr<File>> create(const std::string& name, std::uint64_t bytes) override;
    IoResult<std::unique_ptr<File>> open(const std::string& name, sinks::journal::Access access) override;
    IoResult<std::vector<std::string>> list() override;
    IoResult<void> remove(const std::string& name) override;
    IoResult<void> rename(const std::string& from, const std::string& to) override;
    IoResult<void> sync_directory() override;
    IoResult<std::unique_ptr<sinks::journal::Lock>> lock_directory() override;
    IoResult<std::unique_ptr<sinks::journal::Lock>> lock_file(const std::string&) override { return lock_directory(); }

  private:
    static constexpr std::uint64_t sector_bytes = 512;
    static constexpr std::uint64_t block_bytes = 4096;
    struct Content {
        std::vector<char> now;
        std::vector<char> durable;
        std::set<std::uint64_t> dirty;  // sectors of `now` that differ from `durable`, for all that is known
    };
    using Names = std::map<std::string, std::shared_ptr<Content>>;
    class OpenFile;
    class HeldLock;

    [[nodiscard]] bool chance(unsigned one_in) { return random_() % one_in == 0; }
    [[nodiscard]] static bool fails_now(std::optional<unsigned>& countdown) {
        if (!countdown) return false;
        if ((*countdown)-- != 0) return false;
        countdown.reset();
        return true;
    }
    void change_names(std::function<void(Names&)> change) {
        change(names_);
        unsynced_changes_.push_back(std::move(change));
    }
    [[nodiscard]] std::unexpected<std::errc> dead() const { return std::unexpected(std::errc::io_error); }

    std::mt19937_64 random_;
    unsigned generation_ = 0;
    bool is_dead_ = false;
    bool is_locked_ = false;
    Names names_;
    Names durable_names_;
    std::vector<std::function<void(Names&)>> unsynced_changes_;
};

class SimulatedDisk::OpenFile final : public File {
  public:
    OpenFile(SimulatedDisk& disk, std::string name, std::shared_ptr<Content> content)
        : disk_(disk), name_(std::move(name)), content_(std::move(content)), generation_(disk.generation_) {}

    IoResult<void> write(std::uint64_t offset, std::span<const char> bytes) override {
        if (is_stale()) return disk_.dead();
        // A part of a block that cannot be read cannot be written, for the rest of it is not known.
        const Place& bad = disk_.unreadable;
        const std::uint64_t block_begin = bad.begin / block_bytes * block_bytes;
        const std::uint64_t block_end = (bad.end + block_bytes - 1) / block_bytes * block_bytes;
        const bool is_whole = offset <= block_begin && offset + bytes.size() >= block_end;
        if (name_ == bad.name && offset < bad.end && bad.begin < offset + bytes.size()) {
            if (!is_whole) return std::unexpected(std::errc::io_error);
            disk_.unreadable = {};
        }
        const bool fails = fails_now(disk_.writes_until_failure);
        if (fails) bytes = bytes.first(disk_.random_() % (bytes.size() + 1));
        if (content_->now.size() < offset + bytes.size()) content_->now.resize(offset + bytes.size());
        std::copy(bytes.begin(), bytes.end(), content_->now.begin() + static_cast<std::ptrdiff_t>(offset));
        for (std::uint64_t sector = offset / sector_bytes; sector * sector_bytes < offset + bytes.size(); ++sector)
            content_->dirty.insert(sector);
        if (fails) return std::unexpected(std::errc::io_error);
        return {};
    }
    IoResult<std::size_t> read(std::uint64_t offset, std::span<char> to) override {
        if (is_stale()) return disk_.dead();
        if (offset >= content_->now.size()) return std::size_t{0};
        const std::size_t bytes = std::min<std::uint64_t>(to.size(), content_->now.size() - offset);
        const Place& bad = disk_.unreadable;
        if (name_ == bad.name && offset < bad.end && bad.begin < offset + bytes)
            return std::unexpected(std::errc::io_error);
        std::memcpy(to.data(), content_->now.data() + offset, bytes);
        return bytes;
    }
    IoResult<void> sync() override {
        if (is_stale()) return disk_.dead();
        if (fails_now(disk_.syncs_until_failure)) {
            content_->dirty.clear();  // the kernel calls the pages clean, and will not write them again
            return std::unexpected(std::errc::io_error);
        }
        content_->durable.resize(content_->now.size());
        for (const std::uint64_t sector : content_->dirty) copy_sector(*content_, sector);
        content_->dirty.clear();
        return {};
    }
    IoResult<void> truncate(std::uint64_t bytes) override {
        if (is_stale()) return disk_.dead();
        if (fails_now(disk_.truncates_until_failure)) return std::unexpected(std::errc::io_error);
        content_->now.resize(bytes);
        return {};
    }
    IoResult<std::uint64_t> size() override {
        if (is_stale()) return disk_.dead();
        return content_->now.size();
    }

    static void copy_sector(Content& content, std::uint64_t sector) {
        const std::uint64_t begin = sector * sector_bytes;
        const std::uint64_t end =
            std::min<std::uint64_t>({begin + sector_bytes, content.now.size(), content.durable.size()});
        if (begin < end) std::memcpy(content.durable.data() + begin, content.now.data() + begin, end - begin);
    }

  private:
    [[nodiscard]] bool is_stale() const { return disk_.is_dead_ || generation_ != disk_.generation_; }

    SimulatedDisk& disk_;
    std::string name_;  // under which it was opened
    std::shared_ptr<Content> content_;
    unsigned generation_;
};

class SimulatedDisk::HeldLock final : public sinks::journal::Lock {
  public:
    explicit HeldLock(SimulatedDisk& disk) : disk_(disk), generation_(disk.generation_) { disk.is_locked_ = true; }
    ~HeldLock() override {
        if (generation_ == disk_.generation_) disk_.is_locked_ = false;
    }

  private:
    SimulatedDisk& disk_;
    unsigned generation_;
};

inline void SimulatedDisk::revive_after_power_loss() {
    const std::size_t kept_count = random_() % (unsynced_changes_.size() + 1);
    for (std::size_t i = 0; i < kept_count; ++i) unsynced_changes_[i](durable_names_);
    unsynced_changes_.clear();
    names_ = durable_names_;
    for (auto& [name, content] : names_) {
        if (chance(2)) content->durable.resize(content->now.size());
        for (const std::uint64_t sector : content->dirty)
            if (chance(2)) OpenFile::copy_sector(*content, sector);
        content->dirty.clear();
        content->now = content->durable;
    }
    revive();
}

inline auto SimulatedDisk::create(const std::string& name, std::uint64_t bytes) -> IoResult<std::unique_ptr<File>> {
    if (is_dead_) return dead();
    if (is_read_only) return std::unexpected(std::errc::read_only_file_system);
    if (names_.contains(name)) return std::unexpected(std::errc::file_exists);
    if (used_bytes() + bytes > capacity_bytes) return std::unexpected(std::errc::no_space_on_device);
    auto content = std::make_shared<Content>();
    content->now.resize(bytes);
    change_names([name, content](Names& names) { names[name] = content; });
    return std::make_unique<OpenFile>(*this, name, content);
}

inline auto SimulatedDisk::open(const std::string& name, sinks::journal::Access access)
    -> IoResult<std::unique_ptr<File>> {
    if (is_dead_) return dead();
    if (is_read_only && access != sinks::journal::Access::read)
        return std::unexpected(std::errc::read_only_file_system);
    const auto found = names_.find(name);
    if (found == names_.end()) return std::unexpected(std::errc::no_such_file_or_directory);
    return std::make_unique<OpenFile>(*this, name, found->second);
}

inline auto SimulatedDisk::list() -> IoResult<std::vector<std::string>> {
    if (is_dead_) return dead();
    std::vector<std::string> names;
    for (const auto& [name, content] : names_) names.push_back(name);
    return names;
}

inline auto SimulatedDisk::remove(const std::string& name) -> IoResult<void> {
    if (is_dead_) return dead();
    if (!names_.contains(name)) return std::unexpected(std::errc::no_such_file_or_directory);
    change_names([name](Names& names) { names.erase(name); });
    return {};
}

inline auto SimulatedDisk::rename(const std::string& from, const std::string& to) -> IoResult<void> {
    if (is_dead_) return dead();
    if (!names_.contains(from)) return std::unexpected(std::errc::no_such_file_or_directory);
    change_names([from, to](Names& names) {
        names[to] = names.at(from);
        names.erase(from);
    });
    return {};
}

inline auto SimulatedDisk::sync_directory() -> IoResult<void> {
    if (is_dead_) return dead();
    if (fails_now(syncs_until_failure)) return std::unexpected(std::errc::io_error);
    durable_names_ = names_;
    unsynced_changes_.clear();
    return {};
}

inline auto SimulatedDisk::lock_directory() -> IoResult<std::unique_ptr<sinks::journal::Lock>> {
    if (is_dead_) return dead();
    if (is_locked_) return std::unexpected(std::errc::resource_unavailable_try_again);
    return std::make_unique<HeldLock>(*this);
}

}  // namespace sluice::tests
