#include "studio/tokenizers.h"

#include "asr/tokenizer.h"
#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "dataset/settings.h"
#include "dataset/vocabulary.h"
#include "text/find_tokenizer.h"
#include "text/tokenizer_train.h"

namespace testudo::studio {

namespace {

constexpr int tokens_of_tortoise = 255;

fs::path target_of(const Workspace& workspace, const TrainTokenizerOptions& options) {
    const std::string given = options.to.empty() ? options.voice : options.to;
    fs::path target(given);
    if (target.filename().empty() || given.find('\0') != std::string::npos)
        throw usage_error(cat("\"", printable(to_utf8(given)), "\" is not the name of a file"),
                          "Give --to a name such as models/tokenizers/spanish.json.");
    if (target.extension() != ".json") target += ".json";
    const bool only_a_name = !target.has_parent_path();
    target = only_a_name ? workspace.tokenizers() / target : workspace.root() / target;
    std::error_code ignored;
    if (fs::is_directory(target, ignored))
        throw usage_error(cat(target, " is a folder"), "Give --to the name of a file.");
    if (fs::exists(target, ignored) && !options.overwrite)
        throw usage_error(cat("there is already a file ", target),
                          "Choose another name, or add --overwrite.");
    return target.lexically_normal();
}

void check_language(const std::string& given) {
    if (!asr::find_language(given))
        throw usage_error(cat("there is no language \"", printable(to_utf8(given)), "\""),
                          "Give a code such as en, de or ja.");
}

std::string language_code(const std::string& given) {
    const std::string code = asr::find_language(given).value_or(lower_ascii(trim(given)));
    const bool plain = !code.empty() && code.size() <= 20 &&
                       code.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string::npos;
    if (!plain)
        throw usage_error(code.empty() ? "whisper.json does not say which language the texts are in"
                                       : cat("\"", printable(to_utf8(given)), "\" is no code of a language"),
                          "Give one with --language, such as es.");
    return code;
}

}  // namespace

fs::path find_tokenizer(const Workspace& workspace, const std::string& given) {
    std::error_code ignored;
    const std::vector<fs::path> places{fs::path(), workspace.root(), workspace.tokenizers()};
    for (const auto& place : places)
        for (const char* ending : {"", ".json"})
            if (const fs::path file = place / (given + ending); fs::is_regular_file(file, ignored))
                return file;
    const std::string name = fs::path(given).filename().string();
    if (given == "builtin" || name == "bpe_lowercase_asr_256.json" || name == "bpe_lowercase_asr_256")
        return {};
    throw input_error(
        cat("there is no tokenizer \"", printable(to_utf8(given)), "\" (looked here, in ", workspace.root(),
            ", in ", workspace.tokenizers(), ")"),
        "See which there are with `testudo models list`; the one that is built in is called builtin.");
}

Json train_tokenizer(const Workspace& workspace, const TrainTokenizerOptions& options, Events& events) {
    const fs::path training = workspace.training(options.voice), target = target_of(workspace, options);
    text::TokenizerTraining how;
    how.size = options.size;
    how.phonemes = text::names_phonemes(target.string());
    if (!options.language.empty()) check_language(options.language);
    const auto texts = dataset::texts_of(training, false);
    if (how.phonemes && !dataset::are_phonemes(training, texts))
        throw input_error(
            cat("the lines of ", training, " are words, and a vocabulary called ipa.json is for phonemes"),
            cat("Write the lines in phonemes first with `testudo dataset ", options.voice,
                " --tokenizer-json ipa.json`, or choose another name."));
    if (!how.phonemes)
        how.language =
            language_code(options.language.empty() ? dataset::language_of(training) : options.language);
    const auto trained = text::train_tokenizer(texts, how);
    for (const auto& note : trained.notes) events.info(note);
    const std::string json = trained.document.dump(2) + "\n";
    const auto tokenizer = text::Tokenizer::parse(json, target.string());  // what is written can be read
    if (tokenizer.size() > tokens_of_tortoise)
        events.warning(cat("the vocabulary has ", tokenizer.size(), " tokens, but TorToiSe's models know ",
                           tokens_of_tortoise,
                           ": it needs a source model of its own (testudo models init "
                           "--text-tokens ",
                           tokenizer.size() + 1, ")"));
    const auto coverage = text::measure_coverage(tokenizer, texts, dataset::longest_text_tokens);
    for (const auto& sentence : text::sentences(coverage)) events.warning(sentence);
    write_file(target, json);
    events.artifact("tokenizer", target);
    return {{"path", to_utf8(target.native())}, {"tokens", tokenizer.size()},
            {"characters", trained.characters}, {"merges", trained.merges},
            {"language", how.language},         {"lines", texts.size()}};
}

}  // namespace testudo::studio
