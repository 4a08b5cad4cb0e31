// ResponseBody: the body of an answer, written piece by piece. The reactor's thread.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/http/response.hpp"

namespace sluice {

class ResponseBody {
  public:
    ResponseBody(http::Response& response, http::BlockPool& blocks) : response_(response), blocks_(blocks) {}

    ResponseBody& operator<<(std::string_view text) {
        response_.append_body(blocks_, text);
        return *this;
    }
    ResponseBody& operator<<(std::uint64_t number) {
        std::array<char, 20> text;  // the digits of any 64-bit number
        const auto end = std::to_chars(text.data(), text.data() + text.size(), number);
        return *this << std::string_view(text.data(), static_cast<std::size_t>(end.ptr - text.data()));
    }

  private:
    http::Response& response_;
    http::BlockPool& blocks_;
};

}  // namespace sluice
