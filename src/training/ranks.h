#pragma once
// Several processes that train one model together, each on its device, over PyTorch's c10d: NCCL between
// GPUs, Gloo between CPUs and for the numbers that all have to agree on. Every process must call the same
// operations in the same order; a process that ends is found, named and ends the others (meeting.h).
#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "training/meeting.h"

namespace testudo::training {

class Ranks {
  public:
    // Joins all and lets them add up a number, within options.join_seconds. Error(environment) naming who is
    // missing.
    Ranks(const World& world, at::Device device, MeetingOptions options);
    ~Ranks();
    Ranks(const Ranks&) = delete;
    Ranks& operator=(const Ranks&) = delete;

    int rank() const { return world_.rank; }
    int size() const { return world_.size; }
    bool leads() const { return world_.leads(); }
    const std::string& who(int rank) const { return meeting_->who(rank); }

    // Operations on contiguous tensors of the device, in place, that go on by themselves until wait().
    struct Running;
    using Operation = std::shared_ptr<Running>;
    Operation all_reduce(const at::Tensor& tensor);        // the sum, on all
    Operation reduce(const at::Tensor& tensor, int rank);  // the sum, on one; undefined on the others
    Operation broadcast(const at::Tensor& tensor, int rank);
    bool is_done(const Operation& operation) const;
    // Error(environment) naming the lost process when there is one.
    void wait(const Operation& operation);

    // Sums over all processes, the same to the last bit on each.
    std::vector<double> sum(const std::vector<double>& values);
    bool any(bool here);                          // true on all when it is on one
    std::string share(const std::string& bytes);  // those of rank 0
    void barrier() { any(false); }

    bool lost() const { return meeting_->lost().has_value(); }  // one of them is
    void fail(const std::string& why);                          // this process leaves for a reason of its own
    void finish();                                              // all leave together

  private:
    Operation start(const at::Tensor& tensor, int rank, int kind);
    void check_together(double seconds);
    void abandon();
    [[noreturn]] void broken(const std::string& why);

    struct Groups;
    bool finished_ = false;
    World world_;
    double join_seconds_;
    std::unique_ptr<Meeting> meeting_;
    std::unique_ptr<Groups> groups_;
};

}  // namespace testudo::training
