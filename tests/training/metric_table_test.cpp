#include "training/metric_table.h"

#include <gtest/gtest.h>

#include <ctime>
#include <map>

#include "core/error.h"
#include "core/files.h"
#include "core/strings.h"
#include "support/golden.h"
#include "training/original_log_reader.h"
#include "training/read_metrics.h"

namespace testudo::training {
namespace {

Json step(std::int64_t it, double total, std::int64_t epoch = 1) {
    return {{"type", "metric"}, {"it", it}, {"epoch", epoch}, {"loss_gpt_total", total}, {"lr", 1e-4}};
}
Json validation(std::int64_t it, double total) {
    return {{"type", "metric"}, {"mode", "validation"}, {"it", it}, {"loss_gpt_total", total}};
}
MetricTable table_of(const std::vector<Json>& events) { return metrics_of_events(events); }

// "3:0.5 3v:0.7": iterations, validations marked, and total losses.
std::string course(const MetricTable& table) {
    std::string out;
    for (const MetricRow& row : table.rows())
        out += cat(out.empty() ? "" : " ", row.iteration, row.validation ? "v" : "", ":",
                   table.value(row, "loss_gpt_total"));
    return out;
}

TEST(MetricTable, RowsByIterationWithTheirNumbers) {
    const auto table = table_of({step(1, 5),
                                 {{"type", "progress"}, {"it", 1}},
                                 step(2, 4),
                                 validation(2, 4.5),
                                 Json("text"),
                                 {{"type", "metric"}, {"mode", "fit dvae"}, {"it", 7}},
                                 {{"type", "metric"}, {"it", "x"}},
                                 {{"type", "metric"}},
                                 step(3, 3)});
    EXPECT_EQ(course(table), "1:5 2:4 2v:4.5 3:3");
    EXPECT_EQ(table.columns(), (std::vector<std::string>{"loss_gpt_total", "lr"}));
    EXPECT_EQ(table.last_iteration(), 3);
    EXPECT_TRUE(std::isnan(table.value(table.rows()[2], "lr")));
    EXPECT_TRUE(std::isnan(table.value(table.rows()[0], "nothing")));
}

// A return to an earlier state, or a resume from one, makes iterations anew.
TEST(MetricTable, HoldsTheCourseThatLedToTheEnd) {
    EXPECT_EQ(course(table_of({step(1, 9), step(2, 8), validation(2, 8.5), step(3, 7), validation(3, 7.5),
                               step(2, 6), validation(2, 6.5), step(3, 5)})),
              "1:9 2:6 2v:6.5 3:5");
    // The same in the original's order, validation first; the resume begins with a validation.
    EXPECT_EQ(course(table_of({step(1, 9), validation(2, 8.5), step(2, 8), step(3, 7), validation(2, 6.5),
                               step(2, 6), step(3, 5)})),
              "1:9 2v:6.5 2:6 3:5");
    EXPECT_EQ(course(table_of({step(1, 9), validation(2, 8.5), step(2, 8), validation(2, 6.5), step(2, 6)})),
              "1:9 2v:6.5 2:6");
    EXPECT_EQ(course(table_of({validation(9, 1), step(2, 8), step(2, 6)})), "2:6");
    auto cut = table_of({step(1, 9), step(2, 8), validation(2, 8.5), step(3, 7)});
    cut.cut_after(2);
    EXPECT_EQ(course(cut), "1:9 2:8 2v:8.5");
    EXPECT_EQ(cut.last_iteration(), 2);
}

TEST(MetricTable, ValidationsGetTheEpochOfTheirStep) {
    const auto table = table_of(
        {step(4, 1, 2), validation(5, 1), step(5, 1, 3), validation(6, 1), step(7, 1, 4), validation(7, 1)});
    std::vector<std::int64_t> epochs;
    for (const MetricRow& row : table.rows()) epochs.push_back(row.epoch.value());
    EXPECT_EQ(epochs, (std::vector<std::int64_t>{2, 3, 3, 3, 4, 4}));
    EXPECT_EQ(table_of({validation(2, 1), step(3, 1, 8)}).rows().front().epoch, 8);
    EXPECT_FALSE(table_of({validation(2, 1)}).rows().front().epoch);
}

TEST(MetricTable, AsCsv) {
    Json with_time = step(1, 0.1);
    with_time["time"] = 1.5;
    with_time["odd,\"name\""] = 2;
    EXPECT_EQ(to_csv(table_of({with_time, validation(1, 0.25)})),
              "mode,it,epoch,time,loss_gpt_total,lr,\"odd,\"\"name\"\"\"\n"
              "training,1,1,1.5,0.1,1e-04,2\n"
              "validation,1,1,,0.25,,\n");
}

Json one(const std::string& line) { return OriginalLogReader().line(line); }

TEST(OriginalLogReader, TheStudiosFork) {
    const auto training =
        one("23-04-01 10:15:00.250 - INFO: Training Metrics: {\"loss_text_ce\": 4.5, \"loss_mel_ce\": NaN, "
            "\"loss_gpt_total\": 2.5, \"lr\": 1e-05, \"it\": 7, \"step\": 3, \"steps\": 4, \"epoch\": 1, "
            "\"iteration_rate\": 0.75}");
    ASSERT_TRUE(training.is_object());
    EXPECT_EQ(training["epoch"], 2) << "it counts from 0";
    EXPECT_EQ(training["iteration_seconds"], 0.75);
    EXPECT_TRUE(training["loss_mel_ce"].is_null());
    std::tm local{};
    local.tm_year = 123, local.tm_mon = 3, local.tm_mday = 1, local.tm_hour = 10, local.tm_min = 15;
    local.tm_isdst = -1;
    EXPECT_EQ(training["time"], static_cast<double>(std::mktime(&local)) + 0.25);
    const auto validation = one("INFO: Validation Metrics: {\"loss_text_ce\": 4.25, \"it\": 8}");
    ASSERT_TRUE(validation.is_object());
    EXPECT_EQ(validation["mode"], "validation");
    EXPECT_EQ(validation["it"], 8);
    for (const char* line : {"", "Training Metrics:", "Training Metrics: {", "Training Metrics: {}",
                             "Validation Metrics: [1]", "Training Metrics: {\"it\": \"x\"}",
                             "23-04-01 10:15:00.250 - INFO: Saving models and training states."})
        EXPECT_TRUE(one(line).is_null()) << line;
}

TEST(OriginalLogReader, TheForkOf152334H) {
    const auto event =
        one("23-04-01 10:15:00.250 - INFO: [epoch:  2, iter:   1,200, lr:(1.000e-05,1.000e-05,)] step: "
            "1.2000e+03 "
            "samples: 9.6000e+03 megasamples: 9.6000e-03 iteration_rate: 2.5000e-01 loss_text_ce: 4.0525e+00 "
            "loss_mel_ce: nan loss_gpt_total: 2.3120e+00 grad_scaler_scale: 1.0000e+00 learning_rate_gpt_0: "
            "9.7656e-06 learning_rate_gpt_1: 9.7656e-06 percent_skipped_samples: 0.0000e+00 gpt_heads: "
            "1.5000e-01 ");
    ASSERT_TRUE(event.is_object());
    EXPECT_EQ(event["it"], 1200);
    EXPECT_EQ(event["epoch"], 3);
    EXPECT_EQ(event["lr"], 9.7656e-06);
    EXPECT_EQ(event["clips"], 8);
    EXPECT_EQ(event["iteration_seconds"], 2);
    EXPECT_EQ(event["loss_text_ce"], 4.0525);
    EXPECT_TRUE(std::isnan(event["loss_mel_ce"].get<double>()));
    EXPECT_EQ(event["gpt_heads"], 0.15);
    EXPECT_FALSE(event.contains("step")) << "that is the iteration once more";
    for (const char* line : {"[epoch:", "[epoch:1, iter:, lr:()]", "[epoch:x, iter:1, lr:(1)] a: 1",
                             ")] [epoch:1, lr:(, iter:2", ">>Eval loss_text_ce: 5"})
        EXPECT_TRUE(one(line).is_null()) << line;

    // Validations were only printed, after the line of their step.
    OriginalLogReader reader;
    EXPECT_TRUE(
        reader.line("[epoch:  0, iter:      12, lr:(1.000e-05,)] loss_text_ce: 5.0000e+00 ").is_object());
    MetricTable table;
    table.add(reader.line(">>Eval loss_text_ce: 5.25"));
    table.add(reader.line(">>Eval loss_mel_ce: 3.5"));
    ASSERT_EQ(table.rows().size(), 1u);
    EXPECT_EQ(table.rows()[0].iteration, 12);
    EXPECT_EQ(table.value(table.rows()[0], "loss_text_ce"), 5.25);
    EXPECT_EQ(table.value(table.rows()[0], "loss_mel_ce"), 3.5);
}

// What the studio's fork really wrote, as lines of its log.
std::string log_of(const Json& scenario) {
    std::string log;
    for (Json event : scenario["events"]) {
        const std::string kind = event["kind"];
        log += "23-04-01 10:00:00.000 - INFO: ";
        if (kind == "log") {
            log += event["text"].get<std::string>() + "\n";
            continue;
        }
        event.erase("kind");
        log += cat(kind == "training" ? "Training" : "Validation", " Metrics: ", event.dump(), "\n");
    }
    return log;
}

TEST(GoldenOriginalLog, LogsAreRead) {
    const Json run = read_json(test::golden_file_or_default("ar/run.json"));
    for (const Json& scenario : run["scenarios"]) {
        SCOPED_TRACE(scenario["scenario"].get<std::string>());
        const Json& did = scenario["trainer_did"];
        const test::TemporaryFolder folder;
        write_file(folder / "train_v_230401-100000.log", log_of(scenario));
        if (did["iterations"] == 0) {
            EXPECT_THROW(read_run_metrics(folder.path()), Error);
            continue;
        }
        const auto table = read_run_metrics(folder.path());
        std::map<std::int64_t, std::int64_t> epochs;
        Json validated = Json::array();
        for (const MetricRow& row : table.rows())
            if (!row.validation) epochs[row.iteration] = row.epoch.value();
        for (const MetricRow& row : table.rows())
            if (row.validation) {
                validated.push_back(row.iteration);
                EXPECT_EQ(row.epoch, epochs.at(row.iteration)) << "its line names none";
                EXPECT_GT(table.value(row, "loss_mel_ce"), 0);
            }
        EXPECT_EQ(static_cast<std::int64_t>(epochs.size()), did["iterations"]);
        EXPECT_EQ(table.last_iteration(), did["last_it"]);
        EXPECT_EQ(validated, did["validation_at_it"]);
        EXPECT_EQ(epochs.begin()->second, did["epochs_entered"][0].get<std::int64_t>() + 1);
    }
}

TEST(ReadMetrics, ARunsLogsAndWhatFollowedHere) {
    const test::TemporaryFolder folder;
    const auto training = [](int it, int epoch) {
        return cat("INFO: Training Metrics: {\"loss_gpt_total\": ", it, ", \"it\": ", it,
                   ", \"epoch\": ", epoch, "}\n");
    };
    const auto tried = [](int it) {
        return cat("INFO: Validation Metrics: {\"loss_gpt_total\": 9, \"it\": ", it, "}\n");
    };
    // By the moments in their names, not by the voices.
    write_file(folder / "train_z_230401-100000.log",
               training(1, 0) + tried(2) + training(2, 0) + training(3, 1));
    write_file(folder / "train_a_230402-090000.log",
               tried(3) + training(3, 0) + "\r|###|\r" + training(4, 0));
    EXPECT_EQ(course(read_run_metrics(folder.path())), "1:1 2v:9 2:2 3v:9 3:3 4:4");
    // A run of Testudo that goes on from there; its own log repeats what events.jsonl has.
    write_file(folder / "events.jsonl",
               step(4, 0.5).dump() + "\n" + step(5, 0.25).dump() + "\n{\"type\":\"metr");
    write_file(folder / "train_a_230403-090000.log", training(4, 0) + training(5, 0));
    const auto whole = read_run_metrics(folder.path());
    EXPECT_EQ(course(whole), "1:1 2v:9 2:2 3v:9 3:3 4:0.5 5:0.25");
    EXPECT_EQ(whole.last_iteration(), 5);
    EXPECT_EQ(whole.value(whole.rows().back(), "lr"), 1e-4);
    EXPECT_EQ(course(read_metrics(folder / "events.jsonl")), "4:0.5 5:0.25");
}

TEST(ReadMetrics, FilesWithoutAny) {
    const test::TemporaryFolder folder;
    write_file(folder / "empty.log", "");
    write_file(folder / "other.log",
               std::string("a\0b\r\n{\"type\":\"metric\"\n{}\n{\"type\": [\"metric\"]}", 45));
    for (const char* name : {"empty.log", "other.log", "missing.log"}) {
        try {
            read_metrics(folder / name);
            ADD_FAILURE() << name;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::input);
            EXPECT_NE(std::string(error.what()).find(name), std::string::npos);
        }
    }
    EXPECT_THROW(read_run_metrics(folder.path()), Error);
}

}  // namespace
}  // namespace testudo::training
