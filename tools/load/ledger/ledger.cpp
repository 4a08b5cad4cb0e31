#include "tools/load/ledger/ledger.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <utility>

namespace sluice::load {
namespace {

std::error_code last_error() { return {errno, std::generic_category()}; }

// The whole of `text` as a decimal number.
bool read_number(std::string_view text, std::uint64_t& number) {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && stop == text.data() + text.size();
}

// A new file is durable only once its directory is (fsync(2)). Some file systems know no sync of directories (EINVAL).
std::error_code sync_directory_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened.is_open()) return last_error();
    if (::fsync(opened.get()) != 0 && errno != EINVAL) return last_error();
    return {};
}

}  // namespace

std::expected<std::unique_ptr<Ledger>, std::error_code> Ledger::create(const std::string& path,
                                                                       const std::string& device_prefix,
                                                                       std::uint32_t devices_count,
                                                                       std::function<void()> on_error) {
    Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644));
    if (!file.is_open()) return std::unexpected(last_error());
    if (const auto error = sync_directory_of(path)) {
        ::unlink(path.c_str());
        return std::unexpected(error);
    }
    try {
        return std::unique_ptr<Ledger>(
            new Ledger(std::move(file), path, device_prefix, devices_count, std::move(on_error)));
    } catch (const std::system_error&) {  // of std::thread
        ::unlink(path.c_str());
        throw;
    }
}

Ledger::Ledger(Descriptor file, std::string path, std::string device_prefix, std::uint32_t devices_count,
               std::function<void()> on_error)
    : file_(std::move(file)),
      path_(std::move(path)),
      device_prefix_(std::move(device_prefix)),
      digits_(std::to_string(std::max(devices_count, 1u) - 1).size()),
      on_error_(std::move(on_error)) {
    thread_ = std::thread([this] { run(); });
}

Ledger::~Ledger() { static_cast<void>(close()); }

void Ledger::record(std::uint32_t device, std::uint64_t first_seq, std::uint32_t samples_count) {
    char line[64];
    char* at = line;
    const std::string number = std::to_string(device);
    for (std::size_t i = number.size(); i < digits_; ++i) *at++ = '0';
    at = std::copy(number.begin(), number.end(), at);
    *at++ = ' ';
    at = std::to_chars(at, line + sizeof line, first_seq).ptr;
    *at++ = ' ';
    at = std::to_chars(at, line + sizeof line, samples_count).ptr;
    *at++ = '\n';
    bool was_empty = false;
    {
        const std::lock_guard lock(mutex_);
        was_empty = pending_.empty();
        pending_.append(device_prefix_).append(line, static_cast<std::size_t>(at - line));
    }
    if (was_empty) changed_.notify_one();
}

void Ledger::run() {
    std::string lines;
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [&] { return is_closing_ || !pending_.empty(); });
        if (pending_.empty()) return;
        lines.clear();
        lines.swap(pending_);
        lock.unlock();
        write_out(lines);
        lock.lock();
    }
}

void Ledger::write_out(std::string_view lines) {
    if (error_) return;
    while (!lines.empty()) {
        const ssize_t written = ::write(file_.get(), lines.data(), lines.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail();
        lines.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fdatasync(file_.get()) != 0) fail();
}

void Ledger::fail() {
    error_ = last_error();
    on_error_();
}

void Ledger::remove_if_empty() {
    struct stat status{};
    if (::fstat(file_.get(), &status) == 0 && status.st_size == 0) ::unlink(path_.c_str());
}

std::error_code Ledger::close() {
    {
        const std::lock_guard lock(mutex_);
        is_closing_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
    return error_;
}

std::expected<std::vector<LedgerEntry>, std::string> read_ledger(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return std::unexpected("cannot read the ledger " + path);
    std::vector<LedgerEntry> entries;
    std::size_t line_number = 0;
    for (std::string line; std::getline(file, line);) {
        ++line_number;
        if (file.eof()) break;  // no line feed: cut short
        // The device may have spaces; the two numbers behind it have none.
        const std::string_view text = line;
        const std::size_t count_begin = text.rfind(' ');
        const std::size_t seq_begin = text.substr(0, std::min(count_begin, text.size())).rfind(' ');
        LedgerEntry entry;
        const bool is_entry = seq_begin != std::string_view::npos &&
                              read_number(text.substr(seq_begin + 1, count_begin - seq_begin - 1), entry.first_seq) &&
                              read_number(text.substr(count_begin + 1), entry.samples_count) &&
                              entry.first_seq <= ledger_seq_max &&
                              entry.samples_count <= ledger_seq_max - entry.first_seq;
        if (!is_entry)
            return std::unexpected(path + " line " + std::to_string(line_number) + " is no line of a ledger");
        entry.device = line.substr(0, seq_begin);
        entries.push_back(std::move(entry));
    }
    // A directory can be opened and not be read.
    if (file.bad()) return std::unexpected("cannot read the ledger " + path);
    if (entries.empty()) return std::unexpected("the ledger " + path + " holds nothing: no request was acknowledged");
    return entries;
}

}  // namespace sluice::load
