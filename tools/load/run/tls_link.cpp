#include "tools/load/run/tls_link.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/clock.hpp"
#include "engine/core/limits.hpp"

namespace sluice::load {
namespace {

constexpr std::size_t failures_count_max = 20;
constexpr std::string_view other_failures = "other reasons";

std::size_t sealed_bytes_max(const TlsLinkSettings& settings) {
    return tls::ClientSession::sealed_bytes_max(settings.batch_bytes_max) +
           settings.batch_sends_count_max * tls::ClientSession::sealed_bytes_max(0);
}

}  // namespace

std::string tls_failure_sentence(tls::ClientFailure failure, std::string_view text) {
    std::string sentence(text);
    switch (failure) {
        case tls::ClientFailure::untrusted: return sentence + "; --ca FILE names who signed it, --insecure takes any";
        case tls::ClientFailure::wrong_name: return sentence + "; --server-name names another one";
        case tls::ClientFailure::not_tls: return sentence + "; without TLS a server is http://";
        case tls::ClientFailure::alert:
        case tls::ClientFailure::other: break;
    }
    return sentence;
}

TlsLink::TlsLink(const tls::ClientContext& context, const TlsLinkSettings& settings, Recorder& recorder,
                 io::ClientEvents& client)
    : context_(context),
      recorder_(recorder),
      client_(client),
      batch_sealed_bytes_max_(sealed_bytes_max(settings)),
      rooms_(new char[3 * batch_sealed_bytes_max_ * settings.slots_count]),
      plain_(limits::tls_record_bytes_max),
      links_(settings.slots_count) {}

TlsLink::~TlsLink() = default;

// --- handshake ----------------------------------------------------------------------------------------------------

void TlsLink::on_connected(Slot slot) {
    Link& link = links_[slot];
    link.begin_ns = monotonic_ns();
    link.end = 0;
    link.is_sending = link.is_closing = false;
    link.session = tls::ClientSession::open(context_, link.ticket.get());
    if (link.session == nullptr) return fail(slot, "there is no memory for a TLS session");
    shake_hands(slot);
}

void TlsLink::shake_hands(Slot slot) {
    Link& link = links_[slot];
    const tls::Progress progress = link.session->advance();
    send_flight(link, slot);
    if (progress == tls::Progress::failed) return fail(slot);
    if (progress != tls::Progress::done) return;
    recorder_.record_handshake(link.session->is_resumed(), link.begin_ns, monotonic_ns());
    if (agreed_.empty()) agreed_ = link.session->agreed();
    client_.on_connected(slot);
}

// Quietly: the server answers each flight, and the socket has room for all of it.
void TlsLink::send_flight(Link& link, Slot slot) {
    std::string flight = link.session->take_flight();
    if (flight.empty()) return;
    link.flight = std::move(flight);
    loop_->send(slot, link.flight, io::Notice::none);
}

// --- records -------------------------------------------------------------------------------------------------------

void TlsLink::on_bytes(Slot slot, std::span<const char> sealed) {
    Link& link = links_[slot];
    link.session->feed(sealed);
    if (!link.session->is_open()) shake_hands(slot);
    if (!link.is_closing && link.session->is_open()) pass_on(slot);
}

void TlsLink::pass_on(Slot slot) {
    Link& link = links_[slot];
    while (!link.is_closing) {  // ends: each turn reads a record of what was fed
        const auto [progress, bytes] = link.session->read(plain_);
        switch (progress) {
            case tls::Progress::done: client_.on_bytes(slot, {plain_.data(), bytes}); break;
            case tls::Progress::starved: return;
            case tls::Progress::ended: return client_.on_ended(slot);
            case tls::Progress::failed: return fail(slot);
        }
    }
}

std::uint64_t TlsLink::send(Slot slot, std::span<const char> plain, io::Notice notice) {
    Link& link = links_[slot];
    if (3 * batch_sealed_bytes_max_ - link.end < batch_sealed_bytes_max_) link.end = 0;
    char* const begin = room_of(slot) + link.end;
    const std::size_t sealed_bytes = link.session->seal(plain, {begin, batch_sealed_bytes_max_});
    const std::uint64_t now_ns = monotonic_ns();
    if (sealed_bytes == 0) {
        broken_.push_back(slot);
        return now_ns;
    }
    link.end += sealed_bytes;
    link.is_sending = notice == io::Notice::when_sent;
    loop_->send(slot, {begin, sealed_bytes}, notice);
    return now_ns;
}

void TlsLink::on_sent(Slot slot) {
    links_[slot].is_sending = false;
    client_.on_sent(slot);
}

// --- ends ----------------------------------------------------------------------------------------------------------

void TlsLink::on_ended(Slot slot) {
    if (is_shaking_hands(slot)) return fail(slot, "the server ended the connection within the handshake");
    client_.on_ended(slot);
}

void TlsLink::on_failed(Slot slot, int error) {
    if (is_shaking_hands(slot))
        return fail(slot, std::string("the connection broke within the handshake: ") + std::strerror(error));
    client_.on_failed(slot, error);
}

int TlsLink::count_late(Slot slot) {
    if (!is_shaking_hands(slot)) return ETIMEDOUT;
    note("the handshake was not complete within --timeout");
    return failed_errno;
}

void TlsLink::tell_broken() {
    for (const Slot slot : std::exchange(broken_, {}))
        if (links_[slot].session != nullptr && !links_[slot].is_closing) fail(slot);
}

void TlsLink::fail(Slot slot) {
    const tls::ClientSession& session = *links_[slot].session;
    fail(slot, tls_failure_sentence(session.failure(), session.failure_text()));
}

void TlsLink::fail(Slot slot, const std::string& sentence) {
    note(sentence);
    client_.on_failed(slot, failed_errno);
}

void TlsLink::note(const std::string& sentence) {
    last_failure_ = sentence;
    auto same = std::ranges::find(failures_, sentence, &TlsFigures::Failure::sentence);
    if (same == failures_.end() && failures_.size() >= failures_count_max)
        same = std::ranges::find(failures_, other_failures, &TlsFigures::Failure::sentence);
    if (same == failures_.end()) {
        const bool is_last = failures_.size() == failures_count_max;
        failures_.push_back({is_last ? std::string(other_failures) : sentence, 0});
        same = failures_.end() - 1;
    }
    ++same->count;
}

// An alert, or close_notify, goes out in front of the end. Behind a send that the kernel may have taken in part it
// would be of no use.
void TlsLink::close(Slot slot) {
    Link& link = links_[slot];
    link.is_closing = true;
    if (link.session != nullptr) {
        if (tls::TicketPtr ticket = link.session->take_ticket()) link.ticket = std::move(ticket);
        if (!link.is_sending) {
            link.session->say_goodbye();
            send_flight(link, slot);
        }
    }
    loop_->close(slot);
}

void TlsLink::on_closed(Slot slot) {
    links_[slot].session.reset();
    client_.on_closed(slot);
}

}  // namespace sluice::load
