#include "sinks/redis/window/transaction_window.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "engine/core/check.hpp"
#include "sinks/redis/resp/command.hpp"
#include "sinks/redis/resp/error_class.hpp"
#include "sinks/redis/resp/resp_walk.hpp"

namespace sluice::sinks::redis {
namespace {

constexpr std::string_view abort_prefix = "EXECABORT Transaction discarded because of: ";
constexpr std::size_t key_word = 1;

struct Command {
    std::string_view key;
    EntryId id;
};

// Takes the XADD at the front of `bytes`. The ID stands behind the key, or behind `MAXLEN ~ n`; words of the sample
// come later, and none of the encoder's own before it is an ID.
Command take_command(std::span<const char>& bytes) {
    Command command;
    std::optional<EntryId> id;
    for (std::size_t word = key_word; !id; ++word) {
        const std::string_view text = word_of_command(bytes, word);
        if (word == key_word) command.key = text;
        else id = parse_entry_id(text);
    }
    command.id = *id;
    bytes = bytes.subspan(first_command_bytes(bytes));
    return command;
}

EntryId last_id_of(Batch& batch) {
    const std::span<const char> bytes = batch.bytes();
    std::span<const char> last = bytes.subspan(commands_bytes(bytes, batch.command_count() - 1));
    return take_command(last).id;
}

}  // namespace

TransactionWindow::TransactionWindow(CompletionPort& port, DeliveryFigures& figures, ExactlyOnceFigures& exactly_once,
                                     const EntryId& known_last)
    : trailer_(command_of({"EXEC"}) + command_of({"MULTI"})),
      port_(port),
      figures_(figures),
      exactly_once_(exactly_once),
      known_last_(known_last),
      sent_last_(known_last) {
    outcomes_.resize(limits::transaction_batches_count_max * limits::batch_commands_count_max);
}

void TransactionWindow::submit(Batch& batch) {
    CHECK(has_room());
    CHECK(!batch.empty() && batch.command_count() == batch.sample_count() && batch.tickets().empty());
    batches_.push_back(&batch);
}

// --- sending -------------------------------------------------------------------------------------------------------

void TransactionWindow::begin() {
    CHECK(is_open_ && !empty() && !awaits_replies());
    is_open_ = false;
    transaction_count_ = std::min(batches_.size(), limits::transaction_batches_count_max);
    commands_count_ = 0;
    total_bytes_ = trailer_.size();
    for (std::size_t i = 0; i < transaction_count_; ++i) {
        commands_count_ += batches_[i]->command_count();
        total_bytes_ += batches_[i]->bytes().size();
    }
    sent_bytes_ = replies_count_ = elements_count_ = duplicates_count_ = errors_count_ = 0;
    last_added_.clear();
    queue_error_.clear();
    add(figures_.batches_sent, transaction_count_);
    add(figures_.batches_resent, std::min(resent_count_, transaction_count_));
}

std::size_t TransactionWindow::gather(std::span<iovec> pieces) const {
    CHECK(pieces.size() >= pieces_count_max);
    if (transaction_count_ == 0) return 0;
    std::size_t skipped_bytes = sent_bytes_;
    std::size_t count = 0;
    const auto give = [&](const char* from, std::size_t bytes) {
        const std::size_t skipped = std::min(skipped_bytes, bytes);
        skipped_bytes -= skipped;
        // sendmsg(2) only reads.
        if (skipped < bytes) pieces[count++] = iovec{const_cast<char*>(from) + skipped, bytes - skipped};
    };
    for (std::size_t i = 0; i < transaction_count_; ++i) give(batches_[i]->bytes().data(), batches_[i]->bytes().size());
    give(trailer_.data(), trailer_.size());
    return count;
}

// Whatever was sent of the transaction may have been applied.
void TransactionWindow::connection_lost() {
    is_open_ = awaits_multi_ = false;
    if (transaction_count_ == 0) return;
    raise_sent_last();
    end_transaction();
}

void TransactionWindow::raise_sent_last() {
    if (sent_bytes_ == 0) return;
    resent_count_ = std::max(resent_count_, transaction_count_);
    sent_last_ = std::max(sent_last_, last_id_of(*batches_[transaction_count_ - 1]));
}

// --- replies -------------------------------------------------------------------------------------------------------

TransactionWindow::Step TransactionWindow::take(bool is_error, std::string_view error_text, std::uint64_t now_ns) {
    if (awaits_multi_) {
        awaits_multi_ = false;
        is_open_ = !is_error;
        if (is_error) error_text_ = error_text;
        return is_error ? Step::unusable : Step::opened;
    }
    if (transaction_count_ == 0) return Step::not_due;
    if (replies_count_ == commands_count_)
        return has_unsent() ? Step::not_due : take_exec(is_error, error_text, now_ns);
    ++replies_count_;
    if (is_error && queue_error_.empty()) queue_error_ = error_text;
    return Step::going_on;
}

void TransactionWindow::on_element(std::size_t depth, bool is_error, std::string_view text) {
    const std::size_t element = elements_count_++;
    if (depth != 1 || element >= outcomes_.size()) return;  // take_exec() finds that their number is wrong
    outcomes_[element] = Outcome::added;
    if (!is_error) {
        last_added_ = text;
    } else if (is_not_above_last_id(text)) {
        outcomes_[element] = Outcome::duplicate;
        ++duplicates_count_;
    } else {
        outcomes_[element] = Outcome::refused;
        if (errors_count_++ == 0) queue_error_ = text;
    }
}

TransactionWindow::Step TransactionWindow::take_exec(bool is_error, std::string_view error_text, std::uint64_t now_ns) {
    awaits_multi_ = true;
    if (is_error) {
        if (!error_text.starts_with("EXECABORT")) raise_sent_last();  // nobody knows
        if (error_text.starts_with(abort_prefix)) error_text.remove_prefix(abort_prefix.size());
        return refuse(queue_error_.empty() ? error_text : std::string_view(queue_error_));
    }
    if (elements_count_ != commands_count_) return Step::not_due;
    if (duplicates_count_ != 0 || errors_count_ != 0) return look_closer(now_ns);
    return settle(now_ns);
}

TransactionWindow::Step TransactionWindow::look_closer(std::uint64_t now_ns) {
    error_text_ = find_conflict();
    if (!error_text_.empty()) return Step::conflict;
    if (errors_count_ == 0) return settle(now_ns);
    raise_sent_last();
    return refuse(queue_error_);
}

// Empty: there is none.
std::string TransactionWindow::find_conflict() {
    std::set<std::string_view> refused_keys;
    std::size_t element = 0;
    for (std::size_t i = 0; i < transaction_count_; ++i) {
        std::span<const char> bytes = batches_[i]->bytes();
        for (; !bytes.empty(); ++element) {
            const Command command = take_command(bytes);
            const Outcome outcome = outcomes_[element];
            if (outcome == Outcome::refused) refused_keys.insert(command.key);
            if (outcome == Outcome::added && refused_keys.contains(command.key))
                return "Redis refused an entry of " + std::string(command.key) + " and took a later one";
            if (outcome == Outcome::duplicate && i >= resent_count_ && command.id > known_last_)
                return std::string(command.key) + " has an entry at or above " + text_of(command.id) +
                       " that this journal did not send";
        }
    }
    return {};
}

TransactionWindow::Step TransactionWindow::settle(std::uint64_t now_ns) {
    add(figures_.replies_ok, commands_count_ - duplicates_count_);
    add(exactly_once_.duplicates_refused, duplicates_count_);
    if (const auto last = parse_entry_id(last_added_)) sent_last_ = std::max(sent_last_, *last);
    const std::size_t count = transaction_count_;
    CHECK(count != 0 && count <= batches_.size() && !has_unsent());
    end_transaction();
    resent_count_ -= std::min(resent_count_, count);
    for (std::size_t i = 0; i < count; ++i) {
        Batch& batch = *batches_.front();
        batches_.pop_front();
        batch.settled.delivered = batch.sample_count();
        batch.settled.replied_ns = now_ns;
        port_.settle(batch, Settlement::final);
    }
    return Step::settled;
}

TransactionWindow::Step TransactionWindow::refuse(std::string_view error_text) {
    error_text_ = error_text;
    refusal_ = outcome_of_error(error_text_);
    add(refusal_ == CommandOutcome::refused ? figures_.replies_refused : figures_.replies_busy, 1);
    end_transaction();
    return Step::refused;
}

void TransactionWindow::end_transaction() { transaction_count_ = 0; }

}  // namespace sluice::sinks::redis
