#include "engine/tls/channel.hpp"

#include <openssl/err.h>

#include <algorithm>

#include "engine/core/check.hpp"

namespace sluice::tls {

// --- the BIO: OpenSSL's way to the bytes of a channel ----------------------------------------------------------

struct ChannelBio {
    static Channel& channel_of(BIO* bio) { return *static_cast<Channel*>(BIO_get_data(bio)); }

    static int read(BIO* bio, char* room, int room_bytes) {
        BIO_clear_retry_flags(bio);
        const std::size_t bytes = channel_of(bio).take_input({room, static_cast<std::size_t>(room_bytes)});
        if (bytes != 0) return static_cast<int>(bytes);
        BIO_set_retry_read(bio);
        return -1;
    }

    static int write(BIO* bio, const char* bytes, int bytes_count) {
        BIO_clear_retry_flags(bio);
        return channel_of(bio).put_output({bytes, static_cast<std::size_t>(bytes_count)}) ? bytes_count : -1;
    }

    // OpenSSL flushes after each flight; what is written is there already.
    static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

    static BIO_METHOD* make() {
        BIO_METHOD* const method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "session");
        CHECK(method != nullptr);
        BIO_meth_set_read(method, read);
        BIO_meth_set_write(method, write);
        BIO_meth_set_ctrl(method, control);
        return method;
    }

    static const BIO_METHOD* method() {
        static const BioMethodPtr made(make());
        return made.get();
    }
};

bool Channel::attach() {
    BioPtr bio(BIO_new(ChannelBio::method()));
    if (ssl_ == nullptr || bio == nullptr) return false;
    BIO_set_data(bio.get(), this);
    BIO_set_init(bio.get(), 1);
    BIO* const both = bio.release();
    SSL_set_bio(ssl_.get(), both, both);  // takes one reference for both
    return true;
}

void Channel::give_input(std::span<const char> cipher) {
    CHECK(input_.empty());
    input_ = cipher;
}

std::size_t Channel::take_input(std::span<char> room) {
    const std::size_t bytes = std::min(room.size(), input_.size());
    std::ranges::copy(input_.first(bytes), room.begin());
    input_ = input_.subspan(bytes);
    return bytes;
}

Progress Channel::shake_hands() {
    CHECK(!is_open_ && !is_broken_);
    ERR_clear_error();
    const OSSL_HANDSHAKE_STATE before = SSL_get_state(ssl_.get());
    const int result = SSL_do_handshake(ssl_.get());
    has_advanced_ = result == 1 || SSL_get_state(ssl_.get()) != before;
    is_open_ = result == 1;
    if (is_open_) return Progress::done;
    return SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ ? Progress::starved : Progress::failed;
}

Channel::Read Channel::read_record(std::span<char> room) {
    CHECK(is_open_ && !is_broken_);
    ERR_clear_error();
    std::size_t bytes = 0;
    const int result = SSL_read_ex(ssl_.get(), room.data(), room.size(), &bytes);
    if (result == 1) return {Progress::done, bytes};
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ: return {Progress::starved, 0};
        case SSL_ERROR_ZERO_RETURN: input_ = {}; return {Progress::ended, 0};
        default: return {Progress::failed, 0};
    }
}

bool Channel::write(std::span<const char> plain) {
    CHECK(is_open_);
    if (is_broken_) return false;
    ERR_clear_error();
    std::size_t written_bytes = 0;
    return SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written_bytes) == 1 && written_bytes == plain.size();
}

void Channel::break_off() {
    is_broken_ = true;
    input_ = {};
    ERR_clear_error();
}

// Not within a handshake: OpenSSL has no way to say it there.
void Channel::say_goodbye() {
    if (!is_open_ || is_broken_ || has_said_goodbye_) return;
    has_said_goodbye_ = true;
    static_cast<void>(SSL_shutdown(ssl_.get()));
    ERR_clear_error();
}

void set_modes(SSL_CTX* ssl) {
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ssl, 1);
}

}  // namespace sluice::tls
