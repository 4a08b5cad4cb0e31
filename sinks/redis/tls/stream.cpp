#include "sinks/redis/tls/stream.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/core/check.hpp"

namespace sluice::sinks::redis {

TlsStream::TlsStream(tls::SslPtr ssl, int fd) : ssl_(std::move(ssl)) {
    CHECK(ssl_ != nullptr && SSL_set_fd(ssl_.get(), fd) == 1);
    SSL_set_connect_state(ssl_.get());
}

TlsStream::Result TlsStream::shake_hands() {
    ERR_clear_error();
    errno = 0;
    return result_of(SSL_do_handshake(ssl_.get()));
}

TlsStream::Result TlsStream::read(std::span<char> room, std::size_t& bytes) {
    bytes = 0;
    ERR_clear_error();
    errno = 0;
    return result_of(SSL_read_ex(ssl_.get(), room.data(), room.size(), &bytes));
}

TlsStream::Result TlsStream::write(std::span<const iovec> pieces, std::size_t& taken_bytes) {
    taken_bytes = 0;
    std::size_t offset = 0;  // in the first of `pieces`
    while (true) {  // ends: each turn sends a record, or returns
        if (has_unsent()) {
            if (const Result result = flush(); result != Result::done) return result;
        }
        fill(pieces, offset);
        if (!has_unsent()) return Result::done;
        taken_bytes += record_bytes_;
    }
}

// Moves what fits into the record.
void TlsStream::fill(std::span<const iovec>& pieces, std::size_t& offset) {
    while (!pieces.empty() && record_bytes_ < record_bytes_max) {  // ends: each turn fills the record or passes a piece
        const iovec& piece = pieces.front();
        const std::size_t bytes = std::min(piece.iov_len - offset, record_bytes_max - record_bytes_);
        if (bytes != 0)
            std::memcpy(record_.data() + record_bytes_, static_cast<const char*>(piece.iov_base) + offset, bytes);
        record_bytes_ += bytes;
        offset += bytes;
        if (offset < piece.iov_len) return;
        pieces = pieces.subspan(1);
        offset = 0;
    }
}

// A write that was blocked is repeated with the same bytes, as SSL_write(3) asks.
TlsStream::Result TlsStream::flush() {
    std::size_t bytes = 0;
    ERR_clear_error();
    errno = 0;
    const Result result = result_of(SSL_write_ex(ssl_.get(), record_.data(), record_bytes_, &bytes));
    if (result == Result::done) record_bytes_ = 0;  // all: partial writes are not on
    return result;
}

TlsStream::Result TlsStream::result_of(int return_code) {
    if (return_code == 1) return Result::done;
    const int error_number = errno;
    switch (SSL_get_error(ssl_.get(), return_code)) {
        case SSL_ERROR_WANT_READ: wants_write_ = false; return Result::blocked;
        case SSL_ERROR_WANT_WRITE: wants_write_ = true; return Result::blocked;
        case SSL_ERROR_ZERO_RETURN: return Result::ended;
        default: error_number_ = error_number; return Result::failed;
    }
}

}  // namespace sluice::sinks::redis
