// Channel: what the TLS sessions of servers and of clients have in common: an SSL object whose bytes stay in memory.
// OpenSSL takes sealed bytes from a span, and gives sealed bytes to put_output(). No descriptor, no clock.
//
// The thread of its owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/tls/openssl.hpp"

namespace sluice::tls {

enum class Progress : std::uint8_t {
    starved,  // more sealed bytes are needed
    done,  // the handshake is complete; or plain bytes were read
    ended,  // the peer said that it sends no more (close_notify)
    failed,  // nothing can be read or sealed any more; there may be an alert to send
};

class Channel {
  public:
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    // Tells the peer that nothing more comes (close_notify), if it can be told.
    void say_goodbye();

    // The handshake is complete.
    [[nodiscard]] bool is_open() const { return is_open_; }
    [[nodiscard]] bool is_resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
    [[nodiscard]] bool is_tls_1_3() const { return SSL_version(ssl_.get()) == TLS1_3_VERSION; }

  protected:
    struct Read {
        Progress progress;
        std::size_t bytes;
    };

    // `ssl` may be null: attach() tells.
    explicit Channel(SslPtr ssl) : ssl_(std::move(ssl)) {}
    virtual ~Channel() = default;

    // Before anything else. False: there is no memory for it.
    [[nodiscard]] bool attach();

    // Sealed bytes from the peer. Borrowed until shake_hands() or read_record() has returned something else than
    // `done`.
    void give_input(std::span<const char> cipher);
    // One step of the handshake. After `failed` OpenSSL's queue of errors says why; then call break_off().
    [[nodiscard]] Progress shake_hands();
    // Whether the last shake_hands() went beyond reading: it cost CPU time.
    [[nodiscard]] bool has_advanced() const { return has_advanced_; }
    // At most one record. After `failed` as above.
    [[nodiscard]] Read read_record(std::span<char> room);
    // All of `plain`. False: it is broken, as above.
    [[nodiscard]] bool write(std::span<const char> plain);
    // Nothing is read or written from here on. Forgets OpenSSL's errors.
    void break_off();
    [[nodiscard]] bool is_broken() const { return is_broken_; }
    [[nodiscard]] SSL* ssl() const { return ssl_.get(); }

    // Sealed bytes for the peer. False: they are lost, which breaks the session.
    [[nodiscard]] virtual bool put_output(std::span<const char> cipher) = 0;

  private:
    friend struct ChannelBio;
    [[nodiscard]] std::size_t take_input(std::span<char> room);

    SslPtr ssl_;
    std::span<const char> input_;  // not taken by OpenSSL yet
    bool is_open_ = false;
    bool is_broken_ = false;
    bool has_advanced_ = false;
    bool has_said_goodbye_ = false;
};

// What the sessions of a context need: no renegotiation, no compression; an end without close_notify is an end; no
// record buffers while they are idle. Any thread.
void set_modes(SSL_CTX* ssl);

}  // namespace sluice::tls
