#include "tensors/pickle_storages.h"

#include <algorithm>
#include <map>

namespace testudo::tensors {

namespace {

struct Span {
    std::size_t tensor;
    std::int64_t begin, end;  // elements in the storage
};

std::int64_t end_of(const at::Tensor& tensor) {
    std::int64_t last = tensor.storage_offset();
    for (std::int64_t i = 0; i < tensor.dim(); ++i) last += (tensor.size(i) - 1) * tensor.stride(i);
    return last + 1;
}

at::Tensor run_of(const at::Tensor& tensor, std::int64_t begin, std::int64_t count) {
    at::Tensor out = at::empty({0}, tensor.options().requires_grad(false));
    out.set_(tensor.storage(), begin, {count}, {1});
    return out;
}

}  // namespace

StoragePlan plan_storages(const std::vector<at::Tensor>& tensors) {
    StoragePlan plan;
    plan.places.resize(tensors.size());
    std::map<std::pair<const void*, at::ScalarType>, std::vector<Span>> buffers;
    std::vector<std::vector<Span>> members;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        const at::Tensor& tensor = tensors[i];
        if (tensor.numel() == 0)
            members.push_back({{i, tensor.storage_offset(), tensor.storage_offset()}});
        else
            buffers[{tensor.storage().unsafeGetStorageImpl(), tensor.scalar_type()}].push_back(
                {i, tensor.storage_offset(), end_of(tensor)});
    }
    for (auto& [buffer, spans] : buffers) {
        std::stable_sort(spans.begin(), spans.end(),
                         [](const Span& a, const Span& b) { return a.begin < b.begin; });
        std::int64_t end = -1;
        for (const Span& span : spans) {
            if (span.begin >= end) members.emplace_back();
            members.back().push_back(span);
            end = std::max(end, span.end);
        }
    }
    const auto first_use = [](const std::vector<Span>& run) {
        return std::min_element(run.begin(), run.end(),
                                [](const Span& a, const Span& b) { return a.tensor < b.tensor; })
            ->tensor;
    };
    std::sort(members.begin(), members.end(),
              [&](const auto& a, const auto& b) { return first_use(a) < first_use(b); });
    for (const std::vector<Span>& run : members) {
        const std::int64_t begin = run.front().begin;
        std::int64_t end = begin;
        for (const Span& span : run) {
            end = std::max(end, span.end);
            plan.places[span.tensor] = {plan.runs.size(), span.begin - begin};
        }
        const at::Tensor& any = tensors[run.front().tensor];
        plan.runs.push_back(
            {end > begin ? run_of(any, begin, end - begin) : at::empty({0}, any.options()), end - begin});
    }
    return plan;
}

}  // namespace testudo::tensors
