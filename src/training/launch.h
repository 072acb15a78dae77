#pragma once
// Brings the processes of a training together: those that the configuration asks for on this machine, started
// as children of the same program with torchrun's variables; or those that torchrun or a user has started, on
// one machine or several. One device alone needs none of it.
#include <filesystem>
#include <functional>
#include <memory>

#include "core/events.h"
#include "training/ranks.h"
#include "training/trainer.h"

namespace testudo::training {

class LocalRanks;

class Company {
  public:
    // Joins the others when there are any. Error(environment) naming ranks that are missing after
    // options.join_seconds. `events` gets what is worth knowing, and the last words of a process that has to
    // be ended.
    Company(const std::filesystem::path& workspace, const std::filesystem::path& yaml, Events& events,
            const TrainOptions& options);
    ~Company();
    Company(const Company&) = delete;
    Company& operator=(const Company&) = delete;

    bool leads() const { return !ranks_ || ranks_->leads(); }
    const std::string& device() const { return device_; }  // of this process

    // Runs this process' part of the job, with null when it is alone, and leaves with the others. Where it
    // fails the others are told; the error of a process that does not lead names it.
    Json work(const std::function<Json(Ranks*)>& job);

  private:
    // Gives libtorch its threads back.
    struct Threads {
        int before = 0;  // 0: unchanged
        ~Threads();
    };

    World world_;
    std::string device_;
    Threads threads_;
    std::unique_ptr<LocalRanks> local_;
    std::unique_ptr<Ranks> ranks_;
};

}  // namespace testudo::training
