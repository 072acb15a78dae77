// testudo dataset import|export
#include "cli/curate.h"
#include "dataset/exchange_files.h"

namespace testudo::cli {

namespace {

bool is_ljspeech(const fs::path& from) {
    return fs::is_directory(from) || lower_ascii(from.extension().string()) == ".csv";
}

void import(const Context& context, const std::string& voice, const std::vector<std::string>& from,
            const dataset::ImportOptions& options) {
    const fs::path root = context.open().root();
    std::vector<std::string> changed, notes;
    if (is_ljspeech(from[0])) {
        if (from.size() > 1 || !options.recording.empty())
            throw usage_error("a folder or metadata.csv is imported alone", "Import the others separately.");
        changed = dataset::import_ljspeech(root, voice, from[0], options, notes);
    } else {
        dataset::Curation curation(root, voice);
        changed = dataset::import_labels(curation, {from.begin(), from.end()}, options);
        notes = curation.notes;
    }
    tell_notes(context, notes);
    print(context, {{"recordings", changed}, {"notes", notes}}, [&] {
        std::cout << (changed.empty() ? std::string("Nothing changed: it is so already.")
                                      : cat(changed.size(), " recordings imported"))
                  << "\n";
    });
}

struct Export {
    std::string voice, format, to, recording;
    int columns = 3;
};

void write_out(const Context& context, const Export& options) {
    const dataset::VoiceFolders folders(context.open().root(), options.voice);
    std::vector<std::string> notes;
    Json files = Json::array();
    if (options.format == "ljspeech") {
        if (!options.recording.empty())
            throw usage_error("LJSpeech is exported line by line, not by recording",
                              "Leave --recording out.");
        const std::size_t lines = dataset::export_ljspeech(folders, options.to, options.columns);
        files.push_back(to_utf8((fs::path(options.to) / "metadata.csv").native()));
        notes.push_back(cat(lines, " lines with their clips"));
    } else {
        const auto form = options.format == "audacity" ? dataset::Exchange::audacity
                          : options.format == "srt"    ? dataset::Exchange::srt
                          : options.format == "vtt"
                              ? dataset::Exchange::vtt
                              : throw usage_error(cat("there is no format \"", options.format, "\""),
                                                  "Give audacity, srt, vtt or ljspeech.");
        for (const auto& file : dataset::export_labels(folders, form, options.to, options.recording, notes))
            files.push_back(to_utf8(file.native()));
    }
    tell_notes(context, notes);
    print(context, {{"files", files}, {"notes", notes}}, [&] {
        for (const auto& file : files) std::cout << printable(file.get<std::string>()) << "\n";
    });
}

}  // namespace

void add_exchange_verbs(CLI::App& dataset, Context& context) {
    struct Import {
        std::string voice;
        std::vector<std::string> files;
        dataset::ImportOptions options;
    };
    const auto in = std::make_shared<Import>();
    CLI::App* import_verb = add_verb_below_dataset(
        dataset, context, "import", "Texts and times from label tracks, subtitles, text files or LJSpeech",
        [&context, in] {
            import(context, in->voice, in->files, in->options);
            return 0;
        });
    import_verb->add_option("VOICE", in->voice, "Folder below voices/")->required();
    import_verb
        ->add_option(
            "FILE", in->files,
            "Labels of Audacity, .srt, .vtt or .txt, each called like its recording; or a folder with "
            "wavs/ and metadata.csv")
        ->required();
    import_verb->add_option("--recording", in->options.recording,
                            "The recording that the one file belongs to");
    import_verb->add_option("--language", in->options.language, "What is spoken, e.g. en");
    import_verb->add_flag("--link", in->options.link, "LJSpeech: hard links instead of copies of the clips");
    import_verb->footer(
        "Examples:\n"
        "  testudo dataset import ada labels/*.txt\n"
        "  testudo dataset import ada subtitles.vtt --recording talk.wav\n"
        "  testudo dataset import lj ~/LJSpeech-1.1 --language en      makes the voice; nothing needs to be "
        "transcribed\n"
        "What cannot be read is named with line and column, and nothing is changed. `dataset undo` takes an "
        "import back.");

    const auto out = std::make_shared<Export>();
    CLI::App* export_verb = add_verb_below_dataset(
        dataset, context, "export", "Write label tracks, subtitles or LJSpeech", [&context, out] {
            write_out(context, *out);
            return 0;
        });
    export_verb->add_option("VOICE", out->voice, "Folder below training/")->required();
    export_verb->add_option("--format", out->format, "audacity, srt, vtt or ljspeech")->required();
    export_verb->add_option("--to", out->to, "Folder; with --recording also the name of the one file")
        ->required();
    export_verb->add_option("--recording", out->recording, "Only this recording");
    export_verb->add_option("--columns", out->columns, "LJSpeech: 2, or 3 with the text twice")
        ->capture_default_str();
    export_verb->footer(
        "Examples:\n"
        "  testudo dataset export ada --format audacity --to labels\n"
        "  testudo dataset export ada --format srt --recording talk.wav --to talk.srt\n"
        "  testudo dataset export ada --format ljspeech --to ada-ljspeech      lines and clips of train.txt "
        "and validation.txt");
}

}  // namespace testudo::cli
