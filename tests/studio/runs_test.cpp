#include "studio/runs.h"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "support/golden.h"
#include "training/read_metrics.h"

namespace testudo::studio {
namespace {

std::string events(double first_loss) {
    std::string text;
    for (int it = 1; it <= 6; ++it) {
        text += Json{{"type", "metric"},
                     {"it", it},
                     {"epoch", (it - 1) / 2 + 1},
                     {"step", (it - 1) % 2 + 1},
                     {"steps", 2},
                     {"time", 1000.0 + 1800 * it},
                     {"loss_mel_ce", first_loss / it},
                     {"loss_text_ce", 3},
                     {"loss_gpt_total", first_loss / it},
                     {"lr", 1e-4},
                     {"grad_norm", 2.0}}
                    .dump() +
                "\n";
        if (it % 2 == 0)
            text +=
                Json{{"type", "metric"}, {"mode", "validation"},       {"it", it},
                     {"epoch", it / 2},  {"time", 1001.0 + 1800 * it}, {"loss_mel_ce", first_loss / it + 1}}
                    .dump() +
                "\n";
    }
    return text;
}

const char* old_log =
    "23-04-01 10:00:00.000 - INFO: [epoch:  0, iter:       5, lr:(1.000e-05,1.000e-05,)] step: 5.0000e+00 "
    "loss_text_ce: 4.0000e+00 loss_mel_ce: 5.0000e+00 loss_gpt_total: 5.0400e+00 gpt_gpt: 2.0000e-01 \n"
    "23-04-01 10:01:00.000 - INFO: [epoch:  0, iter:      10, lr:(1.000e-05,1.000e-05,)] step: 1.0000e+01 "
    "loss_text_ce: 3.5000e+00 loss_mel_ce: 4.0000e+00 loss_gpt_total: 4.0350e+00 gpt_gpt: 1.0000e-01 \n";

std::vector<std::string> names_of(const std::vector<Run>& runs) {
    std::vector<std::string> names;
    for (const Run& run : runs) names.push_back(run.name);
    return names;
}

const Chart& chart_of(const std::vector<std::pair<std::string, Chart>>& charts, const std::string& name) {
    for (const auto& [key, chart] : charts)
        if (key == name) return chart;
    throw std::runtime_error("no chart " + name);
}

TEST(Runs, AreFoundByVoiceFolderAndFile) {
    const test::TemporaryFolder workspace;
    write_file(workspace / "training/ada/finetune/events.jsonl", events(6));
    write_file(workspace / "training/ada/finetune_archived_240101-000000/events.jsonl", events(9));
    write_file(workspace / "old.log", old_log);
    const auto runs =
        read_runs(workspace.path(), {"ada", "training/ada/finetune_archived_240101-000000",
                                     (workspace / "training/ada/finetune/events.jsonl").string(), "old.log",
                                     (workspace / "training/ada").string()});
    EXPECT_EQ(names_of(runs), (std::vector<std::string>{"ada", "ada finetune_archived_240101-000000", "ada 2",
                                                        "old", "ada 3"}));
    for (const char* wrong : {"bob", "", "..", "nowhere/x.log"}) {
        try {
            read_runs(workspace.path(), {wrong});
            ADD_FAILURE() << wrong;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::input) << wrong;
        }
    }
}

TEST(Runs, SeveralInOnePicture) {
    const test::TemporaryFolder folder;
    write_file(folder / "training/ada/finetune/events.jsonl", events(6));
    write_file(folder / "old.log", old_log);
    const auto runs = read_runs(folder.path(), {"ada", "old.log"});
    const auto charts = training_charts(runs);
    const Chart& mel = chart_of(charts, "loss_mel");
    ASSERT_EQ(mel.series.size(), 3u);
    EXPECT_EQ(mel.series[0].name, "ada training");
    EXPECT_EQ(mel.series[1].name, "ada validation");
    EXPECT_TRUE(mel.series[1].markers);
    EXPECT_EQ(mel.series[2].name, "old training");
    EXPECT_EQ(mel.series[2].points, (std::vector<std::pair<double, double>>{{5, 5}, {10, 4}}));
    const Chart& norms = chart_of(charts, "grad_norm");
    ASSERT_EQ(norms.series.size(), 2u);
    EXPECT_EQ(norms.series[1].name, "old transformer");
    EXPECT_EQ(write_graphs(runs, folder / "out").size(), 2 * charts.size());
}

TEST(Runs, OverEpochsAndHours) {
    const std::vector<studio::Run> runs = {{"ada", training::metrics_of_events([] {
                                                std::vector<Json> all;
                                                for (const auto& line : split_lines(events(6)))
                                                    all.push_back(Json::parse(line));
                                                return all;
                                            }())}};
    const auto over = [&](Axis axis) { return chart_of(training_charts(runs, {axis, 1}), "loss_mel"); };
    const Chart epochs = over(Axis::epoch), hours = over(Axis::hours);
    EXPECT_EQ(epochs.x_label, "epoch");
    EXPECT_EQ(epochs.series[0].points.front().first, 0.5);
    EXPECT_EQ(epochs.series[0].points.back().first, 3);
    EXPECT_EQ(epochs.series[1].points.front(), (std::pair<double, double>{1, 4})) << "with its step";
    EXPECT_EQ(hours.series[0].points.back().first, 2.5);
    const Chart smooth = chart_of(training_charts(runs, {Axis::iteration, 2}), "loss_mel");
    EXPECT_EQ(smooth.series[0].points[1].second, 4.5);
    EXPECT_EQ(smooth.series[1].points[0].second, 4) << "validations stay as they are";
}

TEST(Runs, Exports) {
    const test::TemporaryFolder folder;
    write_file(folder / "a/b.log", old_log);
    auto runs = read_runs(folder.path(), {"a/b.log"});
    runs.front().name = "../x/y";
    const auto csv = write_csv(runs, folder / "out");
    ASSERT_EQ(csv.size(), 1u);
    EXPECT_EQ(csv.front(), folder / "out/_.._x_y.csv");
    EXPECT_EQ(split_lines(read_file(csv.front())).size(), 3u);
    const auto boards = write_tensorboard(runs, folder / "out");
    EXPECT_NE(read_file(boards.front()).find("learning_rate_gpt_0"), std::string::npos);
}

// More names than one row of the legend holds.
TEST(Chart, ALongLegendHasRows) {
    Chart chart{"t", "x", "y", {}};
    for (int i = 0; i < 9; ++i)
        chart.series.push_back({cat("a voice with a long name ", i), {{0, 1}, {1, 2}}});
    const std::string svg = chart_svg(chart);
    std::set<std::string> rows;
    for (std::size_t at = 0; (at = svg.find(">a voice with", at)) != std::string::npos; ++at) {
        const auto start = svg.rfind("<text", at);
        const auto y = svg.find("y=\"", start) + 3;
        rows.insert(svg.substr(y, svg.find('"', y) - y));
        const auto x = svg.find("x=\"", start) + 3;
        EXPECT_LT(std::stod(svg.substr(x)) + 150, chart.width);
    }
    EXPECT_GE(rows.size(), 3u);
}

}  // namespace
}  // namespace testudo::studio
