// runs: release asan
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "sinks/journal/delivered.hpp"
#include "sinks/journal/posix_file_system.hpp"
#include "tests/support/allocation_counter.hpp"

namespace sluice::sinks::journal {
namespace {

class TheDeliveredFile : public testing::Test {
  protected:
    void SetUp() override {
        char path[] = "/tmp/sluice-delivered-XXXXXX";
        ASSERT_NE(::mkdtemp(path), nullptr);
        directory = path;
        files = std::move(*open_directory(directory));
    }
    void TearDown() override { std::filesystem::remove_all(directory); }

    [[nodiscard]] Position kept() const { return read_delivered(*files)->value_or(Position{}); }

    std::string directory;
    std::unique_ptr<FileSystem> files;
};

TEST_F(TheDeliveredFile, IsWrittenInTurnLikeByTheFunction) {
    DeliveredFile file(*files);
    for (std::uint64_t offset = 100; offset < 500; offset += 100) {
        ASSERT_TRUE(file.write({3, offset}));
        EXPECT_EQ(kept(), (Position{3, offset}));
    }
    ASSERT_TRUE(write_delivered(*files, {4, 64}));
    ASSERT_TRUE(file.write({4, 128}));
    EXPECT_EQ(kept(), (Position{4, 128})) << "what others wrote is seen";
}

TEST_F(TheDeliveredFile, IsMadeAgainWhenItWasRemoved) {
    DeliveredFile file(*files);
    ASSERT_TRUE(file.write({3, 100}));
    ASSERT_TRUE(files->remove(delivered_name));
    ASSERT_TRUE(file.write({3, 200}));
    EXPECT_EQ(kept(), (Position{3, 200}));
}

TEST_F(TheDeliveredFile, HasADestinationBesideIt) {
    EXPECT_EQ(read_destination(*files), "");
    for (const char* const url : {"redis://a:6379", "redis://a:6379", "redis://u:***@b:6379/1"}) {
        write_destination(*files, url);
        EXPECT_EQ(read_destination(*files), url);
    }
    write_destination(*files, "");
    EXPECT_EQ(read_destination(*files), "redis://u:***@b:6379/1");
    EXPECT_EQ(files->list()->size(), 1u + 2u) << "with . and ..";
}

TEST_F(TheDeliveredFile, SaysThatItCannotBeMade) {
    DeliveredFile file(*files);
    std::filesystem::remove_all(directory);
    EXPECT_FALSE(file.write({3, 100}));
}

TEST_F(TheDeliveredFile, AllocatesNothingOnceItIsOpen) {
    DeliveredFile file(*files);
    ASSERT_TRUE(file.write({3, 100}));
    const std::uint64_t before = tests::allocations_count();
    for (std::uint64_t offset = 200; offset < 1000; offset += 100) ASSERT_TRUE(file.write({3, offset}));
    EXPECT_EQ(tests::allocations_count(), before);
}

}  // namespace
}  // namespace sluice::sinks::journal
