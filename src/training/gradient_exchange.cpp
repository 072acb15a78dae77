#include "training/gradient_exchange.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace testudo::training {

namespace {

// Copies consecutive parts of `flat` into the tensors.
void unpack(const at::Tensor& flat, const std::vector<at::Tensor>& tensors) {
    std::int64_t start = 0;
    for (const at::Tensor& tensor : tensors) {
        tensor.copy_(flat.narrow(0, start, tensor.numel()).view_as(tensor));
        start += tensor.numel();
    }
}

at::Tensor pack(const std::vector<at::Tensor>& tensors) {
    std::vector<at::Tensor> flat;
    for (const at::Tensor& tensor : tensors) flat.push_back(tensor.reshape({-1}));
    return at::cat(flat);
}

// The pass goes from the heads back through the blocks to the tables, and ends with the conditioning encoder.
std::vector<std::size_t> in_order_of_the_pass(const nets::Parameters& parameters) {
    const auto stage = [&](std::size_t i) {
        const std::string& name = parameters[i].first;
        return name.starts_with("conditioning_encoder") ? 2 : nets::is_embedding(name) ? 1 : 0;
    };
    std::vector<std::size_t> order;
    for (std::size_t i = parameters.size(); i-- > 0;) order.push_back(i);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return stage(a) < stage(b); });
    return order;
}

}  // namespace

std::vector<Bucket> plan_buckets(const nets::Parameters& parameters, int ranks,
                                 const std::vector<bool>& frozen) {
    // 4 MiB are sent at about full speed; small models still get several buckets.
    const std::int64_t together =
        std::clamp<std::int64_t>(nets::count_elements(parameters) / 16, 1 << 10, 1 << 20);
    std::vector<Bucket> buckets;
    Bucket small;
    for (const std::size_t parameter : in_order_of_the_pass(parameters)) {
        if (!frozen.empty() && frozen[parameter]) continue;
        const std::int64_t elements = parameters[parameter].second.numel();
        if (4 * elements >= together) {
            buckets.push_back({{parameter}, elements});
            continue;
        }
        small.parameters.push_back(parameter);
        small.elements += elements;
        if (small.elements >= together) buckets.push_back(std::exchange(small, {}));
    }
    if (!small.parameters.empty()) buckets.push_back(std::move(small));
    std::vector<std::int64_t> share(static_cast<std::size_t>(ranks));
    for (Bucket& bucket : buckets) {
        const auto least = std::min_element(share.begin(), share.end());
        bucket.owner = static_cast<int>(least - share.begin());
        *least += bucket.elements;
    }
    return buckets;
}

GradientExchange::GradientExchange(const nets::Parameters& parameters, Ranks& ranks, bool sharded,
                                   const std::vector<bool>& frozen)
    : parameters_(parameters),
      ranks_(ranks),
      sharded_(sharded),
      buckets_(plan_buckets(parameters, ranks.size(), frozen)),
      owner_(parameters.size()),
      place_(parameters.size()) {
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket)
        for (std::size_t i = 0; i < buckets_[bucket].parameters.size(); ++i) {
            owner_[buckets_[bucket].parameters[i]] = buckets_[bucket].owner;
            place_[buckets_[bucket].parameters[i]] = {bucket, i};
        }
    begin();
}

void GradientExchange::begin() {
    next_ = received_ = 0;
    sending_.assign(buckets_.size(), {});
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        sending_[i].gradients.resize(buckets_[i].parameters.size());
        sending_[i].missing = buckets_[i].parameters.size();
    }
}

void GradientExchange::add(std::size_t parameter, const at::Tensor& gradient) {
    const auto [bucket, i] = place_[parameter];
    sending_[bucket].gradients[i] = gradient;
    --sending_[bucket].missing;
    while (next_ < sending_.size() && sending_[next_].missing == 0) start(next_++);
}

void GradientExchange::start(std::size_t bucket) {
    Sending& sending = sending_[bucket];
    if (sending.gradients.size() > 1) sending.flat = pack(sending.gradients);
    const at::Tensor& sent = sending.flat.defined() ? sending.flat : sending.gradients[0];
    sending.operation = sharded_ ? ranks_.reduce(sent, buckets_[bucket].owner) : ranks_.all_reduce(sent);
}

void GradientExchange::receive(const Summed& summed) {
    Sending& sending = sending_[received_];
    ranks_.wait(sending.operation);
    if (sending.flat.defined() && owns(buckets_[received_].parameters[0]))
        unpack(sending.flat, sending.gradients);
    sending = {};
    for (const std::size_t parameter : buckets_[received_++].parameters) summed(parameter);
}

void GradientExchange::take(const Summed& summed) {
    while (received_ < next_ && ranks_.is_done(sending_[received_].operation)) receive(summed);
}

void GradientExchange::finish(const Summed& summed) {
    while (received_ < next_) receive(summed);
}

void GradientExchange::share_weights() {
    std::vector<std::vector<at::Tensor>> weights;
    std::vector<at::Tensor> sent;
    std::vector<Ranks::Operation> operations;
    for (const Bucket& bucket : buckets_) {
        weights.emplace_back();
        for (const std::size_t parameter : bucket.parameters)
            weights.back().push_back(parameters_[parameter].second);
        sent.push_back(weights.back().size() > 1 ? pack(weights.back()) : weights.back()[0]);
        operations.push_back(ranks_.broadcast(sent.back(), bucket.owner));
    }
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        ranks_.wait(operations[i]);
        if (weights[i].size() > 1 && buckets_[i].owner != ranks_.rank()) unpack(sent[i], weights[i]);
    }
}

}  // namespace testudo::training
