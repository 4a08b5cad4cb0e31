// TransactionWindow: the batches of a sink that delivers exactly once, from submit() to their settlement. The
// counterpart of DeliveryWindow: the bookkeeping without a socket.
//
// Every command is an XADD with an ID of ours, IDs rise, and Redis refuses one that is not above its stream's last: so
// what is sent again is not stored again. That alone would lose samples: were command k refused for want of memory
// while k + 1 succeeds, k would be refused from then on as if it were there, and a broken connection can swallow the
// reply that says so. Therefore what is sent is one transaction, all or nothing, and the next one begins when its fate
// is known:
//
//     sent      XADD… EXEC MULTI      (the MULTI before it was answered +OK)
//     answered  +QUEUED… *n +OK
//
// The MULTI of the next transaction is sent along with each EXEC. Commands are only ever sent behind a MULTI that was
// accepted: otherwise, where a user loses the right to it, they would run one by one.
//
// What an EXEC tells (Redis 7.0, multi.c and server.c, and tried):
//   - EXECABORT: a command was refused when it was queued, or EXEC itself (OOM, READONLY, MISCONF, NOREPLICAS, …).
//     Nothing was applied; the same again later.
//   - an ID that is refused as not above the last: it is there, if that can be: it was sent
//     before, by this sink or by an earlier life of the engine. If it cannot, somebody else
//     writes the stream: `conflict`, and nothing counts.
//   - another error (WRONGTYPE, NOPERM): it concerns the key, so all its commands in the
//     transaction. All again later; what was applied is refused then. Were one command of a
//     key refused and a later one not, that is a conflict, too.
//
// Sink thread only. Holds no more than limits::sink_window_batches_count_max batches, which nobody waits for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/uio.h>

#include "engine/core/batch.hpp"
#include "engine/core/check.hpp"
#include "engine/core/fifo.hpp"
#include "engine/core/limits.hpp"
#include "sinks/redis/layout/entry_id.hpp"
#include "sinks/redis/resp/reply_stream.hpp"
#include "sinks/sink.hpp"

namespace sluice::sinks::redis {

class TransactionWindow final : public ArrayListener {
  public:
    // No entry above `known_last` can come from an earlier life of the engine. `port` and the figures outlive the
    // window.
    TransactionWindow(CompletionPort& port, DeliveryFigures& figures, ExactlyOnceFigures& exactly_once,
                      const EntryId& known_last);

    [[nodiscard]] bool has_room() const { return batches_.size() < limits::sink_window_batches_count_max; }
    [[nodiscard]] bool empty() const { return batches_.empty(); }
    // A sealed batch, not empty, without tickets. Needs has_room().
    void submit(Batch& batch);

    // A MULTI was accepted on a new connection.
    void opened() {
        CHECK(!is_open_ && !awaits_replies());
        is_open_ = true;
    }
    // A transaction is open, and nothing of it was sent.
    [[nodiscard]] bool is_open() const { return is_open_; }
    // Takes what is there into the transaction. Needs is_open() and batches.
    void begin();
    // Writes what is still to be sent into `pieces`, of at least pieces_count_max; valid until the next call.
    static constexpr std::size_t pieces_count_max = limits::transaction_batches_count_max + 1;
    [[nodiscard]] std::size_t gather(std::span<iovec> pieces) const;
    void sent(std::size_t bytes) {
        CHECK(bytes <= total_bytes_ - sent_bytes_);
        sent_bytes_ += bytes;
    }
    [[nodiscard]] bool awaits_replies() const { return transaction_count_ > 0 || awaits_multi_; }

    enum class Step : std::uint8_t {
        going_on,
        settled,  // the transaction was applied; its batches are gone
        refused,  // it was not, or not all: error_text() and refusal() say why; it stands at the front again
        opened,  // the next transaction is open
        unusable,  // error_text(): this connection takes no further transaction
        conflict,  // error_text() says, in a sentence, why these streams are not ours alone
        not_due,  // a reply that nobody asked for
    };
    // The next reply; `error_text` where it is an error.
    [[nodiscard]] Step take(bool is_error, std::string_view error_text, std::uint64_t now_ns);
    void on_element(std::size_t depth, bool is_error, std::string_view text) override;
    [[nodiscard]] const std::string& error_text() const { return error_text_; }
    [[nodiscard]] CommandOutcome refusal() const { return refusal_; }

    void connection_lost();

    // No entry above it can be one of ours.
    [[nodiscard]] const EntryId& sent_last() const { return sent_last_; }

  private:
    enum class Outcome : std::uint8_t { added, duplicate, refused };

    [[nodiscard]] Step take_exec(bool is_error, std::string_view error_text, std::uint64_t now_ns);
    [[nodiscard]] Step look_closer(std::uint64_t now_ns);
    [[nodiscard]] std::string find_conflict();
    [[nodiscard]] Step settle(std::uint64_t now_ns);
    [[nodiscard]] Step refuse(std::string_view error_text);
    void end_transaction();
    void raise_sent_last();
    [[nodiscard]] bool has_unsent() const { return sent_bytes_ < total_bytes_; }

    const std::string trailer_;  // behind the commands: EXEC, and the MULTI of the next transaction
    CompletionPort& port_;
    DeliveryFigures& figures_;
    ExactlyOnceFigures& exactly_once_;
    const EntryId known_last_;
    EntryId sent_last_;

    Fifo<Batch*> batches_{limits::sink_window_batches_count_max};  // oldest first
    std::size_t transaction_count_ = 0;  // of them, from the front, in the transaction that is under way; 0: none
    std::size_t resent_count_ = 0;  // of them, from the front, that may have been applied before
    std::size_t commands_count_ = 0;  // of the transaction
    std::size_t total_bytes_ = 0;  // of it, EXEC and MULTI included
    std::size_t sent_bytes_ = 0;
    std::size_t replies_count_ = 0;
    bool is_open_ = false;
    bool awaits_multi_ = false;  // EXEC was answered, the MULTI behind it not yet

    std::vector<Outcome> outcomes_;  // of the commands, from the EXEC reply
    std::size_t elements_count_ = 0;
    std::size_t duplicates_count_ = 0;
    std::size_t errors_count_ = 0;  // other than duplicates, in the EXEC reply
    std::string last_added_;  // ID of the last command that was applied
    std::string queue_error_;  // the first refusal before EXEC
    std::string error_text_;
    CommandOutcome refusal_ = CommandOutcome::busy;
};

}  // namespace sluice::sinks::redis
