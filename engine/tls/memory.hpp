// The memory of OpenSSL's records. With SSL_MODE_RELEASE_BUFFERS it allocates a buffer of 17 KiB for each record that
// it reads or writes, and some blocks of 40 bytes, and frees them behind the record. Each thread keeps a few of both
// instead, so that a record costs no call of malloc(3). All other memory of OpenSSL goes to malloc(3) as before.
#pragma once

namespace sluice::tls {

// Once, before OpenSSL has allocated anything; later it changes nothing. Any thread.
void keep_record_buffers();

}  // namespace sluice::tls
