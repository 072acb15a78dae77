#include <algorithm>
#include <cstdio>
#include <iostream>

#include "cli/verbs.h"
#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "dataset/settings.h"
#include "dataset/vocabulary.h"
#include "studio/tokenizers.h"
#include "text/find_tokenizer.h"
#include "text/tokenizer_file.h"

namespace testudo::cli {

namespace {

constexpr std::size_t most_input = std::size_t{64} << 20;

struct Named {
    std::string name;  // of the file, or "built in"
    std::shared_ptr<const text::Tokenizer> tokenizer;
};

Named open_tokenizer(const Context& context, const std::string& given) {
    const auto file = studio::find_tokenizer(context.open(), given);
    return {file.empty() ? "built in: bpe_lowercase_asr_256.json" : to_utf8(file.native()),
            text::load_tokenizer(file)};
}

std::string about_cleaning(text::Cleaning cleaning) {
    switch (cleaning) {
        case text::Cleaning::english:
            return "english: ASCII, lower case, numbers and abbreviations in words";
        case text::Cleaning::basic:
            return "basic: composed (NFC), lower case, white space collapsed";
        case text::Cleaning::none:
            break;
    }
    return "none: lines are taken as they are (phonemes)";
}

// Merges in order of their rank, as "left right".
std::vector<std::string> merges_of(const text::Tokenizer& tokenizer) {
    std::vector<std::pair<int, std::string>> ranked;
    for (const auto& [pair, merge] : tokenizer.vocabulary().merges)
        ranked.emplace_back(merge.rank, cat(tokenizer.token(static_cast<int>(pair >> 32)), " ",
                                            tokenizer.token(static_cast<int>(pair & 0xffffffff))));
    std::sort(ranked.begin(), ranked.end());
    std::vector<std::string> merges;
    for (auto& [rank, text] : ranked) merges.push_back(std::move(text));
    return merges;
}

void show(const Context& context, const std::string& given) {
    const auto [name, tokenizer] = open_tokenizer(context, given);
    const text::Vocabulary& vocabulary = tokenizer->vocabulary();
    std::vector<std::string> specials, characters, pieces;
    Json tokens = Json::object(), special_ids = Json::object();
    for (const auto& special : vocabulary.specials)
        special_ids[to_utf8(std::u32string_view(special.text))] = special.id;
    for (int id = 0; id < tokenizer->size(); ++id) {
        const std::string& token = tokenizer->token(id);
        if (token.empty()) continue;
        tokens[token] = id;
        (special_ids.contains(token)                                                              ? specials
         : vocabulary.characters.contains(code_points(token)[0]) && count_code_points(token) == 1 ? characters
                                                                                                  : pieces)
            .push_back(special_ids.contains(token) ? cat(token, " ", id) : token);
    }
    const auto merges = merges_of(*tokenizer);
    print(context,
          Json{{"file", name},
               {"tokens", tokens.size()},
               {"largest_id", tokenizer->size() - 1},
               {"language", tokenizer->language()},
               {"pre_tokenizer", vocabulary.has_pre_tokenizer ? Json("Whitespace") : Json()},
               {"cleaning", text::name_of(tokenizer->cleaning())},
               {"specials", special_ids},
               {"vocabulary", tokens},
               {"merges", merges}},
          [&] {
              const auto line = [](const std::string& text) { std::cout << printable(text) << "\n"; };
              line(name);
              line(cat(tokens.size(), " tokens (largest id ", tokenizer->size() - 1, "), ", merges.size(),
                       " merges"));
              line(cat("language: ", tokenizer->language().empty() ? "not said" : tokenizer->language()));
              line(cat("pre-tokenizer: ", vocabulary.has_pre_tokenizer ? "Whitespace" : "none"));
              line(cat("cleaning: ", about_cleaning(tokenizer->cleaning())));
              line(cat("special tokens: ", join(specials, ", ")));
              line(cat("characters: ", join(characters, " ")));
              line(cat("pieces: ", join(pieces, " ")));
          });
}

std::vector<text::PlacedText> read_input() {
    std::vector<text::PlacedText> texts;
    std::string line;
    std::size_t bytes = 0;
    while (std::getline(std::cin, line)) {
        bytes += line.size();
        if (bytes > most_input)
            throw input_error(cat("the input is larger than ", human_bytes(most_input)),
                              "Give it in smaller parts.");
        if (line.ends_with('\r')) line.pop_back();
        texts.push_back({cat("line ", texts.size() + 1), std::move(line)});
    }
    return texts;
}

void tokenize(const Context& context, const std::string& given, const std::vector<std::string>& words,
              const std::string& voice) {
    const auto [name, tokenizer] = open_tokenizer(context, given);
    std::vector<text::PlacedText> texts;
    if (!voice.empty())
        texts = dataset::texts_of(context.open().training(voice), false);
    else if (words.empty())
        texts = read_input();
    for (const auto& word : words) texts.push_back({cat("text ", texts.size() + 1), word});
    Json document = Json::array();
    for (const auto& text : texts) {
        const std::string shown = to_utf8(text.text);
        Json item{{"where", to_utf8(text.where)}, {"text", shown}};
        std::string cleaned;
        text::Encoded encoded;
        std::vector<std::string> tokens;
        std::string problem;
        try {
            cleaned = tokenizer->clean(shown);
            encoded = tokenizer->encode(shown);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::input) throw;
            problem = error.what();
        }
        for (const int id : encoded.ids) tokens.push_back(tokenizer->token(id));
        if (context.json) {
            if (problem.empty())
                item.update({{"cleaned", cleaned},
                             {"tokens", tokens},
                             {"ids", encoded.ids},
                             {"unknown", encoded.unknown},
                             {"dropped", encoded.dropped}});
            else
                item["problem"] = problem;
            document.push_back(std::move(item));
            continue;
        }
        std::vector<std::string> ids;
        for (const int id : encoded.ids) ids.push_back(std::to_string(id));
        const auto line = [](const std::string& what, const std::string& value) {
            std::cout << what << printable(value) << "\n";
        };
        line("", cat(text.where, ": ", shown));
        if (!problem.empty()) {
            line("  problem: ", problem);
            continue;
        }
        line("  cleaned: ", cleaned);
        line("  tokens:  ", join(tokens, " "));
        line("  ids:     ", join(ids, " "));
        if (!encoded.unknown.empty()) line("  unknown: ", join(encoded.unknown, " "));
        if (!encoded.dropped.empty()) line("  dropped: ", join(encoded.dropped, " "));
    }
    print(context, document, [] { std::cout << std::flush; });
}

void coverage(const Context& context, const std::string& given, const std::string& voice) {
    const auto [name, tokenizer] = open_tokenizer(context, given);
    const auto texts = dataset::texts_of(context.open().training(voice), true);
    const auto found = text::measure_coverage(*tokenizer, texts, dataset::longest_text_tokens);
    Json document = text::to_json(found);
    document["file"] = name;
    document["voice"] = voice;
    print(context, document, [&, &shown_name = name] {
        const auto number = [&](const char* key) {
            char text[32];
            std::snprintf(text, sizeof text, "%.2f", document[key].get<double>());
            return std::string(text);
        };
        std::cout << printable(shown_name) << "\n"
                  << found.lines << " lines, " << found.lines_with_unknown << " with unknown characters; "
                  << found.tokens << " tokens, " << number("characters_per_token") << " characters a token";
        if (found.seconds > 0) std::cout << ", " << number("tokens_per_second") << " tokens a second";
        std::cout << "; " << found.tokens_used << " of " << found.tokens_in_all << " tokens are used";
        if (found.longest > 0)
            std::cout << "; the longest line has " << found.longest << " (" << printable(found.longest_where)
                      << ")";
        std::cout << "\n";
        for (const auto& sentence : text::sentences(found, 50)) std::cout << sentence << "\n";
        std::cout << std::flush;
    });
}

void add_train(CLI::App& tokenizer, Context& context) {
    CLI::App* verb = tokenizer.add_subcommand("train", "Make a vocabulary from the texts of a voice");
    const auto options = std::make_shared<studio::TrainTokenizerOptions>();
    verb->add_option("VOICE", options->voice, "Folder below training/")->required();
    verb->add_option("--size", options->size, "Tokens in all; TorToiSe's models know 255")
        ->capture_default_str();
    verb->add_option("--language", options->language,
                     "Code of the language: how texts are cleaned (default: that of whisper.json)");
    verb->add_option("--to", options->to,
                     "File, relative to the workspace, or a name in models/tokenizers (default: VOICE.json); "
                     "one called ipa.json is for phonemes");
    verb->add_flag("--overwrite", options->overwrite, "Replace an existing file");
    verb->callback([&context, options] {
        context.action = [&context, options] {
            const Json result = run_job(context, [&](Events& events) {
                return studio::train_tokenizer(context.open(), *options, events);
            });
            if (!context.json)
                std::cout << "wrote " << printable(result["path"].get<std::string>()) << ": "
                          << result["tokens"] << " tokens, " << result["characters"]
                          << " of them characters, " << result["merges"] << " merges, from "
                          << result["lines"] << " lines\n";
            return exit_code(result);
        };
    });
}

}  // namespace

void add_tokenizer_verb(CLI::App& app, Context& context) {
    CLI::App* verb = app.add_subcommand("tokenizer", "Make, look into and try vocabularies");
    verb->require_subcommand(1);
    verb->footer(
        "Examples:\n"
        "  testudo tokenizer train ada --language es             models/tokenizers/ada.json\n"
        "  testudo tokenizer coverage ada ada                    what it cannot write of training/ada\n"
        "  testudo tokenizer tokenize builtin \"Dr. Smith, 42\"    as training will see it\n"
        "  testudo tokenizer show models/tokenizers/ada.json\n"
        "FILE is a path, or a name in models/tokenizers, or builtin.");
    add_train(*verb, context);

    const auto file = std::make_shared<std::string>(), voice = std::make_shared<std::string>();
    const auto texts = std::make_shared<std::vector<std::string>>();
    const auto act = [&context](auto what) {
        return [&context, what] {
            context.action = [what] {
                what();
                return 0;
            };
        };
    };
    CLI::App* show_verb =
        verb->add_subcommand("show", "Tokens, special tokens, merges and cleaning of a vocabulary");
    show_verb->add_option("FILE", *file, "Vocabulary")->required();
    show_verb->callback(act([&context, file] { show(context, *file); }));

    CLI::App* tokenize_verb =
        verb->add_subcommand("tokenize", "Cleaned text, tokens, ids and unknown characters of lines");
    tokenize_verb->add_option("FILE", *file, "Vocabulary")->required();
    tokenize_verb->add_option("TEXT", *texts, "Lines; without them (and --voice) those of standard input");
    tokenize_verb->add_option("--voice", *voice, "The lines of this voice");
    tokenize_verb->callback(
        act([&context, file, texts, voice] { tokenize(context, *file, *texts, *voice); }));

    CLI::App* coverage_verb =
        verb->add_subcommand("coverage", "What a vocabulary cannot write of a voice's lines, and where");
    coverage_verb->add_option("FILE", *file, "Vocabulary")->required();
    coverage_verb->add_option("VOICE", *voice, "Folder below training/")->required();
    coverage_verb->callback(act([&context, file, voice] { coverage(context, *file, *voice); }));
}

}  // namespace testudo::cli
