#include "training/checkpoint.h"

#include <cmath>
#include <map>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "training/samples.h"

namespace testudo::training {

namespace {

using tensors::Dict;
using tensors::List;
using tensors::Tuple;
using tensors::Value;

Dict moments_as_torch(AdamW& optimizer, std::size_t index) {
    Dict entry;
    entry.set("step", at::scalar_tensor(static_cast<double>(optimizer.step()), at::kFloat));
    entry.set("exp_avg", optimizer.exp_avg(index));
    entry.set("exp_avg_sq", optimizer.exp_avg_sq(index));
    return entry;
}

// Flat, as all releases of bitsandbytes with blocks of 256 read it; the newest nest the same one deeper.
Dict moments_as_bitsandbytes(AdamW& optimizer, std::size_t index) {
    Dict entry;
    entry.set("step", optimizer.step());
    if (!optimizer.is_quantised(index)) {
        entry.set("state1", optimizer.exp_avg(index));
        entry.set("state2", optimizer.exp_avg_sq(index));
        return entry;
    }
    const QuantisedMoment &first = optimizer.quantised(index, Moment::first),
                          &second = optimizer.quantised(index, Moment::second);
    entry.set("state1", first.codes);
    entry.set("qmap1", code_book_tensor(Moment::first, at::kCPU));
    entry.set("state2", second.codes);
    entry.set("qmap2", code_book_tensor(Moment::second, at::kCPU));
    entry.set("absmax1", first.largest);
    entry.set("absmax2", second.largest);
    return entry;
}

// What both optimizers of Python keep of a group's settings in the state.
Dict group_settings(const AdamWOptions& options, bool decays, double initial_rate, double rate) {
    Tuple betas;
    betas.items = {options.beta1, options.beta2};
    Dict group;
    group.set("weight_decay", decays ? Value(options.weight_decay) : Value(0));
    group.set("lr", rate);
    group.set("betas", std::move(betas));
    group.set("eps", options.eps);
    if (options.eight_bit) {
        group.set("alpha", 0.0);
        group.set("t_alpha", Value());
        group.set("t_beta3", Value());
    } else {
        group.set("amsgrad", false);
        group.set("maximize", false);
        group.set("foreach", Value());
        group.set("capturable", false);
        group.set("differentiable", false);
        group.set("fused", Value());
        group.set("decoupled_weight_decay", true);
    }
    group.set("initial_lr", initial_rate);
    return group;
}

Dict optimizer_value(AdamW& optimizer, double initial_rate, double rate) {
    Dict state;
    for (std::size_t i = 0; i < optimizer.size(); ++i)
        if (optimizer.trains(optimizer.parameter_of(i)))
            state.items.emplace_back(static_cast<std::int64_t>(i), optimizer.options().eight_bit
                                                                       ? moments_as_bitsandbytes(optimizer, i)
                                                                       : moments_as_torch(optimizer, i));
    List groups;
    std::int64_t index = 0;
    for (const bool decays : {true, false}) {
        const auto& members = decays ? optimizer.groups().decay : optimizer.groups().rest;
        List indices;
        for (std::size_t i = 0; i < members.size(); ++i) indices.items.emplace_back(index++);
        Dict group = group_settings(optimizer.options(), decays, initial_rate, rate);
        group.set("params", std::move(indices));
        groups.items.emplace_back(std::move(group));
    }
    Dict whole;
    whole.set("state", std::move(state));
    whole.set("param_groups", std::move(groups));
    return whole;
}

Value own_value(const OwnState& own) {
    Dict dict;
    dict.set("version", 1);
    dict.set("seed", static_cast<std::int64_t>(own.seed));
    dict.set("dataset", own.dataset);
    dict.set("lines", own.lines);
    dict.set("batch_size", own.batch_size);
    dict.set("from_iteration", own.from_iteration);
    dict.set("from_epoch", own.from_epoch);
    dict.set("config", own.config);
    dict.set("base_lr", own.base_rate);
    dict.set("lr_scale", own.rate_scale);
    List losses;
    for (const double loss : own.losses) losses.items.emplace_back(loss);
    dict.set("losses", std::move(losses));
    dict.set("bad_in_a_row", own.bad_in_a_row);
    if (own.validation_loss) {
        dict.set("validation_loss", *own.validation_loss);
        dict.set("validated_on", own.validated_on);
    }
    dict.set("accumulation", own.accumulation);
    List freeze;
    for (const std::string& part : own.freeze) freeze.items.emplace_back(part);
    dict.set("freeze", std::move(freeze));
    if (own.adapters) dict.set("lora", to_value(*own.adapters));
    dict.set("loss_scale", own.loss_scale.scale);
    dict.set("loss_scale_steps", own.loss_scale.good_steps);
    return dict;
}

Error bad_state(const fs::path& file, const std::string& what) {
    return input_error(cat(file, " cannot be resumed from: ", what),
                       "Choose another .state file, or train anew from its model with `testudo configure`.");
}

std::int64_t whole_number(const Value& in, const char* key, std::int64_t fallback, const fs::path& file) {
    const Value* value = in.find(key);
    if (!value) return fallback;
    const auto number = value->integer();
    if (!number || *number < 0) throw bad_state(file, cat("its \"", key, "\" is no count"));
    return *number;
}

OwnState read_own(const Value& value, const fs::path& file) {
    OwnState own;
    const auto text = [&](const char* key) {
        const Value* found = value.find(key);
        return found && found->text() ? *found->text() : std::string();
    };
    own.seed = static_cast<std::uint64_t>(whole_number(value, "seed", 0, file));
    own.dataset = text("dataset");
    own.lines = whole_number(value, "lines", 0, file);
    own.batch_size = whole_number(value, "batch_size", 0, file);
    own.from_iteration = whole_number(value, "from_iteration", 0, file);
    own.from_epoch = whole_number(value, "from_epoch", 0, file);
    own.config = text("config");
    if (const Value* rate = value.find("base_lr")) own.base_rate = rate->number().value_or(0);
    if (const Value* scale = value.find("lr_scale")) own.rate_scale = scale->number().value_or(1);
    if (!(own.rate_scale > 0 && own.rate_scale <= 1))
        throw bad_state(file, "its \"lr_scale\" is not above 0 and at most 1");
    if (const Value* losses = value.find("losses"))
        for (const Value& loss : losses->elements()) own.losses.push_back(loss.number().value_or(0));
    own.bad_in_a_row = whole_number(value, "bad_in_a_row", 0, file);
    if (const Value* loss = value.find("validation_loss"))
        if (const auto number = loss->number(); number && std::isfinite(*number))
            own.validation_loss = number;
    own.validated_on = text("validated_on");
    own.accumulation = whole_number(value, "accumulation", 0, file);
    if (const Value* freeze = value.find("freeze"))
        for (const Value& part : freeze->elements())
            if (part.text()) own.freeze.push_back(*part.text());
    if (const Value* adapters = value.find("lora")) own.adapters = adapters_of(*adapters, file);
    if (const Value* scale = value.find("loss_scale"))
        own.loss_scale.scale = scale->number().value_or(LossScale::initial);
    if (!(own.loss_scale.scale > 0 && std::isfinite(own.loss_scale.scale)))
        throw bad_state(file, "its \"loss_scale\" is not above 0");
    own.loss_scale.good_steps = whole_number(value, "loss_scale_steps", 0, file);
    return own;
}

tensors::NamedTensors named(const nets::Parameters& parameters) {
    tensors::NamedTensors out;
    for (const auto& [name, tensor] : parameters) out.set(name, tensor);
    return out;
}

void read_back(const fs::path& file, tensors::Check check) {
    try {
        tensors::read_pickle(file, check);
    } catch (const Error& error) {
        throw environment_error(cat("what was just written cannot be read back: ", error.what()),
                                error.kind() == ErrorKind::environment ? error.hint() : "Check the disk.");
    }
}

// Merges adapters into the weights as they are written, one matrix at a time: the merged model never exists
// as a whole.
tensors::AtWrite merging(const nets::UnifiedVoice& model, const nets::Find& find) {
    std::map<const void*, std::pair<at::Tensor, nets::Adapter>> by_address;
    const auto names = nets::adapter_parameters(model, model.adapters());
    for (std::size_t i = 0; i < model.adapters().all.size(); ++i) {
        nets::Adapter adapter = model.adapters().all[i];
        adapter.a = *find(names[2 * i].first);
        adapter.b = *find(names[2 * i + 1].first);
        const at::Tensor& weight = model.parameters()[adapter.weight].second;
        by_address[weight.const_data_ptr()] = {weight, std::move(adapter)};
    }
    return [by_address, scale = model.adapters().scale()](const at::Tensor& elements) {
        const auto found = by_address.find(elements.const_data_ptr());
        if (found == by_address.end()) return elements;
        return nets::merged_weight(found->second.first, found->second.second, scale).reshape({-1});
    };
}

// `merged` (empty: nothing) is done to the weights on their way.
void write_model(const fs::path& file, const nets::Parameters& parameters, const tensors::AtWrite& merged) {
    tensors::write_pickle(file, tensors::to_value(named(parameters)), merged);
    read_back(file, tensors::Check::structure);
}

nets::Parameters in_half(nets::Parameters all, const tensors::AtWrite& merged) {
    for (auto& [name, tensor] : all)
        if (tensor.is_floating_point())
            tensor = (merged ? merged(tensor).view(tensor.sizes()) : tensor).to(at::kHalf);
    return all;
}

// The parameters of the average in the model's state dict, masks included.
nets::Parameters with_ema(const nets::UnifiedVoice& model, const nets::Parameters& ema) {
    nets::Parameters all = model.state_dict(true);
    const nets::Find find = nets::find_in(ema);
    for (auto& [name, tensor] : all)
        if (const at::Tensor* average = find(name)) tensor = *average;
    return all;
}

// A moment as the state holds it: values, or (bitsandbytes) codes into a table, scaled by the largest
// magnitude of each block (Dettmers et al. 2022).
struct SavedMoment {
    at::Tensor values, codes, table, largest;
    std::int64_t block = 0;

    at::Tensor decoded() const {
        if (!codes.defined()) return values;
        const at::Tensor found =
            table.to(at::kFloat).flatten().index_select(0, codes.flatten().to(at::kLong));
        const at::Tensor scales =
            largest.to(at::kFloat).flatten().repeat_interleave(block).narrow(0, 0, codes.numel());
        return (found * scales).view(codes.sizes());
    }
    // In our own form: blocks, table and all.
    bool is_ours(Moment which) const {
        return codes.defined() && block == quantised_block && table.scalar_type() == at::kFloat &&
               largest.scalar_type() == at::kFloat &&
               at::equal(table.cpu().flatten(), code_book_tensor(which, at::kCPU));
    }
};

SavedMoment moment_of(const Value& entry, Moment which, at::IntArrayRef shape, const std::string& where,
                      const fs::path& file) {
    const Value* nested = entry.find("__bnb_optimizer_quant_state__");
    const auto tensor = [&](const std::string& key) -> const at::Tensor* {
        const Value* value = nested ? nested->find(key) : nullptr;
        if (!value) value = entry.find(key);
        return value ? value->tensor() : nullptr;
    };
    const char* number = which == Moment::first ? "1" : "2";
    const at::Tensor* held = tensor(which == Moment::first ? "exp_avg" : "exp_avg_sq");
    if (!held) held = tensor(cat("state", number));
    if (!held) throw bad_state(file, cat(where, " holds no moments"));
    if (held->sizes() != shape) throw bad_state(file, cat(where, " has another shape than the model"));
    SavedMoment moment;
    if (held->is_floating_point()) {
        moment.values = *held;
        return moment;
    }
    const at::Tensor* table = tensor(cat("qmap", number));
    const at::Tensor* largest = tensor(cat("absmax", number));
    if (!table || !largest || table->numel() != 256 || held->scalar_type() != at::kByte)
        throw bad_state(file, cat(where, " holds 8-bit moments without their tables"));
    for (const std::int64_t block : {256, 2048, 4096})
        if (moment.block == 0 && (held->numel() + block - 1) / block == largest->numel())
            moment.block = block;
    if (moment.block == 0)
        throw bad_state(file, cat(where, " holds 8-bit moments in blocks of an unknown size"));
    moment.codes = *held;
    moment.table = *table;
    moment.largest = *largest;
    return moment;
}

// Parameters that the groups name.
std::size_t grouped(const Value& optimizer) {
    std::size_t count = 0;
    if (const Value* groups = optimizer.find("param_groups"))
        for (const Value& group : groups->elements())
            if (const Value* members = group.find("params")) count += members->elements().size();
    return count;
}

std::int64_t steps_of(const Value& entry) {
    const Value* steps = entry.find("step");
    if (!steps) return 0;
    if (const at::Tensor* tensor = steps->tensor())
        return tensor->numel() == 1 ? static_cast<std::int64_t>(tensor->to(at::kDouble).item<double>()) : 0;
    return static_cast<std::int64_t>(steps->number().value_or(0));
}

}  // namespace

SavedState read_state(const fs::path& file, tensors::Check check) {
    const Value value = tensors::read_pickle(file, check);
    if (!value.dict() || !value.find("iter") || !value.find("optimizers"))
        throw bad_state(file, "it is no training state");
    SavedState saved;
    saved.file = file;
    saved.iteration = whole_number(value, "iter", 0, file);
    saved.epoch = whole_number(value, "epoch", 0, file);
    saved.samples = whole_number(value, "total_data_processed", 0, file);
    const auto optimizers = value.find("optimizers")->elements();
    if (optimizers.size() != 1)
        throw bad_state(file, cat("it holds ", optimizers.size(), " optimizer states instead of 1"));
    saved.optimizer = optimizers.front();
    if (const Value* schedules = value.find("schedulers"); schedules && !schedules->elements().empty())
        saved.schedule = schedules->elements().front();
    if (const Value* own = value.find("testudo"); own && own->dict()) saved.own = read_own(*own, file);
    return saved;
}

double saved_rate(const SavedState& saved) {
    if (const Value* groups = saved.optimizer.find("param_groups"))
        for (const Value& group : groups->elements())
            if (const Value* rate = group.find("lr"))
                if (const auto number = rate->number()) return *number;
    throw bad_state(saved.file, "it holds no learning rate");
}

void restore_optimizer(AdamW& optimizer, const SavedState& saved) {
    const Value* state = saved.optimizer.find("state");
    if (!state || !state->dict()) throw bad_state(saved.file, "its optimizer state is missing");
    const Dict& entries = *state->dict();
    // A run saved before its first step has no entries; moments then start at zero.
    if (entries.items.empty()) return optimizer.reset();
    // Without an entry are those that were frozen.
    const bool some_frozen = saved.own && (!saved.own->freeze.empty() || saved.own->adapters);
    const std::size_t held = some_frozen ? grouped(saved.optimizer) : entries.items.size();
    if (held != optimizer.size())
        throw bad_state(saved.file,
                        cat("it is of a model with ", held, " parameters instead of ", optimizer.size()));
    std::int64_t step = 0;
    std::vector<std::pair<SavedMoment, SavedMoment>> moments(optimizer.size());
    for (std::size_t i = 0; i < optimizer.size(); ++i) {
        if (!optimizer.trains(optimizer.parameter_of(i))) continue;
        const std::string& name = optimizer.parameters()[optimizer.parameter_of(i)].first;
        const auto shape = optimizer.parameters()[optimizer.parameter_of(i)].second.sizes();
        const Value* entry = entries.find(static_cast<std::int64_t>(i));
        const std::string where = cat("entry ", i, " (", name, ")");
        if (!entry && some_frozen) {
            moments[i].first.values = moments[i].second.values = at::zeros(shape);
            continue;
        }
        if (!entry) throw bad_state(saved.file, cat(where, " is missing"));
        step = std::max(step, steps_of(*entry));
        moments[i] = {moment_of(*entry, Moment::first, shape, where, saved.file),
                      moment_of(*entry, Moment::second, shape, where, saved.file)};
    }
    at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < moments.size(); ++i) {
        if (!optimizer.trains(optimizer.parameter_of(i))) continue;
        const auto& [first, second] = moments[i];
        if (optimizer.is_quantised(i) && first.is_ours(Moment::first) && second.is_ours(Moment::second))
            for (const Moment which : {Moment::first, Moment::second}) {
                const SavedMoment& from = which == Moment::first ? first : second;
                optimizer.quantised(i, which).codes.copy_(from.codes);
                optimizer.quantised(i, which).largest.copy_(from.largest.flatten());
            }
        else
            optimizer.set_moments(i, first.decoded(), second.decoded());
        moments[i] = {};
    }
    optimizer.set_step(step);
}

Value state_value(const CheckpointContents& contents) {
    Dict debugger;
    debugger.set("total_items", contents.own.lines);
    debugger.set("loaded_items", contents.samples);
    debugger.set("self_conditioning_items", contents.samples);
    List schedulers, optimizers;
    schedulers.items.emplace_back(contents.schedule->state());
    optimizers.items.emplace_back(optimizer_value(*contents.optimizer,
                                                  contents.schedule->settings().base_rate,
                                                  contents.schedule->rate() * contents.own.rate_scale));
    Dict state;
    state.set("epoch", contents.epoch);
    state.set("iter", contents.iteration);
    state.set("total_data_processed", contents.samples);
    state.set("dataset_debugger_state", std::move(debugger));
    state.set("schedulers", std::move(schedulers));
    state.set("optimizers", std::move(optimizers));
    state.set("testudo", own_value(contents.own));
    return state;
}

double checkpoint_bytes(const TrainedSizes& sizes, const nets::UnifiedVoiceConfig& model, bool average) {
    const double weights = 4.0 * static_cast<double>(sizes.model);
    const double mask = std::pow(model.sequence_limit(), 2);
    // Adapters are in a file of their own and, with their average, in the state.
    const double adapters = 4.0 * static_cast<double>(sizes.adapters) * (average ? 3 : 2);
    return (average ? 2 : 1) * (weights + mask) + sizes.moments + adapters + 1e6;
}

double checkpoint_bytes(const nets::UnifiedVoice& model, const AdamW& optimizer) {
    return checkpoint_bytes(sizes_of(model, optimizer), model.config(), !optimizer.ema().empty());
}

DiskNeed disk_need(const RunPaths& paths, double each, std::int64_t start, std::int64_t total,
                   std::int64_t save_every, std::int64_t keep_states, std::int64_t keep_best) {
    DiskNeed need;
    need.each = each;
    need.room = free_space(paths.folder);
    if (total > start)
        need.checkpoints = count_due(start, total, save_every) + (is_due(total, save_every) ? 0 : 1);
    need.together = need.checkpoints;
    if (keep_states > 0) {
        // Those of a run that goes on are deleted as new ones come.
        const auto there = start > 0 ? static_cast<std::int64_t>(saved_iterations(paths).size()) : 0;
        need.together =
            std::min(need.checkpoints, std::max<std::int64_t>(1, keep_states + keep_best + 1 - there));
    }
    need.bytes = each * static_cast<double>(need.together);
    return need;
}

void check_disk(const RunPaths& paths, double bytes) {
    const double room = free_space(paths.folder);
    if (room < bytes)
        throw environment_error(
            cat("the disk of ", paths.folder, " has ", human_bytes(room), " left, a checkpoint needs ",
                human_bytes(bytes)),
            saved_iterations(paths).empty()
                ? "Free some space, then start again."
                : "Free some space or set keep_states, then go on with `testudo resume`.");
}

CheckpointFiles save_checkpoint(const RunPaths& paths, const CheckpointContents& contents) {
    make_folders(paths.models);
    make_folders(paths.states);
    const auto elements = static_cast<double>(nets::count_elements(contents.model->parameters()));
    check_disk(paths,
               checkpoint_bytes(*contents.model, *contents.optimizer) + (contents.half ? 2 * elements : 0));
    CheckpointFiles files;
    files.model = paths.model(contents.iteration);
    files.state = paths.state(contents.iteration);
    const bool averaged = !contents.optimizer->ema().empty();
    if (averaged) files.ema_model = paths.ema_model(contents.iteration);
    const auto& adapters = contents.own.adapters;
    if (adapters) files.adapters = paths.adapters(contents.iteration);
    if (contents.half) files.half_model = paths.half_model(contents.iteration);
    const bool stood = fs::exists(files.state);
    const nets::UnifiedVoice& model = *contents.model;
    try {
        const auto merged = [&](const nets::Parameters& these) {
            return merging(model, nets::find_in(these));
        };
        const tensors::AtWrite with_adapters = adapters ? merged(adapters->tensors) : tensors::AtWrite();
        write_model(files.model, model.state_dict(true), with_adapters);
        if (averaged)
            write_model(files.ema_model, with_ema(model, contents.optimizer->ema()),
                        adapters ? merged(adapters->average) : tensors::AtWrite());
        if (contents.half) write_model(files.half_model, in_half(model.state_dict(true), with_adapters), {});
        if (adapters) write_adapters(files.adapters, *adapters);
        tensors::write_pickle(files.state, state_value(contents));
        read_back(files.state, tensors::Check::contents);
    } catch (...) {  // what is of no use must not fill the disk
        std::error_code ignored;
        for (const fs::path& file :
             {files.state, files.adapters, files.half_model, files.ema_model, files.model})
            if (!stood && !file.empty()) fs::remove(file, ignored);
        throw;
    }
    return files;
}

void check_iteration(const SavedState& state, std::int64_t named) {
    if (state.iteration != named)
        throw input_error(
            cat(state.file, " is of iteration ", state.iteration, ", not of the one in its name"),
            "Give it its own name back, or delete it.");
}

std::optional<SavedState> newest_state(const RunPaths& paths, std::vector<std::string>& problems) {
    auto saved = state_iterations(paths);
    for (; !saved.empty(); saved.pop_back()) {
        try {
            tensors::read_pickle(paths.model(saved.back()), tensors::Check::structure);
            SavedState state = read_state(paths.state(saved.back()));
            check_iteration(state, saved.back());
            return state;
        } catch (const Error& error) {
            problems.push_back(error.what());
        }
    }
    return {};
}

fs::path model_of_state(const SavedState& saved, const RunPaths& paths, bool ema) {
    const std::string name = cat(saved.iteration, ema ? "_gpt_ema.pth" : "_gpt.pth");
    const fs::path beside = saved.file.parent_path().parent_path() / "models" / name;
    if (fs::exists(beside)) return beside;
    const fs::path own = paths.models / name;
    if (fs::exists(own) || ema) return own;
    throw input_error(cat("the model ", name, " of ", saved.file, " is not in ", beside.parent_path(),
                          beside == own ? "" : cat(" nor in ", paths.models)),
                      "Put it back, or choose another state.");
}

}  // namespace testudo::training
