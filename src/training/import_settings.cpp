#include "training/import_settings.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "dataset/lines.h"
#include "training/config.h"
#include "training/configure.h"
#include "training/counting.h"
#include "training/run_paths.h"
#include "training/yaml_reader.h"

namespace testudo::training {

namespace {

// "25112026_180102_train.yaml" -> "20261125180102"; empty for another name.
std::string moment_of_copy(const std::string& name) {
    constexpr std::string_view form = "ddddmmmm_tttttt_train.yaml";
    if (name.size() != form.size() || name[8] != '_' || !name.ends_with("_train.yaml")) return {};
    std::string digits = name.substr(0, 8) + name.substr(9, 6);
    if (!std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; })) return {};
    return cat(digits.substr(4, 4), digits.substr(2, 2), digits.substr(0, 2), digits.substr(8));
}

fs::path newest_copy(const fs::path& finetune) {
    fs::path newest;
    std::string moment;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(finetune, ignored)) {
        const std::string of = moment_of_copy(entry.path().filename().string());
        if (of <= moment) continue;
        moment = of;
        newest = entry.path();
    }
    return newest;
}

// Epochs as someone would write them: iterations are whole, so 1/3 of an epoch comes back as 0.3333.
double epochs_of(std::int64_t iterations, double per_epoch) {
    return std::round(static_cast<double>(iterations) / per_epoch * 1e4) / 1e4;
}

void take_schedule(TrainingSettings& settings, const ScheduleSettings& schedule, double per_epoch) {
    if (schedule.scheme == ScheduleSettings::Scheme::cosine) {
        settings.learning_rate_scheme = "CosineAnnealingLR_Restart";
        settings.learning_rate_restarts =
            std::max<std::int64_t>(1, static_cast<std::int64_t>(schedule.restarts.size()));
        return;
    }
    settings.learning_rate_scheme = "MultiStepLR";
    settings.learning_rate_gamma = std::min(schedule.gamma, 1.0);
    settings.learning_rate_schedule.clear();
    for (const std::int64_t milestone : schedule.milestones)
        settings.learning_rate_schedule.push_back(std::max(0.0, epochs_of(milestone, per_epoch)));
}

const char* name_of(GradientMemory memory) {
    return memory == GradientMemory::full ? "full" : memory == GradientMemory::lean ? "lean" : "auto";
}

const char* name_of(Checkpointing checkpointing) {
    return checkpointing == Checkpointing::on ? "on" : checkpointing == Checkpointing::off ? "off" : "auto";
}

}  // namespace

TrainingSettings settings_of_yaml(const fs::path& workspace, const fs::path& file) {
    const Config config = read_config(workspace, file);
    const YamlReader yaml(file);
    TrainingSettings settings;
    settings.voice = config.voice;
    double per_epoch = 0;
    if (config.epochs && config.iterations >= *config.epochs) {
        settings.epochs = *config.epochs;
        per_epoch = static_cast<double>(config.iterations) / static_cast<double>(*config.epochs);
    } else {
        const auto lines = static_cast<std::int64_t>(dataset::read_lines(config.train_list).size());
        per_epoch = static_cast<double>(Counting{lines, config.batch_size, 0, 0, 0}.per_epoch());
        settings.epochs =
            std::max<std::int64_t>(1, std::llround(static_cast<double>(config.iterations) / per_epoch));
    }
    settings.learning_rate = config.schedule.base_rate;
    settings.text_lr_weight = config.step.text_weight;
    settings.mel_lr_weight = config.step.mel_weight;
    take_schedule(settings, config.schedule, per_epoch);
    settings.batch_size = config.batch_size;
    settings.gradient_accumulation_size = config.accumulation;
    if (config.save_every > 0) settings.save_rate = epochs_of(config.save_every, per_epoch);
    if (config.validate_every > 0) settings.validation_rate = epochs_of(config.validate_every, per_epoch);
    settings.validation_enabled = config.validation;
    settings.half_precision = yaml.boolean("fp16").value_or(false);
    settings.bitsandbytes = config.adamw.eight_bit;
    settings.workers = yaml.integer_in("datasets.train.n_workers", settings.workers, 0, 256);
    settings.gpus = config.gpus;
    settings.shard_optimizer = config.shard_optimizer;
    // The original names either a model or a state; ours keeps the former's name under a key of its own.
    settings.source_model =
        yaml.text("path.pretrain_model_gpt").value_or(yaml.text("testudo.source_model").value_or(""));
    settings.resume_state = yaml.text("path.resume_state").value_or("");
    if (!config.tokenizer.empty())
        settings.tokenizer_json = yaml.text("datasets.train.tokenizer_vocab").value_or("");
    settings.dvae_model = yaml.text("testudo.dvae").value_or("");
    settings.sample_sentences = config.sample_sentences;
    settings.keep_states = config.keep_states;
    settings.keep_best = config.keep_best;
    settings.csv = config.csv;
    settings.tensorboard = config.tensorboard;
    settings.ema = config.ema_rate > 0;
    settings.objective = config.step.form.objective == nets::Objective::dlas ? "dlas" : "consistent";
    settings.dropout = std::min(config.step.dropout, 0.9);
    settings.checkpointing = name_of(config.checkpointing);
    settings.lora_rank = config.lora.rank;
    settings.lora_alpha = config.lora.alpha;
    settings.lora_targets = config.lora.targets;
    settings.freeze = config.freeze;
    settings.gradient_memory = name_of(config.step.memory);
    settings.save_half = config.save_half;
    settings.precision = yaml.text("testudo.precision").value_or("auto");
    settings.seed = static_cast<std::int64_t>(config.seed);
    return settings;
}

ImportedSettings import_settings_of(const fs::path& workspace, const fs::path& given) {
    const fs::path file = find_configuration(workspace, given);
    return {file.extension() == ".json" ? read_settings(file) : settings_of_yaml(workspace, file), file};
}

ImportedSettings import_settings(const fs::path& workspace, const std::string& voice, Events& events) {
    const RunPaths paths = run_paths(workspace, voice);
    std::vector<std::string> problems;
    for (const fs::path& file : {newest_copy(paths.finetune), paths.yaml, paths.json}) {
        if (file.empty() || !fs::exists(file)) continue;
        try {
            ImportedSettings found = import_settings_of(workspace, fs::absolute(file));
            found.settings.voice = voice;
            found.settings.resume_state.clear();
            events.info(cat("settings of ", file));
            return found;
        } catch (const Error& error) {
            problems.push_back(error.what());
            events.warning(cat("not imported: ", error.what()));
        }
    }
    throw input_error(problems.empty() ? cat("there are no settings to import in ", paths.folder)
                                       : cat("no settings can be imported: ", join(problems, "; ")),
                      "Leave --import out to begin with the defaults.");
}

}  // namespace testudo::training
