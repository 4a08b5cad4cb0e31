#include "engine/io/process_signals.hpp"

#include <pthread.h>

#include <algorithm>
#include <iterator>

namespace sluice {
namespace {

void ignore_unless_handled(int signal) {
    struct sigaction action{};
    if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) ::signal(signal, SIG_IGN);
}

const SignalRow* row_of(int signal) {
    const auto* const row = std::ranges::find(signal_table, signal, &SignalRow::number);
    return row == std::end(signal_table) ? nullptr : row;
}

}  // namespace

void ignore_other_signals() {
    for (const SignalRow& row : signal_table)
        if (!stops_a_tool(row.meaning)) ignore_unless_handled(row.number);
    for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) ignore_unless_handled(signal);
}

sigset_t take_process_signals() {
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const SignalRow& row : signal_table) {
        if (row.meaning == SignalMeaning::silent) ignore_unless_handled(row.number);
        else ::sigaddset(&signals, row.number);
    }
    for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) ::sigaddset(&signals, signal);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    return signals;
}

int wait_for_signal(const sigset_t& signals, std::uint64_t timeout_ns) {
    timespec timeout{};
    timeout.tv_sec = static_cast<time_t>(timeout_ns / 1'000'000'000);
    timeout.tv_nsec = static_cast<long>(timeout_ns % 1'000'000'000);
    const int signal = ::sigtimedwait(&signals, nullptr, &timeout);
    return signal > 0 ? signal : 0;
}

SignalMeaning meaning_of(int signal_number) {
    const SignalRow* const row = row_of(signal_number);
    return row == nullptr ? SignalMeaning::none : row->meaning;
}

std::string signal_name(int signal_number) {
    const SignalRow* const row = row_of(signal_number);
    return row == nullptr ? "SIGRTMIN+" + std::to_string(signal_number - SIGRTMIN) : row->name;
}

}  // namespace sluice
