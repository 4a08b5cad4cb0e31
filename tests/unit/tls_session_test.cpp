// A TLS session without sockets: handshakes cut at any byte, records both ways, ends, floods, tickets.
// runs: release asan
#include "engine/tls/session.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <algorithm>
#include <chrono>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/core/limits.hpp"
#include "engine/tls/memory.hpp"
#include "tests/support/allocation_counter.hpp"
#include "tests/support/tls_client.hpp"
#include "tests/support/tls_files.hpp"

namespace sluice::tls {
namespace {

constexpr std::uint64_t s = 1'000'000'000;

// Before any test makes a certificate.
[[maybe_unused]] const bool keeps_memory = (keep_record_buffers(), true);

using Client = tests::TlsClient;

class TlsSession : public testing::TestWithParam<int> {
  protected:
    void SetUp() override {
        auto context = Context::load(files_.settings());
        ASSERT_TRUE(context) << context.error();
        context_ = *context;
        open();
    }
    void TearDown() override {
        session_.reset();
        EXPECT_EQ(pool_.in_use_count(), 0U);
    }
    void open() { session_ = Session::open(context_, pool_); }

    std::string take_blocks() {
        std::string cipher;
        while (session_->has_block()) {
            CipherBlock* block = session_->take_block();
            cipher.append(block->bytes().data(), block->bytes().size());
            used_pool_->give_back(block);
        }
        return cipher;
    }
    // In pieces of at most `piece_bytes`.
    Progress advance(std::string_view cipher, std::size_t piece_bytes) {
        Progress progress = Progress::starved;
        for (; !cipher.empty() && progress == Progress::starved;
             cipher.remove_prefix(std::min(piece_bytes, cipher.size()))) {
            session_->feed(cipher.substr(0, piece_bytes), now_ns_);
            progress = session_->advance();
        }
        return progress;
    }
    // Returns what the client knows of it.
    bool shake_hands(Client& client, std::size_t piece_bytes = 100'000) {
        bool is_done = false;
        for (int turn = 0; turn < 4; ++turn) {
            is_done = client.shake_hands();
            if (!session_->is_open()) static_cast<void>(advance(client.give(), piece_bytes));
            client.take(take_blocks());
        }
        if (session_->is_open()) drain();
        return is_done && session_->is_open();
    }
    void drain() { static_cast<void>(read({})); }
    struct Got {
        std::string plain;
        Progress progress;
    };
    Got read(std::string_view cipher) {
        Got got{};
        std::vector<char> room(limits::tls_record_bytes_max);
        if (!cipher.empty()) session_->feed(cipher, now_ns_);
        for (;;) {  // ends: the input is used up
            const auto [progress, bytes] = session_->read(room);
            got.progress = progress;
            if (progress != Progress::done) return got;
            got.plain.append(room.data(), bytes);
        }
    }

    tests::TlsFiles files_;
    std::shared_ptr<const Context> context_;
    CipherPool pool_{64};
    CipherPool* used_pool_ = &pool_;
    std::unique_ptr<Session> session_;
    std::uint64_t now_ns_ = 1000 * s;
};

INSTANTIATE_TEST_SUITE_P(Versions, TlsSession, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) { return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST_P(TlsSession, ShakesHandsAndCarriesBytesBothWays) {
    Client client(GetParam());
    ASSERT_TRUE(shake_hands(client));
    EXPECT_EQ(session_->is_tls_1_3(), GetParam() == TLS1_3_VERSION);
    EXPECT_EQ(read(client.seal("request")).plain, "request");
    ASSERT_TRUE(session_->seal(std::string_view("answer")));
    client.take(take_blocks());
    EXPECT_EQ(client.read(), "answer");
}

TEST_P(TlsSession, TakesAHandshakeAndRecordsCutAnywhere) {
    for (const std::size_t piece_bytes : {1, 2, 5, 6, 50}) {
        open();
        Client client(GetParam());
        ASSERT_TRUE(shake_hands(client, piece_bytes)) << piece_bytes;
        std::string cipher = client.seal("first");
        cipher += client.seal(std::string(20'000, 'x'));
        std::string plain;
        for (std::size_t at = 0; at < cipher.size(); at += piece_bytes)
            plain += read(std::string_view(cipher).substr(at, piece_bytes)).plain;
        EXPECT_EQ(plain, "first" + std::string(20'000, 'x'));
    }
}

TEST_P(TlsSession, KnowsThatARecordHasBegun) {
    Client client(GetParam());
    ASSERT_TRUE(shake_hands(client));
    EXPECT_FALSE(session_->is_mid_record_since(0));
    const std::string cipher = client.seal("request");
    for (std::size_t at = 0; at < cipher.size(); ++at) {
        const bool is_last = at + 1 == cipher.size();
        EXPECT_EQ(read(std::string_view(cipher).substr(at, 1)).plain, is_last ? "request" : "");
        EXPECT_EQ(session_->is_mid_record_since(now_ns_), !is_last) << at;
        EXPECT_FALSE(session_->is_mid_record_since(now_ns_ + 1));
    }
}

TEST_P(TlsSession, AWholeOutputBlockIsOneBlock) {
    Client client(GetParam());
    ASSERT_TRUE(shake_hands(client));
    const std::string plain(limits::output_block_bytes, 'a');
    ASSERT_TRUE(session_->seal(plain));
    EXPECT_EQ(pool_.in_use_count(), 1U);
    client.take(take_blocks());
    EXPECT_EQ(client.read(), plain);
}

TEST_P(TlsSession, SaysAndHearsTheEnd) {
    Client client(GetParam());
    ASSERT_TRUE(shake_hands(client));
    SSL_shutdown(client.ssl());
    EXPECT_EQ(read(client.give()).progress, Progress::ended);
    ASSERT_TRUE(session_->seal(std::string_view("late answer")));  // the other direction is open
    session_->say_goodbye();
    session_->say_goodbye();
    client.take(take_blocks());
    EXPECT_EQ(client.read(), "late answer");
    EXPECT_NE(SSL_get_shutdown(client.ssl()) & SSL_RECEIVED_SHUTDOWN, 0);
}

TEST_P(TlsSession, GarbageBreaksItAndAnAlertIsLeft) {
    const std::string garbage = "\x16\x03\x01\x01" + std::string(600, 'g');
    EXPECT_EQ(advance(garbage, 7), Progress::failed);
    EXPECT_EQ(session_->failure(), HandshakeFailure::malformed);
    EXPECT_TRUE(session_->has_block());
}

TEST_P(TlsSession, GarbageBehindTheHandshakeBreaksIt) {
    Client client(GetParam());
    ASSERT_TRUE(shake_hands(client));
    EXPECT_EQ(read(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'g')).progress, Progress::failed);
    EXPECT_FALSE(session_->seal(std::string_view("answer")));
}

TEST_P(TlsSession, AnEmptyPoolBreaksIt) {
    CipherPool small(1);
    used_pool_ = &small;
    session_ = Session::open(context_, small);
    Client client(GetParam());
    ASSERT_TRUE(shake_hands(client));
    CipherBlock* const taken = small.take();
    EXPECT_FALSE(session_->seal(std::string_view("answer")));
    small.give_back(taken);
    session_.reset();
    EXPECT_EQ(small.in_use_count(), 0U);
}

TEST_P(TlsSession, ResumesByTicketUntilItsKeyIsForgotten) {
    Client first(GetParam());
    ASSERT_TRUE(shake_hands(first));
    EXPECT_FALSE(session_->is_resumed());
    first.read();  // the ticket of TLS 1.3 comes behind the handshake
    SSL_SESSION* const ticket = SSL_get1_session(first.ssl());
    open();
    Client second(GetParam(), ticket);
    ASSERT_TRUE(shake_hands(second));
    EXPECT_TRUE(session_->is_resumed());
    auto other = Context::load(files_.settings());  // with ticket keys of its own
    ASSERT_TRUE(other);
    context_ = *other;
    open();
    Client third(GetParam(), ticket);
    ASSERT_TRUE(shake_hands(third));
    EXPECT_FALSE(session_->is_resumed());
    SSL_SESSION_free(ticket);
}

// With renewed tickets, too: its end is that of the full handshake.
TEST_P(TlsSession, AChainOfTicketsEndsWithTheLifeOfTheFirst) {
    if (GetParam() == TLS1_2_VERSION) GTEST_SKIP() << "a ticket that its newest key has sealed is not renewed";
    tls::Settings settings = files_.settings();
    settings.ticket_lifetime_s = 2;
    context_ = *Context::load(settings);
    std::list<Client> clients;  // one that is gone makes its session useless
    SSL_SESSION* ticket = nullptr;
    for (const bool is_resumed : {false, true, false}) {
        open();
        Client& client = clients.emplace_back(GetParam(), ticket);
        ASSERT_TRUE(shake_hands(client));
        EXPECT_EQ(session_->is_resumed(), is_resumed);
        client.read();
        ticket = SSL_get_session(client.ssl());
        std::this_thread::sleep_for(std::chrono::milliseconds(is_resumed ? 1300 : 800));
    }
}

TEST_P(TlsSession, AFloodOfInterruptionsBreaksIt) {
    Client client(GetParam());
    ASSERT_TRUE(shake_hands(client));
    Progress progress = Progress::starved;
    std::uint32_t count = 0;
    for (; count < 100 && progress == Progress::starved; ++count) {
        if (GetParam() == TLS1_3_VERSION) SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED);
        else SSL_renegotiate(client.ssl());
        SSL_do_handshake(client.ssl());
        progress = read(client.give() + (GetParam() == TLS1_3_VERSION ? client.seal("x") : "")).progress;
        client.take(take_blocks());
        client.read();
        if (GetParam() == TLS1_2_VERSION) break;  // the client itself gives up when it is refused
    }
    if (GetParam() == TLS1_3_VERSION) {
        EXPECT_EQ(progress, Progress::failed);
        EXPECT_EQ(count, Session::interruptions_count_max + 1);
    } else {
        EXPECT_EQ(progress, Progress::starved);
    }
}

TEST_P(TlsSession, FewKeyUpdatesAMinuteAreTaken) {
    if (GetParam() != TLS1_3_VERSION) GTEST_SKIP() << "TLS 1.2 has no KeyUpdate";
    Client client(GetParam());
    ASSERT_TRUE(shake_hands(client));
    for (std::uint32_t i = 0; i < 3 * Session::interruptions_count_max; ++i) {
        now_ns_ += 5 * s;
        SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED);
        EXPECT_EQ(read(client.seal("x")).plain, "x") << i;
        client.take(take_blocks());
        client.read();
    }
}

// OpenSSL's own included: a record's memory is kept by its thread.
TEST_P(TlsSession, RecordsCostNoAllocation) {
    if (!tests::can_count_allocations()) GTEST_SKIP() << "allocations cannot be counted here";
    Client client(GetParam());
    ASSERT_TRUE(shake_hands(client));
    std::vector<char> room(limits::tls_record_bytes_max);
    const auto turn = [&](const std::string& cipher) {
        session_->feed(cipher, now_ns_);
        while (session_->read(room).progress == Progress::done) {
        }
        ASSERT_TRUE(session_->seal(std::string_view("answer")));
        pool_.give_back(session_->take_block());
    };
    for (int i = 0; i < 3; ++i) turn(client.seal("request"));
    const std::string request = client.seal("request");
    const std::uint64_t before = tests::allocations_count();
    turn(request);
    EXPECT_EQ(tests::allocations_count(), before);
}

// --- tickets -------------------------------------------------------------------------------------------------------

TEST(TicketKeys, AreMadeEachHourAndForgottenAfterThree) {
    TicketKeys keys(3600);
    const std::uint64_t hour = 3600 * s;
    const auto first = keys.newest(0);
    ASSERT_TRUE(first);
    EXPECT_EQ(keys.newest(hour - 1)->name, first->name);
    EXPECT_NE(keys.newest(hour)->name, first->name);
    EXPECT_FALSE(keys.find(first->name.data(), hour)->is_newest);
    EXPECT_TRUE(keys.find(first->name.data(), 2 * hour));
    EXPECT_FALSE(keys.find(first->name.data(), 3 * hour));
}

TEST(TicketKeys, AreForgottenAfterAPause) {
    TicketKeys keys(3600);
    const auto first = keys.newest(0);
    EXPECT_FALSE(keys.find(first->name.data(), 5 * 3600 * s));
}

TEST(TicketKeys, LiveAsLongAsTickets) {
    TicketKeys keys(24 * 3600);
    const auto first = keys.newest(0);
    EXPECT_TRUE(keys.find(first->name.data(), 24 * 3600 * s));
}

}  // namespace
}  // namespace sluice::tls
