#include "tests/support/decoding.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "engine/core/check.hpp"

namespace sluice::tests {

GuardedBody::GuardedBody(std::string_view text, char padding) {
    const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t needed_bytes = text.size() + parsers::JsonDecoder::padding_bytes;
    const std::size_t usable_bytes = (needed_bytes + page_bytes - 1) / page_bytes * page_bytes;
    mapping_bytes_ = usable_bytes + page_bytes;
    mapping_ = ::mmap(nullptr, mapping_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(mapping_ != MAP_FAILED);
    char* const guard = static_cast<char*>(mapping_) + usable_bytes;
    CHECK(::mprotect(guard, page_bytes, PROT_NONE) == 0);
    char* const begin = guard - needed_bytes;
    if (!text.empty()) std::memcpy(begin, text.data(), text.size());
    std::memset(begin + text.size(), padding, parsers::JsonDecoder::padding_bytes);
    view_ = {begin, text.size()};
}

GuardedBody::~GuardedBody() { ::munmap(mapping_, mapping_bytes_); }

OwnedSample owned(const Sample& sample) {
    OwnedSample copy;
    copy.device_id = sample.device_id;
    copy.type = sample.type;
    copy.value = sample.value;
    copy.unit = sample.unit;
    copy.values = sample.values;
    copy.metadata = sample.metadata;
    copy.raw = sample.raw;
    copy.timestamp_ns = sample.timestamp_ns;
    copy.priority = sample.priority;
    for (const Member& other : sample.others) copy.others.emplace_back(other.name, other.value);
    return copy;
}

Decoded decode(parsers::JsonDecoder& decoder, std::string_view padded_body, parsers::BodyFormat format,
               const parsers::DecodeOptions& options) {
    Decoded decoded;
    decoder.start(padded_body, format, options);
    decoded.is_single = decoder.is_single();
    for (;;) {
        switch (decoder.next()) {
            case parsers::Step::sample:
                decoded.samples.push_back(owned(decoder.sample()));
                decoded.samples.back().index = decoder.record_index();
                break;
            case parsers::Step::record_refused:
                decoded.refused.push_back({decoder.refusal(), decoder.record_index(), decoder.offset()});
                break;
            case parsers::Step::body_refused:
                decoded.body_refused = true;
                decoded.body_refusal = decoder.refusal();
                decoded.body_offset = decoder.offset();
                return decoded;
            case parsers::Step::end: return decoded;
        }
    }
}

Decoded decode(std::string_view body, parsers::BodyFormat format, const parsers::DecodeOptions& options, char padding) {
    const GuardedBody guarded(body, padding);
    parsers::JsonDecoder decoder(limits::mib);
    return decode(decoder, guarded.view(), format, options);
}

}  // namespace sluice::tests
