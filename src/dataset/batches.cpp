#include "dataset/batches.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/strings.h"
#include "dataset/random.h"

namespace testudo::dataset {

namespace {

// Batches are cut from pools of this many batches sorted by length: close lengths, yet other neighbours in
// every epoch.
constexpr std::size_t pool_batches = 32;

void check(int batch_size) {
    if (batch_size < 1)
        throw usage_error(cat("a batch of ", batch_size, " clips cannot be made"),
                          "Set batch_size to 1 or more.");
}

}  // namespace

int iterations_per_epoch(int lines, int batch_size, bool drop_last) {
    check(batch_size);
    return lines / batch_size + (!drop_last && lines % batch_size != 0 ? 1 : 0);
}

std::uint64_t example_seed(std::uint64_t run_seed, std::int64_t iteration, std::int64_t example) {
    return mix(mix(mix(run_seed) ^ static_cast<std::uint64_t>(iteration)) ^
               static_cast<std::uint64_t>(example));
}

std::vector<std::vector<int>> epoch_batches(const std::vector<int>& lengths, int batch_size,
                                            std::uint64_t seed, int epoch, bool drop_last) {
    check(batch_size);
    const auto batch = static_cast<std::size_t>(batch_size);
    Random random(example_seed(seed, epoch, -1));
    std::vector<int> order(lengths.size());
    std::iota(order.begin(), order.end(), 0);
    random.shuffle(order);
    if (drop_last) order.resize(order.size() / batch * batch);

    std::vector<std::vector<int>> batches;
    const std::size_t pool = batch * pool_batches;
    for (std::size_t from = 0; from < order.size(); from += pool) {
        const auto first = order.begin() + static_cast<std::ptrdiff_t>(from);
        const auto last = order.begin() + static_cast<std::ptrdiff_t>(std::min(from + pool, order.size()));
        std::stable_sort(first, last, [&](int a, int b) {
            return lengths[static_cast<std::size_t>(a)] < lengths[static_cast<std::size_t>(b)];
        });
        for (auto at = first; at < last;) {
            const auto end = at + std::min<std::ptrdiff_t>(batch_size, last - at);
            batches.emplace_back(at, end);
            at = end;
        }
    }
    random.shuffle(batches);
    return batches;
}

std::vector<std::vector<int>> share_batch(const std::vector<int>& lengths, const std::vector<int>& batch,
                                          int ranks) {
    const auto length = [&](std::size_t place) { return lengths.at(static_cast<std::size_t>(batch[place])); };
    std::vector<std::size_t> longest_first(batch.size());
    std::iota(longest_first.begin(), longest_first.end(), 0U);
    std::stable_sort(longest_first.begin(), longest_first.end(),
                     [&](std::size_t a, std::size_t b) { return length(a) > length(b); });
    std::vector<std::int64_t> tokens(static_cast<std::size_t>(std::max(ranks, 1)));
    std::vector<std::size_t> rank_of(batch.size());
    for (const std::size_t place : longest_first) {
        const auto least = std::min_element(tokens.begin(), tokens.end());
        rank_of[place] = static_cast<std::size_t>(least - tokens.begin());
        *least += length(place);
    }
    std::vector<std::vector<int>> shares(tokens.size());
    for (std::size_t place = 0; place < batch.size(); ++place) shares[rank_of[place]].push_back(batch[place]);
    return shares;
}

}  // namespace testudo::dataset
