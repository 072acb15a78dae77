#include <gtest/gtest.h>

#include "core/error.h"
#include "core/files.h"
#include "studio/models.h"
#include "support/golden.h"
#include "tensors/pickle.h"
#include "tensors/sidecar.h"
#include "tensors/weights.h"

namespace testudo::studio {
namespace {

void write(const fs::path& file, std::initializer_list<std::pair<const char*, at::Tensor>> tensors) {
    tensors::NamedTensors named;
    for (const auto& [name, tensor] : tensors) named.set(name, tensor);
    tensors::write_pickle(file, tensors::to_value(named));
}

TEST(MergeModels, LiesBetweenTheTwo) {
    const test::TemporaryFolder folder;
    Events events;
    const at::Tensor mask = at::ones({2}, at::kBool);
    write(folder / "a.pth",
          {{"w", at::full({2, 3}, 1.0)}, {"h", at::full({4}, 2.0, at::kHalf)}, {"mask", mask}});
    write(folder / "b.pth", {{"mask", at::logical_not(mask)},
                             {"h", at::full({4}, 4.0, at::kFloat)},
                             {"w", at::full({2, 3}, 5.0)}});
    merge_models(folder / "a.pth", folder / "b.pth", 0.25, folder / "m.pth", false, events);
    const auto merged = tensors::read_weights(folder / "m.pth");
    EXPECT_TRUE(at::equal(merged.at("w"), at::full({2, 3}, 2.0)));
    EXPECT_TRUE(at::equal(merged.at("h"), at::full({4}, 2.5, at::kHalf)));
    EXPECT_TRUE(at::equal(merged.at("mask"), mask));
    EXPECT_NE(tensors::read_sidecar(folder / "m.pth").value("origin", "").find("a.pth and b.pth"),
              std::string::npos);
    EXPECT_THROW(merge_models(folder / "a.pth", folder / "b.pth", 0.25, folder / "m.pth", false, events),
                 Error);
    EXPECT_THROW(merge_models(folder / "a.pth", folder / "b.pth", 1.5, folder / "n.pth", false, events),
                 Error);
    EXPECT_THROW(merge_models(folder / "a.pth", folder / "b.pth", 0.5, folder / "n.txt", false, events),
                 Error);
    merge_models(folder / "a.pth", folder / "b.pth", 0, folder / "same.safetensors", false, events);
    EXPECT_TRUE(at::equal(tensors::read_weights(folder / "same.safetensors").at("w"), at::full({2, 3}, 1.0)));
}

TEST(MergeModels, RefusesModelsOfAnotherKind) {
    const test::TemporaryFolder folder;
    Events events;
    write(folder / "a.pth", {{"w", at::ones({2})}});
    write(folder / "shape.pth", {{"w", at::ones({3})}});
    write(folder / "more.pth", {{"w", at::ones({2})}, {"x", at::ones({2})}});
    for (const char* other : {"shape.pth", "more.pth"}) {
        EXPECT_THROW(merge_models(folder / "a.pth", folder / other, 0.5, folder / "m.pth", false, events),
                     Error)
            << other;
        EXPECT_THROW(merge_models(folder / other, folder / "a.pth", 0.5, folder / "m.pth", false, events),
                     Error)
            << other;
    }
    EXPECT_FALSE(fs::exists(folder / "m.pth"));
}

TEST(UseCheckpoint, StaysWhenTheRunIsGone) {
    const test::TemporaryFolder folder;
    const Workspace workspace(folder.path());
    const fs::path checkpoint = workspace.checkpoints("ada") / "50_gpt.pth";
    write_file(checkpoint, "weights");
    const fs::path used = use_checkpoint(workspace, checkpoint, "ada_50", false);
    EXPECT_EQ(used, workspace.finetunes() / "ada_50.pth");
    EXPECT_EQ(use_checkpoint(workspace, checkpoint, "ada_50", true), used);
    EXPECT_THROW(use_checkpoint(workspace, checkpoint, "ada_50", false), Error);
    EXPECT_THROW(use_checkpoint(workspace, checkpoint, "../x", false), Error);
    fs::remove_all(workspace.training("ada"));
    EXPECT_EQ(read_file(used), "weights");
}

}  // namespace
}  // namespace testudo::studio
