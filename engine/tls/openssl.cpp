#include "engine/tls/openssl.hpp"

#include <openssl/err.h>

namespace sluice::tls {

std::string take_reason() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    const char* const reason = ERR_reason_error_string(code);
    return reason == nullptr ? "no reason was given" : reason;
}

}  // namespace sluice::tls
