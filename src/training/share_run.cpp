#include "training/share_run.h"

#include "core/strings.h"
#include "training/gradient_exchange.h"

namespace testudo::training {

namespace {

constexpr int all_keep = -1;

// The rank that keeps the moments of each trained parameter; all_keep when they are not shared out.
std::vector<int> keepers(const RunSetup& setup) {
    const auto& parameters = setup.optimizer->parameters();
    std::vector<int> keeper(parameters.size(), all_keep);
    if (!setup.config.shard_optimizer) return keeper;
    for (const Bucket& bucket : plan_buckets(parameters, setup.ranks->size(), setup.optimizer->frozen()))
        for (const std::size_t parameter : bucket.parameters) keeper[parameter] = bucket.owner;
    return keeper;
}

void send(RunSetup& setup, const at::Tensor& tensor, int from) {
    setup.ranks->wait(setup.ranks->broadcast(tensor, from));
}

}  // namespace

Json shared_counts(const RunSetup& setup) {
    const OwnState& own = setup.own;
    return {{"start", setup.start},
            {"samples", setup.samples},
            {"total", setup.total},
            {"epochs", setup.counting.epochs},
            {"from_iteration", setup.counting.from_iteration},
            {"from_epoch", setup.counting.from_epoch},
            {"validate_every", setup.config.validate_every},
            {"accumulation", setup.config.accumulation},
            {"checkpointing", setup.config.step.checkpointing},
            {"base_rate", own.base_rate},
            {"rate_scale", own.rate_scale},
            {"bad_in_a_row", own.bad_in_a_row},
            {"loss_scale", {own.loss_scale.scale, own.loss_scale.good_steps}},
            {"losses", setup.losses.losses()},
            {"step", setup.optimizer->step()}};
}

void take_shared_counts(RunSetup& setup, const Json& counts) {
    setup.start = counts.at("start");
    setup.samples = counts.at("samples");
    setup.total = counts.at("total");
    setup.counting.lines = setup.lines->size();
    setup.counting.batch_size = setup.config.batch_size;
    setup.counting.epochs = counts.at("epochs");
    setup.counting.from_iteration = counts.at("from_iteration");
    setup.counting.from_epoch = counts.at("from_epoch");
    setup.config.validate_every = counts.at("validate_every");
    setup.config.accumulation = counts.at("accumulation");
    setup.config.step.checkpointing = counts.at("checkpointing");
    setup.own.base_rate = counts.at("base_rate");
    setup.own.rate_scale = counts.at("rate_scale");
    setup.own.bad_in_a_row = counts.at("bad_in_a_row");
    setup.own.loss_scale = {counts.at("loss_scale").at(0), counts.at("loss_scale").at(1)};
    setup.losses.restore(counts.at("losses").get<std::vector<double>>());
    setup.optimizer->set_step(counts.at("step"));
}

std::int64_t share_run(RunSetup& setup, std::int64_t iteration) {
    Ranks& ranks = *setup.ranks;
    AdamW& optimizer = *setup.optimizer;
    Json counts = ranks.leads() ? shared_counts(setup) : Json();
    if (ranks.leads()) counts["iteration"] = iteration;
    counts = Json::parse(ranks.share(counts.dump()));
    if (!ranks.leads()) {
        iteration = counts.at("iteration");
        optimizer.reset();
        take_shared_counts(setup, counts);
        setup.schedule =
            std::make_unique<Schedule>(setup.config.schedule, to_utf8(setup.config.yaml.native()));
        setup.schedule->replay(1, iteration);
    }
    for (const auto& [name, weights] : setup.model->parameters()) send(setup, weights, 0);
    if (setup.config.lora.rank > 0)
        for (const auto& [name, weights] : optimizer.parameters()) send(setup, weights, 0);
    if (optimizer.step() == 0) return iteration;  // all moments are zero
    const auto keeper = keepers(setup);
    for (std::size_t i = 0; i < optimizer.size(); ++i) {
        if (!optimizer.trains(optimizer.parameter_of(i))) continue;
        for (const at::Tensor& tensor : optimizer.state_tensors(i)) send(setup, tensor, 0);
        const int keeps = keeper[optimizer.parameter_of(i)];
        if (keeps >= 0 && keeps != ranks.rank()) optimizer.release(i);
    }
    return iteration;
}

void gather_moments(RunSetup& setup) {
    if (!setup.ranks || !setup.config.shard_optimizer) return;
    const auto keeper = keepers(setup);
    for (std::size_t i = 0; i < setup.optimizer->size(); ++i) {
        const int keeps = keeper[setup.optimizer->parameter_of(i)];
        if (keeps == 0 || !setup.optimizer->trains(setup.optimizer->parameter_of(i))) continue;
        for (const at::Tensor& tensor : setup.optimizer->state_tensors(i)) send(setup, tensor, keeps);
        if (!setup.ranks->leads() && keeps != setup.ranks->rank()) setup.optimizer->release(i);
    }
}

void free_gathered(RunSetup& setup) {
    if (!setup.ranks || !setup.config.shard_optimizer) return;
    const auto keeper = keepers(setup);
    for (std::size_t i = 0; i < setup.optimizer->size(); ++i)
        if (keeper[setup.optimizer->parameter_of(i)] != setup.ranks->rank()) setup.optimizer->release(i);
}

}  // namespace testudo::training
