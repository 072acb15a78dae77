// Whole tiny runs of the original against ours with the same settings: what its configuration page computes,
// the names of files, the keys of its log and the learning rate of each iteration are the same; where its
// trainer miscounts (one epoch more than asked, short batches dropped, validation one iteration late), ours
// does what the page promises.
#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "core/yaml.h"
#include "support/unified_voice_case.h"
#include "workshop.h"

namespace testudo::training {
namespace {

using test::Workshop;

// File names with iterations and times taken out, of the run itself.
std::set<std::string> patterns(const std::vector<std::string>& files) {
    std::set<std::string> out;
    for (std::string name : files) {
        if (name.starts_with("finetune_archived")) continue;
        name = std::regex_replace(name, std::regex("<ddmmyyyy_HHMMSS>|\\d{8}_\\d{6}"), "<stamp>");
        name = std::regex_replace(name, std::regex("<yymmdd-HHMMSS>|\\d{6}-\\d{6}"), "<time>");
        out.insert(std::regex_replace(name, std::regex("/\\d+(_gpt|\\.state)"), "/N$1"));
    }
    return out;
}

std::vector<std::string> files_of(const fs::path& folder) {
    std::vector<std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        const std::string name = entry.path().lexically_relative(folder).generic_string();
        // Ours alone: the cache, our event log, the models' origin, the page's settings; the clips belong to
        // the dataset.
        if (entry.is_directory() || name.starts_with(".features") || name.starts_with("audio/") ||
            name == "train.json" || name == "finetune/events.jsonl" || name == "finetune/origin.json")
            continue;
        out.push_back(name);
    }
    return out;
}

void apply(TrainingSettings& settings, const Json& scenario) {
    settings.epochs = scenario["epochs"];
    settings.batch_size = scenario["batch_size"];
    settings.gradient_accumulation_size = scenario["accumulation"];
    settings.save_rate = scenario["save_rate_epochs"];
    settings.validation_rate = scenario["validation_rate_epochs"];
}

struct LoggedKeys {
    std::set<std::string> training, validation;
};
LoggedKeys logged_keys(const fs::path& finetune) {
    LoggedKeys keys;
    for (const auto& entry : fs::directory_iterator(finetune)) {
        if (entry.path().extension() != ".log") continue;
        for (const std::string& line : split_lines(read_file(entry.path())))
            for (const bool validation : {false, true}) {
                const std::string marker = validation ? "Validation Metrics: " : "Training Metrics: ";
                const auto at = line.find(marker);
                if (at == std::string::npos) continue;
                const Json values = parse_json(line.substr(at + marker.size()), "log");
                for (const auto& [key, value] : values.items())
                    (validation ? keys.validation : keys.training).insert(key);
            }
    }
    return keys;
}

TEST(GoldenRun, CountsNamesKeysAndRates) {
    const auto cases = testudo::test::golden_cases("ar", "run");
    if (cases.empty()) GTEST_SKIP();
    for (const auto& golden : cases) {
        const Json* previous = nullptr;  // the scenario a resumed one goes on from
        for (const Json& entry : golden.manifest["scenarios"]) {
            SCOPED_TRACE(entry["scenario"].get<std::string>());
            const Json& wanted = entry["settings"];
            const bool resumed = wanted["yaml"]["resume_state"];
            const Json* base = resumed ? previous : nullptr;
            if (!resumed) previous = &entry;
            if (resumed && !base) continue;

            Workshop shop(wanted["lines"], wanted["validation_lines"],
                          testudo::test::config_from(golden.manifest["model_kwargs"]));
            const std::int64_t per_epoch =
                static_cast<std::int64_t>(entry["web_ui_expects"]["iterations_per_epoch"].get<double>());
            std::vector<Json> theirs, their_validations;
            for (const Json& event : entry["events"]) {
                if (event["kind"] == "training") theirs.push_back(event);
                if (event["kind"] == "validation") their_validations.push_back(event);
            }
            shop.settings.learning_rate = 1e-4;
            if (!theirs.empty() && !resumed && per_epoch > 1)
                shop.settings.learning_rate = theirs.front()["lr"];
            if (base) {
                apply(shop.settings, (*base)["settings"]);
                shop.configure();
                shop.train();
                shop.seen.clear();
            }
            apply(shop.settings, wanted);
            const Json configured = shop.configure();
            const YAML::Node yaml = read_yaml(shop.paths().yaml);
            EXPECT_EQ(configured["iterations"], entry["web_ui_expects"]["iterations"]);
            EXPECT_EQ(configured["iterations_per_epoch"], per_epoch);
            EXPECT_EQ(yaml["train"]["niter"].as<std::int64_t>(), wanted["yaml"]["niter"].get<std::int64_t>());
            EXPECT_EQ(yaml["logger"]["save_checkpoint_freq"].as<std::int64_t>(),
                      wanted["yaml"]["save_checkpoint_freq"].get<std::int64_t>());
            EXPECT_EQ(yaml["train"]["val_freq"].as<std::int64_t>(),
                      wanted["yaml"]["val_freq"].get<std::int64_t>());

            const Json summary = resumed ? shop.resume() : shop.train();
            const std::int64_t total = entry["web_ui_expects"]["iterations"];
            EXPECT_EQ(summary["iterations"], total);  // what the page promised, neither less nor more
            EXPECT_EQ(summary["epochs"], wanted["epochs"]);
            std::map<std::int64_t, double> rates;
            for (const Json& metric : shop.training_metrics()) {
                rates[metric["it"].get<std::int64_t>()] = metric["lr"].get<double>();
                EXPECT_EQ(metric["steps"], per_epoch);
            }
            EXPECT_EQ(rates.rbegin()->first, total);
            EXPECT_EQ(static_cast<std::int64_t>(rates.size()), total - rates.begin()->first + 1);
            if (per_epoch > 1)
                for (const Json& event : theirs)
                    if (const auto ours = rates.find(event["it"].get<std::int64_t>()); ours != rates.end()) {
                        EXPECT_NEAR(ours->second / event["lr"].get<double>(), 1, 1e-9)
                            << "iteration " << ours->first;
                    }

            const std::int64_t every = wanted["yaml"]["val_freq"];
            std::vector<std::int64_t> due, done;
            for (std::int64_t it = rates.begin()->first; it <= total; ++it)
                if (wanted["validation_lines"].get<int>() > 0 && it % every == 0) due.push_back(it);
            for (const Json& metric : shop.validation_metrics())
                done.push_back(metric["it"].get<std::int64_t>());
            EXPECT_EQ(done, due);

            EXPECT_EQ(patterns(files_of(shop.paths().folder)),
                      patterns(entry["files"].get<std::vector<std::string>>()));
            const LoggedKeys keys = logged_keys(shop.paths().finetune);
            if (entry["keys_of_a_training_line"].is_array()) {
                auto expected = entry["keys_of_a_training_line"].get<std::set<std::string>>();
                expected.erase("kind");
                EXPECT_EQ(keys.training, expected);
            }
            if (!their_validations.empty() && !due.empty()) {
                std::set<std::string> expected;
                for (const auto& [key, value] : their_validations.front().items())
                    if (key != "kind") expected.insert(key);
                EXPECT_EQ(keys.validation, expected);
            }
        }
    }
}

}  // namespace
}  // namespace testudo::training
