// The memory of OpenSSL's record buffers. With SSL_MODE_RELEASE_BUFFERS it allocates one of 17 KiB for each record that
// it reads or writes, and frees it behind the record. Each thread keeps a few of them instead, so that a record costs
// no call of malloc(3). All other memory of OpenSSL goes to malloc(3) as before.
#pragma once

namespace sluice::tls {

// Once, before OpenSSL has allocated anything; later it changes nothing. Any thread.
void keep_record_buffers();

}  // namespace sluice::tls
