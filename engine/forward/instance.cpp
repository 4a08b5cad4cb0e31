#include "engine/forward/instance.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <vector>

#include "engine/core/crc32c.hpp"
#include "engine/core/error_text.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/random_seed.hpp"

namespace sluice::forward {
namespace {

using sinks::journal::FileSystem;
using sinks::journal::IoResult;

// Lines: the name; the conflict, which is empty if there is none; the streams; and the checksum of all that.
constexpr const char* file_name = "instance";
constexpr const char* new_file_name = "instance.new";
constexpr std::size_t suffix_bytes = limits::instance_bytes_max - limits::instance_base_bytes_max;

bool is_plain(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-'; }

std::string host_base() {
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
    std::string base(host.data());
    base.resize(std::min(base.size(), limits::instance_base_bytes_max));
    std::ranges::replace_if(base, [](char c) { return !is_plain(c); }, '-');
    return base.empty() ? "sluice" : base;
}

std::string random_suffix() {
    std::array<char, suffix_bytes + 1> text{};
    std::snprintf(text.data(), text.size(), "-%08x", static_cast<std::uint32_t>(random_seed()));
    return text.data();
}

bool is_name(const std::string& text) {
    return text.size() > suffix_bytes && text.size() <= limits::instance_bytes_max &&
           std::ranges::all_of(text, is_plain);
}

std::string streams_of(const config::Config::Sink::Redis& settings) {
    return settings.stream + " in " + std::to_string(settings.partitions_count) +
           (settings.partitions_count == 1 ? " partition" : " partitions");
}

std::string checksum_line(const std::string& text) {
    std::array<char, 16> line{};
    std::snprintf(line.data(), line.size(), "%08x\n", crc32c(text));
    return line.data();
}

// The lines before the checksum; none if that does not fit.
std::vector<std::string> lines_of(const std::string& text) {
    const std::size_t end = text.empty() ? std::string::npos : text.rfind('\n', text.size() - 2);
    if (end == std::string::npos || text.substr(end + 1) != checksum_line(text.substr(0, end + 1))) return {};
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin <= end;) {
        const std::size_t line_end = text.find('\n', begin);
        lines.push_back(text.substr(begin, line_end - begin));
        begin = line_end + 1;
    }
    return lines;
}

IoResult<std::string> read_all(FileSystem& files) {
    auto file = files.open(file_name, sinks::journal::Access::read);
    if (!file) return std::unexpected(file.error());
    std::string text(limits::instance_file_bytes_max, '\0');
    const auto bytes = (*file)->read(0, text);
    if (!bytes) return std::unexpected(bytes.error());
    text.resize(*bytes);
    return text;
}

}  // namespace

std::expected<Instance, std::string> Instance::open(FileSystem& files, const config::Config::Sink::Redis& settings) {
    Instance instance(files);
    instance.streams_ = streams_of(settings);
    const std::string& base = settings.instance;
    const auto text = read_all(files);
    if (!text && text.error() != std::errc::no_such_file_or_directory)
        return std::unexpected("cannot read the file `instance`: " + text_of(text.error()));
    if (!text) {
        instance.name_ = (base.empty() ? host_base() : base) + random_suffix();
        if (const auto saved = instance.save(); !saved)
            return std::unexpected("cannot make the file `instance`: " + text_of(saved.error()));
        return instance;
    }
    const std::vector<std::string> lines = lines_of(*text);
    if (lines.size() != 3 || !is_name(lines[0]))
        return std::unexpected(
            "the file `instance` is damaged; remove it to start streams under a new name; samples not known to be "
            "delivered are sent to them");
    instance.name_ = lines[0];
    instance.conflict_ = lines[1];
    if (!base.empty() && instance.name_.substr(0, instance.name_.size() - suffix_bytes) != base)
        return std::unexpected("it belongs to the instance " + instance.name_ + ", but sink.redis.instance is " + base +
                               "; set it back, or empty, or use another directory");
    if (lines[2] != instance.streams_)
        return std::unexpected(
            "its streams are " + lines[2] + ", and the settings say " + instance.streams_ +
            "; set them back, or, once all is delivered, remove the file `instance` to begin streams with a new name");
    return instance;
}

IoResult<void> Instance::set_conflict(const std::string& sentence) {
    conflict_ = sentence;
    std::ranges::replace_if(conflict_, [](char c) { return c < ' ' || c > '~'; }, '?');
    conflict_.resize(std::min(conflict_.size(), limits::instance_file_bytes_max / 2));
    return save();
}

IoResult<void> Instance::save() const {
    std::string text = name_ + "\n" + conflict_ + "\n" + streams_ + "\n";
    text += checksum_line(text);
    // One that a crash left behind is of no use.
    if (const auto removed = files_->remove(new_file_name);
        !removed && removed.error() != std::errc::no_such_file_or_directory)
        return removed;
    auto file = files_->create(new_file_name, text.size());
    if (!file) return std::unexpected(file.error());
    if (auto written = (*file)->write(0, text); !written) return written;
    if (auto synced = (*file)->sync(); !synced) return synced;
    if (auto renamed = files_->rename(new_file_name, file_name); !renamed) return renamed;
    return files_->sync_directory();
}

}  // namespace sluice::forward
