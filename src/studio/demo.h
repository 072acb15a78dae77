#pragma once
// The main job on real recordings, start to end: what `testudo demo` and `./dev demo` run.
#include <filesystem>
#include <string>

#include "core/events.h"
#include "core/settings.h"
#include "studio/workspace.h"

namespace testudo::studio {

struct DemoOptions {
    std::string recordings;  // folder of the prompts named in data/demo-sentences.txt, or any recordings
    std::string whisper = "tiny.en";  // name in models/whisper, or a path
    std::string voice = "allison";
    std::string size = "nano";  // of the random base model
    std::string text = "Please enter your number followed by the pound key.";
    std::int64_t epochs = 40;
    double dvae_seconds = 90;  // to fit the codes to the voice

    template <class Visitor>
    static void describe(Visitor&& visit) {
        using S = DemoOptions;
        visit(
            &S::recordings,
            Setting{.key = "recordings",
                    .label = "Recordings",
                    .help = "Folder of recordings of one voice; the demo's own 36 prompts are taken where it "
                            "holds them, else everything in it"});
        visit(&S::whisper,
              Setting{.key = "whisper", .label = "Whisper", .help = "Whisper model: name or path"});
        visit(&S::voice, Setting{.key = "voice", .label = "Voice", .help = "Name of the voice that is made"});
        visit(&S::size, Setting{.key = "size",
                                .label = "Size",
                                .help = "Random base model",
                                .choices = {"nano", "micro", "small"}});
        visit(&S::text, Setting{.key = "text", .label = "Text", .help = "Sentence to sample at the end"});
        visit(&S::epochs,
              Setting{
                  .key = "epochs", .label = "Epochs", .help = "Epochs of training", .min = 1, .max = 100000});
        visit(&S::dvae_seconds, Setting{.key = "dvae_seconds",
                                        .label = "Code fitting",
                                        .unit = "s",
                                        .help = "Time to fit the small DVAE to the voice",
                                        .min = 1,
                                        .max = 86400});
    }
};

// Recordings -> whisper.json -> dataset -> random base model and a DVAE fitted to the voice -> configuration
// -> training -> graphs, a resynthesised clip, a sampled sentence, and report.html in results/<voice>. Can be
// run again: transcription is kept, an earlier training is moved aside. Returns {report, model, state,
// graphs, audio, seconds, losses, "stopped"?}.
Json run_demo(const Workspace& workspace, const DemoOptions& options, Events& events);

}  // namespace testudo::studio
