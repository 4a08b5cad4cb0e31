// Tokens: their form, their hashes, and the two lines that `sluice token new` prints.
// runs: release asan
#include "engine/tenants/token.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "engine/tenants/token_command.hpp"

namespace sluice::tenants {
namespace {

TEST(TokenTest, AMadeTokenHasTheFormAndItsHash) {
    std::set<std::string> ids, tokens;
    for (int i = 0; i < 100; ++i) {
        const auto made = make_token();
        ASSERT_TRUE(made.has_value());
        EXPECT_EQ(made->token.size(), token_bytes);
        EXPECT_EQ(token_id(made->token), made->id);
        EXPECT_TRUE(is_token_id(made->id));
        EXPECT_EQ(made->hash, hash_text(Sha256()(made->token)));
        ids.insert(made->id);
        tokens.insert(made->token);
    }
    EXPECT_EQ(tokens.size(), 100u);
    EXPECT_GE(ids.size(), 99u);
}

// FIPS 180-4's first example.
TEST(TokenTest, TheHashIsSha256) {
    EXPECT_EQ(hash_text(Sha256()("abc")), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(TokenTest, OnlyATokenHasAnId) {
    const std::string good = "slc_k3v9x2ab_" + std::string(43, 'A');
    EXPECT_EQ(token_id(good), "k3v9x2ab");
    for (const std::string& bad :
         {good.substr(1), good + "A", "slc_K3v9x2ab_" + std::string(43, 'A'), "slc-k3v9x2ab_" + std::string(43, 'A'),
          "slc_k3v9x2ab-" + std::string(43, 'A'), "slc_k3v9x2ab_" + std::string(42, 'A') + "=", std::string()})
        EXPECT_EQ(token_id(bad), "") << bad;
}

TEST(TokenTest, AHashIsReadBack) {
    const std::string text = hash_text(Sha256()("x"));
    ASSERT_TRUE(parse_hash(text).has_value());
    EXPECT_EQ(hash_text(*parse_hash(text)), text);
    for (const std::string& bad : {text.substr(0, 70), text + "0", "sha1:" + text.substr(7), "plain:abc" + text,
                                   std::string("sha256:") + std::string(64, 'G'), std::string()})
        EXPECT_FALSE(parse_hash(bad).has_value()) << bad;
}

TEST(TokenTest, TheCommandPrintsTheTokenAloneAndThenItsLine) {
    const auto text = new_token_text({"acme", "90d", {"write", "query"}}, 1'700'000'000);
    ASSERT_TRUE(text.has_value());
    const std::size_t end = text->find('\n');
    const std::string token = text->substr(0, end);
    EXPECT_EQ(text->substr(end + 1),
              "{ id = \"" + std::string(token_id(token)) + "\", hash = \"" + hash_text(Sha256()(token)) +
                  "\", expires = 2024-02-12T22:13:20Z, scopes = [\"write\", \"query\"] }  # a token of tenant acme\n");
}

TEST(TokenTest, TheCommandRefusesWhatNoFileMayHold) {
    EXPECT_EQ(new_token_text({"Acme", "", {}}, 0).error(),
              "--tenant is \"Acme\"; allowed is 1 to 32 of a-z, 0-9, _ and -");
    for (const char* const expires : {"90", "0d", "1y", "1.5d", "36501d", "-1d"})
        EXPECT_TRUE(new_token_text({"a", expires, {}}, 0).error().starts_with("--expires is ")) << expires;
    EXPECT_TRUE(new_token_text({"a", "", {"admin"}}, 0).error().starts_with("--scopes is \"admin\""));
}

}  // namespace
}  // namespace sluice::tenants
