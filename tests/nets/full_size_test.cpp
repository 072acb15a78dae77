// A random model of TorToiSe's own size through a file, as a user's autoregressive.pth goes.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "nets/unified_voice.h"
#include "support/golden.h"
#include "tensors/pickle.h"
#include "tensors/weights.h"

namespace testudo::nets {

namespace fs = std::filesystem;

namespace {

double anonymous_mebibytes() {  // of this process, without mapped files
    std::FILE* status = std::fopen("/proc/self/status", "r");
    char line[256];
    double kibibytes = 0;
    while (std::fgets(line, sizeof line, status))
        if (std::sscanf(line, "RssAnon: %lf", &kibibytes) == 1) break;
    std::fclose(status);
    return kibibytes / 1024;
}

TEST(SlowFullSize, ARandomCheckpointHasTheRealFormAndLoads) {
    const test::TemporaryFolder folder;
    if (fs::space(folder.path()).available < std::uintmax_t{4} << 30) GTEST_SKIP() << "needs 4 GiB of disk";
    const fs::path file = folder / "full.pth";
    UnifiedVoice model{UnifiedVoiceConfig{}};
    model.initialise(1);
    {
        tensors::NamedTensors named;
        for (const auto& [name, tensor] : model.state_dict(/*with_masks=*/true)) named.set(name, tensor);
        tensors::write_pickle(file, tensors::to_value(named));
    }
    const double before = anonymous_mebibytes();
    const tensors::Value opened = tensors::read_pickle(file, tensors::Check::structure);
    EXPECT_LT(anonymous_mebibytes() - before, 64) << "opening 1.7 GB copies nothing";
    const auto weights = tensors::state_dict_of(opened, "full.pth");
    const Json manifest = read_json(test::golden_file_or_default("ar/shapes_autoregressive.json"));
    EXPECT_EQ(weights.size(), manifest["state_dict"].size());
    for (const auto& [name, entry] : manifest["state_dict"].items()) {
        const at::Tensor* tensor = weights.find(name);
        ASSERT_NE(tensor, nullptr) << name;
        EXPECT_EQ(tensor->sizes().vec(), entry[0].get<std::vector<std::int64_t>>()) << name;
    }
    const Find find = [&](const std::string& name) { return weights.find(name); };
    UnifiedVoice loaded(infer_config(find, "full.pth"));
    loaded.load(find, "full.pth");
    for (const std::size_t i : {std::size_t{0}, model.parameters().size() / 2, model.parameters().size() - 1})
        EXPECT_TRUE(at::equal(loaded.parameters()[i].second, model.parameters()[i].second));
}

}  // namespace
}  // namespace testudo::nets
