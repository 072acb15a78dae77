#include "training/run_setup.h"

#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"
#include "core/strings.h"
#include "tensors/sidecar.h"
#include "tensors/weights.h"
#include "text/find_tokenizer.h"
#include "training/adapter_run.h"
#include "training/measure_memory.h"
#include "training/original_log.h"
#include "training/settings.h"
#include "training/share_run.h"

namespace testudo::training {

namespace {

std::optional<SavedState> find_saved(const Config& config, const RunPaths& paths, const TrainOptions& options,
                                     std::vector<std::string>& warnings) {
    if (options.resume) {
        std::vector<std::string> problems;
        auto newest = newest_state(paths, problems);
        for (const auto& problem : problems) warnings.push_back(cat("a checkpoint is left out: ", problem));
        if (newest) return newest;
        if (config.resume_state.empty())
            throw input_error(cat("there is nothing to resume in ", paths.finetune,
                                  problems.empty() ? "" : cat(": ", join(problems, "; "))),
                              cat("Start a training with `testudo train ", config.voice, "`."));
    }
    if (config.resume_state.empty()) return {};
    if (!fs::exists(config.resume_state))
        throw input_error(
            cat(config.yaml, ": path.resume_state names ", config.resume_state, ", which does not exist"),
            "Name another .state file, or leave the key out to start anew.");
    return read_state(config.resume_state);
}

// Whether there is anything to validate on; a missing or empty list is no reason not to train.
bool usable_validation(const Config& config, std::vector<std::string>& warnings) {
    if (!config.validation) return false;
    std::string problem;
    if (config.validation_list.empty())
        problem = "the configuration names no validation list";
    else if (!fs::exists(config.validation_list))
        problem = cat("there is no ", config.validation_list);
    else if (dataset::read_lines(config.validation_list, true).empty())
        problem = cat(config.validation_list, " is empty");
    if (!problem.empty())
        warnings.push_back(cat("validation was asked for but is off: ", problem,
                               ". Move some lines of train.txt to validation.txt to have it."));
    return problem.empty();
}

// What is frozen is its own average.
void load_ema(AdamW& optimizer, const SavedState& saved, const RunPaths& paths, Events& events) {
    const fs::path file = model_of_state(saved, paths, true);
    if (!fs::exists(file)) {
        events.warning(cat("there is no ", file, ": the moving average starts again from the model"));
        optimizer.reset_ema();
        return;
    }
    const auto weights = tensors::read_weights(file);
    nets::load_parameters(
        trained_average(optimizer), [&](const std::string& name) { return weights.find(name); },
        to_utf8(file.native()));
}

void take_adapters(RunSetup& setup, const SavedState& saved, Events& events) {
    if (!restore_adapters(*setup.model, *setup.optimizer, saved))
        events.warning(cat(saved.file, " holds no moving average: it starts again from the adapters"));
}

// A clip that does not fit the model's position tables would otherwise fail in the middle of an epoch.
void check_lengths(const dataset::Features& features, const nets::UnifiedVoiceConfig& model,
                   const fs::path& list) {
    constexpr int longest_text = 200, most_codes = 250;
    if (model.max_text_tokens >= longest_text && model.max_mel_tokens >= most_codes) return;
    for (int i = 0; i < features.size(); ++i) {
        const nets::Example example = features.example(i, 0);
        const auto text = static_cast<int>(example.text.size());
        const auto codes = static_cast<int>(example.codes.numel());
        if (text > model.max_text_tokens || codes > model.max_mel_tokens)
            throw input_error(
                cat(list, ", line ", features.line(i).number, ": ", features.line(i).audio, " has ", text,
                    " text tokens and ", codes, " codes, but the model holds only ", model.max_text_tokens,
                    " and ", model.max_mel_tokens),
                "Take the line out, cut the clip, or choose a larger model.");
    }
}

// Decides on gradient checkpointing where that is automatic, and says when memory will hardly suffice: a
// system that runs out of it may end the program without a word.
void foresee_memory(RunSetup& setup, at::Device device, Events& events) {
    Config& config = setup.config;
    const TrainedSizes sizes = sizes_of(*setup.model, *setup.optimizer);
    const double held =
        4.0 * static_cast<double>(sizes.model + sizes.adapters + (config.ema_rate > 0 ? sizes.trained : 0));
    const MemoryNeed need = foretell_memory(config, sizes, device, held, setup.lines->lengths());
    config.step.checkpointing = need.checkpointing;
    const std::string of = cat(human_bytes(need.available), " (", need.limit, ")");
    if (config.checkpointing == Checkpointing::automatic)
        events.info(need.checkpointing
                        ? cat("gradient checkpointing is on: without it a step would hardly fit ", of)
                        : cat("gradient checkpointing is off: a step takes about ", human_bytes(need.needed),
                              " of ", of));
    if (need.needed > need.available)
        events.warning(cat("a step with ", need.micro_batch, " of the longest clips at a time takes about ",
                           human_bytes(need.needed), " of ", of,
                           ": the memory will hardly suffice. Steps that run out of it are computed in more "
                           "parts, but the system may end the program before"));
}

void warn_of_disk(const RunSetup& setup, double bytes, Events& events) {
    const DiskNeed need = disk_need(setup.paths, bytes, setup.start, setup.total, setup.config.save_every,
                                    setup.config.keep_states, keep_rule(setup).best);
    if (need.bytes > need.room)
        events.warning(cat("the ", need.together, " checkpoints of this run take ", human_bytes(need.bytes),
                           ", the disk has ", human_bytes(need.room), " left: `testudo validate ",
                           setup.config.voice, "` says how many can be kept"));
}

// Where the counting starts: with the run itself, or, when the dataset, batch size or seed is another than
// the state's, with its unfinished epoch begun again.
void set_counting(RunSetup& setup, const std::optional<SavedState>& saved, std::int64_t listed,
                  Events& events, const TrainOptions& options) {
    const Config& config = setup.config;
    Counting& counting = setup.counting;
    counting.lines = setup.lines->size();
    counting.batch_size = config.batch_size;
    if (saved) {
        std::vector<std::string> changes;
        if (saved->own) {
            const OwnState& own = *saved->own;
            if (own.dataset != setup.lines->fingerprint())
                changes.push_back(cat("the dataset (", own.lines, " lines then, ", counting.lines, " now)"));
            if (own.batch_size != config.batch_size)
                changes.push_back(
                    cat("the batch size (", own.batch_size, " then, ", config.batch_size, " now)"));
            if (own.seed != config.seed)
                changes.push_back(cat("the seed (", own.seed, " then, ", config.seed, " now)"));
        }
        if (saved->own && changes.empty()) {
            counting.from_iteration = saved->own->from_iteration;
            counting.from_epoch = saved->own->from_epoch;
        } else {
            counting.from_iteration = saved->iteration;
            counting.from_epoch = saved->epoch;
        }
        if (!changes.empty())
            events.warning(
                cat("changed since the checkpoint: ", join(changes, ", "), ". Epoch ", saved->epoch + 1,
                    " begins again with a new order of clips; the weights and the optimizer go on."));
    }
    const std::int64_t listed_per_epoch = Counting{listed, config.batch_size, 0, 0, 0}.per_epoch();
    if (options.epochs)
        counting.epochs = *options.epochs;
    else if (config.epochs)
        counting.epochs = *config.epochs;
    else if (config.iterations % listed_per_epoch == 0)
        counting.epochs = config.iterations / listed_per_epoch;
    if (counting.epochs > 0) {
        setup.total = counting.total();
    } else {  // train.niter was set by hand to no whole number of epochs: it is taken as it stands
        setup.total = config.iterations;
        const std::int64_t rest = std::max<std::int64_t>(setup.total - counting.from_iteration, 0);
        counting.epochs = counting.from_epoch + (rest + counting.per_epoch() - 1) / counting.per_epoch();
    }
    if (setup.start >= setup.total)
        throw usage_error(
            cat("this training is complete: ", setup.start, " iterations, ",
                std::max(counting.finished_epochs(setup.start), counting.from_epoch), " epochs"),
            cat("To go on, ask for more epochs in all: `testudo resume ", config.voice, " --epochs ",
                2 * std::max<std::int64_t>(counting.epochs, 1), "`."));
}

// What a run keeps of its own beside the weights. A halved learning rate stays halved until the user sets
// another; recent losses say nothing about those of another configuration or dataset.
void take_own(RunSetup& setup, const SavedState& saved) {
    OwnState& own = setup.own;
    if (saved.own && saved.own->config == own.config)
        own.accumulation = std::max(own.accumulation, saved.own->accumulation);
    setup.config.accumulation = std::max(setup.config.accumulation, own.accumulation);
    own.rate_scale = 1;
    own.bad_in_a_row = 0;
    setup.losses.restore({});
    if (!saved.own) return;
    if (saved.own->base_rate == own.base_rate) own.rate_scale = saved.own->rate_scale;
    if (saved.own->config == own.config && saved.own->dataset == own.dataset) {
        setup.losses.restore(saved.own->losses);
        own.bad_in_a_row = saved.own->bad_in_a_row;
        own.loss_scale = saved.own->loss_scale;
    }
}

void take_schedule(RunSetup& setup, std::int64_t iteration) {
    setup.schedule = std::make_unique<Schedule>(setup.config.schedule, to_utf8(setup.config.yaml.native()));
    setup.schedule->replay(1, iteration);
}

// What the weights of this run's checkpoints cannot tell of themselves.
Json about_models(const Config& config) {
    const std::string source = tensors::read_sidecar(config.base_model).value("origin", "");
    return {
        {"origin", cat("fine-tuned on the voice ", config.voice, " from ",
                       config.base_model.filename().string(), source.empty() ? "" : cat(" (", source, ")"))},
        {"heads", config.model.heads}};
}

// What the losses of validations depend on beside the weights.
std::string validated_on(const RunSetup& setup) {
    if (!setup.validation) return "";
    const StepOptions& step = setup.config.step;
    return sha256(cat(setup.validation->fingerprint(), " ", step.text_weight, " ", step.mel_weight, " ",
                      step.form.objective == nets::Objective::dlas, " ", setup.config.seed));
}

// The first thing that a new run writes.
void start_folder(RunSetup& setup, Events& events) {
    setup.archived = archive_run(setup.paths);
    make_folders(setup.paths.finetune);
    events.append_to(setup.paths.events);
    if (setup.archived) events.info(cat("the run that was here is kept in ", *setup.archived));
}

// Clips and, when asked for and usable, those of validation. Several ranks first fill the cache together.
void load_features(RunSetup& setup, const nets::Dvae& dvae, const text::Tokenizer& tokenizer, bool validate,
                   Events& events) {
    const Config& config = setup.config;
    dataset::FeatureOptions features;
    features.dlas = config.step.form.objective == nets::Objective::dlas;
    features.conditioning_clips = config.model.max_conditioning_inputs;
    features.min_seconds = features.dlas ? 0.6 : 0;
    if (setup.ranks) {
        const int rank = setup.ranks->rank(), ranks = setup.ranks->size();
        dataset::fill_cache(config.train_list, setup.paths.features, dvae, features, events, rank, ranks);
        if (validate)
            dataset::fill_cache(config.validation_list, setup.paths.features, dvae, features, events, rank,
                                ranks);
        setup.ranks->barrier();
    }
    setup.lines = std::make_unique<dataset::Features>(config.train_list, setup.paths.features, dvae,
                                                      tokenizer, features, events);
    check_lengths(*setup.lines, config.model, config.train_list);
    if (!validate) return;
    setup.validation = std::make_unique<dataset::Features>(config.validation_list, setup.paths.features, dvae,
                                                           tokenizer, features, events, true);
    check_lengths(*setup.validation, config.model, config.validation_list);
    if (setup.validation->size() == 0) {
        events.warning(cat("validation is off: no line of ", config.validation_list, " can be used"));
        setup.validation.reset();
    }
}

}  // namespace

KeepRule keep_rule(const RunSetup& setup) {
    return {setup.config.keep_states, setup.config.keep_best, setup.own.validated_on};
}

Agenda agenda_of(const RunSetup& setup) {
    const Config& config = setup.config;
    return {setup.total, config.save_every, setup.validation ? config.validate_every : 0,
            setup.validation && config.keep_best > 0};
}

void return_to(RunSetup& setup, const SavedState& saved, Events& events) {
    at::NoGradGuard no_grad;
    check_adapters(setup.config, saved);
    if (setup.config.lora.rank > 0) {
        take_adapters(setup, saved, events);
    } else {
        const fs::path file = model_of_state(saved, setup.paths);
        const auto weights = tensors::read_weights(file);
        nets::load_parameters(
            setup.model->parameters(), [&](const std::string& name) { return weights.find(name); },
            to_utf8(file.native()));
        if (setup.config.ema_rate > 0) load_ema(*setup.optimizer, saved, setup.paths, events);
    }
    restore_optimizer(*setup.optimizer, saved);
    setup.samples = saved.samples;
    take_schedule(setup, saved.iteration);
    take_own(setup, saved);
}

RunSetup set_up_run(const fs::path& workspace, const fs::path& yaml, Events& events,
                    const TrainOptions& options, Ranks* ranks) {
    if (options.epochs && (*options.epochs < 1 || *options.epochs > most_epochs))
        throw usage_error(cat("epochs is ", *options.epochs), cat("Ask for 1 to ", most_epochs, " epochs."));
    RunSetup setup;
    setup.ranks = ranks;
    setup.config = read_config(workspace, find_configuration(workspace, yaml));
    const Config& config = setup.config;
    setup.paths = run_paths(workspace, config.voice);
    if (!options.voice.empty() && config.voice != options.voice)
        throw input_error(
            cat(config.yaml, " is of another voice: its name is ", config.voice),
            cat("Write \"name: ", options.voice, "\" there, or train ", config.voice, " by it with --yaml."));
    make_folders(setup.paths.folder);
    setup.lock = std::make_unique<FolderLock>(setup.paths.folder);
    for (const fs::path& folder : {setup.paths.folder, setup.paths.models, setup.paths.states})
        remove_leftovers(folder);

    std::vector<std::string> warnings;
    const auto saved = find_saved(config, setup.paths, options, warnings);
    const auto listed = static_cast<std::int64_t>(dataset::read_lines(config.train_list).size());
    const bool validate = usable_validation(config, warnings);

    const at::Device device = find_device(options.device);
    setup.config.step.precision = precision_on(config.precision, config.half_precision, device);
    if (saved) check_adapters(config, *saved);
    const bool adapters = config.lora.rank > 0;
    const BaseModel base = adapters ? find_base(workspace, config, saved ? &*saved : nullptr) : BaseModel();
    const fs::path weights = adapters ? base.file
                             : saved  ? model_of_state(*saved, setup.paths)
                                      : config.base_model;
    setup.model = std::make_unique<nets::UnifiedVoice>(
        load_model(weights, config.model, device, to_utf8(config.yaml.native())));
    const nets::Dvae dvae = load_dvae(config.dvae, device);
    const auto tokenizer = text::load_tokenizer(config.tokenizer);
    check_vocabularies(config.model, weights, *tokenizer, config.tokenizer, dvae.config(), config.dvae);
    const Trainable trainable = make_trainable(*setup.model, config);
    setup.optimizer = std::make_unique<AdamW>(trainable.parameters, config.adamw,
                                              EmaOptions{config.ema_rate, false}, trainable.frozen);
    if (saved) restore_optimizer(*setup.optimizer, *saved);

    if (saved) setup.resumed_from = saved->file;
    if (saved) events.append_to(setup.paths.events);
    for (const auto& warning : warnings) events.warning(warning);
    if (saved && adapters) take_adapters(setup, *saved, events);
    if (saved && !adapters && config.ema_rate > 0) load_ema(*setup.optimizer, *saved, setup.paths, events);

    if (ranks) ranks->share(Json{{"config", config.hash}, {"validate", validate}}.dump());
    load_features(setup, dvae, *tokenizer, validate, events);
    if (ranks)
        ranks->share(Json{{"lines", setup.lines->fingerprint()},
                          {"validation", setup.validation ? setup.validation->fingerprint() : ""}}
                         .dump());

    setup.start = saved ? saved->iteration : 0;
    setup.samples = saved ? saved->samples : 0;
    set_counting(setup, saved, listed, events, options);
    if (setup.config.validate_every == 0) setup.config.validate_every = setup.counting.per_epoch();
    take_schedule(setup, setup.start);
    setup.own = {config.seed,       setup.lines->fingerprint(),    setup.counting.lines,
                 config.batch_size, setup.counting.from_iteration, setup.counting.from_epoch,
                 config.hash,       config.schedule.base_rate};
    setup.own.validated_on = validated_on(setup);
    setup.own.freeze = config.freeze;
    if (adapters)
        setup.own.adapters = adapters_of_run(workspace, config, base, *setup.model, *setup.optimizer);
    if (saved) take_own(setup, *saved);
    if (setup.own.accumulation > 0)
        events.info(cat("each batch is computed in ", config.accumulation,
                        " parts, because the memory did not suffice for fewer before"));
    foresee_memory(setup, device, events);
    if (setup.own.rate_scale < 1)
        events.info(cat("the learning rate stays ", setup.own.rate_scale, " of what ", config.yaml,
                        " says, because the training went back to a good state before"));
    const double rate = setup.schedule->rate() * setup.own.rate_scale;
    if (saved && std::abs(saved_rate(*saved) - rate) > 1e-9 * rate)
        events.info(cat("the learning rate goes on at ", rate, ", as ", config.yaml,
                        " has it (the checkpoint: ", saved_rate(*saved), ")"));
    if (saved) {
        set_later_checkpoints_aside(setup.paths, saved->iteration, events);
        // As the original, at the start, too; it may make the room that is looked for below.
        delete_old_checkpoints(setup.paths, keep_rule(setup), events);
    }
    const double bytes = checkpoint_bytes(*setup.model, *setup.optimizer);
    check_disk(setup.paths, bytes);
    warn_of_disk(setup, bytes, events);
    if (!saved) start_folder(setup, events);
    if (!fs::exists(setup.paths.origin)) write_json(setup.paths.origin, about_models(config));
    keep_configuration(setup.paths.finetune, config.yaml);
    if (ranks) share_run(setup, setup.start);
    return setup;
}

RunSetup follow_run(const fs::path& workspace, const fs::path& yaml, Events& events,
                    const TrainOptions& options, Ranks& ranks) {
    RunSetup setup;
    setup.ranks = &ranks;
    setup.config = read_config(workspace, find_configuration(workspace, yaml));
    const Config& config = setup.config;
    setup.paths = run_paths(workspace, config.voice);
    const Json checked = Json::parse(ranks.share(""));
    if (checked.at("config") != config.hash)
        throw input_error(cat(config.yaml, " is not the configuration that ", ranks.who(0), " trains by"),
                          "Copy that one, or let all machines share the workspace.");
    const at::Device device = find_device(options.device);
    setup.config.step.precision = precision_on(config.precision, config.half_precision, device);
    const nets::Dvae dvae = load_dvae(config.dvae, device);
    const auto tokenizer = text::load_tokenizer(config.tokenizer);
    load_features(setup, dvae, *tokenizer, checked.at("validate"), events);
    const Json found = Json::parse(ranks.share(""));
    if (found.at("lines") != setup.lines->fingerprint() ||
        found.at("validation") != (setup.validation ? setup.validation->fingerprint() : ""))
        throw input_error(
            cat("the dataset of ", setup.paths.folder, " is not that of ", ranks.who(0)),
            "Copy that one, its audio folder and DVAE too, or let all machines share the workspace.");
    setup.model = std::make_unique<nets::UnifiedVoice>(config.model, device);
    // The average is rank 0's.
    const Trainable trainable = make_trainable(*setup.model, config);
    setup.optimizer =
        std::make_unique<AdamW>(trainable.parameters, config.adamw, EmaOptions{}, trainable.frozen);
    setup.start = share_run(setup, 0);
    return setup;
}

}  // namespace testudo::training
