#include "training/configure.h"

#include <algorithm>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "core/yaml.h"
#include "dataset/lines.h"
#include "dataset/vocabulary.h"
#include "text/find_tokenizer.h"
#include "training/base_model.h"
#include "training/config.h"
#include "training/counting.h"
#include "training/dlas_template.h"
#include "training/run_paths.h"
#include "training/samples.h"
#include "training/states.h"
#include "training/trainable.h"
#include "training/yaml_reader.h"

namespace testudo::training {

namespace {

constexpr const char* default_tokenizer = "./modules/tortoise-tts/tortoise/data/tokenizer.json";

// As the originals write paths: ./training/ada/train.txt when inside the workspace.
std::string written_path(const fs::path& workspace, const std::string& given) {
    const fs::path path(given);
    if (!path.is_absolute()) {
        const std::string plain = path.lexically_normal().generic_string();
        return plain.starts_with("../") ? plain : "./" + plain;
    }
    const fs::path relative = path.lexically_relative(fs::absolute(workspace).lexically_normal());
    if (relative.empty() || *relative.begin() == "..") return path.generic_string();
    return "./" + relative.generic_string();
}

template <class T>
YAML::Node flow_list(const std::vector<T>& values) {
    YAML::Node list(YAML::NodeType::Sequence);
    for (const T& value : values) {
        if constexpr (std::is_floating_point_v<T>)
            list.push_back(yaml_float(value));
        else
            list.push_back(value);
    }
    list.SetStyle(YAML::EmitterStyle::Flow);
    return list;
}

// A text that YAML would read as a number or a truth value stays a text.
YAML::Node yaml_text(const std::string& text) {
    YAML::Node node(text);
    double number = 0;
    bool truth = false;
    if (YAML::convert<double>::decode(node, number) || YAML::convert<bool>::decode(node, truth) ||
        text == "null" || text == "~")
        node.SetTag("tag:yaml.org,2002:str");
    return node;
}

// Values of `from` over those of `to`; keys that only `to` has stay, and so does a map of `to` where `from`
// has none.
void merge(YAML::Node to, const YAML::Node& from, const std::string& where, Events& events) {
    for (const auto& entry : from) {
        const std::string key = entry.first.Scalar(), place = where.empty() ? key : cat(where, ".", key);
        const bool map = to[key].IsDefined() && to[key].IsMap();
        if (map && entry.second.IsMap())
            merge(to[key], entry.second, place, events);
        else if (map)
            events.warning(cat(place, " of the earlier train.yaml is no map and was replaced"));
        else
            to[key] = entry.second;
    }
}

void check_schedule(const TrainingSettings& settings) {
    with_setting("learning_rate_schedule", [&] {
        for (const double epoch : settings.learning_rate_schedule)
            if (!(epoch >= 0 && epoch <= 1e9))
                throw usage_error(cat("learning_rate_schedule holds ", epoch),
                                  "Give epochs of 0 or more, such as 2,4,9,18.");
    });
    with_setting("learning_rate_restarts", [&] {
        if (settings.learning_rate_scheme == "CosineAnnealingLR_Restart" &&
            settings.learning_rate_restarts > settings.epochs)
            throw usage_error(cat("learning_rate_restarts is ", settings.learning_rate_restarts,
                                  ", but there are only ", settings.epochs, " epochs"),
                              "Choose fewer restarts or more epochs.");
    });
}

void adjust(TrainingSettings& settings, std::int64_t lines, Events& events) {
    if (settings.batch_size > lines) {
        events.info(cat("batch size ", settings.batch_size,
                        " is larger than the dataset: every step takes all ", lines, " clips"));
        settings.batch_size = lines;
    }
    if (settings.gradient_accumulation_size > settings.batch_size) {
        events.info(cat("gradient accumulation of ", settings.gradient_accumulation_size,
                        " is more than the ", settings.batch_size, " clips of a batch: one clip at a time"));
        settings.gradient_accumulation_size = settings.batch_size;
    }
    const auto epochs = static_cast<double>(settings.epochs);
    if (settings.save_rate > epochs) settings.save_rate = epochs;
    if (settings.validation_rate > epochs) settings.validation_rate = epochs;
    if (settings.keep_best > 0 && settings.keep_states == 0)
        events.info("keep_best changes what is kept only beside keep_states; all checkpoints are kept");
    if (settings.half_precision && settings.bitsandbytes && settings.precision == "auto")
        events.warning(
            "BitsAndBytes switches half precision off, as in the original; precision bfloat16 goes with it");
}

fs::path default_dvae(const fs::path& workspace, const fs::path& model) {
    const fs::path own = model.parent_path() / cat(model.stem(), "_dvae.pth");
    return fs::exists(own) ? own : workspace / "models" / "tortoise" / "dvae.pth";
}

void set_schedule(YAML::Node train, const TrainingSettings& settings, std::int64_t per_epoch) {
    for (const char* key :
         {"gen_lr_steps", "lr_gamma", "T_period", "warmup", "eta_min", "restarts", "restart_weights"})
        train.remove(key);
    train["default_lr_scheme"] = settings.learning_rate_scheme;
    if (settings.learning_rate_scheme == "MultiStepLR") {
        std::vector<std::int64_t> milestones;
        for (const double epoch : settings.learning_rate_schedule)
            milestones.push_back(static_cast<std::int64_t>(static_cast<double>(per_epoch) * epoch));
        train["gen_lr_steps"] = flow_list(milestones);
        train["lr_gamma"] = yaml_float(settings.learning_rate_gamma);
        return;
    }
    const std::int64_t restarts = settings.learning_rate_restarts;
    const std::int64_t period = per_epoch * (settings.epochs / restarts);
    std::vector<std::int64_t> restart_at;
    std::vector<double> weights;
    for (std::int64_t i = 1; i <= restarts; ++i) {
        restart_at.push_back(period * i);
        weights.push_back(static_cast<double>(restarts - i) / static_cast<double>(restarts));
    }
    weights.back() = restarts > 1 ? weights[weights.size() - 2] * 0.5 : 0.5;
    // One period more than restarts is what the scheduler needs; the original writes one an epoch.
    const auto periods = static_cast<std::size_t>(std::max(settings.epochs, restarts + 1));
    train["T_period"] = flow_list(std::vector<std::int64_t>(periods, period));
    train["warmup"] = 0;
    train["eta_min"] = yaml_float(1e-8);
    train["restarts"] = flow_list(restart_at);
    train["restart_weights"] = flow_list(weights);
}

void set_model(YAML::Node kwargs, const nets::UnifiedVoiceConfig& model) {
    kwargs["layers"] = model.layers;
    kwargs["model_dim"] = model.model_dim;
    kwargs["heads"] = model.heads;
    kwargs["max_text_tokens"] = model.max_text_tokens;
    kwargs["max_mel_tokens"] = model.max_mel_tokens;
    kwargs["max_conditioning_inputs"] = model.max_conditioning_inputs;
    kwargs["mel_length_compression"] = model.mel_length_compression;
    kwargs["number_text_tokens"] = model.number_text_tokens;
    kwargs["number_mel_codes"] = model.number_mel_codes;
    kwargs["start_mel_token"] = model.start_mel_token;
    kwargs["stop_mel_token"] = model.stop_mel_token;
    kwargs["start_text_token"] = model.start_text_token;
}

// Error(usage) when nothing can be trained so.
void check_trained_parts(const TrainingSettings& settings, const nets::UnifiedVoiceConfig& sizes) {
    const auto attempt = [&](const Config& trial) {
        nets::UnifiedVoice model(sizes, at::kMeta);
        make_trainable(model, trial);
    };
    Config trial;
    trial.freeze = settings.freeze;
    with_setting("freeze", [&] { attempt(trial); });
    trial.lora = {static_cast<int>(settings.lora_rank), settings.lora_alpha, settings.lora_targets};
    with_setting("lora_targets", [&] { attempt(trial); });
}

}  // namespace

Json configure(const std::filesystem::path& workspace, TrainingSettings settings, Events& events) {
    std::erase_if(settings.sample_sentences, [](const std::string& text) { return trim(text).empty(); });
    std::erase(settings.freeze, std::string());  // --freeze "" clears the list
    check_settings(settings);
    check_schedule(settings);
    with_setting("sample_sentences", [&] { check_sentences(settings.sample_sentences); });
    const RunPaths paths = run_paths(workspace, settings.voice);
    const fs::path train_list = paths.folder / "train.txt", validation_list = paths.folder / "validation.txt";
    if (!fs::exists(train_list))
        throw input_error(cat("there is no ", train_list),
                          cat("Make the dataset first: `testudo prepare ", settings.voice, "`."));
    const FolderLock lock(paths.folder);
    const auto lines = static_cast<std::int64_t>(dataset::read_lines(train_list).size());
    const std::int64_t validation_lines =
        fs::exists(validation_list)
            ? static_cast<std::int64_t>(dataset::read_lines(validation_list, true).size())
            : 0;
    if (settings.resume_state == "latest") {
        settings.resume_state =
            written_path(workspace, fs::absolute(latest_state(workspace, settings.voice)).string());
        events.info(cat("going on from ", settings.resume_state));
    }
    const TrainingSettings asked = settings;  // train.json keeps what the user chose
    adjust(settings, lines, events);
    if (settings.validation_enabled && validation_lines == 0) {
        events.warning(cat("validation is off: ", validation_list,
                           fs::exists(validation_list) ? " is empty" : " does not exist",
                           ". Move some lines of train.txt there to have it."));
        settings.validation_enabled = false;
    }
    if (settings.keep_best > 0 && !settings.validation_enabled)
        events.warning("keep_best has no effect without validation: there is nothing to tell the best by");

    if (settings.source_model.empty() || settings.source_model == "auto")
        settings.source_model = "./models/tortoise/autoregressive.pth";
    with_setting("resume_state", [&] {
        if (!settings.resume_state.empty() && !fs::exists(in_workspace(workspace, settings.resume_state)))
            throw input_error(cat("there is no state ", in_workspace(workspace, settings.resume_state)),
                              "Name another .state file, or leave resume_state empty.");
    });
    const fs::path model_file = in_workspace(workspace, settings.source_model);
    const auto model = with_setting("source_model", [&] { return model_sizes(model_file); });
    check_trained_parts(settings, model);
    const auto [tokenizer_file, tokenizer] = with_setting("tokenizer_json", [&] {
        const fs::path file = text::find_tokenizer(workspace, settings.tokenizer_json, "tokenizer_json");
        return std::pair(file, text::load_tokenizer(file));
    });
    const fs::path dvae_file = settings.dvae_model.empty() ? default_dvae(workspace, model_file)
                                                           : in_workspace(workspace, settings.dvae_model);
    const auto codes = with_setting("dvae_model", [&] { return load_dvae(dvae_file, at::kCPU).config(); });
    check_vocabularies(model, model_file, *tokenizer, tokenizer_file, codes, dvae_file);
    dataset::warn_of_vocabulary(*tokenizer, paths.folder, events);
    if (tokenizer->cleaning() != text::Cleaning::english && settings.text_lr_weight < 0.1)
        events.warning(
            cat("text_lr_weight is ", settings.text_lr_weight,
                ", which is for English: a model learns what the tokens of another vocabulary mean "
                "only with about 1"));
    if (const std::string& last = tokenizer->token(model.start_text_token); !last.empty())
        events.warning(cat("token ", model.start_text_token, " of the tokenizer, \"", printable(last),
                           "\", is what the model takes for the start of a text: use a vocabulary of ",
                           model.start_text_token, " tokens"));

    const Counting counting{lines, settings.batch_size, settings.epochs, 0, 0};
    const std::int64_t per_epoch = counting.per_epoch();
    const std::int64_t save_every = iterations_of_rate(settings.save_rate, per_epoch);
    const std::int64_t validate_every = iterations_of_rate(settings.validation_rate, per_epoch);
    std::int64_t validation_batch =
        std::max<std::int64_t>(1, settings.batch_size / settings.gradient_accumulation_size);
    if (validation_lines > 0) validation_batch = std::min(validation_batch, validation_lines);

    YAML::Node yaml = dlas_template();
    yaml["testudo"] = YAML::Node(YAML::NodeType::Map);
    if (fs::exists(paths.yaml)) {
        YAML::Node old = read_yaml(paths.yaml);
        if (old.IsMap()) {
            old.remove("path");
            merge(yaml, old, "", events);
        } else {
            events.warning(cat(paths.yaml, " held no configuration and was replaced"));
        }
    }
    yaml["name"] = yaml_text(settings.voice);
    yaml["fp16"] = settings.half_precision && !settings.bitsandbytes;
    yaml["bitsandbytes"] = settings.bitsandbytes;
    yaml["use_8bit"] = settings.bitsandbytes;  // its name in DLAS without the web UI
    yaml["gpus"] = settings.gpus;
    const std::string tokenizer_path =
        written_path(workspace, settings.tokenizer_json.empty() ? std::string(default_tokenizer)
                                                                : settings.tokenizer_json);
    for (const char* set : {"train", "val"}) {
        YAML::Node data = yaml["datasets"][set];
        const bool train = std::string_view(set) == "train";
        data["n_workers"] = settings.workers;
        data["batch_size"] = train ? settings.batch_size : validation_batch;
        data["path"] = cat("./training/", settings.voice, train ? "/train.txt" : "/validation.txt");
        data["tokenizer_vocab"] = tokenizer_path;
    }
    YAML::Node step = yaml["steps"]["gpt_train"];
    step["optimizer_params"]["lr"] = yaml_float(settings.learning_rate);
    step["losses"]["text_ce"]["weight"] = yaml_float(settings.text_lr_weight);
    step["losses"]["mel_ce"]["weight"] = yaml_float(settings.mel_lr_weight);
    set_model(yaml["networks"]["gpt"]["kwargs"], model);
    // The base model stays named beside a state, so that the file says where the voice comes from; DLAS takes
    // the state's own model.
    if (settings.resume_state.empty())
        yaml["path"]["pretrain_model_gpt"] = written_path(workspace, settings.source_model);
    else
        yaml["path"]["resume_state"] = written_path(workspace, settings.resume_state);
    YAML::Node train = yaml["train"];
    train["niter"] = counting.total();
    train["mega_batch_factor"] = settings.gradient_accumulation_size;
    train["val_freq"] = validate_every;
    train["ema_enabled"] = settings.ema;
    set_schedule(train, settings, per_epoch);
    yaml["eval"]["pure"] = settings.validation_enabled;
    yaml["logger"]["save_checkpoint_freq"] = save_every;
    yaml["logger"]["visual_debug_rate"] = save_every;
    YAML::Node own = yaml["testudo"];
    own["epochs"] = settings.epochs;
    own["iterations"] = counting.total();
    own["objective"] = settings.objective;
    own["dropout"] = yaml_float(settings.dropout);
    own["seed"] = settings.seed;
    own["keep_states"] = settings.keep_states;
    own["keep_best"] = settings.keep_best;
    own["csv"] = settings.csv;
    own["tensorboard"] = settings.tensorboard;
    own["sample_sentences"] = YAML::Node(YAML::NodeType::Sequence);
    for (const std::string& text : settings.sample_sentences)
        own["sample_sentences"].push_back(yaml_text(text));
    own["checkpointing"] = settings.checkpointing;
    YAML::Node lora(YAML::NodeType::Map);
    lora["rank"] = settings.lora_rank;
    lora["alpha"] = yaml_float(settings.lora_alpha);
    lora["targets"] = flow_list(settings.lora_targets);
    own["lora"] = lora;
    own["freeze"] = flow_list(settings.freeze);
    own["gradient_memory"] = settings.gradient_memory;
    own["shard_optimizer"] = settings.shard_optimizer;
    own["precision"] = settings.precision;
    own["save_half"] = settings.save_half;
    own["source_model"] = written_path(workspace, settings.source_model);
    own["dvae"] = written_path(workspace, fs::absolute(dvae_file).lexically_normal().string());
    write_yaml(paths.yaml, yaml);
    read_config(workspace, paths.yaml);  // what was written can be read

    Json json = settings_to_json(asked);
    json["dataset_path"] = cat("./training/", settings.voice, "/train.txt");
    json["iterations"] = counting.total();
    write_json(paths.json, json, {.indent = 1, .fill = '\t'});

    events.info(cat("for ", settings.epochs, " epochs with ", lines, " lines in batches of ",
                    settings.batch_size, ": ", counting.total(), " iterations, ", per_epoch, " an epoch"));
    events.artifact("configuration", paths.yaml);
    return {{"yaml", to_utf8(paths.yaml.native())},
            {"json", to_utf8(paths.json.native())},
            {"voice", settings.voice},
            {"lines", lines},
            {"validation_lines", validation_lines},
            {"validation", settings.validation_enabled},
            {"batch_size", settings.batch_size},
            {"gradient_accumulation_size", settings.gradient_accumulation_size},
            {"epochs", settings.epochs},
            {"iterations_per_epoch", per_epoch},
            {"iterations", counting.total()},
            {"save_every", save_every},
            {"validate_every", validate_every},
            {"source_model", to_utf8(model_file.native())},
            {"dvae", to_utf8(dvae_file.native())},
            {"model",
             {{"layers", model.layers},
              {"model_dim", model.model_dim},
              {"heads", model.heads},
              {"number_text_tokens", model.number_text_tokens},
              {"number_mel_codes", model.number_mel_codes}}}};
}

}  // namespace testudo::training
