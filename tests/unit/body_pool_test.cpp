// BodyPool and BlockPool: sizes, padding, reuse, and the bounds.
// runs: release asan
#include "engine/http/body_pool.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "engine/core/limits.hpp"
#include "engine/http/block_pool.hpp"
#include "tests/support/seed.hpp"

namespace sluice {
namespace {

using http::BodyBlock;
using http::BodyPool;

constexpr std::size_t kib = limits::kib;

TEST(BodyPool, SizesArePowersOfTwo) {
    struct Row {
        std::size_t wanted;
        std::size_t capacity;
    };
    BodyPool pool(limits::request_body_bytes_max * 4);
    for (const Row& row : {Row{0, 16 * kib}, Row{1, 16 * kib}, Row{16 * kib, 16 * kib}, Row{16 * kib + 1, 32 * kib},
                           Row{32 * kib, 32 * kib}, Row{100'000, 128 * kib},
                           Row{limits::request_body_bytes_max, limits::request_body_bytes_max}}) {
        BodyBlock block = pool.take(row.wanted);
        ASSERT_NE(block.data, nullptr) << row.wanted;
        EXPECT_EQ(block.capacity_bytes, row.capacity) << row.wanted;
        EXPECT_EQ(pool.in_use_bytes(), row.capacity);
        std::memset(block.data, 'b', block.capacity_bytes + BodyPool::padding_bytes);  // all of it is ours
        pool.give_back(block);
        EXPECT_EQ(block.data, nullptr);
        EXPECT_EQ(pool.in_use_bytes(), 0u);
    }
}

TEST(BodyPool, MoreThanTheLargestBlockIsRefused) {
    BodyPool pool(std::size_t{1} << 40);
    EXPECT_EQ(pool.take((std::size_t{512} << 20) + 1).data, nullptr);
    EXPECT_EQ(pool.in_use_bytes(), 0u);
}

// What was free between two looks, and no more: of each size as many blocks as nobody took.
TEST(BodyPool, UnusedBlocksAreGivenBackToTheSystem) {
    BodyPool pool(64 * limits::mib);
    std::vector<BodyBlock> blocks;
    for (int i = 0; i < 3; ++i) blocks.push_back(pool.take(limits::mib));
    blocks.push_back(pool.take(16 * kib));
    char* const small_data = blocks[3].data;
    for (BodyBlock& block : blocks) {
        std::memset(block.data, 'b', block.capacity_bytes + BodyPool::padding_bytes);
        pool.give_back(block);
    }
    pool.look_at_use();
    EXPECT_FALSE(pool.unmap_unused(limits::mib)) << "they were in use";
    BodyBlock used = pool.take(limits::mib);
    pool.give_back(used);
    pool.look_at_use();
    int steps_count = 0;
    while (pool.unmap_unused(256 * kib)) ++steps_count;
    EXPECT_EQ(steps_count, 2 * 4 + 1);
    EXPECT_TRUE(pool.has_free()) << "one was taken";
    unsigned char is_resident = 0;
    EXPECT_NE(::mincore(small_data, 1, &is_resident), 0) << "it is not mapped any more";
    used = pool.take(limits::mib);
    ASSERT_NE(used.data, nullptr);
    std::memset(used.data, 'b', used.capacity_bytes + BodyPool::padding_bytes);
    pool.give_back(used);
    for (int looks = 0; looks < 2; ++looks) pool.look_at_use();
    while (pool.unmap_unused(256 * kib)) {
    }
    EXPECT_FALSE(pool.has_free());
}

// Room is wanted while a block is on its way out: the bound holds.
TEST(BodyPool, ABlockThatIsGivenBackInPartsLeavesAtOnceIfRoomIsWanted) {
    BodyPool pool(limits::mib);
    BodyBlock block = pool.take(limits::mib);
    pool.give_back(block);
    pool.look_at_use();
    pool.look_at_use();
    EXPECT_TRUE(pool.unmap_unused(256 * kib));
    EXPECT_FALSE(pool.has_free());
    block = pool.take(limits::mib);
    ASSERT_NE(block.data, nullptr);
    std::memset(block.data, 'b', block.capacity_bytes + BodyPool::padding_bytes);
    EXPECT_FALSE(pool.unmap_unused(256 * kib));
    pool.give_back(block);
}

TEST(BodyPool, TheLastGivenBackIsTakenFirst) {
    BodyPool pool(limits::mib);
    BodyBlock one = pool.take(1);
    BodyBlock two = pool.take(1);
    const char* two_data = two.data;
    pool.give_back(one);
    pool.give_back(two);
    BodyBlock again = pool.take(1);
    EXPECT_EQ(again.data, two_data);
    pool.give_back(again);
}

TEST(BodyPool, TheBoundIsOneForAllSizes) {
    BodyPool pool(48 * kib);
    std::vector<BodyBlock> blocks;
    for (int i = 0; i < 3; ++i) blocks.push_back(pool.take(1));
    EXPECT_NE(blocks.back().data, nullptr);
    EXPECT_EQ(pool.take(1).data, nullptr);
    pool.give_back(blocks[0]);
    EXPECT_EQ(pool.take(32 * kib).data, nullptr) << "one small block's room is not enough";
    pool.give_back(blocks[1]);
    BodyBlock larger = pool.take(32 * kib);  // what was kept of the small ones makes room for it
    EXPECT_NE(larger.data, nullptr);
    EXPECT_EQ(pool.take(1).data, nullptr);
    pool.give_back(larger);
    pool.give_back(blocks[2]);
    EXPECT_EQ(pool.in_use_bytes(), 0u);
}

// What fits the bound is taken, whatever its size is rounded to.
TEST(BodyPool, ABlockMayBeAsLargeAsTheBound) {
    struct Row {
        std::size_t bound, wanted, capacity;
    };
    for (const Row& row : {Row{64 * kib, 40'000, 64 * kib}, Row{64 * kib, 64 * kib, 64 * kib}, Row{64 * kib, 65'537, 0},
                           Row{40'000, 40'000, 40'000}, Row{40'000, 40'001, 0}, Row{40'000, 32'769, 32'769},
                           Row{40'000, 1, 16 * kib}, Row{1'000, 10, 10}, Row{1'000, 1'001, 0}, Row{0, 0, 0},
                           Row{100'000'000, limits::request_body_bytes_max, limits::request_body_bytes_max}}) {
        BodyPool pool(row.bound);
        BodyBlock block = pool.take(row.wanted);
        EXPECT_EQ(block.data != nullptr, row.capacity != 0) << row.wanted << " of " << row.bound;
        EXPECT_EQ(block.capacity_bytes, row.capacity) << row.wanted << " of " << row.bound;
        EXPECT_EQ(pool.in_use_bytes(), row.capacity);
        if (block.data != nullptr) std::memset(block.data, 'b', block.capacity_bytes + BodyPool::padding_bytes);
        pool.give_back(block);
        EXPECT_EQ(pool.in_use_bytes(), 0u);
        BodyBlock whole = pool.take(row.bound);  // nothing is kept that would be in its way
        EXPECT_EQ(whole.data != nullptr, row.bound != 0);
        pool.give_back(whole);
    }
}

TEST(BodyPool, ABlockGrowsToTheBoundAndKeepsItsBytes) {
    constexpr std::size_t bound = 200'000;
    BodyPool pool(bound);
    BodyBlock other = pool.take(10'000);
    const std::size_t room_bytes = bound - other.capacity_bytes;
    BodyBlock block;
    std::size_t used_bytes = 0;
    std::size_t moves_count = 0;
    for (std::size_t bytes = 1; bytes <= room_bytes; bytes += 1'000) {  // as chunks of a body come
        if (bytes > block.capacity_bytes) {
            ASSERT_TRUE(pool.grow(block, bytes, used_bytes)) << bytes;
            ++moves_count;
        }
        std::memset(block.data + used_bytes, static_cast<char>(bytes / 1'000), bytes - used_bytes);
        used_bytes = bytes;
        ASSERT_EQ(pool.in_use_bytes(), other.capacity_bytes + block.capacity_bytes);
        ASSERT_LE(pool.in_use_bytes(), bound);
    }
    EXPECT_LE(moves_count, 15u);
    if (block.capacity_bytes < room_bytes) {
        EXPECT_TRUE(pool.grow(block, room_bytes, used_bytes));
    }
    EXPECT_FALSE(pool.grow(block, room_bytes + 1, used_bytes));
    EXPECT_EQ(block.capacity_bytes, room_bytes) << "what does not fit changes nothing";
    for (std::size_t at = 0; at < used_bytes; ++at)
        ASSERT_EQ(block.data[at], static_cast<char>((at + 999) / 1'000)) << at;
    std::memset(block.data, 'b', block.capacity_bytes + BodyPool::padding_bytes);
    pool.give_back(block);
    pool.give_back(other);
    EXPECT_EQ(pool.in_use_bytes(), 0u);
}

TEST(BodyPool, GivingNothingBackIsNothing) {
    BodyPool pool(limits::mib);
    BodyBlock none;
    pool.give_back(none);
    EXPECT_EQ(pool.in_use_bytes(), 0u);
}

TEST(BodyPool, RandomUseKeepsTheBooksAndTheBytes) {
    const std::uint64_t seed = tests::test_seed();
    SCOPED_TRACE(tests::seed_trace(seed));
    std::cout << tests::seed_trace(seed) << "\n";
    std::mt19937_64 random(seed);
    constexpr std::size_t bound = 2 * limits::mib;
    BodyPool pool(bound);
    std::vector<std::pair<BodyBlock, char>> held;
    std::size_t in_use = 0;
    int refused_count = 0;
    for (int step = 0; step < 20'000; ++step) {
        if (random() % 2 == 0) {
            const std::size_t wanted = random() % (300 * kib);
            BodyBlock block = pool.take(wanted);
            if (block.data == nullptr) {
                ++refused_count;
                ASSERT_GT(in_use + wanted, bound) << "it would have fitted";
                continue;
            }
            ASSERT_GE(block.capacity_bytes, wanted);
            in_use += block.capacity_bytes;
            const char mark = static_cast<char>('a' + step % 26);
            block.data[0] = block.data[block.capacity_bytes - 1] = mark;
            held.emplace_back(std::move(block), mark);
        } else if (!held.empty()) {
            std::swap(held[random() % held.size()], held.back());
            auto [block, mark] = std::move(held.back());
            held.pop_back();
            ASSERT_EQ(block.data[0], mark);
            ASSERT_EQ(block.data[block.capacity_bytes - 1], mark);
            in_use -= block.capacity_bytes;
            pool.give_back(block);
        }
        ASSERT_EQ(pool.in_use_bytes(), in_use);
        ASSERT_LE(in_use, bound);
    }
    EXPECT_GT(refused_count, 0) << "the bound was never met";
    for (auto& [block, mark] : held) pool.give_back(block);
    EXPECT_EQ(pool.in_use_bytes(), 0u);
}

// --- output blocks ---------------------------------------------------------------------------------------------------

std::string text_of(const http::Output& output) {
    std::string text;
    for (const http::OutputBlock* block = output.first; block != nullptr; block = block->next)
        text.append(block->data, block->end);
    return text;
}

TEST(Output, AppendsOverBlocks) {
    http::BlockPool pool(4);
    http::Output output;
    const std::string text(http::OutputBlock::capacity_bytes * 2 + 1, 'x');
    ASSERT_TRUE(output.append(pool, "ab"));
    ASSERT_TRUE(output.append(pool, text));
    EXPECT_EQ(text_of(output), "ab" + text);
    EXPECT_EQ(output.bytes, text.size() + 2);
    EXPECT_EQ(pool.in_use_count(), 3u);
    EXPECT_FALSE(output.append(pool, text)) << "one block is left";
    output.clear(pool);
    EXPECT_TRUE(output.empty());
    EXPECT_EQ(output.bytes, 0u);
    EXPECT_EQ(pool.in_use_count(), 0u);
}

TEST(Output, SplicesShortTailsIntoTheLastBlock) {
    constexpr std::size_t capacity = http::OutputBlock::capacity_bytes;
    struct Row {
        std::size_t head_bytes, tail_bytes, blocks_count;
    };
    for (const Row& row : {Row{0, 0, 0}, Row{0, 5, 1}, Row{5, 0, 1}, Row{5, 5, 1}, Row{5, capacity - 5, 1},
                           Row{5, capacity - 4, 2}, Row{capacity, 1, 2}, Row{5, capacity + 1, 3}}) {
        http::BlockPool pool(8);
        http::Output head;
        http::Output tail;
        ASSERT_TRUE(head.append(pool, std::string(row.head_bytes, 'h')));
        ASSERT_TRUE(tail.append(pool, std::string(row.tail_bytes, 't')));
        head.splice(pool, tail);
        EXPECT_EQ(text_of(head), std::string(row.head_bytes, 'h') + std::string(row.tail_bytes, 't'));
        EXPECT_EQ(head.bytes, row.head_bytes + row.tail_bytes);
        EXPECT_EQ(pool.in_use_count(), row.blocks_count) << row.head_bytes << " + " << row.tail_bytes;
        EXPECT_TRUE(tail.empty());
        head.clear(pool);
        EXPECT_EQ(pool.in_use_count(), 0u);
    }
}

}  // namespace
}  // namespace sluice
