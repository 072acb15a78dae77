#pragma once
// Adds up the gradients of all ranks while the backward pass still computes others (buckets as in PyTorch's
// DDP, Li et al. 2020), and shares out the optimizer's work on request (ZeRO stage 1, Rajbhandari et al.
// 2020): each bucket then has an owner, which alone gets the sum, keeps the moments, and sends the new
// weights to all.
#include <functional>

#include "nets/unified_voice.h"
#include "training/ranks.h"

namespace testudo::training {

struct Bucket {
    std::vector<std::size_t> parameters;
    std::int64_t elements = 0;
    int owner = 0;
};

// Buckets in about the order in which a pass completes them: a large parameter alone, small ones together.
// Owners get about equal shares. The same on every rank. Frozen parameters are in none.
std::vector<Bucket> plan_buckets(const nets::Parameters& parameters, int ranks,
                                 const std::vector<bool>& frozen = {});

class GradientExchange {
  public:
    GradientExchange(const nets::Parameters& parameters, Ranks& ranks, bool sharded,
                     const std::vector<bool>& frozen = {});

    bool sharded() const { return sharded_; }
    // Whether this rank updates the parameter: all of them, or its share.
    bool owns(std::size_t parameter) const { return !sharded_ || owner_[parameter] == ranks_.rank(); }
    std::size_t started() const { return next_; }  // buckets under way or done, since begin()
    std::size_t size() const { return buckets_.size(); }

    void begin();  // a new exchange of all parameters that are trained
    // This rank's gradient is complete. Buckets go out in order, each once it and those before are complete.
    // The tensor must stay, untouched, until `summed`.
    void add(std::size_t parameter, const at::Tensor& gradient);
    // Called for each parameter whose gradient now holds the sum (on its owner, when sharded).
    using Summed = std::function<void(std::size_t parameter)>;
    void take(const Summed& summed);    // those that are there by now
    void finish(const Summed& summed);  // all; every parameter has been added
    // Sharded: the weights of each owner go to all.
    void share_weights();

  private:
    struct Sending {
        std::vector<at::Tensor> gradients;
        std::size_t missing = 0;
        at::Tensor flat;  // of several: what is sent
        Ranks::Operation operation;
    };
    void start(std::size_t bucket);
    void receive(const Summed& summed);  // the oldest bucket under way

    const nets::Parameters& parameters_;
    Ranks& ranks_;
    bool sharded_;
    std::vector<Bucket> buckets_;
    std::vector<int> owner_;
    std::vector<std::pair<std::size_t, std::size_t>> place_;  // of a parameter: bucket and place in it
    std::vector<Sending> sending_;
    std::size_t next_ = 0, received_ = 0;  // buckets
};

}  // namespace testudo::training
