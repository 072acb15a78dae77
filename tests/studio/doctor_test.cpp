#include "studio/doctor.h"

#include <gtest/gtest.h>

#include "core/files.h"
#include "support/golden.h"

namespace testudo::studio {
namespace {

const Json* find_check(const Json& report, const std::string& name) {
    for (const auto& check : report.at("checks"))
        if (check.at("name") == name) return &check;
    return nullptr;
}

TEST(DoctorSlow, TellsWhatIsMissingAndWhatWorks) {
    const test::TemporaryFolder folder;
    const Workspace workspace(folder.path() / "not" / "there" / "yet");
    write_file(workspace.tortoise_models() / "broken.pth", "junk");
    const Json report = doctor(workspace);
    for (const char* name : {"version", "device", "processor", "libtorch", "memory", "workspace", "disk",
                             "mel spectrogram", "matrix product", "training step"})
        EXPECT_TRUE(find_check(report, name)) << name;
    EXPECT_EQ(find_check(report, "training step")->at("verdict"), "ok")
        << *find_check(report, "training step");
    EXPECT_EQ(find_check(report, "mel spectrogram")->at("verdict"), "ok");
    ASSERT_TRUE(find_check(report, "models"));
    EXPECT_NE(find_check(report, "models")->at("value").get<std::string>().find("broken.pth"),
              std::string::npos);
    for (const auto& check : report.at("checks"))
        EXPECT_EQ(check.at("verdict") != "ok", check.contains("remedy")) << check;
    EXPECT_LT(report.at("self_test").at("seconds").get<double>(), 60);
}

}  // namespace
}  // namespace testudo::studio
