// Ledger: the durable record of what a server has acknowledged. A line for each request that was answered 2xx:
//
//   device-017 42 1        device, first {seq}, how many samples
//
// Appended only after the answer was read, so a line never claims more than the server did. Load threads hand lines
// over; a thread of the ledger's writes them, and fdatasync(2)s each group before the next. A file that ends in the
// middle of a line (the generator was killed) is read up to the line before.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "engine/core/descriptor.hpp"

namespace sluice::load {

class Ledger {
  public:
    // Creates the file; one that exists is refused (EEXIST), since {seq} begins again with each run.
    // Devices are named as in bodies: prefix and number, padded with zeros to the width of devices_count - 1.
    // Where its thread cannot be started, the file is removed, and std::system_error is thrown.
    // `on_error` is called once, on the ledger's thread, when something could not be written: nothing is from then on.
    [[nodiscard]] static std::expected<std::unique_ptr<Ledger>, std::error_code> create(
        const std::string& path, const std::string& device_prefix, std::uint32_t devices_count,
        std::function<void()> on_error = [] {});
    ~Ledger();
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    // Any thread.
    void record(std::uint32_t device, std::uint64_t first_seq, std::uint32_t samples_count);
    // Writes and syncs what is left. The first error of any write. Nothing is recorded afterwards.
    std::error_code close();
    // After close(): removes the file if nothing was recorded, so that a run which could not begin can be tried again.
    void remove_if_empty();

  private:
    Ledger(Descriptor file, std::string path, std::string device_prefix, std::uint32_t devices_count,
           std::function<void()> on_error);
    void run();
    void write_out(std::string_view lines);
    void fail();

    Descriptor file_;
    std::string path_;
    std::string device_prefix_;
    std::size_t digits_;
    std::function<void()> on_error_;
    std::error_code error_;  // of the ledger's thread; read after it has ended

    std::mutex mutex_;  // of what follows
    std::condition_variable changed_;
    std::string pending_;
    bool is_closing_ = false;

    std::thread thread_;
};

// {seq} counts each device's samples; so many from one device in one run would take weeks.
inline constexpr std::uint64_t ledger_seq_max = std::uint64_t{1} << 32;

// first_seq + samples_count is ledger_seq_max at most.
struct LedgerEntry {
    std::string device;
    std::uint64_t first_seq = 0;
    std::uint64_t samples_count = 0;
};

// All complete lines, at least one. The error is a sentence: nothing can be read, or a line is none of a ledger's.
[[nodiscard]] std::expected<std::vector<LedgerEntry>, std::string> read_ledger(const std::string& path);

}  // namespace sluice::load
