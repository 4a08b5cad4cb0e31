// The name of an engine that owns its streams: made once, kept, and refused where it does not fit.
// runs: release asan
#include "engine/forward/instance.hpp"

#include <gtest/gtest.h>

#include "tests/support/simulated_disk.hpp"

namespace sluice::forward {
namespace {

class InstanceFile : public testing::Test {
  protected:
    InstanceFile() {
        settings.instance = "edge-7";
        settings.stream = "telemetry";
        settings.partitions_count = 2;
    }
    [[nodiscard]] std::string failure() {
        const auto instance = Instance::open(disk, settings);
        return instance ? "none" : instance.error();
    }
    [[nodiscard]] std::uint64_t file_bytes() {
        return (*disk.open("instance", sinks::journal::Access::read))->size().value();
    }

    tests::SimulatedDisk disk{1};
    config::Config::Sink::Redis settings;
};

TEST_F(InstanceFile, ANameIsMadeOnce) {
    const std::string name = Instance::open(disk, settings)->name();
    EXPECT_EQ(name.size(), 6u + 9u);
    EXPECT_EQ(name.substr(0, 7), "edge-7-");
    EXPECT_EQ(Instance::open(disk, settings)->name(), name);
    settings.instance.clear();
    EXPECT_EQ(Instance::open(disk, settings)->name(), name) << "empty: whatever it is";
}

TEST_F(InstanceFile, AConflictIsKept) {
    auto instance = Instance::open(disk, settings);
    EXPECT_EQ(instance->conflict(), "");
    ASSERT_TRUE(instance->set_conflict("two\nlines"));
    EXPECT_EQ(Instance::open(disk, settings)->conflict(), "two?lines");
}

TEST_F(InstanceFile, AnotherBaseOrOtherStreamsAreRefused) {
    ASSERT_EQ(failure(), "none");
    const auto kept = settings;
    settings.instance = "edge-8";
    EXPECT_NE(failure().find("but sink.redis.instance is edge-8"), std::string::npos);
    settings = kept;
    settings.partitions_count = 4;
    EXPECT_NE(
        failure().find("its streams are telemetry in 2 partitions, and the settings say telemetry in 4 partitions"),
        std::string::npos)
        << failure();
    settings = kept;
    settings.stream = "other";
    EXPECT_NE(failure().find("say other in 2 partitions"), std::string::npos);
    settings = kept;
    EXPECT_EQ(failure(), "none");
}

TEST_F(InstanceFile, EveryFlippedBitAndEveryCutIsFound) {
    ASSERT_EQ(failure(), "none");
    for (std::uint64_t offset = 0; offset < file_bytes(); ++offset) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            disk.flip_bit("instance", offset, bit);
            EXPECT_NE(failure().find("is damaged"), std::string::npos) << offset << ' ' << bit << ' ' << failure();
            disk.flip_bit("instance", offset, bit);
        }
    }
    for (std::uint64_t bytes = file_bytes(); bytes-- > 0;) {
        ASSERT_TRUE((*disk.open("instance", sinks::journal::Access::read_and_write))->truncate(bytes));
        EXPECT_NE(failure().find("is damaged"), std::string::npos) << bytes;
    }
}

}  // namespace
}  // namespace sluice::forward
