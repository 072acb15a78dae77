#include "training/config.h"

#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"
#include "core/strings.h"
#include "text/find_tokenizer.h"
#include "training/samples.h"
#include "training/trainable.h"
#include "training/yaml_reader.h"

namespace testudo::training {

namespace {

constexpr std::int64_t many = std::int64_t{1} << 40;

std::string needed_text(const YamlReader& yaml, const std::string& key) {
    const auto value = yaml.text(key);
    if (!value || value->empty())
        throw input_error(cat(yaml.name(), ": ", key, " is missing"),
                          "Write the configuration again with `testudo configure`.");
    return *value;
}

nets::UnifiedVoiceConfig read_model(const YamlReader& yaml) {
    nets::UnifiedVoiceConfig model;
    const auto take = [&](const char* key, int& value, int least, int most) {
        value = static_cast<int>(yaml.integer_in(cat("networks.gpt.kwargs.", key), value, least, most));
    };
    take("layers", model.layers, 1, 4096);
    take("model_dim", model.model_dim, 1, 1 << 20);
    take("heads", model.heads, 1, 1 << 16);
    take("max_text_tokens", model.max_text_tokens, 1, 1 << 24);
    take("max_mel_tokens", model.max_mel_tokens, 1, 1 << 24);
    take("max_conditioning_inputs", model.max_conditioning_inputs, 1, 1024);
    take("mel_length_compression", model.mel_length_compression, 1, 1 << 20);
    take("number_text_tokens", model.number_text_tokens, 2, 1 << 24);
    take("start_text_token", model.start_text_token, 0, 1 << 24);
    take("stop_text_token", model.stop_text_token, 0, 1 << 24);
    take("number_mel_codes", model.number_mel_codes, 3, 1 << 24);
    take("start_mel_token", model.start_mel_token, 0, 1 << 24);
    take("stop_mel_token", model.stop_mel_token, 0, 1 << 24);
    const auto below = [&](const char* key, int value, const char* of, int size) {
        if (value >= size)
            throw input_error(
                cat(yaml.place(cat("networks.gpt.kwargs.", key)), " is ", value, ", but ", of, " is ", size),
                "Write the configuration again with `testudo configure`.");
    };
    // The original's template counts 256 text tokens of which start is the last; older files say 255, whose
    // table has one row more.
    below("start_text_token", model.start_text_token, "number_text_tokens + 1", model.number_text_tokens + 1);
    below("start_mel_token", model.start_mel_token, "number_mel_codes", model.number_mel_codes);
    below("stop_mel_token", model.stop_mel_token, "number_mel_codes", model.number_mel_codes);
    if (model.model_dim % model.heads != 0)
        throw input_error(cat(yaml.place("networks.gpt.kwargs.heads"), " is ", model.heads,
                              ", which does not divide model_dim ", model.model_dim),
                          "Give the number of heads the model was made with.");
    return model;
}

ScheduleSettings read_schedule(const YamlReader& yaml, double rate) {
    ScheduleSettings schedule;
    schedule.base_rate = rate;
    schedule.warmup_iterations = yaml.integer("train.warmup_iter").value_or(-1);
    const std::string scheme = yaml.text("train.default_lr_scheme").value_or("MultiStepLR");
    schedule.restarts = yaml.integers("train.restarts").value_or(std::vector<std::int64_t>{});
    schedule.restart_weights = yaml.numbers("train.restart_weights").value_or(std::vector<double>{});
    if (scheme == "MultiStepLR") {
        schedule.milestones = yaml.integers("train.gen_lr_steps").value_or(std::vector<std::int64_t>{});
        schedule.gamma = yaml.number_in("train.lr_gamma", 0.5, 0, 1000);
        schedule.force_rate = yaml.number("train.force_lr");
        schedule.warmup_steps = yaml.integer_in("train.warmup_steps", 0, 0, many);
    } else if (scheme == "CosineAnnealingLR_Restart") {
        schedule.scheme = ScheduleSettings::Scheme::cosine;
        const auto periods = yaml.integers("train.T_period");
        if (!periods)
            throw input_error(cat(yaml.name(), ": train.T_period is missing"),
                              "Write the configuration again with `testudo configure`.");
        schedule.periods = *periods;
        // The web UI writes one period an epoch: one too few for as many restarts as epochs, where DLAS fails
        // in the last iteration. The last period goes on.
        if (!periods->empty() && periods->size() < schedule.restarts.size() + 1)
            schedule.periods.resize(schedule.restarts.size() + 1, periods->back());
        schedule.warmup = yaml.integer_in("train.warmup", 0, 0, many);
        schedule.lowest_rate = yaml.number_in("train.eta_min", 0, 0, 1);
    } else {
        throw input_error(
            cat(yaml.place("train.default_lr_scheme"), " is \"", scheme, "\", which is not known"),
            "Choose MultiStepLR or CosineAnnealingLR_Restart.");
    }
    Schedule check(schedule, yaml.name());
    return schedule;
}

StepOptions read_step(const YamlReader& yaml) {
    StepOptions step;
    const std::string objective = yaml.text("testudo.objective").value_or("consistent");
    if (objective == "dlas")
        step.form.objective = nets::Objective::dlas;
    else if (objective != "consistent")
        throw input_error(cat(yaml.place("testudo.objective"), " is \"", objective, "\", which is not known"),
                          "Choose consistent or dlas.");
    step.form.tortoise_compat = yaml.boolean("networks.gpt.kwargs.tortoise_compat").value_or(false);
    step.text_weight = yaml.number_in("steps.gpt_train.losses.text_ce.weight", 0.01, 0, 1e6);
    step.mel_weight = yaml.number_in("steps.gpt_train.losses.mel_ce.weight", 1, 0, 1e6);
    step.clip = yaml.number_in("steps.gpt_train.clip_grad_eps", 0, 0, 1e12);
    step.dropout = yaml.number_in("testudo.dropout", 0.1, 0, 0.95);
    const std::string memory = yaml.text("testudo.gradient_memory").value_or("auto");
    if (memory == "full")
        step.memory = GradientMemory::full;
    else if (memory == "lean")
        step.memory = GradientMemory::lean;
    else if (memory != "auto")
        throw input_error(
            cat(yaml.place("testudo.gradient_memory"), " is \"", memory, "\", which is not known"),
            "Choose auto, full or lean.");
    return step;
}

std::vector<std::string> read_sentences(const YamlReader& yaml) {
    const char* key = "testudo.sample_sentences";
    const auto sentences = yaml.texts(key).value_or(std::vector<std::string>{});
    try {
        check_sentences(sentences);
    } catch (const Error& error) {
        throw input_error(cat(yaml.place(key), ": ", error.what()), error.hint());
    }
    return sentences;
}

Checkpointing read_checkpointing(const YamlReader& yaml) {
    const std::string own = "testudo.checkpointing", dlas = "networks.gpt.kwargs.checkpointing";
    if (yaml.has(own) && yaml.text(own) == "auto") return Checkpointing::automatic;
    for (const std::string& key : {own, dlas})
        if (const auto on = yaml.boolean(key)) return *on ? Checkpointing::on : Checkpointing::off;
    return Checkpointing::automatic;
}

void read_trained_parts(const YamlReader& yaml, Config& config) {
    AdapterSettings& lora = config.lora;
    lora.rank = static_cast<int>(yaml.integer_in("testudo.lora.rank", 0, 0, 65536));
    lora.alpha = yaml.number_in("testudo.lora.alpha", lora.alpha, 1e-6, 1e6);
    lora.targets = yaml.texts("testudo.lora.targets").value_or(lora.targets);
    config.freeze = yaml.texts("testudo.freeze").value_or(config.freeze);
    try {
        nets::UnifiedVoice model(config.model, at::kMeta);
        make_trainable(model, config);
    } catch (const Error& error) {
        throw input_error(
            cat(yaml.place(lora.rank > 0 ? "testudo.lora" : "testudo.freeze"), ": ", error.what()),
            error.hint());
    }
}

PrecisionChoice read_precision(const YamlReader& yaml) {
    const std::string name = yaml.text("testudo.precision").value_or("auto");
    if (name == "auto") return PrecisionChoice::automatic;
    if (name == "float32") return PrecisionChoice::float32;
    if (name == "bfloat16") return PrecisionChoice::bfloat16;
    if (name == "float16") return PrecisionChoice::float16;
    throw input_error(cat(yaml.place("testudo.precision"), " is \"", name, "\", which is not known"),
                      "Choose auto, float32, bfloat16 or float16.");
}

}  // namespace

fs::path find_configuration(const fs::path& workspace, const fs::path& yaml) {
    if (yaml.is_absolute()) return yaml;
    const fs::path inside = workspace / yaml;
    return fs::exists(inside) || !fs::exists(yaml) ? inside : yaml;
}

fs::path in_workspace(const fs::path& workspace, const std::string& path) {
    const fs::path given(path);
    return given.is_absolute() ? given : (workspace / given).lexically_normal();
}

void must_be_configured(const fs::path& file) {
    std::error_code error;
    if (fs::exists(file, error)) return;
    const fs::path folder = file.parent_path();
    const bool prepared = fs::is_directory(folder, error);
    throw input_error(cat("there is no configuration ", file),
                      prepared ? "Write one with `testudo configure`."
                               : "Prepare the voice with `testudo prepare`, then write one with `testudo "
                                 "configure`; or correct the name.");
}

Config read_config(const fs::path& workspace, const fs::path& file) {
    must_be_configured(file);
    const YamlReader yaml(file);
    yaml.must_name_once();
    Config config;
    config.yaml = file;
    config.hash = sha256_of_file(file);
    config.voice = needed_text(yaml, "name");

    config.train_list = in_workspace(workspace, needed_text(yaml, "datasets.train.path"));
    config.batch_size = yaml.integer_in("datasets.train.batch_size", 128, 1, 1 << 24);
    config.accumulation = yaml.integer_in("train.mega_batch_factor", 1, 1, 1 << 24);
    config.validation = yaml.boolean("eval.pure").value_or(false);
    if (const auto list = yaml.text("datasets.val.path"); list && !list->empty())
        config.validation_list = in_workspace(workspace, *list);
    config.validation_batch_size =
        yaml.integer_in("datasets.val.batch_size",
                        std::max<std::int64_t>(1, config.batch_size / config.accumulation), 0, 1 << 24);
    config.tokenizer =
        text::find_tokenizer(workspace, yaml.text("datasets.train.tokenizer_vocab").value_or(""),
                             yaml.place("datasets.train.tokenizer_vocab"));

    const std::string step = "steps.gpt_train.optimizer_params.";
    const double rate = yaml.number_in(step + "lr", 1e-5, 0, 1000);
    config.adamw.weight_decay = yaml.number_in(step + "weight_decay", 0.01, 0, 1000);
    config.adamw.beta1 = yaml.number_in(step + "beta1", 0.9, 0, 0.999999999);
    config.adamw.beta2 = yaml.number_in(step + "beta2", 0.96, 0, 0.999999999);
    config.adamw.eight_bit = yaml.boolean("bitsandbytes").value_or(yaml.boolean("use_8bit").value_or(false));
    if (yaml.boolean("train.ema_enabled").value_or(false))
        config.ema_rate = yaml.number_in("train.ema_rate", 0.999, 0, 1);
    config.half_precision = yaml.boolean("fp16").value_or(false);
    config.precision = read_precision(yaml);
    config.schedule = read_schedule(yaml, rate);
    config.step = read_step(yaml);
    config.checkpointing = read_checkpointing(yaml);
    config.step.checkpointing = config.checkpointing == Checkpointing::on;
    config.model = read_model(yaml);
    read_trained_parts(yaml, config);

    if (const auto path = yaml.text("path.resume_state"); path && !path->empty())
        config.resume_state = in_workspace(workspace, *path);
    config.base_model = in_workspace(
        workspace,
        yaml.text("path.pretrain_model_gpt")
            .value_or(yaml.text("testudo.source_model").value_or("./models/tortoise/autoregressive.pth")));
    config.dvae = in_workspace(workspace, yaml.text("testudo.dvae").value_or("./models/tortoise/dvae.pth"));

    config.iterations = yaml.integer_in("train.niter", 0, 0, many);
    const auto epochs = yaml.integer("testudo.epochs");
    if (epochs && yaml.integer("testudo.iterations").value_or(-1) == config.iterations)
        config.epochs = yaml.integer_in("testudo.epochs", 0, 1, many);
    if (!config.epochs && config.iterations < 1)
        throw input_error(cat(yaml.place("train.niter"), " must be at least 1"),
                          "Say how many iterations to train.");
    config.save_every = yaml.integer_in("logger.save_checkpoint_freq", 0, 0, many);
    config.validate_every = yaml.integer_in("train.val_freq", 0, 0, many);
    config.keep_states = yaml.integer_in("testudo.keep_states", 0, 0, many);
    config.keep_best = yaml.integer_in("testudo.keep_best", 0, 0, many);
    config.csv = yaml.boolean("testudo.csv").value_or(false);
    config.tensorboard = yaml.boolean("testudo.tensorboard").value_or(false);
    config.sample_sentences = read_sentences(yaml);
    config.gpus = yaml.integer_in("gpus", 1, 1, 64);
    config.shard_optimizer = yaml.boolean("testudo.shard_optimizer").value_or(false);
    config.save_half = yaml.boolean("testudo.save_half").value_or(false);
    config.seed = static_cast<std::uint64_t>(
        yaml.integer_in("testudo.seed", yaml.integer_in("train.manual_seed", 1234, 0, many), 0, many));
    return config;
}

}  // namespace testudo::training
