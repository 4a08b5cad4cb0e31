// Random: the generator of everything that a load run draws. Small, fast, and repeatable by its seed. SplitMix64
// (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014). One thread at a time.
#pragma once

#include <cmath>
#include <cstdint>

namespace sluice::load {

class Random {
  public:
    explicit Random(std::uint64_t seed) : state_bits_(seed) {}

    std::uint64_t next() {
        std::uint64_t z = (state_bits_ += 0x9e37'79b9'7f4a'7c15);
        z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
        z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
        return z ^ (z >> 31);
    }
    // In [0, 1), 53 bits.
    double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
    // In [0, bound); the bias is below bound / 2^53.
    std::uint64_t below(std::uint64_t bound) {
        return static_cast<std::uint64_t>(uniform() * static_cast<double>(bound));
    }
    // Exponentially distributed with mean 1.
    double exponential() { return -std::log1p(-uniform()); }

  private:
    std::uint64_t state_bits_;
};

}  // namespace sluice::load
