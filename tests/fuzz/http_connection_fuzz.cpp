// Fuzzes what HTTP clients may send: arbitrary bytes, cut into arbitrary pieces, go through a Connection, whose
// application answers at once, at the end, or in reverse order. Whatever the bytes are, the answers must not depend on
// the cuts, every request that was read must be answered or its connection closed, and all pools must be whole at the
// end.
//
//   clang++ -std=c++2b -fsanitize=fuzzer,address,undefined -I. tests/fuzz/http_connection_fuzz.cpp
//     parsers/http/{framing,http_parser,target,text}.cpp engine/http/{block_pool,body_pool,connection,response}.cpp
//     -lllhttp -o http_connection_fuzz &&
//     ./http_connection_fuzz tests/fuzz/corpus/http_connection
//
// Input: byte 0 says how the application answers, byte 1 how many bytes follow that are piece sizes (used in turn), the
// rest is what the client sends.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include "tests/support/http_harness.hpp"

namespace {

using sluice::tests::HttpHarness;

constexpr std::uint64_t body_bytes_max = 4096;
constexpr std::string_view continue_response = "HTTP/1.1 100 Continue\r\n\r\n";

struct Input {
    unsigned answers = 0;  // 0 at once, 1 at the end, 2 in reverse order, 3 every other one at once
    bool refuses_heads = false;
    std::span<const std::uint8_t> pieces;
    std::string_view stream;
};

Input input_of(std::span<const std::uint8_t> bytes) {
    Input input;
    input.answers = bytes[0] % 4;
    input.refuses_heads = (bytes[0] & 4) != 0;
    const std::size_t pieces_count = std::min<std::size_t>(bytes[1] % 16, bytes.size() - 2);
    input.pieces = bytes.subspan(2, pieces_count);
    const auto rest = bytes.subspan(2 + pieces_count);
    input.stream = {reinterpret_cast<const char*>(rest.data()), rest.size()};
    return input;
}

std::string transcript(HttpHarness& harness, const Input& input, std::span<const std::uint8_t> pieces) {
    harness.start_over();
    harness.app.refuses_heads = input.refuses_heads;
    harness.app.answers_at_once = [&input](std::size_t index) {
        return input.answers == 0 || (input.answers == 3 && index % 2 == 0);
    };
    std::string_view left = input.stream;
    for (std::size_t i = 0; !left.empty(); ++i) {
        const std::size_t size = pieces.empty() ? left.size() : std::size_t{pieces[i % pieces.size()]} + 1;
        harness.feed(left.substr(0, size));
        left.remove_prefix(std::min(size, left.size()));
    }
    harness.answer_all(input.answers == 2);
    harness.end_stream();
    CHECK(harness.is_closed());
    CHECK(harness.pools_are_whole());
    std::string said = harness.take_sent();
    // Whether a waiting client was told to go on depends on what had arrived by then, as it should.
    if (input.answers != 0)
        for (std::size_t at = said.find(continue_response); at != std::string::npos;
             at = said.find(continue_response, at))
            said.erase(at, continue_response.size());
    return said;
}

// A request whose head is refused is answered before the rest of it is seen, if that comes later; in one piece its
// framing, which is refused first, is.
bool differ_only_in_what_was_refused_first(const std::string& whole, const std::string& in_pieces) {
    const std::size_t last = in_pieces.rfind("HTTP/1.1 503");
    return last != std::string::npos && last == in_pieces.rfind("HTTP/1.1 ") && last == whole.rfind("HTTP/1.1 ") &&
           whole.substr(0, last) == in_pieces.substr(0, last) &&
           whole.find("Connection: close\r\n", last) != std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    static HttpHarness harness({.body_bytes_max = body_bytes_max});
    const Input input = input_of({data, size});
    const std::string whole = transcript(harness, input, {});
    const std::string in_pieces = transcript(harness, input, input.pieces);
    if (whole == in_pieces) return 0;
    if (input.refuses_heads && differ_only_in_what_was_refused_first(whole, in_pieces)) return 0;
    std::fprintf(stderr, "in one piece:\n%s\nin pieces:\n%s\n", whole.c_str(), in_pieces.c_str());
    CHECK(whole == in_pieces);
    return 0;
}
