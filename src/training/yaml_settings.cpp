#include "training/yaml_settings.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/strings.h"
#include "text/find_tokenizer.h"
#include "training/dlas_template.h"

namespace testudo::training {

namespace {

constexpr std::int64_t many = std::int64_t{1} << 40;
constexpr std::size_t longest_value = 60;

struct Taking {
    const YamlReader& yaml;
    const std::filesystem::path& workspace;
    PerEpoch per_epoch;
    TrainingSettings& settings;
};

// Epochs as someone would write them: iterations are whole, so 1/3 of an epoch comes back as 0.3333.
double epochs_of(std::int64_t iterations, double per_epoch) {
    return std::round(static_cast<double>(iterations) / per_epoch * 1e4) / 1e4;
}

void take_iterations(const Taking& to, const std::string& key) {
    const std::int64_t iterations = to.yaml.integer_in(key, 0, 0, many);
    const auto own = to.yaml.integer("testudo.epochs");
    if (own && to.yaml.integer("testudo.iterations").value_or(-1) == iterations)
        to.settings.epochs = to.yaml.integer_in("testudo.epochs", 0, 1, many);
    else
        to.settings.epochs =
            std::max<std::int64_t>(1, std::llround(static_cast<double>(iterations) / to.per_epoch.value()));
}

template <double TrainingSettings::*rate>
void take_rate(const Taking& to, const std::string& key) {
    if (const std::int64_t every = to.yaml.integer_in(key, 0, 0, many); every > 0)
        to.settings.*rate = epochs_of(every, to.per_epoch.value());
}

bool is_cosine(const TrainingSettings& settings) {
    return settings.learning_rate_scheme == "CosineAnnealingLR_Restart";
}

// Each scheme has its own options; those of the other stay what they are by default.
void take_milestones(const Taking& to, const std::string& key) {
    const auto milestones = to.yaml.integers(key);
    if (is_cosine(to.settings)) return;
    to.settings.learning_rate_schedule.clear();
    for (const std::int64_t milestone : *milestones)
        to.settings.learning_rate_schedule.push_back(
            std::max(0.0, epochs_of(milestone, to.per_epoch.value())));
}

void take_restarts(const Taking& to, const std::string& key) {
    const auto restarts = to.yaml.integers(key);
    if (is_cosine(to.settings))
        to.settings.learning_rate_restarts =
            std::max<std::int64_t>(1, static_cast<std::int64_t>(restarts->size()));
}

void take_gamma(const Taking& to, const std::string& key) {
    const double gamma = to.yaml.number_in(key, 0.5, 0, 1000);
    if (!is_cosine(to.settings)) to.settings.learning_rate_gamma = std::min(gamma, 1.0);
}

void take_dropout(const Taking& to, const std::string& key) {
    to.settings.dropout = std::min(to.yaml.number_in(key, 0.1, 0, 0.95), 0.9);
}

void take_checkpointing(const Taking& to, const std::string& key) {
    const auto text = to.yaml.text(key);
    to.settings.checkpointing = text == "auto" ? "auto" : to.yaml.boolean(key).value() ? "on" : "off";
}

void take_tokenizer(const Taking& to, const std::string& key) {
    to.settings.tokenizer_json = to.yaml.text(key).value();
    try {
        if (text::find_tokenizer(to.workspace, to.settings.tokenizer_json, key).empty())
            to.settings.tokenizer_json.clear();
    } catch (const Error&) {
        // The name of one that is missing stays, to be seen.
    }
}

struct Row {
    const char* yaml;
    const char* setting;
    void (*take)(const Taking&, const std::string& key) = nullptr;  // none: as it stands
    bool in_iterations = false;                                     // becomes epochs
};

// In the order in which they are taken: what comes later wins.
constexpr Row rows[] = {
    {"train.niter", "epochs", take_iterations, true},
    {"steps.gpt_train.optimizer_params.lr", "learning_rate"},
    {"steps.gpt_train.losses.text_ce.weight", "text_lr_weight"},
    {"steps.gpt_train.losses.mel_ce.weight", "mel_lr_weight"},
    {"train.default_lr_scheme", "learning_rate_scheme"},
    {"train.gen_lr_steps", "learning_rate_schedule", take_milestones, true},
    {"train.lr_gamma", "learning_rate_gamma", take_gamma},
    {"train.restarts", "learning_rate_restarts", take_restarts},
    {"datasets.train.batch_size", "batch_size"},
    {"train.mega_batch_factor", "gradient_accumulation_size"},
    {"logger.save_checkpoint_freq", "save_rate", take_rate<&TrainingSettings::save_rate>, true},
    {"train.val_freq", "validation_rate", take_rate<&TrainingSettings::validation_rate>, true},
    {"eval.pure", "validation_enabled"},
    {"fp16", "half_p"},
    {"use_8bit", "bitsandbytes"},
    {"bitsandbytes", "bitsandbytes"},
    {"datasets.train.n_workers", "workers"},
    {"gpus", "gpus"},
    {"testudo.shard_optimizer", "shard_optimizer"},
    // The original names either a model or a state; ours keeps the former's name under a key of its own.
    {"testudo.source_model", "source_model"},
    {"path.pretrain_model_gpt", "source_model"},
    {"path.resume_state", "resume_state"},
    {"datasets.train.tokenizer_vocab", "tokenizer_json", take_tokenizer},
    {"testudo.dvae", "dvae_model"},
    {"testudo.gradient_memory", "gradient_memory"},
    {"testudo.precision", "precision"},
    {"testudo.save_half", "save_half"},
    {"testudo.sample_sentences", "sample_sentences"},
    {"testudo.keep_states", "keep_states"},
    {"testudo.keep_best", "keep_best"},
    {"testudo.csv", "csv"},
    {"testudo.tensorboard", "tensorboard"},
    {"train.ema_enabled", "ema"},
    {"testudo.objective", "objective"},
    {"testudo.dropout", "dropout", take_dropout},
    {"networks.gpt.kwargs.checkpointing", "checkpointing", take_checkpointing},
    {"testudo.checkpointing", "checkpointing", take_checkpointing},
    {"testudo.lora.rank", "lora_rank"},
    {"testudo.lora.alpha", "lora_alpha"},
    {"testudo.lora.targets", "lora_targets"},
    {"testudo.freeze", "freeze"},
    {"train.manual_seed", "seed"},
    {"testudo.seed", "seed"},
};

// What `configure` finds out or works out anew each time: from the voice, its lists and the model.
constexpr const char* found_out[] = {"name",
                                     "datasets.train.path",
                                     "datasets.train.name",
                                     "datasets.val.path",
                                     "datasets.val.name",
                                     "datasets.val.batch_size",
                                     "datasets.val.n_workers",
                                     "datasets.val.tokenizer_vocab",
                                     "networks.gpt.kwargs.layers",
                                     "networks.gpt.kwargs.model_dim",
                                     "networks.gpt.kwargs.heads",
                                     "networks.gpt.kwargs.max_text_tokens",
                                     "networks.gpt.kwargs.max_mel_tokens",
                                     "networks.gpt.kwargs.max_conditioning_inputs",
                                     "networks.gpt.kwargs.mel_length_compression",
                                     "networks.gpt.kwargs.number_text_tokens",
                                     "networks.gpt.kwargs.number_mel_codes",
                                     "networks.gpt.kwargs.start_mel_token",
                                     "networks.gpt.kwargs.stop_mel_token",
                                     "networks.gpt.kwargs.start_text_token",
                                     "train.T_period",
                                     "train.warmup",
                                     "train.eta_min",
                                     "train.restart_weights",
                                     "logger.visual_debug_rate",
                                     "testudo.epochs",
                                     "testudo.iterations"};

void take_as_it_stands(const YamlReader& yaml, const Row& row, TrainingSettings& settings) {
    const std::string key = row.yaml;
    for_each_setting(settings, [&](auto& value, const Setting& setting) {
        using Value = std::decay_t<decltype(value)>;
        if (setting.key != row.setting) return;
        if constexpr (std::is_same_v<Value, bool>)
            value = yaml.boolean(key).value();
        else if constexpr (std::is_integral_v<Value>)
            value = yaml.integer(key).value();
        else if constexpr (std::is_floating_point_v<Value>)
            value = yaml.number(key).value();
        else if constexpr (std::is_same_v<Value, std::string>)
            value = yaml.text(key).value();
        else if constexpr (std::is_same_v<Value, std::vector<double>>)
            value = yaml.numbers(key).value();
        else
            value = yaml.texts(key).value();
    });
}

std::string value_text(const YAML::Node& node) {
    if (node.IsScalar()) return node.Scalar();
    if (!node.IsSequence()) return {};
    std::vector<std::string> items;
    for (const auto& item : node) items.push_back(item.IsScalar() ? item.Scalar() : "…");
    return cat("[", join(items, ", "), "]");
}

bool same_value(const std::string& a, const std::string& b) {
    double x = 0, y = 0;
    bool yes = false, no = false;
    return a == b ||
           (YAML::convert<bool>::decode(YAML::Node(a), yes) &&
            YAML::convert<bool>::decode(YAML::Node(b), no) && yes == no) ||
           (YAML::convert<double>::decode(YAML::Node(a), x) &&
            YAML::convert<double>::decode(YAML::Node(b), y) && x == y);
}

std::string shortened(const std::string& text) {
    if (text.size() <= longest_value) return printable(text);
    return printable(cat(std::string_view(text).substr(0, longest_value), "…"));
}

}  // namespace

PerEpoch told_per_epoch(const YamlReader& yaml) {
    const auto iterations = yaml.integer("train.niter");
    if (!iterations || !yaml.has("testudo.epochs") || yaml.integer("testudo.iterations") != iterations)
        return {};
    const std::int64_t epochs = yaml.integer_in("testudo.epochs", 0, 1, many);
    if (*iterations < epochs) return {};
    return static_cast<double>(*iterations) / static_cast<double>(epochs);
}

TrainingSettings settings_in(const YamlReader& yaml, const std::filesystem::path& workspace,
                             PerEpoch per_epoch) {
    TrainingSettings settings;
    // What it means where such a file says nothing.
    settings.gradient_accumulation_size = 1;
    settings.validation_enabled = false;
    if (per_epoch) settings.learning_rate_schedule.clear();
    TrainingSettings unused;  // of iterations that cannot become epochs: only what is wrong with them
    const Taking taking{yaml, workspace, per_epoch, settings}, checking{yaml, workspace, 1.0, unused};
    for (const Row& row : rows) {
        if (!yaml.has(row.yaml)) continue;
        if (row.take)
            row.take(row.in_iterations && !per_epoch ? checking : taking, row.yaml);
        else
            take_as_it_stands(yaml, row, settings);
    }
    if (is_cosine(settings)) settings.learning_rate_schedule = TrainingSettings().learning_rate_schedule;
    if (yaml.number("train.ema_rate").value_or(1) <= 0) settings.ema = false;
    settings.voice = yaml.text("name").value_or("");
    return settings;
}

void check_settings_in(const YamlReader& yaml, const TrainingSettings& settings) {
    bool any = false;
    for (const Row& row : rows) {
        if (!yaml.has(row.yaml)) continue;
        any = true;
        for_each_setting(settings, [&](const auto& value, const Setting& setting) {
            if (setting.key != row.setting) return;
            try {
                settings_detail::check_value(value, setting);
            } catch (const Error& error) {
                throw input_error(cat(yaml.place(row.yaml), ": ", error.what()), error.hint());
            }
        });
    }
    if (!any)
        throw input_error(cat(yaml.name(), " holds no training configuration"),
                          "Choose a training YAML of DLAS or of Testudo, or a train.json.");
}

std::vector<NotUnderstood> not_understood_in(const YamlReader& yaml, PerEpoch per_epoch) {
    std::map<std::string, std::string> usual;
    for (const YamlLeaf& leaf : YamlReader(dlas_template(), "the template").leaves())
        usual[leaf.key] = value_text(leaf.node);
    std::map<std::string, int> seen;
    std::vector<NotUnderstood> out;
    for (const YamlLeaf& leaf : yaml.leaves()) {
        const auto tell = [&](const std::string& why) {
            out.push_back({shortened(leaf.key), leaf.line, why});
        };
        if (out.size() == most_not_understood) break;
        if (seen[leaf.key]++ > 0) {
            tell("stands there twice; the first counts");
            continue;
        }
        const auto* row = std::find_if(std::begin(rows), std::end(rows),
                                       [&](const Row& each) { return leaf.key == each.yaml; });
        if (row != std::end(rows)) {
            if (row->in_iterations && !per_epoch && !leaf.node.IsNull())
                tell("counts iterations, and how many an epoch has cannot be known without a list of lines");
            continue;
        }
        if (std::find(std::begin(found_out), std::end(found_out), leaf.key) != std::end(found_out)) continue;
        const std::string value = value_text(leaf.node);
        if (const auto known = usual.find(leaf.key); known == usual.end())
            tell("is not known");
        else if (!leaf.node.IsNull() && !same_value(value, known->second))
            tell(cat("is ", shortened(value), " instead of ", shortened(known->second),
                     ", and no setting: it can be written into train.yaml"));
    }
    return out;
}

}  // namespace testudo::training
