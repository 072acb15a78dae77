// Ranks as threads of one process: what they compute together is what one computes alone.
#include "training/ranks.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <future>
#include <map>
#include <numeric>
#include <set>

#include "dataset/batches.h"
#include "training/gradient_exchange.h"
#include "training/step.h"
#include "training/step_parts.h"
#include "workshop.h"

namespace testudo::training {
namespace {

using nets::Batch;
using test::error_of;

// Runs `work` in so many ranks; rethrows the first error.
void together(int ranks, const std::function<void(Ranks&)>& work) {
    std::promise<std::uint16_t> listening;
    const std::shared_future<std::uint16_t> port = listening.get_future().share();
    std::vector<std::future<void>> done;
    for (int rank = 0; rank < ranks; ++rank)
        done.push_back(std::async(std::launch::async, [&, rank] {
            const at::NoGradGuard no_grad;
            World world;
            world.rank = rank;
            world.size = ranks;
            if (rank > 0) world.port = port.get();
            MeetingOptions options;
            options.join_seconds = 60;
            if (rank == 0) options.listening = [&](std::uint16_t number) { listening.set_value(number); };
            Ranks joined(world, at::kCPU, options);
            work(joined);
            joined.finish();
        }));
    for (auto& one : done) one.get();
}

TEST(Ranks, AddUpCopyAndShare) {
    together(3, [](Ranks& ranks) {
        EXPECT_EQ(ranks.sum({ranks.rank() + 1.0, 2.0}), (std::vector<double>{6, 6}));
        EXPECT_TRUE(ranks.any(ranks.rank() == 2));
        EXPECT_FALSE(ranks.any(false));
        EXPECT_EQ(ranks.share(ranks.leads() ? std::string("a\0b", 3) : "ignored"), std::string("a\0b", 3));
        EXPECT_EQ(ranks.share(""), "");
        const at::Tensor tensor = at::full({2, 3}, ranks.rank() + 1.0, at::kFloat);
        ranks.wait(ranks.broadcast(tensor, 1));
        EXPECT_TRUE(at::equal(tensor, at::full({2, 3}, 2.0, at::kFloat)));
        ranks.wait(ranks.reduce(tensor, 2));
        const bool has_sum = at::equal(tensor, at::full({2, 3}, 6.0, at::kFloat));
        EXPECT_TRUE(has_sum || ranks.rank() != 2);
        EXPECT_NE(ranks.who(2).find("rank 2 (process "), std::string::npos);
    });
}

nets::UnifiedVoice tiny(std::uint64_t seed) {
    nets::UnifiedVoice model(test::tiny_model());
    model.initialise(seed);
    return model;
}

nets::Example clip(int text, int codes) {
    nets::Example example;
    for (int i = 0; i < text; ++i) example.text.push_back(1 + (i * 7 + codes) % 250);
    example.codes = at::arange(codes).mul(5).add(text).remainder(32).to(at::kLong);
    for (int i = 0; i < 2; ++i)
        example.conditioning.push_back(
            at::arange(80 * 30, at::kFloat).view({80, 30}).mul(0.01 * (i + text)).sin());
    example.samples = codes * 1024;
    return example;
}

const std::vector<std::pair<int, int>> sizes = {{3, 30},  {20, 5}, {9, 12}, {1, 1},
                                                {14, 22}, {6, 17}, {11, 40}};

Batch micro_batch(const std::vector<int>& clips) {
    Batch batch;
    for (const int i : clips) {
        const auto [text, codes] = sizes[static_cast<std::size_t>(i)];
        batch.push_back(clip(text, codes));
    }
    return batch;
}

struct Trained {
    std::vector<StepResult> results;
    std::vector<at::Tensor> weights, average, moments;
};

struct Way {
    int clips = 7;
    std::int64_t accumulation = 2;
    StepOptions options = {};
    AdamWOptions adamw = {};
    bool sharded = false;
};

// Three steps as one of the ranks, or alone.
Trained train(const Way& way, Ranks* ranks) {
    nets::UnifiedVoice model = tiny(1);
    AdamW optimizer(model.parameters(), way.adamw, {.rate = !ranks || ranks->leads() ? 0.9 : 0.0});
    StepOptions options = way.options;
    options.dropout = 0;
    Step step(model, optimizer, options, ranks, way.sharded);
    std::vector<int> batch(static_cast<std::size_t>(way.clips)), lengths;
    std::iota(batch.begin(), batch.end(), 0);
    for (const auto& [text, codes] : sizes) lengths.push_back(text + codes);
    Trained trained;
    for (int i = 1; i <= 3; ++i) {
        std::vector<Batch> micro;
        for (const auto& part : step_parts(batch, lengths, way.accumulation, options.form.objective,
                                           ranks ? ranks->rank() : 0, ranks ? ranks->size() : 1))
            micro.push_back(micro_batch(part));
        trained.results.push_back(step.run(micro, 1e-3, 7, i));
    }
    for (const auto& [name, tensor] : model.parameters()) trained.weights.push_back(tensor);
    for (const auto& [name, tensor] : optimizer.ema()) trained.average.push_back(tensor);
    for (std::size_t i = 0; i < optimizer.size(); ++i)
        if (!ranks || !way.sharded || step.exchange()->owns(optimizer.parameter_of(i)))
            trained.moments.push_back(optimizer.exp_avg(i));
    return trained;
}

bool same(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
    bool all = a.size() == b.size();
    for (std::size_t i = 0; all && i < a.size(); ++i) all = at::equal(a[i], b[i]);
    return all;
}

// Where a gradient is nothing but rounding, as those of the keys' biases are, AdamW moves its weight by up to
// the rate either way: three steps at 0.001. All others agree.
void expect_close(const std::vector<at::Tensor>& ours, const std::vector<at::Tensor>& theirs, double mean) {
    ASSERT_EQ(ours.size(), theirs.size());
    double worst = 0, sum = 0, count = 0;
    for (std::size_t i = 0; i < ours.size(); ++i) {
        const at::Tensor difference = (ours[i] - theirs[i]).abs();
        worst = std::max(worst, difference.max().item<double>());
        sum += difference.sum().item<double>();
        count += static_cast<double>(difference.numel());
    }
    EXPECT_LE(worst, 6.3e-3);
    EXPECT_LE(sum / count, mean);
}

void expect_as_alone(int ranks, const Way& way, double tolerance = 1e-5) {
    SCOPED_TRACE(cat(ranks, " ranks"));
    const Trained alone = train(way, nullptr);
    std::vector<Trained> all(static_cast<std::size_t>(ranks));
    together(ranks, [&](Ranks& one) { all[static_cast<std::size_t>(one.rank())] = train(way, &one); });
    std::size_t kept = 0;
    for (const Trained& one : all) {
        for (std::size_t i = 0; i < 3; ++i) {
            EXPECT_FALSE(one.results[i].skipped);
            EXPECT_EQ(one.results[i].total, all[0].results[i].total) << "to the last bit on all ranks";
            EXPECT_EQ(one.results[i].grad_norm_decay, all[0].results[i].grad_norm_decay);
            EXPECT_EQ(one.results[i].losses.mel_tokens, alone.results[i].losses.mel_tokens);
            EXPECT_NEAR(one.results[i].total, alone.results[i].total, tolerance * alone.results[i].total);
            EXPECT_NEAR(one.results[i].grad_norm_decay, alone.results[i].grad_norm_decay,
                        tolerance * alone.results[i].grad_norm_decay);
            EXPECT_NEAR(one.results[i].grad_norm_rest, alone.results[i].grad_norm_rest,
                        tolerance * alone.results[i].grad_norm_rest);
        }
        EXPECT_TRUE(same(one.weights, all[0].weights));
        kept += one.moments.size();
    }
    expect_close(all[0].weights, alone.weights, tolerance);
    expect_close(all[0].average, alone.average, tolerance);
    EXPECT_EQ(kept, alone.moments.size() * (way.sharded ? 1 : all.size()));
}

TEST(Ranks, TwoAndFourTrainAsOneAlone) {
    for (const int ranks : {2, 4}) expect_as_alone(ranks, {});
}

TEST(Ranks, FewerClipsThanRanks) { expect_as_alone(4, {.clips = 2, .accumulation = 1}); }

TEST(Ranks, LeanGradientsAndEightBits) {
    Way way;
    way.options.memory = GradientMemory::lean;
    // Each gradient is rounded to half precision, codes of 8 bits change in jumps.
    expect_as_alone(2, way, 5e-4);
    way = {};
    way.adamw.eight_bit = true;
    expect_as_alone(2, way, 5e-4);
}

TEST(Ranks, DlasObjectiveDealsOutWholeMicroBatches) {
    Way way;
    way.options.form.objective = nets::Objective::dlas;
    expect_as_alone(2, way);
    way.accumulation = 4;
    expect_as_alone(4, way);
}

TEST(Ranks, SharedOptimizerStates) {
    Way way;
    way.sharded = true;
    for (const int ranks : {2, 4}) expect_as_alone(ranks, way);
    way.options.memory = GradientMemory::lean;
    way.adamw.eight_bit = true;
    expect_as_alone(2, way, 5e-4);
}

TEST(Ranks, WhatIsNotFiniteOnOneIsSkippedByAll) {
    together(2, [](Ranks& ranks) {
        nets::UnifiedVoice model = tiny(1);
        const at::Tensor before = model["final_norm.weight"].clone();
        AdamW optimizer(model.parameters());
        Step step(model, optimizer, {.dropout = 0}, &ranks);
        std::vector<Batch> micro = {micro_batch({ranks.rank()})};
        if (ranks.rank() == 1) micro[0][0].conditioning[0].fill_(std::nan(""));
        EXPECT_TRUE(step.run(micro, 1e-3, 7).skipped);
        EXPECT_TRUE(at::equal(before, model["final_norm.weight"]));
        EXPECT_EQ(optimizer.step(), 0);
        const StepResult leap = step.run(std::vector<Batch>{micro_batch({ranks.rank()})}, 1e-3, 7, 1, 1e-3);
        EXPECT_TRUE(leap.leap);
        EXPECT_FALSE(step.run(std::vector<Batch>{micro_batch({ranks.rank()})}, 1e-3, 7, 1).skipped);
        EXPECT_FALSE(at::equal(before, model["final_norm.weight"]));
    });
}

TEST(GradientExchange, SendsBucketsWhileOthersAreStillComputed) {
    together(2, [](Ranks& ranks) {
        const nets::UnifiedVoice model = tiny(1);
        const auto& parameters = model.parameters();
        GradientExchange exchange(parameters, ranks, false);
        const auto plan = plan_buckets(parameters, 2);
        ASSERT_GT(plan.size(), 4U);
        std::vector<at::Tensor> gradients;
        std::size_t summed = 0;
        for (const Bucket& bucket : plan) {
            EXPECT_EQ(exchange.started(), static_cast<std::size_t>(&bucket - plan.data()));
            for (const std::size_t parameter : bucket.parameters) {
                gradients.push_back(at::full_like(parameters[parameter].second, 1.0 + ranks.rank()));
                exchange.add(parameter, gradients.back());
            }
            exchange.take([&](std::size_t) { ++summed; });
        }
        EXPECT_EQ(exchange.started(), exchange.size());
        exchange.finish([&](std::size_t) { ++summed; });
        EXPECT_EQ(summed, parameters.size());
        for (const at::Tensor& gradient : gradients)
            EXPECT_TRUE(at::equal(gradient, at::full_like(gradient, 3)));
    });
}

// Notes when parameters become ready.
class Watching : public nets::GradientSink {
  public:
    explicit Watching(const nets::Parameters& parameters) : parameters_(parameters) {}
    at::Tensor buffer(std::size_t parameter) override {
        auto& tensor = buffers_[parameter];
        if (!tensor.defined()) tensor = at::zeros_like(parameters_[parameter].second);
        return tensor;
    }
    bool fresh(std::size_t) override { return false; }
    void ready(std::size_t parameter) override { order.push_back(parameter); }
    std::vector<std::size_t> order;

  private:
    const nets::Parameters& parameters_;
    std::map<std::size_t, at::Tensor> buffers_;
};

TEST(GradientExchange, BucketsFollowTheOrderOfThePass) {
    const nets::UnifiedVoice model = tiny(1);
    Watching watching(model.parameters());
    nets::run_pass(model, micro_batch({0, 1}), {}, {.text = 1, .mel = 1}, &watching);
    ASSERT_EQ(watching.order.size(), model.parameters().size());
    // Halfway through the pass about half of the buckets are complete, all before them too.
    std::set<std::size_t> ready(
        watching.order.begin(),
        watching.order.begin() + static_cast<std::ptrdiff_t>(watching.order.size() / 2));
    const auto plan = plan_buckets(model.parameters(), 2);
    std::size_t complete = 0;
    while (complete < plan.size() &&
           std::all_of(plan[complete].parameters.begin(), plan[complete].parameters.end(),
                       [&](std::size_t parameter) { return ready.count(parameter) > 0; }))
        ++complete;
    EXPECT_GE(complete, plan.size() / 4);
}

TEST(GradientExchange, OwnersGetEqualShares) {
    const nets::UnifiedVoice model(nets::UnifiedVoiceConfig{}, at::kMeta);
    const auto plan = plan_buckets(model.parameters(), 4);
    std::vector<double> share(4);
    std::size_t parameters = 0;
    for (const Bucket& bucket : plan) {
        share[static_cast<std::size_t>(bucket.owner)] += static_cast<double>(bucket.elements);
        parameters += bucket.parameters.size();
    }
    EXPECT_EQ(parameters, model.parameters().size());
    for (const double one : share)
        EXPECT_NEAR(one, static_cast<double>(nets::count_elements(model.parameters())) / 4, 0.05 * one);
}

TEST(StepParts, ClipsAreSharedByTokensAndNoneIsLost) {
    const std::vector<int> lengths = {10, 500, 20, 480, 30, 40, 490, 50, 5, 470};
    std::vector<int> batch(lengths.size());
    std::iota(batch.begin(), batch.end(), 0);
    const auto shares = dataset::share_batch(lengths, batch, 4);
    ASSERT_EQ(shares.size(), 4U);
    std::set<int> seen;
    for (const auto& share : shares) {
        int tokens = 0;
        for (const int i : share) tokens += lengths[static_cast<std::size_t>(i)], seen.insert(i);
        EXPECT_NEAR(tokens, 2095 / 4.0, 40);
        EXPECT_TRUE(std::is_sorted(share.begin(), share.end()));
    }
    EXPECT_EQ(seen.size(), lengths.size());
    EXPECT_EQ(step_parts(batch, lengths, 3, nets::Objective::consistent),
              (std::vector<std::vector<int>>{{0, 1, 2, 3}, {4, 5, 6}, {7, 8, 9}}));
    EXPECT_EQ(step_parts(batch, lengths, 8, nets::Objective::consistent, 1, 4).size(), 2U);
    EXPECT_EQ(step_parts(batch, lengths, 4, nets::Objective::dlas, 1, 2),
              (std::vector<std::vector<int>>{{3, 4}, {8, 9}}));
    EXPECT_TRUE(step_parts({7}, lengths, 1, nets::Objective::dlas, 1, 2).empty());
}

TEST(Ranks, SizesOfPartsAreForetold) {
    for (const auto objective : {nets::Objective::consistent, nets::Objective::dlas})
        for (int clips = 1; clips < 18; ++clips)
            for (int accumulation = 1; accumulation < 9; ++accumulation)
                for (int ranks = 1; ranks < 5; ++ranks) {
                    std::vector<int> batch(static_cast<std::size_t>(clips));
                    std::iota(batch.begin(), batch.end(), 0);
                    const std::vector<int> lengths(batch.size(), 30);
                    std::size_t largest = 0, most = 0;
                    for (int rank = 0; rank < ranks; ++rank) {
                        const auto parts = step_parts(batch, lengths, accumulation, objective, rank, ranks);
                        most = std::max(most, parts.size());
                        for (const auto& part : parts) largest = std::max(largest, part.size());
                    }
                    const PartSizes foretold = part_sizes(clips, accumulation, objective, ranks);
                    EXPECT_EQ(foretold.clips, largest) << clips << " " << accumulation << " " << ranks;
                    EXPECT_EQ(foretold.parts, most) << clips << " " << accumulation << " " << ranks;
                }
}

TEST(Ranks, WhoIsMissingIsNamed) {
    World world;
    world.size = 3;
    const Error error = error_of([&] { Ranks(world, at::kCPU, {.join_seconds = 0.3}); });
    EXPECT_EQ(error.kind(), ErrorKind::environment);
    EXPECT_NE(std::string(error.what()).find("rank 1, rank 2 are missing: of 3 ranks 1 met"),
              std::string::npos)
        << error.what();
    EXPECT_NE(error.hint().find("--join-seconds"), std::string::npos);
}

struct Nobody {  // on a port of this machine that is taken, but takes no connections
    Nobody() : socket(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        ::bind(socket, reinterpret_cast<sockaddr*>(&address), size);
        ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
        port = ntohs(address.sin_port);
    }
    ~Nobody() { ::close(socket); }
    int socket;
    std::uint16_t port = 0;
};

TEST(Ranks, ARankZeroThatDoesNotAnswerIsWaitedForNoLongerThanAsked) {
    const Nobody nobody;
    World world;
    world.rank = 1;
    world.size = 2;
    world.port = nobody.port;
    std::string waiting;
    const auto start = std::chrono::steady_clock::now();
    ::testing::internal::CaptureStderr();
    const Error error = error_of([&] {
        Ranks(world, at::kCPU,
              {.join_seconds = 3, .waiting = [&](const std::string& why) { waiting = why; }});
    });
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(6));
    EXPECT_EQ(error.kind(), ErrorKind::environment);
    EXPECT_NE(std::string(error.what()).find("rank 0 is missing: nothing answered at 127.0.0.1"),
              std::string::npos)
        << error.what();
    EXPECT_EQ(waiting, "Connection refused");
}

TEST(Ranks, ANameThatIsNotKnownIsSaid) {
    World world;
    world.rank = 1;
    world.size = 2;
    world.address = "nosuch.invalid";
    world.port = 1;
    ::testing::internal::CaptureStderr();
    const Error error = error_of([&] { Ranks(world, at::kCPU, {.join_seconds = 0.2}); });
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
    EXPECT_NE(std::string(error.what()).find("the name nosuch.invalid is not known"), std::string::npos)
        << error.what();
}

TEST(Ranks, RankZeroNeedNotFindItselfByName) {
    World world;
    world.size = 2;
    world.address = "nosuch.invalid";
    const Error error = error_of([&] { Ranks(world, at::kCPU, {.join_seconds = 0.2}); });
    EXPECT_NE(std::string(error.what()).find("rank 1 is missing"), std::string::npos) << error.what();
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

class Variables {
  public:
    explicit Variables(Pairs variables) : variables_(std::move(variables)) {
        for (const auto& [name, value] : variables_) ::setenv(name.c_str(), value.c_str(), 1);
    }
    ~Variables() {
        for (const auto& [name, value] : variables_) ::unsetenv(name.c_str());
    }
    Variables(const Variables&) = delete;
    Variables& operator=(const Variables&) = delete;

  private:
    Pairs variables_;
};

TEST(World, TorchrunsVariables) {
    EXPECT_FALSE(world_of_environment());
    {
        const Variables alone(Pairs{{"WORLD_SIZE", "1"}});
        EXPECT_FALSE(world_of_environment());
    }
    {
        const Variables all(Pairs{{"WORLD_SIZE", "8"},
                                  {"RANK", "5"},
                                  {"LOCAL_RANK", "1"},
                                  {"LOCAL_WORLD_SIZE", "4"},
                                  {"MASTER_ADDR", "10.0.0.1"},
                                  {"MASTER_PORT", "29500"}});
        const auto world = world_of_environment();
        ASSERT_TRUE(world);
        EXPECT_EQ(world->rank, 5);
        EXPECT_EQ(world->size, 8);
        EXPECT_EQ(world->local_rank, 1);
        EXPECT_EQ(world->local_size, 4);
        EXPECT_EQ(world->address, "10.0.0.1");
        EXPECT_EQ(world->port, 29500);
        EXPECT_EQ(device_of(*world, "cpu"), "cpu");
        EXPECT_EQ(error_of([&] { device_of(*world, "cuda:1"); }).kind(), ErrorKind::usage);
    }
    const auto complains = [](Pairs variables, const char* of) {
        const Variables set(std::move(variables));
        const Error error = error_of([] { world_of_environment(); });
        EXPECT_EQ(error.kind(), ErrorKind::usage);
        EXPECT_NE(std::string(error.what()).find(of), std::string::npos) << error.what();
    };
    complains(Pairs{{"WORLD_SIZE", "two"}}, "WORLD_SIZE is \"two\"");
    complains(Pairs{{"WORLD_SIZE", "2"}}, "RANK is not set");
    complains(Pairs{{"WORLD_SIZE", "2"}, {"RANK", "2"}}, "RANK is \"2\", not 0 to 1");
    complains(Pairs{{"WORLD_SIZE", "2"}, {"RANK", "0"}}, "MASTER_ADDR is not set");
    complains(Pairs{{"WORLD_SIZE", "2"}, {"RANK", "0"}, {"MASTER_ADDR", "h"}, {"MASTER_PORT", "x"}},
              "MASTER_PORT");
}

}  // namespace
}  // namespace testudo::training
