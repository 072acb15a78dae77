#include "training/launch.h"

#include <ATen/Parallel.h>

#include <cstdlib>
#include <mutex>

#include "core/strings.h"
#include "core/subprocess.h"
#include "training/config.h"

namespace testudo::training {

// The children of rank 0.
class LocalRanks {
  public:
    LocalRanks(std::filesystem::path program, std::vector<std::string> arguments, const World& world,
               int threads)
        : program_(std::move(program)), arguments_(std::move(arguments)), world_(world), threads_(threads) {}

    void start(std::uint16_t port) {
        const std::lock_guard lock(mutex_);
        for (int rank = 1; rank < world_.size; ++rank)
            children_.emplace_back(
                program_.native(), arguments_,
                std::vector<std::pair<std::string, std::string>>{{"RANK", cat(rank)},
                                                                 {"WORLD_SIZE", cat(world_.size)},
                                                                 {"LOCAL_RANK", cat(rank)},
                                                                 {"LOCAL_WORLD_SIZE", cat(world_.size)},
                                                                 {"MASTER_ADDR", world_.address},
                                                                 {"MASTER_PORT", cat(port)},
                                                                 {"OMP_NUM_THREADS", cat(threads_)},
                                                                 {"OMP_WAIT_POLICY", "passive"},
                                                                 {"TORCH_CPP_LOG_LEVEL", "ERROR"}},
                "Run the command again.");
    }

    // Why one is not there any more.
    std::optional<std::string> ended() {
        const std::lock_guard lock(mutex_);
        for (std::size_t i = 0; i < children_.size(); ++i)
            if (const auto code = children_[i].ended())
                return cat("rank ", i + 1, " (process ", children_[i].process(), " on this machine) ended ",
                           *code > 128 ? cat("by signal ", *code - 128) : cat("with code ", *code));
        return {};
    }

    // Waits until all have gone by themselves, at most so long.
    void wait(double seconds) {
        constexpr double poll = 0.02;
        for (double waited = 0; waited < seconds && !all_ended(); waited += poll)
            std::this_thread::sleep_for(std::chrono::duration<double>(poll));
    }

    void end() {
        const std::lock_guard lock(mutex_);
        children_.clear();
    }

  private:
    bool all_ended() {
        const std::lock_guard lock(mutex_);
        for (ChildProgram& child : children_)
            if (!child.ended()) return false;
        return true;
    }

    std::filesystem::path program_;
    std::vector<std::string> arguments_;
    World world_;
    int threads_;
    std::mutex mutex_;
    std::vector<ChildProgram> children_;
};

namespace {

constexpr double farewell_seconds = 3;

// Processes that share the processors of a machine divide its threads.
int threads_for(const World& world, bool started_here) {
    if (!started_here && std::getenv("OMP_NUM_THREADS")) return at::get_num_threads();
    return std::max(1, at::get_num_threads() / world.local_size);
}

}  // namespace

Company::Company(const std::filesystem::path& workspace, const std::filesystem::path& yaml, Events& events,
                 const TrainOptions& options)
    : device_(options.device) {
    const auto joined = world_of_environment();
    const std::filesystem::path file = find_configuration(workspace, yaml);
    const Config config = read_config(workspace, file);
    world_ = world_of(config);
    if (world_.size == 1) return;
    device_ = device_of(world_, options.device);
    MeetingOptions meeting;
    meeting.join_seconds = options.join_seconds;
    meeting.last_words = [this, &events, words = options.last_words](const Error& error) {
        const Error own(error.kind(),
                        world_.leads() ? error.what() : cat("rank ", world_.rank, ": ", error.what()),
                        error.hint());
        events.failed(own.what(), own.hint(), static_cast<int>(own.kind()));
        if (words) words(own);
    };
    meeting.waiting = [this, &events](const std::string& why) {
        events.info(cat("waiting for rank 0 at ", world_.address, ", port ", world_.port, ": ", why));
    };
    const int threads = threads_for(world_, !joined);
    if (!joined) {
        local_ = std::make_unique<LocalRanks>(
            options.program,
            std::vector<std::string>{
                "--workspace", std::filesystem::absolute(workspace).string(), "--quiet", "train",
                config.voice, "--yaml", std::filesystem::absolute(file).string(), "--device",
                device_ == "cpu" ? "cpu" : "cuda", "--join-seconds", cat(options.join_seconds)},
            world_, threads);
        meeting.listening = [this](std::uint16_t port) { local_->start(port); };
        meeting.ended = [this] { return local_->ended(); };
    }
    if (device_ == "cpu" && threads != at::get_num_threads()) {
        threads_.before = at::get_num_threads();
        at::set_num_threads(threads);
    }
    ranks_ = std::make_unique<Ranks>(world_, at::Device(device_), std::move(meeting));
    events.info(world_.leads() ? cat(world_.size, " ranks train together, each on ",
                                     device_ == "cpu" ? cat("the CPU with ", threads,
                                                            threads == 1 ? " thread" : " threads")
                                                      : std::string("its GPU"))
                               : cat("rank ", world_.rank, " of ", world_.size, " computes for ",
                                     ranks_->who(0), ", where the files and messages of this training are"));
}

Company::~Company() = default;

Company::Threads::~Threads() {
    if (before > 0) at::set_num_threads(before);
}

Json Company::work(const std::function<Json(Ranks*)>& job) {
    if (!ranks_) return job(nullptr);
    const auto fail = [&](const std::string& why) {
        if (local_ && !ranks_->lost()) {
            local_->end();  // they would only repeat it
            return;
        }
        ranks_->fail(why);
        if (local_) local_->wait(farewell_seconds);
    };
    try {
        Json result = job(ranks_.get());
        ranks_->finish();
        if (local_) local_->wait(farewell_seconds);
        return result;
    } catch (const Error& error) {
        fail(error.what());
        if (leads()) throw;
        throw Error(error.kind(), cat("rank ", world_.rank, ": ", error.what()), error.hint());
    } catch (const std::exception& error) {
        fail(error.what());
        throw;
    }
}

}  // namespace testudo::training
