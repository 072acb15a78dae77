#pragma once
// Random numbers that are the same on every machine and library.
#include <cstdint>
#include <utility>
#include <vector>

namespace testudo::dataset {

// splitmix64 (Steele, Lea, Flood 2014): one step of it, and its output function.
constexpr std::uint64_t mix(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        const std::uint64_t out = mix(state_);
        state_ += 0x9e3779b97f4a7c15ULL;
        return out;
    }
    // Uniform in [0, bound); the bias of the remainder is below bound / 2^64.
    std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }

    template <class T>
    void shuffle(std::vector<T>& items) {
        for (std::size_t i = items.size(); i > 1; --i)
            std::swap(items[i - 1], items[static_cast<std::size_t>(below(i))]);
    }

  private:
    std::uint64_t state_;
};

}  // namespace testudo::dataset
