// Reads the files of TLS. Blocks for the disk: at start and at a reload, never on a reactor.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "engine/tls/settings.hpp"

namespace sluice::tls {

// `what` names the file in the sentence of an error, as in `the certificate file`.
[[nodiscard]] std::expected<std::string, std::string> read_file(const std::string& path, const std::string& what);

// The same for a private key. A file that everybody may read or write is an error.
[[nodiscard]] std::expected<std::string, std::string> read_key_file(const std::string& path);

// What changes when a file, or a symbolic link on the way to it, becomes another one. All zero: there is no such file.
struct FileStamp {
    std::int64_t changed_ns = 0;
    std::uint64_t inode_number = 0;
    std::uint64_t bytes = 0;
    friend bool operator==(const FileStamp&, const FileStamp&) = default;
};
// Of all files that the settings name, in a fixed order.
[[nodiscard]] std::vector<FileStamp> stamps_of(const Settings& settings);

}  // namespace sluice::tls
