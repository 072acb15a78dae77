#pragma once
// A codebook that follows the encodings by moving averages (van den Oord et al. 2017, appendix A.1).
#include <ATen/ATen.h>

#include <cstdint>
#include <random>

namespace testudo::studio {

class VectorQuantiser {
  public:
    VectorQuantiser(int codes, int dim, double decay, std::uint64_t seed, at::Device device = at::kCPU);

    bool placed() const { return placed_; }
    // k-means over the encodings [n, dim]; more codes than encodings: the rest are noisy copies.
    void place(const at::Tensor& encodings);
    // The nearest code of each row [n, dim] -> [n, dim]; then the codebook moves towards the rows, and codes
    // that have had next to no rows for a while are put on random ones.
    at::Tensor step(const at::Tensor& encodings);

    const at::Tensor& codebook() const { return codebook_; }  // [codes, dim]
    const at::Tensor& counts() const { return counts_; }      // [codes], averaged
    const at::Tensor& sums() const { return sums_; }          // [codes, dim], averaged

  private:
    at::Tensor nearest(const at::Tensor& encodings) const;               // [n] int64
    at::Tensor random_rows(const at::Tensor& from, std::int64_t count);  // with repetition

    double decay_;
    std::mt19937_64 random_;
    bool placed_ = false;
    at::Tensor codebook_, counts_, sums_;
};

}  // namespace testudo::studio
