// TlsClient: the other end of a tls::Session: OpenSSL with memory on both sides. It trusts everybody.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/tls/openssl.hpp"

namespace sluice::tests {

class TlsClient {
  public:
    explicit TlsClient(int version, SSL_SESSION* session = nullptr) : context_(SSL_CTX_new(TLS_client_method())) {
        SSL_CTX_set_min_proto_version(context_.get(), version);
        SSL_CTX_set_max_proto_version(context_.get(), version);
        ssl_.reset(SSL_new(context_.get()));
        SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_connect_state(ssl_.get());
        if (session != nullptr) SSL_set_session(ssl_.get(), session);
    }
    bool shake_hands() { return SSL_do_handshake(ssl_.get()) == 1; }
    void take(std::string_view cipher) {
        BIO_write(SSL_get_rbio(ssl_.get()), cipher.data(), static_cast<int>(cipher.size()));
    }
    // What it wants to send.
    std::string give() {
        std::string cipher(BIO_ctrl_pending(SSL_get_wbio(ssl_.get())), '\0');
        if (!cipher.empty()) BIO_read(SSL_get_wbio(ssl_.get()), cipher.data(), static_cast<int>(cipher.size()));
        return cipher;
    }
    std::string seal(std::string_view plain) {
        SSL_write(ssl_.get(), plain.data(), static_cast<int>(plain.size()));
        return give();
    }
    std::string read() {
        std::string plain;
        char room[20'000];
        for (int bytes = 0; (bytes = SSL_read(ssl_.get(), room, sizeof room)) > 0;)
            plain.append(room, static_cast<std::size_t>(bytes));
        return plain;
    }
    SSL* ssl() { return ssl_.get(); }

  private:
    tls::SslContextPtr context_;
    tls::SslPtr ssl_;
};

}  // namespace sluice::tests
