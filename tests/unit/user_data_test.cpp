// user_data: what goes in comes out, over the whole range of each part, and no part touches another.
// runs: release asan
#include "engine/io/user_data.hpp"

#include <gtest/gtest.h>

#include <set>

namespace sluice::io {
namespace {

TEST(UserData, RoundTrip) {
    std::set<std::uint64_t> seen;
    for (const Operation operation :
         {Operation::accept, Operation::cancel_accept, Operation::poll_listener, Operation::receive, Operation::poll,
          Operation::send, Operation::shutdown, Operation::close, Operation::cancel, Operation::wake,
          Operation::lend_descriptor, Operation::connect, Operation::quiet_send}) {
        for (const std::uint32_t generation : {0u, 1u, 0x80'0000u, generation_mask}) {
            for (const std::uint32_t slot : {0u, 1u, 0x8000'0000u, 0xffff'ffffu}) {
                const std::uint64_t bits = encode({operation, generation, slot});
                const UserData data = decode(bits);
                EXPECT_EQ(data.operation, operation);
                EXPECT_EQ(data.generation, generation);
                EXPECT_EQ(data.slot, slot);
                EXPECT_TRUE(seen.insert(bits).second) << "two operations would look alike";
                EXPECT_NE(bits, 0u) << "liburing's own timeouts have no user data";
            }
        }
    }
}

TEST(UserData, AGenerationPastItsBitsDoesNotChangeTheOperation) {
    const UserData data = decode(encode({Operation::receive, 0xffff'ffff, 5}));
    EXPECT_EQ(data.operation, Operation::receive);
    EXPECT_EQ(data.generation, generation_mask);
    EXPECT_EQ(data.slot, 5u);
}

}  // namespace
}  // namespace sluice::io
