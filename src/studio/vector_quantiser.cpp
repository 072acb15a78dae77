#include "studio/vector_quantiser.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace testudo::studio {

VectorQuantiser::VectorQuantiser(int codes, int dim, double decay, std::uint64_t seed, at::Device device)
    : decay_(decay),
      random_(seed ^ 0x5bd1e995),
      codebook_(at::zeros({codes, dim}, at::dtype(at::kFloat).device(device))),
      counts_(at::zeros({codes}, codebook_.options())),
      sums_(at::zeros_like(codebook_)) {}

at::Tensor VectorQuantiser::nearest(const at::Tensor& encodings) const {
    // |x|² is the same for all codes, so it is left out.
    return at::addmm(codebook_.square().sum(1), encodings, codebook_.t(), 1, -2).argmin(1);
}

at::Tensor VectorQuantiser::random_rows(const at::Tensor& from, std::int64_t count) {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(count));
    for (auto& row : rows)
        row = static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(from.size(0)));
    return from.index_select(0, at::tensor(rows).to(from.device()));
}

void VectorQuantiser::place(const at::Tensor& encodings) {
    const at::NoGradGuard no_grad;
    const std::int64_t codes = codebook_.size(0), rows = encodings.size(0);
    // Each start is drawn as likely as it is far from those before it (k-means++, Arthur and Vassilvitskii
    // 2007).
    const std::int64_t own = std::min(codes, rows);
    std::vector<std::int64_t> starts{static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(rows))};
    at::Tensor distance = at::full({rows}, std::numeric_limits<double>::infinity(), counts_.options());
    while (static_cast<std::int64_t>(starts.size()) < own) {
        const at::Tensor to_last = (encodings - encodings.select(0, starts.back())).square().sum(1);
        distance = at::minimum(distance, to_last);
        const at::Tensor running = distance.to(at::kCPU, at::kDouble).cumsum(0);
        const double* sum = running.const_data_ptr<double>();
        const double wanted = static_cast<double>(random_() >> 11) * 0x1p-53 * sum[rows - 1];
        starts.push_back(std::min(std::upper_bound(sum, sum + rows, wanted) - sum, rows - 1));
    }
    codebook_.narrow(0, 0, own).copy_(encodings.index_select(0, at::tensor(starts).to(encodings.device())));
    if (own < codes) {
        const double spread = encodings.std(0, /*unbiased=*/false).mean().item<double>();
        const at::Tensor copies = random_rows(encodings, codes - own);
        std::normal_distribution<float> noise;
        at::Tensor shift = at::empty(copies.sizes(), at::kFloat);
        float* values = shift.mutable_data_ptr<float>();
        for (std::int64_t i = 0; i < shift.numel(); ++i) values[i] = noise(random_);
        codebook_.narrow(0, own, codes - own).copy_(copies + shift.to(copies.device()) * (0.05 * spread));
    }
    const at::Tensor ones = at::ones({rows}, counts_.options());
    for (int round = 0; round < 10; ++round) {
        const at::Tensor ids = nearest(encodings);
        counts_ = at::zeros_like(counts_).index_add(0, ids, ones);
        sums_ = at::zeros_like(codebook_).index_add(0, ids, encodings);
        const at::Tensor taken = (counts_ > 0).unsqueeze(1);
        codebook_ = at::where(taken, sums_ / counts_.clamp_min(1).unsqueeze(1), codebook_);
    }
    // As if each code had had a plain share of a batch, so that the averages start balanced.
    counts_ = at::ones_like(counts_);
    sums_ = codebook_.clone();
    placed_ = true;
}

at::Tensor VectorQuantiser::step(const at::Tensor& encodings) {
    const at::NoGradGuard no_grad;
    const at::Tensor ids = nearest(encodings);
    const at::Tensor chosen = codebook_.index_select(0, ids);
    const at::Tensor ones = at::ones({encodings.size(0)}, counts_.options());
    const at::Tensor counts = at::zeros_like(counts_).index_add(0, ids, ones);
    const at::Tensor sums = at::zeros_like(codebook_).index_add(0, ids, encodings);
    counts_ = counts_ * decay_ + counts * (1 - decay_);
    sums_ = sums_ * decay_ + sums * (1 - decay_);
    const at::Tensor idle = counts_ < 0.01;
    codebook_ = sums_ / counts_.clamp_min(1e-6).unsqueeze(1);
    if (const auto count = idle.sum().item<std::int64_t>(); count > 0) {
        const at::Tensor where = idle.nonzero().squeeze(1);
        const at::Tensor fresh = random_rows(encodings, count);
        codebook_.index_copy_(0, where, fresh);
        sums_.index_copy_(0, where, fresh * 0.2);
        counts_.index_fill_(0, where, 0.2);
    }
    return chosen;
}

}  // namespace testudo::studio
