#include "tests/support/decoding.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "engine/core/check.hpp"

namespace sluice::tests {

GuardedBody::GuardedBody(std::string_view text, char padding) {
    const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t needed_bytes = text.size() + limits::body_padding_bytes;
    const std::size_t usable_bytes = (needed_bytes + page_bytes - 1) / page_bytes * page_bytes;
    mapping_bytes_ = usable_bytes + page_bytes;
    mapping_ = ::mmap(nullptr, mapping_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(mapping_ != MAP_FAILED);
    char* const guard = static_cast<char*>(mapping_) + usable_bytes;
    CHECK(::mprotect(guard, page_bytes, PROT_NONE) == 0);
    char* const begin = guard - needed_bytes;
    if (!text.empty()) std::memcpy(begin, text.data(), text.size());
    std::memset(begin + text.size(), padding, limits::body_padding_bytes);
    view_ = {begin, text.size()};
}

GuardedBody::~GuardedBody() { ::munmap(mapping_, mapping_bytes_); }

Decoded decode(std::string_view body, parsers::BodyFormat format, const parsers::DecodeOptions& options, char padding) {
    const GuardedBody guarded(body, padding);
    parsers::JsonDecoder decoder;
    return decode(decoder, guarded.view(), format, options);
}

}  // namespace sluice::tests
