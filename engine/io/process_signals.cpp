#include "engine/io/process_signals.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>

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

Descriptor watch_signals(const sigset_t& signals) {
    return Descriptor(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

void wait_until_pending(const Descriptor& watch, std::uint64_t timeout_ns) {
    pollfd watched{watch.get(), POLLIN, 0};
    ::poll(&watched, 1, static_cast<int>(timeout_ns / 1'000'000));
}

bool is_stop_pending() {
    sigset_t pending;
    if (::sigpending(&pending) != 0) return false;
    return std::ranges::any_of(signal_table, [&pending](const SignalRow& row) {
        return row.meaning == SignalMeaning::stop && ::sigismember(&pending, row.number) == 1;
    });
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
