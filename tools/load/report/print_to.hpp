// print_to: formatted text into a C stream. Unlike fmt::print it does not throw where the stream cannot be written (a
// full disk, a closed pipe): the stream remembers that, and whoever closes or flushes it can ask. Any thread; stdio
// locks the stream for the call.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "tools/load/report/output_file.hpp"

namespace sluice::load {

template <typename... Arguments>
void print_to(std::FILE* stream, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    put(stream, fmt::format(format, std::forward<Arguments>(arguments)...));
}

}  // namespace sluice::load
