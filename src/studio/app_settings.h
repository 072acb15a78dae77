#pragma once
// Settings of the program: config/exec.json, which the original studio keeps its own in, too. Keys that are
// not ours stay as they are.
#include <string>

#include "core/settings.h"
#include "studio/workspace.h"

namespace testudo::studio {

struct AppSettings {
    std::string source_model;
    std::string tokenizer_json;
    std::string device = "auto";
    std::string models_from;
    bool offline = false;

    template <class Visitor>
    static void describe(Visitor&& visit) {
        using S = AppSettings;
        visit(&S::source_model,
              Setting{.key = "source_model",
                      .label = "Default model",
                      .help = "Autoregressive model that new configurations start from; empty: "
                              "./models/tortoise/autoregressive.pth."});
        visit(&S::tokenizer_json,
              Setting{.key = "tokenizer_json",
                      .label = "Default tokenizer",
                      .help = "Vocabulary of new configurations; empty: the English one TorToiSe was "
                              "trained with."});
        visit(&S::device, Setting{.key = "device",
                                  .label = "Device",
                                  .help = "What jobs of the studio compute on: auto, cpu, cuda, cuda:1."});
        visit(&S::models_from,
              Setting{.key = "models_from",
                      .label = "Models from",
                      .help = "Folder or address that models are fetched from instead of the "
                              "published places."});
        visit(&S::offline, Setting{.key = "offline", .label = "Offline", .help = "Never use the network."});
    }
};

// Error(input) for a damaged file; a value of a wrong type is an Error(usage).
AppSettings read_app_settings(const Workspace& workspace);
void write_app_settings(const Workspace& workspace, const AppSettings& settings);

}  // namespace testudo::studio
