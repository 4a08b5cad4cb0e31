// ClientSession: one TLS connection of a client, sans I/O. Sealed bytes go in by feed(), plain bytes come out by
// read(); plain bytes go in by seal(), which writes sealed ones where the caller says. What else is to be sent
// (handshakes, answers to the server's own messages, alerts) is a flight.
//
//     advance() → starved → feed(), advance() → … → done ──→ open
//
// The thread of its client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "engine/tls/channel.hpp"
#include "engine/tls/client_context.hpp"
#include "engine/tls/openssl.hpp"

namespace sluice::tls {

using TicketPtr = std::unique_ptr<SSL_SESSION, Freed<SSL_SESSION_free>>;

// Why a session came to nothing.
enum class ClientFailure : std::uint8_t {
    untrusted,  // the server's certificate is not accepted
    wrong_name,  // it is another server's
    alert,  // the server ended it, and said why
    not_tls,  // what came is not TLS
    other,  // nothing in common, broken records, no memory
};

class ClientSession final : public Channel {
  public:
    // What a record of at most limits::tls_record_bytes_max plain bytes has beside them: header, nonce, padding, tag.
    // The longest is that of AES-CBC with SHA-384 in TLS 1.2 (RFC 5246 section 6.2.3.2): 5 + 16 + 48 + 16.
    static constexpr std::size_t record_overhead_bytes_max = 96;

    // Null without memory. `context` outlives it. `ticket`: of an earlier session that may be resumed, or null.
    [[nodiscard]] static std::unique_ptr<ClientSession> open(const ClientContext& context, SSL_SESSION* ticket);
    ~ClientSession() override = default;

    // Sealed bytes from the server. Borrowed until advance() or read() has returned something else than `done`.
    void feed(std::span<const char> cipher) { give_input(cipher); }

    // One step of the handshake; the first one needs no bytes.
    [[nodiscard]] Progress advance();
    using Channel::Read;
    // At most one record, if `room` has limits::tls_record_bytes_max bytes.
    [[nodiscard]] Read read(std::span<char> room);
    // All of `plain`, behind what waits to be sent. Returns what it has taken of `room`; sealed_bytes_max() are enough.
    // 0: the session is broken.
    [[nodiscard]] std::size_t seal(std::span<const char> plain, std::span<char> room);
    // What seal() needs at most for so many bytes in one call.
    [[nodiscard]] static std::size_t sealed_bytes_max(std::size_t plain_bytes);

    // What is to be sent apart from what was sealed. May be empty.
    [[nodiscard]] std::string take_flight() { return std::exchange(flight_, {}); }

    // After `failed`: what went wrong, and a clause: `the server's certificate is not trusted: …`.
    [[nodiscard]] ClientFailure failure() const { return failure_; }
    [[nodiscard]] const std::string& failure_text() const { return failure_text_; }

    // `TLS 1.3, TLS_AES_256_GCM_SHA384, X25519`. After the handshake.
    [[nodiscard]] std::string agreed() const;
    // The newest ticket that the server has given, which is no longer here then. Null: none came.
    [[nodiscard]] TicketPtr take_ticket() { return std::move(ticket_); }

    // --- for OpenSSL -------------------------------------------------------------------------------------------
    [[nodiscard]] static ClientSession& of(const SSL* ssl) {
        return *static_cast<ClientSession*>(SSL_get_app_data(ssl));
    }
    void on_ticket(TicketPtr ticket) { ticket_ = std::move(ticket); }

  private:
    // Of flights that wait to be sent: answers to a server that asks for new keys without end.
    static constexpr std::size_t flight_bytes_max = 256 * 1024;

    explicit ClientSession(const ClientContext& context) : Channel(context.open()), context_(context) {}
    [[nodiscard]] bool put_output(std::span<const char> cipher) override;
    void explain();
    void explain_certificate(long code);

    const ClientContext& context_;
    std::span<char> room_;  // of seal(); empty outside of it
    std::string flight_;
    TicketPtr ticket_;
    std::string failure_text_;
    ClientFailure failure_ = ClientFailure::other;
};

}  // namespace sluice::tls
