#include "engine/forward/instance.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <random>

#include "engine/core/limits.hpp"

namespace sluice::forward {
namespace {

using sinks::journal::FileSystem;
using sinks::journal::IoResult;

// Two lines: the name, and the conflict, which is empty if there is none.
constexpr const char* file_name = "instance";
constexpr const char* new_file_name = "instance.new";
constexpr std::size_t file_bytes_max = 4 * limits::kib;
constexpr std::size_t suffix_bytes = limits::instance_bytes_max - limits::instance_base_bytes_max;

bool is_plain(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-'; }

std::string text_of(std::errc error) { return std::make_error_code(error).message(); }

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
    std::snprintf(text.data(), text.size(), "-%08x", std::random_device{}());
    return text.data();
}

bool is_name(const std::string& text) {
    return text.size() > suffix_bytes && text.size() <= limits::instance_bytes_max && std::ranges::all_of(text, is_plain);
}

IoResult<std::string> read_all(FileSystem& files) {
    auto file = files.open(file_name, sinks::journal::Access::read);
    if (!file) return std::unexpected(file.error());
    std::string text(file_bytes_max, '\0');
    const auto bytes = (*file)->read(0, text);
    if (!bytes) return std::unexpected(bytes.error());
    text.resize(*bytes);
    return text;
}

}  // namespace

std::expected<Instance, std::string> Instance::open(FileSystem& files, const std::string& base) {
    Instance instance(files);
    const auto text = read_all(files);
    if (!text && text.error() != std::errc::no_such_file_or_directory)
        return std::unexpected("cannot read the file `instance`: " + text_of(text.error()));
    if (!text) {
        instance.name_ = (base.empty() ? host_base() : base) + random_suffix();
        if (const auto saved = instance.save(); !saved)
            return std::unexpected("cannot make the file `instance`: " + text_of(saved.error()));
        return instance;
    }
    const std::size_t end = text->find('\n');
    instance.name_ = text->substr(0, end);
    if (end == std::string::npos || !is_name(instance.name_))
        return std::unexpected("the file `instance` is damaged; remove it to begin streams with a new name, into which everything that is "
                               "not known to be delivered comes again");
    instance.conflict_ = text->substr(end + 1, text->find('\n', end + 1) - end - 1);
    if (!base.empty() && instance.name_.substr(0, instance.name_.size() - suffix_bytes) != base)
        return std::unexpected("it belongs to the instance " + instance.name_ + ", but sink.redis.instance is " + base +
                               "; set it back, or empty, or use another directory");
    return instance;
}

IoResult<void> Instance::set_conflict(const std::string& sentence) {
    conflict_ = sentence;
    std::ranges::replace_if(conflict_, [](char c) { return c < ' ' || c > '~'; }, '?');
    conflict_.resize(std::min(conflict_.size(), file_bytes_max / 2));
    return save();
}

IoResult<void> Instance::save() const {
    const std::string text = name_ + "\n" + conflict_ + "\n";
    // One that a crash left behind is of no use.
    if (const auto removed = files_->remove(new_file_name); !removed && removed.error() != std::errc::no_such_file_or_directory)
        return removed;
    auto file = files_->create(new_file_name, text.size());
    if (!file) return std::unexpected(file.error());
    if (auto written = (*file)->write(0, text); !written) return written;
    if (auto synced = (*file)->sync(); !synced) return synced;
    if (auto renamed = files_->rename(new_file_name, file_name); !renamed) return renamed;
    return files_->sync_directory();
}

}  // namespace sluice::forward
