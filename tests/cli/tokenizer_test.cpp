// `testudo tokenizer`, as a user meets it.
#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/json.h"
#include "core/strings.h"
#include "support/program.h"

namespace testudo {
namespace {

using test::run_program;

struct Shop {
    Shop() {
        fs::create_directories(root / "training/ada/audio");
        std::ofstream(root / "training/ada/audio/1.wav") << "RIFF";
        std::string lines;
        for (const char* text :
             {"El perro de San Roque no tiene rabo.", "¿Qué tiene el niño?", "Señora, la niña…"})
            lines += cat("audio/1.wav|", text, "\n");
        write_file(root / "training/ada/train.txt", lines);
        write_file(root / "training/ada/whisper.json",
                   R"({"1.wav": {"text": "x", "segments": [], "language": "es"}})");
    }
    test::Ran run(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), {"--workspace", root.string()});
        return run_program(arguments, folder.path());
    }
    test::TemporaryFolder folder;
    fs::path root = folder.path() / "work";
};

TEST(TokenizerVerb, TrainsShowsTokenizesAndCovers) {
    const Shop shop;
    const auto trained = shop.run({"--json", "tokenizer", "train", "ada", "--size", "70"});
    ASSERT_EQ(trained.code, 0) << trained.err;
    const fs::path file = shop.root / "models/tokenizers/ada.json";
    const auto tokenizer = text::Tokenizer::load(file);
    EXPECT_EQ(tokenizer.size(), 70);
    EXPECT_EQ(tokenizer.language(), "es");
    EXPECT_EQ(shop.run({"tokenizer", "train", "ada"}).code, 2);  // it is there
    EXPECT_EQ(shop.run({"tokenizer", "train", "ada", "--overwrite", "--size", "70"}).code, 0);

    const auto shown = shop.run({"tokenizer", "show", "ada"});
    ASSERT_EQ(shown.code, 0) << shown.err;
    for (const char* part : {"70 tokens", "language: es", "Whitespace", "[SPACE] 2", "basic"})
        EXPECT_NE(shown.out.find(part), std::string::npos) << part << "\n" << shown.out;
    const Json document = Json::parse(shop.run({"--json", "tokenizer", "show", "ada.json"}).out);
    EXPECT_EQ(document["vocabulary"].size(), 70u);
    EXPECT_EQ(document["merges"].size(), read_json(file)["model"]["merges"].size());
    EXPECT_EQ(document["merges"], read_json(file)["model"]["merges"]);

    const Json lines = Json::parse(shop.run({"--json", "tokenizer", "tokenize", "ada", "El niño", "日"}).out);
    EXPECT_EQ(lines[0]["cleaned"], "el niño");
    EXPECT_EQ(lines[0]["ids"], Json(tokenizer.encode("El niño").ids));
    EXPECT_EQ(lines[1]["unknown"], Json({"日"}));
    EXPECT_EQ(Json::parse(shop.run({"--json", "tokenizer", "tokenize", "ada", "--voice", "ada"}).out).size(),
              3u);

    const Json covered = Json::parse(shop.run({"--json", "tokenizer", "coverage", "ada", "ada"}).out);
    EXPECT_EQ(covered["lines"], 3);
    EXPECT_TRUE(covered["unknown"].empty()) << covered.dump();
    const auto english = shop.run({"tokenizer", "coverage", "builtin", "ada"});
    EXPECT_EQ(english.code, 0);
    EXPECT_NE(english.out.find("3 lines"), std::string::npos) << english.out;
}

TEST(TokenizerVerb, NamesResolveInTheWorkspace) {
    const Shop shop;
    EXPECT_EQ(shop.run({"tokenizer", "train", "ada", "--to", "models/tokenizers/a.json"}).code, 0);
    EXPECT_EQ(shop.run({"tokenizer", "train", "ada", "--to", "b"}).code, 0);
    EXPECT_EQ(shop.run({"tokenizer", "train", "ada", "--to", "my own/c"}).code, 0);
    EXPECT_TRUE(fs::exists(shop.root / "models/tokenizers/a.json"));
    EXPECT_TRUE(fs::exists(shop.root / "models/tokenizers/b.json"));
    EXPECT_TRUE(fs::exists(shop.root / "my own/c.json"));
    for (const std::string name :
         {"a", "models/tokenizers/b.json", "my own/c", "builtin", "bpe_lowercase_asr_256"})
        EXPECT_EQ(shop.run({"tokenizer", "show", name}).code, 0) << name;
    // A vocabulary of phonemes has no language and no words.
    fs::create_directories(shop.root / "training/bea/audio");
    write_file(shop.root / "training/bea/audio/1.wav", "RIFF");
    write_file(shop.root / "training/bea/train.txt", "audio/1.wav|ˈola, ke tˈal?\n");
    EXPECT_EQ(shop.run({"tokenizer", "train", "bea", "--to", "x/ipa.json"}).code, 0);
    EXPECT_TRUE(read_json(shop.root / "x/ipa.json")["pre_tokenizer"].is_null());
}

TEST(TokenizerVerb, MistakesHaveTheirCodes) {
    const Shop shop;
    write_file(shop.root / "bad.json", "{\"model\": {\"vocab\": []}}");
    write_file(shop.root / "cut.json", "{\"model\": {");
    struct Case {
        std::vector<std::string> arguments;
        int code;
        std::string named;
    };
    for (const Case& c : {Case{{"tokenizer"}, 2, ""}, Case{{"tokenizer", "train"}, 2, ""},
                          Case{{"tokenizer", "train", "../x"}, 2, "../x"},
                          Case{{"tokenizer", "train", "nobody"}, 3, "whisper.json"},
                          Case{{"tokenizer", "train", "ada", "--size", "2"}, 2, "2 tokens"},
                          Case{{"tokenizer", "train", "ada", "--size", "12"}, 3, "characters"},
                          Case{{"tokenizer", "train", "ada", "--language", "../es"}, 2, "../es"},
                          Case{{"tokenizer", "train", "ada", "--language", "klingon"}, 2, "klingon"},
                          Case{{"tokenizer", "train", "ada", "--to", "training/ada/audio/"}, 2, "file"},
                          Case{{"tokenizer", "show", "nothing"}, 3, "nothing"},
                          Case{{"tokenizer", "show", (shop.root / "bad.json").string()}, 3, "model.vocab"},
                          Case{{"tokenizer", "show", (shop.root / "cut.json").string()}, 3, "line 1"},
                          Case{{"tokenizer", "coverage", "builtin", "nobody"}, 3, "whisper.json"}}) {
        const auto ran = shop.run(c.arguments);
        EXPECT_EQ(ran.code, c.code) << join(c.arguments, " ") << "\n" << ran.err;
        EXPECT_NE(ran.err.find(c.named), std::string::npos) << join(c.arguments, " ") << "\n" << ran.err;
    }
    EXPECT_FALSE(fs::exists(shop.root / "models/tokenizers/ada.json"));
    // Words are no phonemes.
    write_file(shop.root / "training/ada/whisper.json",
               R"({"1.wav": {"text": " Señora, la niña… ", "segments": [], "language": "es"}})");
    const auto words = shop.run({"tokenizer", "train", "ada", "--to", "ipa.json"});
    EXPECT_EQ(words.code, 3) << words.err;
    EXPECT_NE(words.err.find("testudo dataset ada --tokenizer-json ipa.json"), std::string::npos)
        << words.err;
    EXPECT_FALSE(fs::exists(shop.root / "models/tokenizers/ipa.json"));
}

TEST(TokenizerVerb, HostileTextsCannotCommandTheTerminal) {
    const Shop shop;
    const auto ran =
        shop.run({"tokenizer", "tokenize", "builtin", "a \x1b[31m\xff\xfe", "it costs $,5", "-x"});
    EXPECT_EQ(ran.code, 2);  // -x is no flag
    const auto after =
        shop.run({"tokenizer", "tokenize", "builtin", "--", "a \x1b[31m\xff\xfe", "it costs $,5", "-x"});
    EXPECT_EQ(after.code, 0) << after.err;
    EXPECT_EQ(after.out.find('\x1b'), std::string::npos);
    EXPECT_NE(after.out.find("problem: "), std::string::npos) << after.out;
    EXPECT_EQ(shop.run({"tokenizer", "tokenize", "builtin"}).out, "");  // standard input is empty
}

}  // namespace
}  // namespace testudo
