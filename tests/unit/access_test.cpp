// Access through the gate: who is let in, as which tenant, and what its quota and its cap of `ack` do.
// runs: release asan
#include "engine/ingest/access.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ingest/admin_guard.hpp"
#include "engine/ingest/credentials.hpp"
#include "engine/ingest/gate.hpp"
#include "tests/support/batcher_bench.hpp"
#include "tests/support/request_head.hpp"

namespace sluice {
namespace {

constexpr std::uint64_t second = 1'000'000'000;
constexpr std::uint16_t query_page = 3;

tenants::Tenant tenant(const std::string& name, const std::string& secret) {
    tenants::Tenant made{.name = name};
    made.tokens.push_back({.id = "id", .digest = tenants::Sha256()(secret), .expires_s = 0, .scopes_mask = 1});
    return made;
}

class AccessTest : public testing::Test {
  protected:
    AccessTest() {
        gate.add_route({"/query", http::Methods::get_and_post, query_page}, "/write");
        gate.guard(access, query_page);
    }

    static std::shared_ptr<const tenants::TenantTable> table(std::uint32_t generation = 1,
                                                             std::string_view network_of_acme = "") {
        static tenants::TenantNumbers numbers;
        std::vector<tenants::Tenant> all{tenant("acme", "s1"), tenant("other", "s2"), tenant("near", "s3")};
        all[0].ack_max = AckLevel::queued;
        all[1].quota = {.requests_per_s = 1, .burst_ns = second, .connections_count = 1};
        all[2].addresses.push_back(*parse_ip_network("10.0.0.0/8"));
        all[0].certificates.push_back({tenants::CertificateNameKind::uri, "spiffe://a"});
        all[1].certificates.push_back({tenants::CertificateNameKind::fingerprint, "f1"});
        all[2].certificates.push_back({tenants::CertificateNameKind::dns, "near.test"});
        all[2].certificates.push_back({tenants::CertificateNameKind::common_name, "near"});
        if (!network_of_acme.empty()) all[0].addresses.push_back(*parse_ip_network(network_of_acme));
        return tenants::TenantTable::make(std::move(all), numbers, generation).value();
    }

    [[nodiscard]] std::expected<Gate::Passage, Gate::Refused> check(std::string_view path, const std::string& lines,
                                                                    std::string_view query = "", Slot slot = 0,
                                                                    Gate::Body body = Gate::Body::whole) {
        head = tests::request_head(lines);
        head.method = parsers::Method::post;
        return gate.check(
            {.head = head, .path = path, .query = query, .body = "{}", .received_ns = now_ns, .slot = slot}, body);
    }
    [[nodiscard]] std::string code(std::string_view path, const std::string& lines, std::string_view query = "",
                                   Slot slot = 0) {
        const auto passage = check(path, lines, query, slot);
        return passage ? "passes" : std::string(info_of(passage.error().reason).code);
    }

    std::string peer = "10.1.2.3:5";
    std::uint64_t now_ns = 100 * second;
    parsers::RequestHead head;
    EngineState state;
    sinks::SinkSignal signal;
    tests::BatcherBench bench{{.batches_count = 2}};
    Admission admission{state, signal};
    std::unique_ptr<tenants::Failures> failures = std::make_unique<tenants::Failures>(7);
    std::unique_ptr<tenants::SharedQuotas> quotas = std::make_unique<tenants::SharedQuotas>();
    ClientAddresses clients{[this](Slot) { return peer; }};
    AccessFailures access_failures{*failures, clients};
    const tls::ClientIdentity* client = nullptr;
    Access access{table(), *quotas, access_failures, 8, [this](Slot) { return client; }};
    Gate gate{formats(), admission, *bench.batcher, {}, {}, nullptr};
};

const std::string acme = "Authorization: Bearer s1\r\n", other = "X-Api-Key: s2\r\n", near = "X-Api-Key: s3\r\n";

TEST_F(AccessTest, ATokenDecidesWhoItIs) {
    EXPECT_EQ(code("/telemetry", ""), "unauthorized");
    EXPECT_EQ(code("/telemetry", "X-Api-Key: s4\r\n"), "unauthorized");
    EXPECT_EQ(check("/telemetry", acme)->tenant, 0);
    EXPECT_EQ(check("/telemetry", other)->tenant, 1);
    EXPECT_EQ(code("/query", ""), "unauthorized");
    EXPECT_EQ(code("/query", "", "u=a&p=s1"), "passes");
    EXPECT_EQ(code("/write", "", "u=a&p=s1"), "passes");
    EXPECT_EQ(code("/api/v2/write", "", "u=a&p=s1"), "unauthorized");
    EXPECT_EQ(code("/nowhere", ""), "not_found");
}

TEST_F(AccessTest, ACertificateDecidesWhereThereIsNoToken) {
    const auto tenant_by = [this](const tls::ClientIdentity& identity, const std::string& lines = "") {
        client = &identity;
        access.forget(0);
        now_ns += 5 * second;  // the quota of `other` is for one request
        const auto passage = check("/telemetry", lines);
        return passage ? int{passage->tenant} : -1;
    };
    EXPECT_EQ(tenant_by({"f1", {"spiffe://a"}, {"near.test"}, ""}), 1) << "the fingerprint comes first";
    EXPECT_EQ(tenant_by({"f2", {"spiffe://b", "spiffe://a"}, {"near.test"}, ""}), 0);
    EXPECT_EQ(tenant_by({"f2", {"spiffe://b"}, {"near.test"}, ""}), 2);
    EXPECT_EQ(tenant_by({"f2", {}, {}, "near"}), 2);
    EXPECT_EQ(tenant_by({"f2", {"near.test"}, {"spiffe://a"}, ""}), -1) << "a name of another kind is another";
    EXPECT_EQ(tenant_by({"f2", {"spiffe://a/"}, {}, ""}), -1);
    EXPECT_EQ(tenant_by({"f2", {"spiffe://a"}, {}, ""}, other), 1) << "a token comes first";
    EXPECT_EQ(tenant_by({"f2", {"spiffe://a"}, {}, ""}, "X-Api-Key: s4\r\n"), -1);
    client = nullptr;
    EXPECT_EQ(code("/telemetry", "", "", 1), "unauthorized");
}

TEST_F(AccessTest, ARefusalHasTheShapeOfItsPath) {
    const auto refused = check("/query", "");
    ASSERT_FALSE(refused.has_value());
    ASSERT_NE(refused.error().format, nullptr);
    EXPECT_EQ(refused.error().format->challenge, basic_challenge);
    EXPECT_EQ(check("/telemetry", "").error().format->challenge, bearer_challenge);
}

TEST_F(AccessTest, ATenantMaySendFromItsAddressesAlone) {
    EXPECT_EQ(code("/telemetry", near), "passes");
    peer = "192.0.2.1:5";
    EXPECT_EQ(code("/telemetry", near), "passes") << "the connection is the same";
    access.forget(0);
    EXPECT_EQ(code("/telemetry", near), "forbidden");
    peer = "unix";
    EXPECT_EQ(code("/telemetry", near), "passes");
}

// A connection of a proxy carries requests of many clients.
class ProxiedAccessTest : public AccessTest {
  protected:
    ProxiedAccessTest() { gate.guard(proxied, query_page); }

    static std::vector<IpNetwork> trusted() { return {*parse_ip_network("192.0.2.0/24"), *parse_ip_network("::1")}; }
    static std::string from(std::string_view list) { return "X-Forwarded-For: " + std::string(list) + "\r\n"; }

    bool is_anonymous = false;
    ClientAddresses proxied_clients{[this](Slot) { return peer; }, trusted(), 8, [this](Slot) { return is_anonymous; }};
    AccessFailures proxied_failures{*failures, proxied_clients};
    Access proxied{table(), *quotas, proxied_failures, 8, [this](Slot) { return client; }};
};

TEST_F(ProxiedAccessTest, ATrustedProxyTellsWhoItsClientIs) {
    peer = "192.0.2.1:5";
    EXPECT_EQ(code("/telemetry", near), "forbidden") << "the proxy itself";
    EXPECT_EQ(code("/telemetry", near + from("10.1.2.3")), "passes");
    EXPECT_EQ(code("/telemetry", near + from("10.1.2.3")), "passes") << "the token is known";
    EXPECT_EQ(code("/telemetry", near + from("203.0.113.9")), "forbidden") << "another client of the same connection";
    EXPECT_EQ(code("/telemetry", near + from("10.1.2.3, 203.0.113.9")), "forbidden") << "the client wrote 10.1.2.3";
    EXPECT_EQ(code("/telemetry", near + from("203.0.113.9, 10.1.2.3")), "passes");
    EXPECT_EQ(code("/telemetry", near + from("203.0.113.9") + "Accept: */*\r\n" + from("10.1.2.3, 192.0.2.7")),
              "passes");
    EXPECT_EQ(code("/telemetry", near + from("10.1.2.3, nobody")), "forbidden") << "malformed: it is the proxy";
    EXPECT_EQ(code("/telemetry", near), "forbidden") << "the proxy itself, on a connection that was let in";
}

TEST_F(ProxiedAccessTest, OthersAreNotBelieved) {
    peer = "203.0.113.9:5";
    EXPECT_EQ(code("/telemetry", near + from("10.1.2.3")), "forbidden");
    peer = "unknown";
    EXPECT_EQ(code("/telemetry", near + from("10.1.2.3"), "", 1), "forbidden");
    peer = "unix";
    EXPECT_EQ(code("/telemetry", near + from("203.0.113.9"), "", 2), "passes") << "who may open the socket decides";
    peer = "192.0.2.1:5";
    is_anonymous = true;
    EXPECT_EQ(code("/telemetry", near + from("10.1.2.3"), "", 3), "forbidden");
}

TEST_F(ProxiedAccessTest, APeerIsForgottenWithItsConnection) {
    peer = "192.0.2.1:5";
    EXPECT_EQ(code("/telemetry", near + from("10.1.2.3")), "passes");
    peer = "203.0.113.9:5";
    proxied.forget(0);
    proxied_clients.forget(0);
    EXPECT_EQ(code("/telemetry", near + from("10.1.2.3")), "forbidden");
}

TEST_F(ProxiedAccessTest, ACertificateIsNoAddress) {
    const tls::ClientIdentity identity{"f2", {}, {"near.test"}, ""};
    client = &identity;
    peer = "192.0.2.1:5";
    EXPECT_EQ(code("/telemetry", from("10.1.2.3")), "passes");
    EXPECT_EQ(code("/telemetry", from("203.0.113.9")), "forbidden");
}

TEST_F(ProxiedAccessTest, FailuresAreTheClients) {
    peer = "192.0.2.1:5";
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(check("/telemetry", from("10.1.2.3")).error().ends_connection);
    EXPECT_TRUE(check("/telemetry", from("10.1.2.3")).error().ends_connection);
    EXPECT_FALSE(check("/telemetry", from("10.1.2.4")).error().ends_connection);
}

// Of connections that are there, whatever lets them in.
TEST_F(AccessTest, AReloadTakesAddressesAway) {
    const tls::ClientIdentity identity{"f2", {"spiffe://a"}, {}, ""};
    client = &identity;
    for (const std::string& lines : {std::string(), acme}) {
        EXPECT_EQ(code("/telemetry", lines), "passes");
        access.use(table(access.table().generation() + 1, "192.0.2.0/24"));
        EXPECT_EQ(code("/telemetry", lines), "forbidden") << lines;
        EXPECT_EQ(code("/telemetry", lines), "forbidden") << lines;
        access.use(table(access.table().generation() + 1, "10.1.0.0/16"));
        EXPECT_EQ(code("/telemetry", lines), "passes") << lines;
    }
}

TEST_F(AccessTest, WhoFailsTooOftenIsDisconnected) {
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(check("/telemetry", "").error().ends_connection);
    EXPECT_TRUE(check("/telemetry", "").error().ends_connection);
    now_ns += second;
    EXPECT_FALSE(check("/telemetry", "").error().ends_connection);
}

TEST_F(AccessTest, ACapLowersWhatIsNotAskedFor) {
    EXPECT_EQ(check("/telemetry", acme)->options.ack, AckLevel::queued);
    EXPECT_EQ(check("/telemetry", other)->options.ack, AckLevel::stored);
    EXPECT_EQ(code("/telemetry", acme, "ack=stored"), "ack_unavailable");
}

TEST_F(AccessTest, AQuotaIsChargedOnceForEachRequest) {
    for (int i = 0; i < 5; ++i)
        EXPECT_TRUE(check("/telemetry", other, "", 0, Gate::Body::on_its_way).has_value()) << "the body is not there";
    EXPECT_EQ(code("/telemetry", other), "passes");
    const auto refused = check("/telemetry", other);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().reason, Refusal::quota_exceeded);
    ASSERT_TRUE(refused.error().excess.has_value());
    EXPECT_EQ(refused.error().excess->kind, tenants::QuotaKind::requests);
    EXPECT_EQ(code("/telemetry", acme), "passes");
    EXPECT_EQ(access.counters()[1].requests, 1u);
    EXPECT_EQ(access.counters()[1].over_quota, 1u);
    now_ns += 3 * second;
    EXPECT_EQ(code("/telemetry", other), "passes");
}

TEST_F(AccessTest, AConnectionOverTheQuotaEnds) {
    EXPECT_EQ(code("/telemetry", other, "", 1), "passes");
    now_ns += 5 * second;
    const auto refused = check("/telemetry", other, "", 2);
    ASSERT_FALSE(refused.has_value());
    EXPECT_TRUE(refused.error().ends_connection);
    EXPECT_EQ(refused.error().excess->kind, tenants::QuotaKind::connections);
    EXPECT_EQ(code("/telemetry", acme, "", 1), "passes") << "it is another's now";
    EXPECT_EQ(code("/telemetry", other, "", 2), "passes");
    access.forget(2);
    now_ns += 5 * second;
    EXPECT_EQ(code("/telemetry", other, "", 3), "passes");
}

TEST(CredentialsTest, TokensAreFoundWhereClientsPutThem) {
    struct Row {
        std::string_view lines, query, token;
        bool takes_query = false;
    };
    for (const Row& row : {Row{"", "", ""},
                           {"Authorization: Bearer t\r\n", "", "t"},
                           {"Authorization: TOKEN  t\r\n", "", "t"},
                           {"Authorization: Token u:t:x\r\n", "", "t:x"},
                           {"Authorization: Basic dTp0\r\n", "", "t"},
                           {"Authorization: Basic dTp0Og==\r\n", "", "t:"},
                           {"Authorization: Basic dA==\r\n", "", ""},
                           {"Authorization: Basic d!==\r\n", "", ""},
                           {"Authorization: Digest t\r\n", "", ""},
                           {"Authorization: Bearer a\r\nAuthorization: Bearer a\r\n", "", ""},
                           {"Authorization: Bearer t\r\nX-Api-Key: k\r\n", "", "t"},
                           {"Authorization: basic d!==\r\nX-Api-Key: k\r\n", "", ""},
                           {"Authorization: Digest t\r\nX-Api-Key: k\r\n", "", "k"},
                           {"Authorization: Bearerx t\r\nX-Api-Key: k\r\n", "", "k"},
                           {"Authorization: Digest t\r\nX-Api-Key: k\r\nX-Api-Key: k\r\n", "", ""},
                           {"X-Api-Key: k\r\n", "", "k"},
                           {"X-Api-Key: k\r\n", "u=a&p=%74", "t", true},
                           {"X-Api-Key: k\r\n", "p=t", "k", true},
                           {"X-Api-Key: k\r\n", "u=a&p=", "k", true},
                           {"", "u=a&p=t", ""}}) {
        const parsers::RequestHead head = tests::request_head(row.lines);
        const http::Request request{.head = head, .path = "/", .query = row.query, .body = "", .received_ns = 1};
        TokenBuffer buffer;
        EXPECT_EQ(token_of(find_credential(request, row.takes_query), buffer), row.token) << row.lines << row.query;
    }
}

TEST(AdminGuardTest, AnotherSiteIsKnownByItsHeaders) {
    struct Row {
        std::string_view host, lines;
        bool is_cross_site;
    };
    const std::string origins[] = {"https://ops.example", "http://ops.example:81"};
    for (const Row& row : {Row{"evil.test", "", false},  // no browser
                           {"localhost:81", "Origin: http://LocalHost:81\r\n", false},
                           {"127.0.0.1", "Origin: https://127.0.0.1\r\n", false},
                           {"[::1]:81", "Origin: http://[::1]:81\r\n", false},
                           {"localhost", "Origin: http://localhost:81\r\n", true},
                           {"127.0.0.1", "Origin: http://127.0.0.1.\r\n", true},
                           {"127.0.0.1", "Origin: null\r\n", true},
                           {"", "Origin: http://\r\n", true},
                           {"localhost", "Origin: http://localhost\r\nOrigin: http://localhost\r\n", true},
                           {"localhost", "Sec-Fetch-Site: same-origin\r\n", false},
                           {"localhost", "Sec-Fetch-Site: none\r\n", false},
                           {"localhost", "Sec-Fetch-Site: same-site\r\n", true},
                           {"localhost", "Sec-Fetch-Site: cross-site\r\nOrigin: http://localhost\r\n", true},
                           // A name may lead here whose owner is another (DNS rebinding).
                           {"evil.test:81", "Origin: http://evil.test:81\r\n", true},
                           {"evil.test", "Sec-Fetch-Site: same-origin\r\n", true},
                           {"localhost.evil.test", "Origin: http://localhost.evil.test\r\n", true},
                           {"127.0.0.1.evil.test", "Origin: http://127.0.0.1.evil.test\r\n", true},
                           // Listed ones are the engine's own, whatever a proxy has made of Host.
                           {"ops.example", "Origin: https://Ops.Example\r\n", false},
                           {"10.0.0.1:8081", "Origin: https://ops.example\r\n", false},
                           {"ops.example", "Sec-Fetch-Site: same-origin\r\nOrigin: https://ops.example\r\n", false},
                           {"ops.example", "Sec-Fetch-Site: cross-site\r\nOrigin: https://ops.example\r\n", true},
                           {"ops.example", "Origin: http://ops.example\r\n", true},
                           {"ops.example:81", "Origin: http://ops.example:81\r\n", false}})
        EXPECT_EQ(is_cross_site(tests::request_head(row.lines, row.host), origins), row.is_cross_site)
            << row.host << " " << row.lines;
}

}  // namespace
}  // namespace sluice
