// Fuzzes what Redis may answer: the input is cut into reads of arbitrary size and goes through ReplyStream into a
// DeliveryWindow with batches of every kind in flight. Whatever the bytes are, nothing may crash, and no batch may end
// with figures that do not add up (the window CHECKs them).
//
//   clang++ -std=c++2b -fsanitize=fuzzer,address -I. tests/fuzz/redis_reply_fuzz.cpp sinks/redis/{reply_stream,
//     delivery_window,error_class}.cpp -lhiredis -o redis_reply_fuzz && ./redis_reply_fuzz
//     tests/fuzz/corpus/redis_reply
//
// Input: byte 0 says how large the reads are, the rest is what the server sends.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>

#include "sinks/redis/resp/error_class.hpp"
#include "sinks/redis/resp/reply_stream.hpp"
#include "sinks/redis/window/delivery_window.hpp"
#include "tests/support/batches.hpp"

namespace {

using namespace sluice;
using sinks::redis::DeliveryWindow;
using sinks::redis::ReplyStream;

class FuzzedSink {
  public:
    FuzzedSink() {
        window_.set_wait_command(tests::resp({"WAIT", "1", "100"}));
        for (std::uint32_t i = 0; i < 9; ++i) submit(i);
        send();
    }

    // One read of the connection. False once it would have been dropped.
    bool receive(std::span<const char> bytes) {
        stream_.give(bytes);
        for (;;) {  // ends: each turn takes a reply out of `bytes`
            const ReplyStream::Next reply = stream_.next(window_.wait_is_due());
            if (reply == ReplyStream::Next::need_more) return true;
            if (reply == ReplyStream::Next::broken) return static_cast<void>(stream_.broken_because()), false;
            if (!take(reply == ReplyStream::Next::error)) return false;
            send();
        }
    }

    // After the end of the input everything that is kept goes well.
    void finish() {
        window_.connection_lost(1);
        for (send(); window_.awaits_replies(); send())
            CHECK(window_.wait_is_due() ? window_.reply_wait(true, 1) : window_.reply_ok(1));
        CHECK(window_.empty());
        CHECK(ledger_.conserved());
    }

  private:
    void submit(std::uint32_t kind) {
        tests::OwnedBatch& batch = batches_.emplace_back(4096);
        if (kind == 5) {
            batch.add(tests::resp({"XADD", "t", "*", "n", "4"}), 4).packed_ticket(1);
        } else if (kind == 8) {
            batch.add(tests::resp({"XADD", "t", "*", "n", "4"}), 4).replicated_ticket(0, 1, 1);
        } else {
            for (std::uint32_t i = 0; i < 3; ++i) batch.add_sample("t", "d", i);
            if (kind > 0 && kind < 4) batch.ticket(0, kind);
            if (kind == 6 || kind == 7) batch.replicated_ticket(kind - 6, 2, 2);
        }
        ledger_.submitted(*batch);
        window_.submit(*batch);
    }

    void send() {
        auto begin = DeliveryWindow::Begin::all;
        if (window_.is_stalled()) {
            begin = window_.awaits_replies() ? DeliveryWindow::Begin::none : DeliveryWindow::Begin::front_only;
        }
        std::array<iovec, DeliveryWindow::pieces_count_max> pieces;
        std::size_t bytes = 0;
        for (const iovec& piece : std::span(pieces).first(window_.gather(pieces, begin))) bytes += piece.iov_len;
        window_.sent(bytes);
    }

    bool take(bool is_error) {
        if (window_.wait_is_due())
            return window_.reply_wait(!is_error && !stream_.integers().empty() && stream_.integers().back() > 0, 1);
        if (!is_error) return window_.reply_ok(1);
        const std::string shown = sinks::redis::printable(stream_.error_text());
        CHECK(std::ranges::all_of(shown, [](char c) { return c >= ' ' && c <= '~'; }));
        return window_.reply_error(sinks::redis::outcome_of_error(stream_.error_text()), 1);
    }

    tests::LedgerPort ledger_;
    sinks::DeliveryFigures figures_;
    std::deque<tests::OwnedBatch> batches_;
    ReplyStream stream_;
    DeliveryWindow window_{ledger_, figures_};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t read_bytes = 1 + data[0];
    const std::span<const char> input(reinterpret_cast<const char*>(data) + 1, size - 1);
    FuzzedSink sink;
    for (std::size_t at = 0; at < input.size(); at += read_bytes) {
        if (!sink.receive(input.subspan(at, std::min(read_bytes, input.size() - at)))) break;
    }
    sink.finish();
    return 0;
}
