// The manual names every setting, with its default.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/files.h"
#include "core/strings.h"
#include "dataset/settings.h"
#include "support/golden.h"
#include "training/settings.h"

namespace testudo {
namespace {

// The first two cells of each row of the tables under a heading.
std::vector<std::pair<std::string, std::string>> rows_under(const std::string& heading) {
    std::vector<std::pair<std::string, std::string>> rows;
    bool inside = false;
    for (const auto& line : split_lines(read_file(test::source_dir() / "docs/manual.md"))) {
        if (line.starts_with("## ")) inside = line == "## " + heading;
        if (!inside || !line.starts_with("| `")) continue;
        const auto cells = split(line, '|');
        rows.emplace_back(trim(cells.at(1)), trim(cells.at(2)));
    }
    return rows;
}

template <class Settings>
void expect_all_in(const std::string& heading, const std::set<std::string>& without) {
    const auto rows = rows_under(heading);
    ASSERT_FALSE(rows.empty()) << heading;
    const Settings defaults;
    for_each_setting(defaults, [&](const auto& value, const Setting& setting) {
        if (without.count(setting.key)) return;
        const auto row = std::find_if(rows.begin(), rows.end(), [&](const auto& one) {
            return one.first.find(cat("`", setting.key, "`")) != std::string::npos;
        });
        ASSERT_NE(row, rows.end()) << setting.key << " is not in the table of " << heading;
        // Rows of several keys give several defaults.
        if (std::count(row->first.begin(), row->first.end(), '`') > 2) return;
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>) {
            if (!value.empty()) {
                EXPECT_EQ(row->second, cat("`", value, "`")) << setting.key;
            }
        } else if constexpr (std::is_same_v<std::decay_t<decltype(value)>, bool>) {
            EXPECT_EQ(row->second, value ? "on" : "off") << setting.key;
        } else if constexpr (std::is_arithmetic_v<std::decay_t<decltype(value)>>) {
            EXPECT_EQ(std::stod(row->second), static_cast<double>(value)) << setting.key;
        }
    });
}

TEST(Manual, NamesEverySettingOfPrepare) {
    expect_all_in<dataset::DatasetSettings>("Settings of prepare", {});
}

TEST(Manual, NamesEverySettingOfConfigure) {
    expect_all_in<training::TrainingSettings>("Settings of configure", {"voice"});
}

}  // namespace
}  // namespace testudo
