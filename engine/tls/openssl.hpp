// What OpenSSL makes, owned, and its errors as text. Any thread, one at a time for each object.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace sluice::tls {

template <auto free_object>
struct Freed {
    template <typename T>
    void operator()(T* object) const {
        free_object(object);
    }
};

using SslPtr = std::unique_ptr<SSL, Freed<SSL_free>>;
using SslContextPtr = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using BioPtr = std::unique_ptr<BIO, Freed<BIO_free>>;
using BioMethodPtr = std::unique_ptr<BIO_METHOD, Freed<BIO_meth_free>>;
using CertificatePtr = std::unique_ptr<X509, Freed<X509_free>>;
using RevocationsPtr = std::unique_ptr<X509_CRL, Freed<X509_CRL_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

// What OpenSSL says of the last error of this thread, which is forgotten with those before it. Never empty.
[[nodiscard]] std::string take_reason();

}  // namespace sluice::tls
