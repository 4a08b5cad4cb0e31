#include "sinks/journal/posix_file_system.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "engine/core/descriptor.hpp"

namespace sluice::sinks::journal {
namespace {

constexpr mode_t file_mode = 0640;

std::unexpected<std::errc> failure(int error = errno) {
    // A quota that is used up is, for all that we can do, a full disk.
    return std::unexpected(error == EDQUOT ? std::errc::no_space_on_device : static_cast<std::errc>(error));
}

IoResult<void> done(int result) {
    if (result != 0) return failure();
    return {};
}

class PosixFile final : public File {
  public:
    explicit PosixFile(int fd) : descriptor_(fd) {}

    IoResult<void> write(std::uint64_t offset, std::span<const char> bytes) override {
        while (!bytes.empty()) {  // ends: each turn writes some, but for signals
            const ssize_t written = ::pwrite(descriptor_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) return failure();
            if (written == 0) return failure(EIO);
            bytes = bytes.subspan(static_cast<std::size_t>(written));
            offset += static_cast<std::uint64_t>(written);
        }
        return {};
    }

    IoResult<std::size_t> read(std::uint64_t offset, std::span<char> to) override {
        std::size_t filled = 0;
        while (filled < to.size()) {  // ends: each turn reads some, but for signals
            const ssize_t got =
                ::pread(descriptor_.get(), to.data() + filled, to.size() - filled, static_cast<off_t>(offset + filled));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return failure();
            if (got == 0) break;
            filled += static_cast<std::size_t>(got);
        }
        return filled;
    }

    IoResult<void> sync() override {
        if (::fdatasync(descriptor_.get()) != 0) return failure();
        struct stat status{};
        if (::fstat(descriptor_.get(), &status) != 0) return failure();
        // Without a name it is gone as soon as it is closed.
        if (status.st_nlink == 0) return failure(ENOENT);
        return {};
    }
    IoResult<void> truncate(std::uint64_t bytes) override {
        return done(::ftruncate(descriptor_.get(), static_cast<off_t>(bytes)));
    }

    IoResult<std::uint64_t> size() override {
        struct stat status{};
        if (::fstat(descriptor_.get(), &status) != 0) return failure();
        return static_cast<std::uint64_t>(status.st_size);
    }

  private:
    Descriptor descriptor_;
};

class PosixLock final : public Lock {
  public:
    explicit PosixLock(int fd) : descriptor_(fd) {}

  private:
    Descriptor descriptor_;
};

class PosixFileSystem final : public FileSystem {
  public:
    explicit PosixFileSystem(int fd) : directory_(fd) {}

    IoResult<std::unique_ptr<File>> create(const std::string& name, std::uint64_t bytes) override {
        const int fd = ::openat(directory_.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, file_mode);
        if (fd < 0) return failure();
        auto file = std::make_unique<PosixFile>(fd);
        // Where the file system cannot reserve, this writes into each block. Returns the error, and leaves errno alone.
        int error = EINTR;
        while (error == EINTR) error = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes));
        if (error == 0) return file;
        ::unlinkat(directory_.get(), name.c_str(), 0);
        return failure(error);
    }

    IoResult<std::unique_ptr<File>> open(const std::string& name, Access access) override {
        const int flags = (access == Access::read ? O_RDONLY : O_RDWR) | O_CLOEXEC;
        const int fd = ::openat(directory_.get(), name.c_str(), flags);
        if (fd < 0) return failure();
        return std::make_unique<PosixFile>(fd);
    }

    IoResult<std::vector<std::string>> list() override {
        // A second descriptor: the stream takes its own with it.
        const int fd = ::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) return failure();
        DIR* stream = ::fdopendir(fd);
        if (stream == nullptr) return failure();
        std::vector<std::string> names;
        errno = 0;
        while (const dirent* entry = ::readdir(stream)) names.emplace_back(entry->d_name);
        const int error = errno;
        ::closedir(stream);
        if (error != 0) return failure(error);
        return names;
    }

    IoResult<void> remove(const std::string& name) override {
        return done(::unlinkat(directory_.get(), name.c_str(), 0));
    }
    IoResult<void> rename(const std::string& from, const std::string& to) override {
        return done(::renameat(directory_.get(), from.c_str(), directory_.get(), to.c_str()));
    }
    IoResult<void> sync_directory() override { return done(::fsync(directory_.get())); }

    // A descriptor of its own: the lock goes with it.
    IoResult<std::unique_ptr<Lock>> lock_directory() override {
        return take_lock(::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    IoResult<std::unique_ptr<Lock>> lock_file(const std::string& name) override {
        return take_lock(::openat(directory_.get(), name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, file_mode));
    }

  private:
    static IoResult<std::unique_ptr<Lock>> take_lock(int fd) {
        if (fd < 0) return failure();
        auto lock = std::make_unique<PosixLock>(fd);
        if (::flock(fd, LOCK_EX | LOCK_NB) != 0) return failure();
        return lock;
    }

    Descriptor directory_;
};

constexpr mode_t directory_mode = 0700;

}  // namespace

std::string parent_of(const std::string& path) {
    const std::size_t end = path.find_last_not_of('/');
    const std::size_t slash = end == std::string::npos ? end : path.rfind('/', end);
    if (slash == std::string::npos) return end == std::string::npos && !path.empty() ? "/" : ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

IoResult<bool> make_directory(const std::string& directory) {
    if (::mkdir(directory.c_str(), directory_mode) != 0) {
        if (errno == EEXIST) return false;
        return failure();
    }
    // Its entry in the parent survives a power loss, like the files that it will hold.
    const Descriptor parent(::open(parent_of(directory).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (parent.is_open()) ::fsync(parent.get());
    return true;
}

IoResult<std::unique_ptr<FileSystem>> open_directory(const std::string& directory) {
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return failure();
    return std::make_unique<PosixFileSystem>(fd);
}

}  // namespace sluice::sinks::journal
