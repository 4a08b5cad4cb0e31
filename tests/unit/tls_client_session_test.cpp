// A client's TLS session against a server's, without sockets: handshakes, trust, records, tickets, ends.
// runs: release asan
#include "engine/tls/client_session.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/limits.hpp"
#include "engine/tls/session.hpp"
#include "tests/support/tls_files.hpp"

namespace sluice::tls {
namespace {

std::string blocks_of(Session& server, CipherPool& pool) {
    std::string cipher;
    while (server.has_block()) {
        CipherBlock* block = server.take_block();
        cipher.append(block->bytes().data(), block->bytes().size());
        pool.give_back(block);
    }
    return cipher;
}

// Everything that can be read of what was fed. `last`: what ended it.
template <typename Session>
std::string drained(Session& session, Progress* last = nullptr) {
    std::string plain;
    std::vector<char> room(limits::tls_record_bytes_max);
    for (;;) {  // ends: the input is used up
        const auto [progress, bytes] = session.read(room);
        if (last != nullptr) *last = progress;
        if (progress != Progress::done) return plain;
        plain.append(room.data(), bytes);
    }
}

class TlsClientSession : public testing::TestWithParam<Versions> {
  protected:
    void SetUp() override {
        auto context = Context::load(files_.settings());
        ASSERT_TRUE(context) << context.error();
        server_context_ = *context;
    }
    void TearDown() override { server_.reset(); }

    ClientSettings settings() const {
        return {.server_name = "localhost",
                .ca = files_.settings().pair.certificate,
                .pair = {},
                .versions = GetParam(),
                .keeps_tickets = true};
    }
    void open(const ClientSettings& settings, SSL_SESSION* ticket = nullptr) {
        client_.reset();
        auto context = ClientContext::load(settings);
        ASSERT_TRUE(context) << context.error();
        client_context_ = std::move(*context);
        client_ = ClientSession::open(*client_context_, ticket);
        server_ = Session::open(server_context_, pool_);
    }
    void feed_server(const std::string& cipher) {
        if (cipher.empty()) return;
        server_->feed(cipher, 0);
        if (!server_->is_open()) server_progress_ = server_->advance();
        if (server_->is_open()) seen_ += drained(*server_);
    }
    // In pieces of at most `piece_bytes`.
    Progress feed_client(std::string_view cipher, std::size_t piece_bytes) {
        Progress progress = Progress::starved;
        for (; !cipher.empty(); cipher.remove_prefix(std::min(piece_bytes, cipher.size()))) {
            client_->feed(cipher.substr(0, piece_bytes));
            if (!client_->is_open()) progress = client_->advance();
            if (progress == Progress::failed) return progress;
            if (client_->is_open()) answered_ += drained(*client_);
        }
        return progress;
    }
    Progress shake_hands(std::size_t piece_bytes = 100'000) {
        Progress progress = client_->advance();
        for (int turn = 0; turn < 3 && progress != Progress::failed; ++turn) {
            feed_server(client_->take_flight());
            const Progress now = feed_client(blocks_of(*server_, pool_), piece_bytes);
            if (now != Progress::starved) progress = now;
        }
        feed_server(client_->take_flight());
        return progress;
    }
    std::string sealed(std::string_view plain) {
        std::string room(ClientSession::sealed_bytes_max(plain.size()), '\0');
        room.resize(client_->seal(plain, room));
        return room;
    }

    tests::TlsFiles files_;
    std::shared_ptr<const Context> server_context_;
    std::unique_ptr<const ClientContext> client_context_;
    CipherPool pool_{64};
    std::unique_ptr<Session> server_;
    std::unique_ptr<ClientSession> client_;
    Progress server_progress_ = Progress::starved;
    std::string seen_, answered_;
};

INSTANTIATE_TEST_SUITE_P(Versions, TlsClientSession, testing::Values(Versions::only_1_2, Versions::only_1_3),
                         [](const auto& versions) { return versions.param == Versions::only_1_2 ? "Tls12" : "Tls13"; });

TEST_P(TlsClientSession, ShakesHandsAndCarriesBytesBothWays) {
    open(settings());
    ASSERT_EQ(shake_hands(), Progress::done) << client_->failure_text();
    EXPECT_EQ(client_->is_tls_1_3(), GetParam() == Versions::only_1_3);
    EXPECT_TRUE(client_->agreed().starts_with(GetParam() == Versions::only_1_3 ? "TLS 1.3, " : "TLS 1.2, "));
    EXPECT_FALSE(client_->is_resumed());
    feed_server(sealed("request"));
    EXPECT_EQ(seen_, "request");
    ASSERT_TRUE(server_->seal(std::string_view("answer")));
    EXPECT_EQ(feed_client(blocks_of(*server_, pool_), 100'000), Progress::starved);
    EXPECT_EQ(answered_, "answer");
}

TEST_P(TlsClientSession, TakesBytesCutAnywhere) {
    for (const std::size_t piece_bytes : {1, 5, 6, 100}) {
        open(settings());
        ASSERT_EQ(shake_hands(piece_bytes), Progress::done) << piece_bytes;
        answered_.clear();
        ASSERT_TRUE(server_->seal(std::string(3000, 'x')));
        static_cast<void>(feed_client(blocks_of(*server_, pool_), piece_bytes));
        EXPECT_EQ(answered_, std::string(3000, 'x')) << piece_bytes;
    }
}

TEST_P(TlsClientSession, SealsRequestsOfManyRecordsAtOnce) {
    open(settings());
    ASSERT_EQ(shake_hands(), Progress::done);
    const std::string request(100'000, 'r');
    feed_server(sealed(request));
    EXPECT_EQ(seen_, request);
}

TEST_P(TlsClientSession, ACertificateOfNobodyKnownIsRefused) {
    ClientSettings strict = settings();
    strict.ca.clear();
    open(strict);
    EXPECT_EQ(shake_hands(), Progress::failed);
    EXPECT_EQ(client_->failure(), ClientFailure::untrusted);
    EXPECT_EQ(client_->failure_text(), "the server's certificate is not trusted: self-signed certificate");
    EXPECT_EQ(server_progress_, Progress::failed);
    EXPECT_EQ(server_->failure(), HandshakeFailure::client_alert);
}

TEST_P(TlsClientSession, ACertificateOfAnotherServerIsRefused) {
    for (const std::string name : {"example.org", "127.0.0.1", "::1"}) {
        ClientSettings other = settings();
        other.server_name = name;
        open(other);
        EXPECT_EQ(shake_hands(), Progress::failed);
        EXPECT_EQ(client_->failure(), ClientFailure::wrong_name);
        EXPECT_EQ(client_->failure_text(), "the server's certificate is not for " + name);
    }
}

TEST_P(TlsClientSession, AnyCertificateIsTakenWhereNoneIsVerified) {
    ClientSettings insecure = settings();
    insecure.ca.clear();
    insecure.server_name = "example.org";
    insecure.is_verified = false;
    open(insecure);
    EXPECT_EQ(shake_hands(), Progress::done);
}

// In TLS 1.3 each connection needs a ticket of its own: OpenSSL uses none twice.
TEST_P(TlsClientSession, ResumesAgainAndAgain) {
    TicketPtr ticket;
    for (int connection = 0; connection < 4; ++connection) {
        open(settings(), ticket.get());
        ASSERT_EQ(shake_hands(), Progress::done);
        EXPECT_EQ(client_->is_resumed(), connection > 0) << connection;
        EXPECT_EQ(server_->is_resumed(), connection > 0) << connection;
        if (TicketPtr next = client_->take_ticket()) ticket = std::move(next);
        ASSERT_NE(ticket, nullptr);
        client_->say_goodbye();
        feed_server(client_->take_flight());
    }
}

TEST_P(TlsClientSession, HearsTheEndAndSaysIt) {
    open(settings());
    ASSERT_EQ(shake_hands(), Progress::done);
    client_->say_goodbye();
    EXPECT_FALSE(client_->take_flight().empty());
    server_->say_goodbye();
    const std::string cipher = blocks_of(*server_, pool_);
    client_->feed(cipher);
    Progress last = Progress::starved;
    EXPECT_EQ(drained(*client_, &last), "");
    EXPECT_EQ(last, Progress::ended);
}

TEST_P(TlsClientSession, WhatIsNoTlsIsToldSo) {
    open(settings());
    ASSERT_EQ(client_->advance(), Progress::starved);
    client_->feed(std::string_view("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_EQ(client_->advance(), Progress::failed);
    EXPECT_EQ(client_->failure(), ClientFailure::not_tls) << client_->failure_text();
}

TEST_P(TlsClientSession, ABrokenRecordBreaksItAndNothingMoreIsSealed) {
    open(settings());
    ASSERT_EQ(shake_hands(), Progress::done);
    ASSERT_TRUE(server_->seal(std::string_view("answer")));
    std::string cipher = blocks_of(*server_, pool_);
    cipher.back() = static_cast<char>(cipher.back() ^ 1);
    client_->feed(cipher);
    Progress last = Progress::starved;
    EXPECT_EQ(drained(*client_, &last), "");
    EXPECT_EQ(last, Progress::failed);
    EXPECT_FALSE(client_->take_flight().empty()) << "an alert";
    EXPECT_EQ(sealed("more"), "");
}

TEST(TlsClientContext, FilesThatCannotBeUsedAreNamed) {
    const tests::TlsFiles files;
    const PairFiles pair = files.settings().pair;
    const auto error_of = [](ClientSettings settings) {
        settings.server_name = "localhost";
        const auto context = ClientContext::load(settings);
        return context ? std::string() : context.error();
    };
    EXPECT_EQ(error_of({.server_name = {}, .ca = pair.certificate, .pair = pair}), "");
    EXPECT_NE(error_of({.server_name = {}, .ca = "/nowhere", .pair = {}}).find("the CA file /nowhere"),
              std::string::npos);
    EXPECT_NE(error_of({.server_name = {}, .ca = pair.key, .pair = {}}).find("no certificate in PEM"),
              std::string::npos);
    EXPECT_NE(error_of({.server_name = {}, .ca = {}, .pair = PairFiles{pair.certificate, "/nowhere"}}).find("/nowhere"),
              std::string::npos);
}

}  // namespace
}  // namespace sluice::tls
