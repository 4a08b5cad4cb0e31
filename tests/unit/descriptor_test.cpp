// Descriptors have one owner, who closes them once.
// runs: release asan
#include "engine/core/descriptor.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <utility>

#include "engine/io/descriptor_table.hpp"

namespace sluice {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
int open_any() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

TEST(Descriptor, ClosesAtItsEnd) {
    const int fd = open_any();
    {
        const Descriptor owner(fd);
        EXPECT_TRUE(owner.is_open());
        EXPECT_EQ(owner.get(), fd);
    }
    EXPECT_FALSE(is_open(fd));
}

TEST(Descriptor, MovesAndClosesWhatItReplaces) {
    const int first = open_any();
    const int second = open_any();
    Descriptor a(first);
    Descriptor b(second);
    a = std::move(b);
    EXPECT_FALSE(is_open(first));
    EXPECT_EQ(a.get(), second);
    EXPECT_FALSE(b.is_open());
    Descriptor c(std::move(a));
    EXPECT_EQ(c.get(), second);
    const int released = c.release();
    c.reset();
    EXPECT_TRUE(is_open(released));
    ::close(released);
}

TEST(Descriptor, NoneIsNothingToClose) {
    Descriptor none;
    Descriptor failed(-1);
    EXPECT_FALSE(none.is_open());
    EXPECT_FALSE(failed.is_open());
    none.reset();
    failed = Descriptor();
    EXPECT_EQ(none.get(), -1);
}

TEST(DescriptorTable, ClosesWhatWasNotTaken) {
    const int kept = open_any();
    const int taken = open_any();
    {
        io::DescriptorTable table(100);
        table.put(0, Descriptor(kept));
        table.put(99, Descriptor(taken));
        EXPECT_EQ(table.get(0), kept);
        EXPECT_EQ(table.get(1), -1);
        EXPECT_EQ(table.take(99).get(), taken);
        EXPECT_FALSE(is_open(taken)) << "nobody kept it";
        EXPECT_EQ(table.get(99), -1);
    }
    EXPECT_FALSE(is_open(kept));
}

}  // namespace
}  // namespace sluice
