// Session: one TLS connection of a server, sans I/O. Sealed bytes go in by feed(), plain bytes come out by read();
// plain bytes go in by seal(), sealed bytes come out by take_block(). No descriptor, and no clock but the time that it
// is given.
//
//     handshaking ── advance(): done ──→ open ── read(): ended ──→ open: the peer sends no more
//          └───── failed ──→ broken ←── failed ───┘
//
// A session that is broken may still have an alert to send. OpenSSL copies a record twice on the way in (to where it is
// opened, and to the reader) and twice on the way out; its two buffers of 17 KiB are there only while a record is in
// them (SSL_MODE_RELEASE_BUFFERS). Threads keep some for each other's records (memory.hpp), so a record costs no
// allocation. A handshake costs hundreds.
//
// The thread of its server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/tls/channel.hpp"
#include "engine/tls/cipher_blocks.hpp"
#include "engine/tls/client_identity.hpp"
#include "engine/tls/context.hpp"
#include "engine/tls/counters.hpp"
#include "engine/tls/openssl.hpp"
#include "engine/tls/record_tracker.hpp"

namespace sluice::tls {

class Session final : public Channel {
  public:
    // Messages of the peer that change keys or want to renegotiate, in a minute; a flood of them costs more than it
    // brings about.
    static constexpr std::uint32_t interruptions_count_max = 16;

    // Null without memory. `pool` outlives it.
    [[nodiscard]] static std::unique_ptr<Session> open(std::shared_ptr<const Context> context, CipherPool& pool);
    ~Session() override;

    // Sealed bytes from the peer. Borrowed until advance() or read() has returned something else than `done`. `now_ns`:
    // monotonic.
    void feed(std::span<const char> cipher, std::uint64_t now_ns);

    // One step of the handshake.
    [[nodiscard]] Progress advance();
    using Channel::has_advanced;
    // After a handshake that failed.
    [[nodiscard]] HandshakeFailure failure() const { return failure_; }

    using Channel::Read;
    // At most one record, if `room` has limits::tls_record_bytes_max bytes.
    [[nodiscard]] Read read(std::span<char> room);
    // All of `plain`, at most limits::output_block_bytes. False: the session is broken.
    [[nodiscard]] bool seal(std::span<const char> plain);
    // Bytes that are not TLS, in front of any record.
    [[nodiscard]] bool append_plain(std::string_view text);

    // What was sealed and is to be sent. The caller gives the block back to the pool.
    [[nodiscard]] bool has_block() const { return !output_.empty(); }
    [[nodiscard]] CipherBlock* take_block() { return output_.take_first(); }

    // A record has begun to arrive since `since_ns`, and is not there as a whole.
    [[nodiscard]] bool is_mid_record_since(std::uint64_t since_ns) const {
        return records_.is_mid_record() && fed_ns_ >= since_ns;
    }
    // Of the certificate that the client has shown, now or when the session began; nothing if it has shown none.
    [[nodiscard]] const std::optional<ClientIdentity>& client() const { return client_; }
    [[nodiscard]] const Context& context() const { return *context_; }

    // Sealed bytes that wait for the handshake's turn.
    [[nodiscard]] std::string& waiting() { return waiting_; }

    // --- for OpenSSL -------------------------------------------------------------------------------------------
    [[nodiscard]] static Session& of(const SSL* ssl) { return *static_cast<Session*>(SSL_get_app_data(ssl)); }
    void on_info(int where_mask);

  private:
    Session(std::shared_ptr<const Context> context, CipherPool& pool);

    [[nodiscard]] bool put_output(std::span<const char> cipher) override {
        has_lost_output_ = has_lost_output_ || !output_.append(pool_, cipher);
        return !has_lost_output_;
    }
    [[nodiscard]] Progress fail();
    void count_interruption();

    std::shared_ptr<const Context> context_;
    CipherPool& pool_;
    CipherOutput output_;
    RecordTracker records_;
    std::string waiting_;
    std::optional<ClientIdentity> client_;
    std::uint64_t fed_ns_ = 0;
    std::uint64_t interruptions_begin_ns_ = 0;
    std::uint32_t interruptions_count_ = 0;  // since then
    HandshakeFailure failure_ = HandshakeFailure::malformed;
    bool has_lost_output_ = false;  // there was no room for it
};

}  // namespace sluice::tls
