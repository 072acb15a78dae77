#include "training/validate_config.h"

#include <ATen/Parallel.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>

#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "dataset/features.h"
#include "dataset/lines.h"
#include "dataset/settings.h"
#include "dataset/vocabulary.h"
#include "text/find_tokenizer.h"
#include "training/adapter_run.h"
#include "training/allocator.h"
#include "training/base_model.h"
#include "training/checkpoint.h"
#include "training/counting.h"
#include "training/import_settings.h"
#include "training/measure_memory.h"
#include "training/suggest.h"
#include "training/world.h"

namespace testudo::training {

namespace {

constexpr std::size_t most_named = 5;

// A list as training would take it.
struct ListFacts {
    std::int64_t lines = 0;
    std::vector<ClipLength> clips;               // usable ones
    double seconds = 0;                          // of those
    std::vector<std::string> left_out, refused;  // by training: it goes on without; it does not begin
    ClipLength longest;                          // most tokens, most samples
};

// Mels of 80 bands, float32, 256 samples a frame; codes are nothing beside them.
double feature_bytes(const ListFacts& facts) { return facts.seconds * dataset::training_rate / 256 * 80 * 4; }

std::string named(const std::vector<std::string>& what) {
    std::vector<std::string> some(
        what.begin(), what.begin() + static_cast<std::ptrdiff_t>(std::min(what.size(), most_named)));
    return cat(join(some, "; "),
               what.size() > most_named ? cat("; and ", what.size() - most_named, " more") : "");
}

std::string written(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    return value.dump();
}

// As one word of a shell's command line.
std::string quoted(const std::string& word) {
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
        return std::isalnum(c) ||
               std::string_view("_-./,:+").find(static_cast<char>(c)) != std::string_view::npos;
    });
    if (plain) return word;
    std::string out = "'";
    for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

class Validation {
  public:
    Validation(fs::path workspace, const ValidateOptions& options, Events& events)
        : workspace_(std::move(workspace)), options_(options), events_(events) {}

    Json run(const fs::path& yaml);

  private:
    void add(const char* name, const char* level, const std::string& value, const std::string& remedy = {},
             ErrorKind kind = ErrorKind::input);
    // What `check` throws is a problem. False then.
    bool attempt(const char* name, const std::function<void()>& check);
    ListFacts read_list(const char* name, const fs::path& list, bool may_be_empty);
    void report_list(const char* name, const ListFacts& facts);
    void check_tokens();
    void check_models();
    void check_counting();
    void check_learning();
    void check_samples();
    void check_disk_room();
    void check_memory();
    void suggest();
    Json result(const fs::path& yaml) const;

    fs::path workspace_;
    const ValidateOptions& options_;
    Events& events_;
    Config config_;
    RunPaths paths_;
    at::Device device_ = at::kCPU;
    bool device_found_ = false;
    fs::path weights_;
    TrainedSizes sizes_;  // of no elements until the model is known
    std::shared_ptr<const text::Tokenizer> tokenizer_;
    std::optional<SavedState> saved_;
    ListFacts train_, validation_;
    RunFacts facts_;
    std::vector<Suggestion> suggestions_;
    Json findings_ = Json::array(), numbers_ = Json::object();
    bool input_problem_ = false, environment_problem_ = false;
};

void Validation::add(const char* name, const char* level, const std::string& value, const std::string& remedy,
                     ErrorKind kind) {
    Json finding = {{"name", name}, {"level", level}, {"value", to_utf8(value)}};
    if (!remedy.empty()) finding["remedy"] = to_utf8(remedy);
    if (std::string_view(level) == "problem") {
        const bool environment = kind == ErrorKind::environment;
        finding["kind"] = environment ? "environment" : "input";
        (environment ? environment_problem_ : input_problem_) = true;
    }
    findings_.push_back(std::move(finding));
}

bool Validation::attempt(const char* name, const std::function<void()>& check) {
    try {
        check();
        return true;
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::interrupted || error.kind() == ErrorKind::internal) throw;
        add(name, "problem", error.what(), error.hint(), error.kind());
    } catch (const std::exception& error) {
        if (!is_out_of_memory(error)) throw;
        add(name, "problem",
            cat("the memory does not suffice for this check: there are ", memory_limit(config_, device_)),
            memory_remedy(config_, false, true), ErrorKind::environment);
    }
    return false;
}

ListFacts Validation::read_list(const char* name, const fs::path& list, bool may_be_empty) {
    ListFacts facts;
    const auto lines = dataset::read_lines(list, may_be_empty);
    facts.lines = static_cast<std::int64_t>(lines.size());
    const double shortest = config_.step.form.objective == nets::Objective::dlas ? 0.6 : 0;
    double done = 0;
    for (const dataset::Line& line : lines) {
        if (stop_requested()) throw Error(ErrorKind::interrupted, "stopped while checking", "Start again.");
        events_.progress(name, done++, static_cast<double>(lines.size()), "lines");
        const auto leave_out = [&](const std::string& why) {
            facts.left_out.push_back(cat(list.filename(), ":", line.number, ": ", why));
        };
        text::Encoded encoded;
        try {
            encoded = tokenizer_->encode(line.text);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::input) throw;
            leave_out(error.what());
            continue;
        }
        if (const std::string why = dataset::refusal_of_text(encoded); !why.empty()) {
            leave_out(why);
            continue;
        }
        try {
            const at::Tensor wave = dataset::load_wave(list, line);
            if (const std::string why = dataset::refusal_of_clip(wave, shortest); !why.empty()) {
                leave_out(why);
                continue;
            }
            const std::int64_t samples = wave.size(0), codes = (samples + 1023) / 1024;
            const auto tokens = static_cast<int>(encoded.ids.size());
            if (tokens > config_.model.max_text_tokens || codes > config_.model.max_mel_tokens)
                facts.refused.push_back(cat(list.filename(), ":", line.number, " has ", tokens,
                                            " text tokens and ", codes, " codes"));
            facts.clips.push_back({tokens, samples});
            facts.seconds += static_cast<double>(samples) / dataset::training_rate;
            facts.longest.text = std::max(facts.longest.text, tokens);
            facts.longest.samples = std::max(facts.longest.samples, samples);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::input) throw;
            facts.refused.push_back(error.what());
        }
    }
    return facts;
}

void Validation::report_list(const char* name, const ListFacts& facts) {
    const auto usable = static_cast<std::int64_t>(facts.clips.size());
    const std::string what =
        cat(usable, " of ", facts.lines, " lines can be used, ", human_duration(facts.seconds),
            "; the longest text has ", facts.longest.text, " tokens, the longest clip ",
            std::round(static_cast<double>(facts.longest.samples) / dataset::training_rate * 10) / 10, " s");
    if (!facts.refused.empty())
        add(name, "problem",
            cat(facts.refused.size(), facts.refused.size() == 1 ? " line" : " lines",
                " cannot be read or do not fit the model, which holds ", config_.model.max_text_tokens,
                " text tokens and ", config_.model.max_mel_tokens, " codes: ", named(facts.refused)),
            "Take these lines out, cut the clips, or choose a larger model.");
    else if (!facts.left_out.empty())
        add(name, "suggestion", cat(what, "; left out: ", named(facts.left_out)),
            "Correct these lines in whisper.json and make the dataset again, or let them go.");
    else
        add(name, "ok", what);
}

void Validation::check_tokens() {
    attempt("tokenizer", [&] {
        tokenizer_ = text::load_tokenizer(config_.tokenizer);
        add("tokenizer", "ok",
            cat(config_.tokenizer.empty() ? std::string("the built-in one") : config_.tokenizer.string(),
                ", ", tokenizer_->size(), " tokens"));
    });
    if (!tokenizer_) return;
    attempt("lines", [&] {
        train_ = read_list("lines", config_.train_list, false);
        if (train_.clips.empty() && train_.refused.empty())
            add("lines", "problem",
                cat("none of the ", train_.lines, " lines can be trained on: ", named(train_.left_out)),
                "Correct these lines in whisper.json and make the dataset again.");
        else
            report_list("lines", train_);
    });
    if (!config_.validation) {
        add("validation", "ok", "off");
        return;
    }
    const bool there = !config_.validation_list.empty() && fs::exists(config_.validation_list);
    attempt("validation", [&] {
        if (there) validation_ = read_list("validation", config_.validation_list, true);
        if (validation_.clips.empty() && validation_.refused.empty())
            add("validation", "suggestion", "there is no usable validation line, so validation will be off",
                "Move some lines of train.txt to validation.txt.");
        else
            report_list("validation", validation_);
    });
}

void Validation::check_models() {
    device_found_ = attempt("device", [&] {
        device_ = find_device(options_.device);
        add("device", "ok",
            device_.is_cpu() ? cat("CPU, ", at::get_num_threads(), " threads") : device_.str());
        if (config_.gpus < 2) return;
        World last;
        last.rank = last.local_rank = static_cast<int>(config_.gpus) - 1;
        device_of(last, options_.device);
        const int threads = at::get_num_threads();
        if (device_.is_cpu() && config_.gpus > threads)
            add("ranks", "suggestion",
                cat(config_.gpus, " on a CPU with ", threads, threads == 1 ? " thread" : " threads",
                    ": they wait for each other, and each takes memory of its own"),
                cat("Set gpus to ", threads, " or less."));
        else
            add("ranks", "ok",
                cat(config_.gpus, device_.is_cpu() ? " on the CPU, which divide its threads" : " GPUs"));
    });
    weights_ = config_.base_model;
    if (!config_.resume_state.empty())
        attempt("resume state", [&] {
            if (!fs::exists(config_.resume_state))
                throw input_error(cat("there is no ", config_.resume_state),
                                  cat("Choose one of `testudo states ", config_.voice, "`."));
            saved_ = read_state(config_.resume_state);
            check_adapters(config_, *saved_);
            if (config_.lora.rank > 0) find_base(workspace_, config_, &*saved_);
            weights_ = model_of_state(*saved_, paths_);
            add("resume state", "ok",
                cat(config_.resume_state, ", iteration ", saved_->iteration, ", epoch ", saved_->epoch));
        });
    const bool model = attempt("source model", [&] {
        check_sizes(weights_, config_.model, to_utf8(config_.yaml.native()));
        sizes_ = sizes_of(config_);
        add("source model", "ok",
            cat(weights_, ", ", config_.model.layers, " layers of ", config_.model.model_dim, ", ",
                sizes_.model, " parameters",
                sizes_.trained < sizes_.model ? cat(", ", sizes_.trained, " trained") : ""));
    });
    std::optional<nets::DvaeConfig> codes;
    attempt("DVAE", [&] {
        codes = load_dvae(config_.dvae, at::kCPU).config();
        add("DVAE", "ok", cat(config_.dvae, ", ", codes->num_tokens, " codes"));
    });
    if (!model || !tokenizer_ || !codes) return;
    attempt("vocabulary", [&] {
        check_vocabularies(config_.model, weights_, *tokenizer_, config_.tokenizer, *codes, config_.dvae);
        const std::string& last = tokenizer_->token(config_.model.start_text_token);
        if (last.empty())
            add("vocabulary", "ok",
                cat(tokenizer_->size(), " tokens for a model of ", config_.model.number_text_tokens));
        else
            add("vocabulary", "suggestion",
                cat("token ", config_.model.start_text_token, " of the tokenizer, \"", last,
                    "\", is what the model takes for the start of a text"),
                cat("Use a vocabulary of ", config_.model.start_text_token, " tokens."));
    });
}

void Validation::check_counting() {
    facts_.lines = static_cast<std::int64_t>(train_.clips.size());
    facts_.validation_lines = static_cast<std::int64_t>(validation_.clips.size());
    facts_.start = saved_ ? saved_->iteration : 0;
    facts_.save_every = config_.save_every;
    Counting counting{facts_.lines, config_.batch_size, 0, 0, 0};
    facts_.per_epoch = counting.per_epoch();
    facts_.validate_every = config_.validate_every > 0 ? config_.validate_every : facts_.per_epoch;
    counting.epochs = config_.epochs.value_or(0);
    facts_.total = config_.epochs ? counting.total() : config_.iterations;
    numbers_.update({{"lines", facts_.lines},
                     {"validation_lines", facts_.validation_lines},
                     {"iterations_per_epoch", facts_.per_epoch},
                     {"start", facts_.start},
                     {"iterations", facts_.total}});
    if (facts_.lines == 0) return;
    if (facts_.start >= facts_.total)
        add("length", "problem",
            cat("the resume state has ", facts_.start, " iterations, the configuration asks for ",
                facts_.total, " in all"),
            "Ask for more epochs.");
    else
        add("length", "ok",
            cat(facts_.total, " iterations, ", facts_.per_epoch, " an epoch",
                facts_.start > 0 ? cat(", from iteration ", facts_.start, " on") : std::string()));
    attempt("learning rate", [&] { check_learning(); });
}

// Configurations that run and teach nothing.
void Validation::check_learning() {
    constexpr double least_rate = 1e-8;  // of 32-bit weights of about 0.01 an update changes no digit
    const StepOptions& step = config_.step;
    const double base = config_.schedule.base_rate;
    Schedule schedule(config_.schedule, to_utf8(config_.yaml.native()));
    schedule.replay(1, 1);
    const double first = schedule.rate();
    const bool cosine = config_.schedule.scheme == ScheduleSettings::Scheme::cosine;
    if (step.text_weight == 0 && step.mel_weight == 0)
        add("loss weights", "problem", "text_lr_weight and mel_lr_weight are both 0: nothing is learned",
            "Set mel_lr_weight to 1, text_lr_weight to 0.01 for English or 1 for other languages.");
    else if (step.mel_weight == 0)
        add("loss weights", "suggestion", "mel_lr_weight is 0: how the voice sounds is not learned",
            "Set mel_lr_weight to 1.");
    if (base == 0)
        add("learning rate", "problem", "it is 0: nothing is learned", "Set learning_rate, e.g. to 1e-5.");
    else if (base < least_rate)
        add("learning rate", "suggestion", cat("it is ", base, ": steps so small hardly change a weight"),
            "Set learning_rate to 1e-5 or so.");
    else if (facts_.start == 0 && !cosine && first < base)
        add("learning rate", "suggestion",
            cat("it is ", base, ", but the first step is taken with ", first,
                ": steps of the schedule lie at its very beginning"),
            "Take them out of learning_rate_schedule.");
    else
        add("learning rate", "ok", cat(base, ", ", cosine ? "cosine arcs that restart" : "falling in steps"));
    if (config_.keep_best > 0 && facts_.validation_lines == 0)
        add("best checkpoints", "suggestion", "keep_best needs validations, and there will be none",
            "Switch validation on, or set keep_best to 0.");
}

void Validation::check_samples() {
    for (const std::string& sentence : config_.sample_sentences)
        if (tokenizer_ && tokenizer_->encode(sentence).ids.empty())
            add("samples", "suggestion",
                cat("\"", printable(sentence), "\" holds nothing that can be spoken"),
                "Choose another sentence in sample_sentences.");
}

void Validation::check_disk_room() {
    fs::path folder = paths_.finetune;
    while (!fs::exists(folder) && folder.has_relative_path()) folder = folder.parent_path();
    if (::access(folder.c_str(), W_OK | X_OK) != 0)
        throw environment_error(cat("cannot write into ", folder, ": ", std::strerror(errno)),
                                "Give your user permission to write there.");
    if (sizes_.model == 0) return;
    const double each = checkpoint_bytes(sizes_, config_.model, config_.ema_rate > 0);
    const DiskNeed need = disk_need(paths_, each, facts_.start, facts_.total, config_.save_every,
                                    config_.keep_states, config_.keep_best);
    facts_.disk = need;
    const double features = feature_bytes(train_) + feature_bytes(validation_);
    numbers_.update({{"checkpoints", need.checkpoints},
                     {"checkpoint_bytes", each},
                     {"disk_bytes", need.bytes + features},
                     {"disk_free_bytes", need.room}});
    const std::string what =
        cat(need.checkpoints, need.checkpoints == 1 ? " checkpoint of " : " checkpoints of ",
            human_bytes(each), ", ", need.together, " at a time, and ", human_bytes(features),
            " of features; free: ", human_bytes(need.room));
    if (need.bytes + features <= need.room)
        add("disk", "ok", what);
    else
        add("disk", "problem", what,
            need.room >= 2 * each + features
                ? "Free some space, or keep fewer states with keep_states and keep_best."
                : "Free some space.",
            ErrorKind::environment);
}

void Validation::check_memory() {
    if (sizes_.model == 0 || !device_found_) return;
    MemoryNeed need = foretell_memory(config_, sizes_, device_, 0, {});
    const bool hopeless = need.needed > need.available;
    const bool measure = options_.measure && !hopeless && !input_problem_ && !train_.clips.empty();
    if (measure) need = measure_memory(config_, weights_, train_.clips, device_, events_);
    if (device_.is_cpu()) need.needed += feature_bytes(train_) + feature_bytes(validation_);
    facts_.fitting = need.fitting;
    const char* checkpointing = need.checkpointing ? ", with gradient checkpointing" : "";
    numbers_.update({{"memory_bytes", need.needed},
                     {"checkpointing", need.checkpointing},
                     {"parameters", sizes_.model},
                     {"trained_parameters", sizes_.trained},
                     {"memory_available_bytes", need.available},
                     {"memory_fixed_bytes", need.fixed},
                     {"memory_measured", need.measured}});
    if (need.fitting) numbers_["fitting_clips"] = *need.fitting;
    if (measure) numbers_["measure_seconds"] = need.seconds;
    const std::string of = cat(human_bytes(need.available), " (", need.limit, ")");
    if (need.needed > need.available) {
        const std::string step =
            cat("a step with ", need.micro_batch, " of the longest clips at a time", checkpointing);
        add("memory", "problem",
            need.refused ? cat(step, " was refused the memory it needs: there are ", of)
            : measure
                ? cat(step, " takes ", human_bytes(need.needed), " of ", of)
                : cat("weights, optimizer and gradients alone take ", human_bytes(need.needed), " of ", of),
            need.fitting.value_or(0) > 0
                ? "Raise gradient_accumulation_size: the result stays the same."
                : memory_remedy(config_, measure && need.micro_batch > 1, !measure || need.checkpointing),
            ErrorKind::environment);
        return;
    }
    if (need.loss && !std::isfinite(*need.loss))
        add("step", "problem", "a step of the source model gives numbers that are not finite",
            "Choose another source model: this one is damaged or was trained to pieces.");
    if (!measure)
        add("memory", "ok",
            cat("weights, optimizer and gradients take ", human_bytes(need.needed), " of ", of,
                "; the rest was not measured"));
    else if (need.needed > 0.9 * need.available)
        add("memory", "suggestion",
            cat("a step takes ", human_bytes(need.needed), " of ", of, ": little is left for others"),
            "Raise gradient_accumulation_size, or close other programs.");
    else
        add("memory", "ok",
            cat("a step with ", need.micro_batch, " of the longest clips at a time", checkpointing, " takes ",
                human_bytes(need.needed), " of ", of));
}

void Validation::suggest() {
    if (facts_.lines == 0) return;
    attempt("settings", [&] {
        facts_.settings = settings_of_yaml(workspace_, config_.yaml);
        facts_.language = dataset::language_of(paths_.folder);
        facts_.english_tokenizer = tokenizer_->cleaning() == text::Cleaning::english;
        suggestions_ = suggest_settings(facts_);
        if (const std::string advice = advise_validation_list(facts_); !advice.empty())
            add("validation list", "suggestion", advice, "Move lines between the two lists by an editor.");
    });
}

Json Validation::result(const fs::path& yaml) const {
    const bool problem = input_problem_ || environment_problem_;
    bool caution = !suggestions_.empty();
    for (const Json& finding : findings_) caution = caution || finding["level"] != "ok";
    Json suggestions = Json::array();
    std::string flags;
    for (const Suggestion& one : suggestions_) {
        suggestions.push_back({{"key", one.key}, {"from", one.from}, {"to", one.to}, {"reason", one.reason}});
        std::string flag = one.key;
        std::replace(flag.begin(), flag.end(), '_', '-');
        flags += cat(" --", flag, " ", written(one.to));
    }
    const auto code = input_problem_         ? static_cast<int>(ErrorKind::input)
                      : environment_problem_ ? static_cast<int>(ErrorKind::environment)
                                             : 0;
    Json out = {{"voice", config_.voice},
                {"yaml", to_utf8(yaml.native())},
                {"verdict", problem   ? "no-go"
                            : caution ? "caution"
                                      : "go"},
                {"exit_code", code},
                {"findings", findings_},
                {"suggestions", std::move(suggestions)},
                {"numbers", numbers_}};
    if (!flags.empty())
        out["command"] = to_utf8(cat("testudo configure ", quoted(config_.voice), " --import-file ",
                                     quoted(yaml.string()), flags));
    return out;
}

Json Validation::run(const fs::path& yaml) {
    const fs::path file = find_configuration(workspace_, yaml);
    const bool readable = attempt("configuration", [&] {
        config_ = read_config(workspace_, file);
        paths_ = run_paths(workspace_, config_.voice);
        if (!options_.voice.empty() && config_.voice != options_.voice)
            throw input_error(cat(file, " is of another voice: its name is ", config_.voice),
                              cat("Write \"name: ", options_.voice, "\" there."));
        add("configuration", "ok", file.string());
    });
    if (!readable) return result(file);
    check_tokens();
    check_models();
    check_counting();
    attempt("samples", [&] { check_samples(); });
    attempt("disk", [&] { check_disk_room(); });
    attempt("memory", [&] { check_memory(); });
    suggest();
    return result(file);
}

}  // namespace

Json validate_configuration(const fs::path& workspace, const fs::path& yaml, const ValidateOptions& options,
                            Events& events) {
    return Validation(workspace, options, events).run(yaml);
}

}  // namespace testudo::training
