// Settings out of the text of a file, over HTTP.
#include <gtest/gtest.h>

#include "core/files.h"
#include "server/running_studio.h"

namespace testudo::server {
namespace {

TEST(ConfigurationImport, SettingsAreReadOutOfAFilesText) {
    const test::TemporaryFolder folder;
    const fs::path& root = folder.path();
    make_folders(root / "voices" / "ada");
    const test::RunningStudio studio(root);
    const int port = studio.port();
    const auto import = [&](const std::string& text, const std::string& name) {
        return test::ask(port, {"POST", "/api/voices/ada/configuration/import?name=" + name,
                                "Content-Type: application/yaml\r\n", text});
    };
    const test::Answer taken = import(
        "name: other\ntrain: {niter: 20, mega_batch_factor: 2}\ntestudo: {epochs: 10, iterations: "
        "20}\ncolour: "
        "red\n",
        "their%20train.yaml");
    ASSERT_EQ(taken.status, 200) << taken.body;
    const Json found = taken.json();
    EXPECT_EQ(found["settings"]["epochs"], 10);
    EXPECT_EQ(found["settings"]["voice"], "ada");
    EXPECT_EQ(found["settings"]["gradient_accumulation_size"], 2);
    EXPECT_EQ(found["from"], "their train.yaml");
    ASSERT_EQ(found["not_understood"].size(), 1u);
    EXPECT_EQ(found["not_understood"][0]["key"], "colour");
    EXPECT_EQ(found["not_understood"][0]["line"], 4);
    EXPECT_EQ(import("{\"epochs\": 7}", "train.json").json()["settings"]["epochs"], 7);
    const test::Answer wrong = import("name: x\ntrain:\n  niter: many\n", "x.yaml");
    EXPECT_EQ(wrong.status, 422);
    EXPECT_EQ(wrong.json()["error"]["line"], 3) << wrong.body;
    EXPECT_EQ(import(std::string(300 << 10, '#'), "x.yaml").status, 413);
    EXPECT_EQ(import(std::string(100000, '['), "x.yaml").status, 422);
    EXPECT_EQ(import("", "x.yaml").status, 422);
    EXPECT_FALSE(fs::exists(root / "training" / "ada" / "train.yaml"));
}

}  // namespace
}  // namespace testudo::server
