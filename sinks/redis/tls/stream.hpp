// TlsStream: TLS over a socket that does not block, for a connection that owns its descriptor: handshake, reading, and
// writing in records of up to 16 KiB.
//
// What write() takes is copied into a record, and is on its way then, although the socket may take it later:
// has_unsent() tells, and the next write() goes on, also with nothing new. (Rejected: SSL_write() on the caller's
// bytes. A write that the socket did not take must be repeated with the same bytes, which a window does not promise.)
//
// The thread of the session. SIGPIPE must be ignored: OpenSSL writes without MSG_NOSIGNAL.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/tls/openssl.hpp"

namespace sluice::sinks::redis {

class TlsStream {
  public:
    // `fd` is borrowed, connected, and outlives the stream.
    TlsStream(tls::SslPtr ssl, int fd);

    // blocked: the socket has nothing, or takes nothing. ended: the server has said goodbye. failed: error_number(),
    // and OpenSSL's errors of this thread, say why; nothing may be called any more.
    enum class Result : std::uint8_t { done, blocked, ended, failed };

    [[nodiscard]] Result shake_hands();
    // Whether shake_hands() was blocked by writing; else by reading.
    [[nodiscard]] bool wants_write() const { return wants_write_; }
    // Reads from one record. done: `bytes` are in `room`, which is not empty.
    [[nodiscard]] Result read(std::span<char> room, std::size_t& bytes);
    // Takes what it can of `pieces`. blocked: not all.
    [[nodiscard]] Result write(std::span<const iovec> pieces, std::size_t& taken_bytes);
    [[nodiscard]] bool has_unsent() const { return record_bytes_ != 0; }

    // errno of the failure; 0: the connection was closed without a goodbye.
    [[nodiscard]] int error_number() const { return error_number_; }
    [[nodiscard]] const SSL& ssl() const { return *ssl_; }

  private:
    static constexpr std::size_t record_bytes_max = 16'384;  // RFC 8446, section 5.1

    [[nodiscard]] Result result_of(int return_code);
    void fill(std::span<const iovec>& pieces, std::size_t& offset);
    [[nodiscard]] Result flush();

    const tls::SslPtr ssl_;
    bool wants_write_ = false;
    int error_number_ = 0;
    std::size_t record_bytes_ = 0;  // of record_, that are not sent
    std::array<char, record_bytes_max> record_;
};

}  // namespace sluice::sinks::redis
