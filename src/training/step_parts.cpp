#include "training/step_parts.h"

#include <algorithm>

#include "dataset/batches.h"

namespace testudo::training {

namespace {

// Parts of equal size, or one clip more: never none, unlike the original's.
std::vector<std::vector<int>> cut(const std::vector<int>& clips, std::int64_t wanted) {
    const std::size_t parts = std::min(static_cast<std::size_t>(wanted), clips.size());
    std::vector<std::vector<int>> cuts(parts);
    for (std::size_t i = 0; i < clips.size(); ++i) cuts[i * parts / clips.size()].push_back(clips[i]);
    return cuts;
}

std::int64_t ceiling(std::int64_t all, std::int64_t of) { return (all + of - 1) / of; }

}  // namespace

PartSizes part_sizes(std::int64_t clips, std::int64_t accumulation, nets::Objective objective, int ranks) {
    if (ranks > 1 && objective == nets::Objective::dlas) {
        const auto all = std::clamp<std::int64_t>(accumulation, std::min<std::int64_t>(ranks, clips), clips);
        return {ceiling(clips, all), ceiling(all, ranks)};
    }
    const std::int64_t own = ceiling(clips, ranks);
    const auto parts = std::clamp<std::int64_t>(ceiling(accumulation, ranks), 1, own);
    return {ceiling(own, parts), parts};
}

std::vector<std::vector<int>> step_parts(const std::vector<int>& batch, const std::vector<int>& lengths,
                                         std::int64_t accumulation, nets::Objective objective, int rank,
                                         int ranks) {
    if (ranks == 1) return cut(batch, accumulation);
    if (objective == nets::Objective::consistent)
        return cut(dataset::share_batch(lengths, batch, ranks).at(static_cast<std::size_t>(rank)),
                   ceiling(accumulation, ranks));
    const auto all = cut(batch, std::max<std::int64_t>(accumulation, ranks));
    std::vector<std::vector<int>> mine;
    for (std::size_t i = static_cast<std::size_t>(rank); i < all.size(); i += static_cast<std::size_t>(ranks))
        mine.push_back(all[i]);
    return mine;
}

}  // namespace testudo::training
