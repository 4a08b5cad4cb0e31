#include "engine/tenants/sha256.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "engine/core/check.hpp"

namespace sluice::tenants {

Sha256::Sha256() : algorithm_(::EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(::EVP_MD_CTX_new()) {
    CHECK(algorithm_ != nullptr && context_ != nullptr);  // the default provider has it
}

Sha256::~Sha256() {
    ::EVP_MD_CTX_free(context_);
    ::EVP_MD_free(algorithm_);
}

Digest Sha256::operator()(std::string_view text) {
    Digest digest{};
    unsigned int bytes = 0;
    const bool is_done = ::EVP_DigestInit_ex2(context_, algorithm_, nullptr) == 1 &&
                         ::EVP_DigestUpdate(context_, text.data(), text.size()) == 1 &&
                         ::EVP_DigestFinal_ex(context_, digest.data(), &bytes) == 1;
    CHECK(is_done && bytes == digest.size());
    return digest;
}

bool is_equal(const Digest& a, const Digest& b) { return ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0; }

bool is_equal_text(std::string_view a, std::string_view b) {
    return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace sluice::tenants
