// ExactBody: a body and its padding in memory of exactly that size, so that AddressSanitizer sees a read behind it.
#pragma once

#include <algorithm>
#include <memory>
#include <string_view>

#include "engine/core/limits.hpp"

namespace sluice::tests {

struct ExactBody {
    ExactBody(std::string_view text, char padding) : bytes(new char[text.size() + limits::body_padding_bytes]) {
        text.copy(bytes.get(), text.size());
        std::fill_n(bytes.get() + text.size(), limits::body_padding_bytes, padding);
        view = {bytes.get(), text.size()};
    }
    std::unique_ptr<char[]> bytes;
    std::string_view view;
};

}  // namespace sluice::tests
