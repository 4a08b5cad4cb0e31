#include "engine/dead_tool/replay.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace sluice::dead_tool {
namespace {

// How many letters may be on their way into Redis again: far less than an outbox has room for.
constexpr std::size_t refused_count_max = 32;
// The engine writes letters ten times a second, and waits a second where it cannot.
constexpr std::chrono::milliseconds look_pause{50};
constexpr int empty_looks_count_max = 60;

}  // namespace

Done Replay::run() {
    const auto last = last_id(clients_, tenant_.stream);
    if (!last) return std::unexpected(last.error());
    new_begin_ = "(" + *last;
    Done sent;
    const Done read = for_each(clients_, tenant_, *last, [&](const Entry& letter) {
        sent = send(letter);
        return sent.has_value();
    });
    const Done settled = settle_refused();
    if (!read) return read;
    return sent ? settled : sent;
}

void Replay::leave(std::string reason) {
    if (figures_.left_count++ == 0) figures_.left_reason = std::move(reason);
}

Done Replay::send(const Entry& letter) {
    const auto request = request_of(letter, settings_.mapping);
    if (request) return send(letter, *request);
    leave(request.error());
    return {};
}

Done Replay::send(const Entry& letter, const LetterRequest& request) {
    const std::string ack = (request.path.contains('?') ? "&ack=" : "?ack=") + std::string(name_of(settings_.ack));
    const auto answer =
        send_post(settings_.target,
                  {.path = request.path + ack,
                   .headers = {{"Authorization", "Bearer " + settings_.token}, {"Content-Type", request.content_type}},
                   .body = request.body});
    // It may be stored, or not: sent once more it could be stored twice, but deleted it could be lost.
    if (!answer) return std::unexpected(answer.error() + "; the letter " + letter.id + " stays");
    const Verdict verdict = judge(*answer, settings_.ack);
    switch (verdict.proof) {
        case Proof::taken: ++figures_.taken_count; return remove(clients_, tenant_.stream, letter.id);
        case Proof::refused_record:
            ++figures_.refused_count;
            if (!tenant_.keeps_letters) return {};
            refused_.push_back({letter.id, std::string(letter.field("format")), request.record});
            return refused_.size() < refused_count_max ? Done() : settle_refused();
        case Proof::refused_request: leave(verdict.what); return {};
        case Proof::none: break;
    }
    return std::unexpected(verdict.what);
}

// The engine keeps what it refuses, as well as it can. So a letter goes only when the new one is there.
Done Replay::settle_refused() {
    for (int empty_looks_count = 0; !refused_.empty() && empty_looks_count < empty_looks_count_max;) {
        const auto found = look_for_new_letters();
        if (!found) return std::unexpected(found.error());
        if (*found) continue;
        ++empty_looks_count;
        std::this_thread::sleep_for(look_pause);
    }
    figures_.kept_count += refused_.size();
    refused_.clear();
    return {};
}

// False: there are none.
std::expected<bool, std::string> Replay::look_for_new_letters() {
    const auto letters = entries_of(clients_, tenant_.stream, new_begin_, "+");
    if (!letters) return std::unexpected(letters.error());
    for (const Entry& letter : *letters) {
        new_begin_ = "(" + letter.id;
        const auto old = std::ranges::find_if(refused_, [&](const Refused& refused) {
            return letter.field("tenant") == tenant_.name && letter.field("format") == refused.format &&
                   letter.field("raw") == refused.record;
        });
        if (old == refused_.end()) continue;
        if (const Done removed = remove(clients_, tenant_.stream, old->id); !removed)
            return std::unexpected(removed.error());
        refused_.erase(old);
    }
    return !letters->empty();
}

}  // namespace sluice::dead_tool
