// The file of tenants: what it may say, and the sentences about what it may not.
// runs: release asan
#include "engine/tenants/tenants_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "engine/tenants/token.hpp"

namespace sluice::tenants {
namespace {

class TenantsFileTest : public testing::Test {
  protected:
    void SetUp() override {
        directory =
            std::filesystem::temp_directory_path() / ("sluice-tenants-" + std::to_string(::getpid()) + "-" +
                                                      testing::UnitTest::GetInstance()->current_test_info()->name());
        std::filesystem::create_directory(directory);
    }
    void TearDown() override { std::filesystem::remove_all(directory); }

    [[nodiscard]] std::expected<TenantsFile, std::string> read(const std::string& text, mode_t mode = 0600) {
        const std::string path = directory / "t.toml";
        std::ofstream(path, std::ios::trunc) << text;
        EXPECT_EQ(::chmod(path.c_str(), mode), 0);
        return read_tenants_file(path);
    }
    // Behind the directory.
    [[nodiscard]] std::string error_of(const std::string& text) {
        const auto file = read(text);
        if (file) return "none";
        return file.error().substr(directory.string().size() + 1);
    }

    std::filesystem::path directory;
    const std::string hash = hash_text(Sha256()("a"));
    const std::string other_hash = hash_text(Sha256()("b"));
};

TEST_F(TenantsFileTest, SaysWhoMaySend) {
    const auto file = read(R"(
[[tenant]]
name = "acme"
tokens = [{ id = "k3v9x2ab", hash = ")" +
                           hash + R"(", expires = 2027-01-01T01:00:00+01:00, scopes = ["query"] },
          { id = "k3v9x2ac", hash = ")" +
                           other_hash + R"(" }]
addresses = ["10.1.0.0/16", "2001:db8::/32"]
certificates = [{ fingerprint = ")" +
                           hash + R"(" }, { uri = "spiffe://acme/agent" }]
[[tenant]]
name = "b"
)");
    ASSERT_TRUE(file.has_value()) << file.error();
    ASSERT_EQ(file->tenants.size(), 2u);
    const Tenant& acme = file->tenants[0];
    EXPECT_EQ(acme.name, "acme");
    ASSERT_EQ(acme.tokens.size(), 2u);
    EXPECT_EQ(acme.tokens[0].id, "k3v9x2ab");
    EXPECT_EQ(hash_text(acme.tokens[0].digest), hash);
    EXPECT_EQ(acme.tokens[0].expires_s, 1'798'761'600);
    EXPECT_EQ(acme.tokens[0].scopes_mask, static_cast<std::uint8_t>(Scope::query));
    EXPECT_EQ(acme.tokens[1].expires_s, 0);
    EXPECT_EQ(acme.tokens[1].scopes_mask, static_cast<std::uint8_t>(Scope::write));
    EXPECT_EQ(acme.addresses.size(), 2u);
    const CertificateName names[] = {{CertificateNameKind::fingerprint, hash.substr(7)},
                                     {CertificateNameKind::uri, "spiffe://acme/agent"}};
    EXPECT_TRUE(std::ranges::equal(acme.certificates, names));
    EXPECT_TRUE(file->tenants[1].tokens.empty());
    EXPECT_TRUE(file->warnings.empty());
}

TEST_F(TenantsFileTest, SaysWhatIsWrongAndWhere) {
    const std::string begin = "[[tenant]]\nname = \"a\"\n";
    const auto token = [&](const std::string& members) { return begin + "tokens = [{ " + members + " }]\n"; };
    const std::string id = "id = \"k3v9x2ab\"";
    struct Row {
        std::string text, error;
    };
    for (const Row& row : {
             Row{"[[tenant]]\nname = \"A\"\n", "t.toml:2: name is \"A\"; allowed is 1 to 32 of a-z, 0-9, _ and -"},
             {"[[tenant]]\nname = 7\n", "t.toml:2: name is 7; allowed is 1 to 32 of a-z, 0-9, _ and -"},
             {"[[tenant]]\n", "t.toml:1: a tenant needs a name"},
             {begin + begin, "t.toml:3: tenant a stands in the file twice"},
             {"[tenant]\nname = \"a\"\n", "t.toml:1: \"tenant\" is not known here; each tenant is a table [[tenant]]"},
             {"tenants = []\n", "t.toml:1: \"tenants\" is not known here; each tenant is a table [[tenant]]"},
             {begin + "quote = 1\n", "t.toml:3: \"quote\" is no member of a tenant; known are "},
             {token(id), "t.toml:3: a token needs id and hash"},
             {token("id = \"short\""), "t.toml:3: id is another text; allowed is 8 of a-z and 0-9"},
             {token(id + ", hash = \"hunter2\""),
              "t.toml:3: hash is another text; allowed is sha256: and 64 hexadecimal digits, as `sluice token new` "
              "prints it"},
             {token(id + ", hash = \"" + hash + "\", expires = 2027-01-01"),
              "t.toml:3: expires is a date; allowed is a time with its offset, such as 2027-01-01T00:00:00Z"},
             {token(id + ", hash = \"" + hash + "\", expires = 2027-01-01T00:00:00"),
              "t.toml:3: expires is a date with time; allowed is a time with its offset, such as 2027-01-01T00:00:00Z"},
             {token(id + ", hash = \"" + hash + "\", scopes = [\"admin\"]"),
              "t.toml:3: scopes is \"admin\"; allowed is a list of write and query"},
             {begin + "addresses = [\"10.1.2.3/16\"]\n",
              "t.toml:3: addresses is \"10.1.2.3/16\"; allowed is a list of networks such as 10.1.0.0/16, whose bits "
              "behind the prefix are 0"},
             {token(id + ", hash = \"" + hash + "\" }, { " + id + ", hash = \"" + other_hash + "\""),
              "t.toml:3: token k3v9x2ab stands in the file twice"},
             {token(id + ", hash = \"" + hash + "\" }, { id = \"k3v9x2ac\", hash = \"" + hash + "\""),
              "t.toml:3: the hash of token k3v9x2ac stands in the file twice"},
             {begin + "tokens = [\n{ " + id + ", hash = \"" + hash + "\" },\n\n{ id = \"k3v9x2ac\", hash = \"" + hash +
                  "\" }]\n",
              "t.toml:6: the hash of token k3v9x2ac stands in the file twice"},
             {begin + "value_range = { t = [nan, 1] }\n",
              "t.toml:3: t is nan; allowed is a list of two finite numbers, the smaller one first"},
             {begin + "value_range = { t = [0, inf] }\n",
              "t.toml:3: t is inf; allowed is a list of two finite numbers, the smaller one first"},
             {begin + "value_range = { t = [2, 1] }\n",
              "t.toml:3: t is an array; allowed is a list of two finite numbers, the smaller one first"},
             {begin + "value_range = { \"\" = [0, 1] }\n",
              "t.toml:3: value_range is a table; allowed is a table whose "},
             {"[[tenant]]\nname = a\n", "t.toml:2: is not TOML: "},
             {begin + "certificates = [{ uri = 'u', dns = 'd' }]\n",
              "t.toml:3: certificates is a table; allowed is at most 64 tables such as "},
             {begin + "dead_letter = 'yes'\n", "t.toml:3: dead_letter is \"yes\"; allowed is true or false"},
             {begin + "certificates = [{ uri = '' }]\n", "t.toml:3: uri is \"\"; allowed is a text of 1 to 256 bytes"},
             {begin + "certificates = [{ serial = 'x' }]\n",
              "t.toml:3: \"serial\" is no member of a certificate; known "},
             {begin + "certificates = [{ fingerprint = '5f' }]\n",
              "t.toml:3: fingerprint is \"5f\"; allowed is sha256: "},
             {begin + "certificates = [{ dns = 'd' }, { dns = 'd' }]\n",
              "t.toml:3: a certificate of tenant a stands in the file twice"},
         })
        EXPECT_TRUE(error_of(row.text).starts_with(row.error)) << row.text << "\n" << error_of(row.text);
}

TEST_F(TenantsFileTest, ATimeBefore1970IsLongAgo) {
    const auto file = read("[[tenant]]\nname = \"a\"\ntokens = [{ id = \"k3v9x2ab\", hash = \"" + hash +
                           "\", expires = 1900-01-01T00:00:00Z }]\n");
    ASSERT_TRUE(file.has_value()) << file.error();
    EXPECT_EQ(file->tenants[0].tokens[0].expires_s, 1);
}

TEST_F(TenantsFileTest, ReadsRegularFilesAlone) {
    const std::string pipe = directory / "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_EQ(read_tenants_file(pipe).error(), pipe + ": is no regular file");
    EXPECT_EQ(read_tenants_file("/dev/zero").error(), "/dev/zero: is no regular file");
    EXPECT_EQ(read_tenants_file(directory).error(), directory.string() + ": cannot be read: Is a directory");
}

TEST_F(TenantsFileTest, HasBounds) {
    std::string tokens, tenants;
    for (int i = 0; i < 9; ++i)
        tokens +=
            "{ id = \"k3v9x2a" + std::to_string(i) + "\", hash = \"" + hash_text(Sha256()(std::to_string(i))) + "\" },";
    EXPECT_TRUE(error_of("[[tenant]]\nname = \"a\"\ntokens = [" + tokens + "]\n").starts_with("t.toml:3: tokens is "));
    for (int i = 0; i <= 1024; ++i) tenants += "[[tenant]]\nname = \"t" + std::to_string(i) + "\"\n";
    EXPECT_EQ(error_of(tenants), "t.toml:1: there are more than 1024 tenants");
    EXPECT_EQ(error_of(tenants.substr(0, tenants.rfind("[["))), "none");
}

TEST_F(TenantsFileTest, WarnsWhereOthersCanReadIt) {
    EXPECT_EQ(read("[[tenant]]\nname = \"a\"\n", 0640)->warnings.size(), 0u);
    ASSERT_EQ(read("[[tenant]]\nname = \"a\"\n", 0644)->warnings.size(), 1u);
}

TEST_F(TenantsFileTest, AFileThatIsNotThereIsAnError) {
    EXPECT_EQ(read_tenants_file("/nowhere/t.toml").error(),
              "/nowhere/t.toml: cannot be read: No such file or directory");
}

}  // namespace
}  // namespace sluice::tenants
