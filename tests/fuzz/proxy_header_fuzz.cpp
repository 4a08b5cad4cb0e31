// Fuzzes the header of the PROXY protocol. Whatever the bytes are: what is told of a part of them must agree with what
// is told of more, no byte behind the header may matter, and a header is no longer than its bound.
//
// Input: what a connection sends.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "engine/core/check.hpp"
#include "parsers/proxy/proxy_header.hpp"

namespace {

using sluice::parsers::ProxyResult;
using State = ProxyResult::State;

bool agree(const ProxyResult& one, const ProxyResult& other) {
    if (one.state != other.state) return false;
    if (one.state == State::faulty) return one.fault == other.fault;
    const auto& a = one.header;
    const auto& b = other.header;
    const bool are_told = a.source.has_value() && b.source.has_value();
    return a.version == b.version && a.bytes == b.bytes && a.source.has_value() == b.source.has_value() &&
           (!are_told || (a.source->address == b.source->address && a.source->port == b.source->port));
}

// In memory of its own, so that a byte read behind it is found.
ProxyResult parse(std::span<const char> bytes) {
    const std::vector<char> copy(bytes.begin(), bytes.end());
    return sluice::parsers::parse_proxy_header(copy);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const char> bytes(reinterpret_cast<const char*>(data), size);
    const ProxyResult whole = parse(bytes);
    if (whole.state == State::need_more) CHECK(size < sluice::parsers::proxy_header_bytes_max);
    if (whole.state == State::complete) {
        CHECK(whole.header.bytes <= size && whole.header.bytes <= sluice::parsers::proxy_header_bytes_max);
        CHECK(agree(parse(bytes.first(whole.header.bytes)), whole));
        CHECK(whole.header.version == 1 || whole.header.version == 2);
    }
    // Byte by byte: more is wanted, until the verdict, which stays.
    const std::size_t cuts_count_max = std::min<std::size_t>(size, 300);
    bool is_decided = false;
    for (std::size_t at = 0; at <= cuts_count_max; ++at) {
        const ProxyResult part = parse(bytes.first(at));
        if (is_decided) CHECK(agree(part, whole));
        is_decided = is_decided || part.state != State::need_more;
        if (part.state != State::need_more) CHECK(agree(part, whole));
    }
    return 0;
}
