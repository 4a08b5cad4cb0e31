// Fuzzes what TLS clients may send: the handshake and the records of a real client, mutated and cut into arbitrary
// pieces, go through a Session. Whatever comes of it, the session must answer or break, say a bounded number of bytes,
// and leave the pool whole.
//
// Input: byte 0 says the version of TLS and whether the client changes keys, byte 1 how many bytes follow that are
// piece sizes (used in turn), then four bytes for each mutation of what the client sends: the place (2 bytes), what is
// done there (change, drop, repeat), the value.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/limits.hpp"
#include "engine/tls/session.hpp"
#include "tests/support/tls_client.hpp"
#include "tests/support/tls_files.hpp"

namespace {

using sluice::tests::TlsClient;
using sluice::tls::CipherBlock;
using sluice::tls::Context;
using sluice::tls::Progress;
using sluice::tls::Session;

struct Mutation {
    std::size_t at;
    unsigned what;  // 0 and 1 change, 2 drop, 3 repeat
    char value;
};

struct Input {
    int version = TLS1_3_VERSION;
    bool changes_keys = false;
    std::vector<std::size_t> pieces;
    std::vector<Mutation> mutations;
};

Input input_of(std::span<const std::uint8_t> bytes) {
    Input input;
    input.version = (bytes[0] & 1) != 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
    input.changes_keys = (bytes[0] & 2) != 0;
    const std::size_t pieces_count = std::min<std::size_t>(bytes[1] % 16, bytes.size() - 2);
    for (const std::uint8_t piece : bytes.subspan(2, pieces_count)) input.pieces.push_back(std::size_t{piece} + 1);
    for (auto rest = bytes.subspan(2 + pieces_count); rest.size() >= 4; rest = rest.subspan(4))
        input.mutations.push_back({std::size_t{rest[0]} << 8 | rest[1], rest[2] % 4u, static_cast<char>(rest[3])});
    return input;
}

class Server {
  public:
    Server(std::shared_ptr<const Context> context, const Input& input)
        : input_(input), session_(Session::open(std::move(context), pool_)) {}
    ~Server() {
        session_.reset();
        CHECK(pool_.in_use_count() == 0);
    }

    // False: it is broken, or has heard the end.
    bool take(std::string cipher) {
        for (std::string_view left = mutate(cipher); !left.empty() && is_alive_;) {
            const auto& pieces = input_.pieces;
            const std::size_t size = pieces.empty() ? left.size() : pieces[turn_++ % pieces.size()];
            feed(left.substr(0, size));
            left.remove_prefix(std::min(size, left.size()));
        }
        return is_alive_;
    }

    std::string give() {
        std::string cipher;
        while (session_->has_block()) {
            CipherBlock* block = session_->take_block();
            cipher.append(block->bytes().data(), block->bytes().size());
            pool_.give_back(block);
        }
        CHECK(cipher.size() < 64 * sluice::limits::kib);
        return cipher;
    }

  private:
    // Places count from the client's first byte.
    std::string_view mutate(std::string& cipher) {
        const std::size_t begin = sent_bytes_;
        sent_bytes_ += cipher.size();
        for (const Mutation& mutation : input_.mutations) {
            const std::size_t at = mutation.at - begin;
            if (mutation.at < begin || at >= cipher.size()) continue;
            if (mutation.what == 2) cipher.erase(at, 1);
            else if (mutation.what == 3) cipher.insert(at, 1, cipher[at]);
            else cipher[at] = mutation.value;
        }
        return cipher;
    }

    void feed(std::string_view piece) {
        session_->feed(piece, 1'000'000'000);
        if (!session_->is_open()) {
            const Progress progress = session_->advance();
            is_alive_ = progress != Progress::failed;
            if (progress != Progress::done) return;
        }
        Session::Read read{Progress::done, 0};
        while (read.progress == Progress::done) read = session_->read(room_);
        is_alive_ = read.progress == Progress::starved;
        if (is_alive_) is_alive_ = session_->seal(std::string_view("HTTP/1.1 200 OK\r\n\r\n"));
    }

    const Input& input_;
    sluice::tls::CipherPool pool_{64};
    std::unique_ptr<Session> session_;
    std::vector<char> room_ = std::vector<char>(sluice::limits::tls_record_bytes_max);
    std::size_t sent_bytes_ = 0;
    std::size_t turn_ = 0;
    bool is_alive_ = true;
};

std::shared_ptr<const Context> context() {
    static const sluice::tests::TlsFiles files;
    static const auto loaded = Context::load(files.settings());
    CHECK(loaded.has_value());
    return *loaded;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const Input input = input_of({data, size});
    Server server(context(), input);
    TlsClient client(input.version);
    for (int turn = 0; turn < 6; ++turn) {
        const bool is_done = client.shake_hands();
        std::string cipher = client.give();
        if (is_done && input.changes_keys && input.version == TLS1_3_VERSION)
            SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED);
        if (is_done) cipher += client.seal("GET /health HTTP/1.1\r\nHost: h\r\n\r\n");
        if (!server.take(std::move(cipher))) break;
        client.take(server.give());
        if (is_done) client.read();
    }
    static_cast<void>(server.give());
    return 0;
}
