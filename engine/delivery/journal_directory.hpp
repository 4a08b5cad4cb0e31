// The journal's directory, before it is opened: whether it is there, and making it. Main thread, at start-up.
//
// The directory itself is made, with mode 0700. Its parent is not: a mistyped path, or a disk that is not mounted, is
// an error.
#pragma once

#include <expected>
#include <string>

#include "engine/config/config.hpp"

namespace sluice {

// Of journal.directory or of a sink journal:; empty: there is no journal.
[[nodiscard]] const std::string& journal_directory_of(const config::Config& config);

// Makes it if nothing is there, and tells the log. An error is a sentence.
[[nodiscard]] std::expected<void, std::string> make_journal_directory(const config::Config& config);

// What a start would meet.
struct DirectoryOutlook {
    bool can_start = true;
    std::string sentence;  // empty: the directory is there
};
[[nodiscard]] DirectoryOutlook journal_directory_outlook(const config::Config& config);

}  // namespace sluice
