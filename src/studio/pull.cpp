#include "studio/pull.h"

#include <cstdlib>
#include <fstream>

#include "core/error.h"
#include "core/files.h"
#include "core/hash.h"
#include "core/strings.h"
#include "studio/download.h"
#include "studio/models.h"
#include "tensors/sidecar.h"

namespace testudo::studio {
namespace {

bool is_url(const std::string& text) { return text.find("://") != std::string::npos; }

struct Wrong {
    std::string what;  // empty: the file is right
};
Wrong check_file(const fs::path& file, const ModelFile& expected) {
    if (!expected.sha256.empty()) {
        const std::string sum = sha256_of_file(file);
        if (sum != expected.sha256) return {cat("its SHA-256 is ", sum, " instead of ", expected.sha256)};
        return {};
    }
    const std::uint64_t bytes = fs::file_size(file);
    if (expected.bytes && bytes != expected.bytes)
        return {cat("it has ", bytes, " bytes instead of ", expected.bytes)};
    if (fs::path(expected.target).extension() == ".json") {
        // An error page of a server is not JSON.
        try {
            read_json(file);
        } catch (const Error& error) {
            return {error.what()};
        }
    }
    return {};
}

void copy_from_folder(const fs::path& source, const fs::path& part, const DownloadProgress& progress) {
    const auto total = static_cast<std::uint64_t>(fs::file_size(source));
    std::ifstream in(source, std::ios::binary);
    if (!in) throw environment_error(cat("cannot read ", source), "Check its permissions.");
    AtomicFile out(part);
    std::string block(std::size_t{1} << 22, '\0');
    while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0) {
        out.write(block.data(), static_cast<std::size_t>(in.gcount()));
        progress(out.size(), total);
    }
    if (out.size() != total) throw environment_error(cat("cannot read all of ", source), "Check the disk.");
    out.commit();
}

// Where the file comes from, best first.
std::vector<std::string> places(const ModelFile& file, const PullOptions& options) {
    const std::string name = fs::path(file.target).filename().string();
    if (options.from.empty()) return options.offline ? std::vector<std::string>{} : file.urls;
    if (!is_url(options.from)) {
        // A copy of a workspace, of one of its folders, or all files in one place.
        std::vector<std::string> places;
        const fs::path target(file.target);
        for (auto first = target.begin(); first != target.end(); ++first) {
            fs::path part;
            for (auto step = first; step != target.end(); ++step) part /= *step;
            places.push_back((fs::path(options.from) / part).string());
        }
        return places;
    }
    if (options.offline && !options.from.starts_with("file://")) return {};
    const std::string base = options.from.ends_with('/') ? options.from : options.from + "/";
    return {base + name};
}

// Returns the place that gave the file. Each is tried up to three times as long as tries bring it further.
std::string obtain(const ModelFile& file, const fs::path& part, const PullOptions& options,
                   const DownloadProgress& progress, Events& events) {
    std::string failures;
    std::string hint = "Check the connection, or use --from with a folder or mirror that has the file.";
    std::error_code ignored;
    for (const auto& place : places(file, options)) {
        if (!is_url(place)) {
            if (!fs::is_regular_file(place, ignored)) {
                failures += cat(failures.empty() ? "" : "; ", place, " is not there");
                continue;
            }
            copy_from_folder(place, part, progress);
            return place;
        }
        for (int attempt = 0; attempt < 3; ++attempt) {
            const auto before = fs::exists(part, ignored) ? fs::file_size(part, ignored) : 0;
            try {
                download(place, part, progress);
                return place;
            } catch (const Error& error) {
                if (error.kind() != ErrorKind::environment) throw;
                const bool further = fs::exists(part, ignored) && fs::file_size(part, ignored) > before;
                if (further && attempt < 2) {
                    events.warning(cat(error.what(), "; trying to go on"));
                    continue;
                }
                failures += cat(failures.empty() ? "" : "; ", error.what());
                hint = error.hint();
                break;
            }
        }
    }
    if (failures.empty())
        throw environment_error(
            cat(file.target, " is not there, and the network may not be used"),
            "Run it without --offline (or TESTUDO_OFFLINE), or name a folder that has the file "
            "with `testudo models pull --from` (or TESTUDO_MODELS_FROM).");
    throw environment_error(failures, hint);
}

// Folders that a fetch made and put nothing into do not stay.
class EmptyFolders {
  public:
    explicit EmptyFolders(fs::path folder) {
        std::error_code ignored;
        for (; !folder.empty() && !fs::exists(folder, ignored); folder = folder.parent_path())
            missing_.push_back(folder);
    }
    ~EmptyFolders() {
        std::error_code ignored;
        for (const fs::path& folder : missing_)
            fs::remove(folder, ignored);  // never one that holds something
    }
    EmptyFolders(const EmptyFolders&) = delete;
    EmptyFolders& operator=(const EmptyFolders&) = delete;

  private:
    std::vector<fs::path> missing_;  // the innermost first
};

// The folder of a Whisper model of this name in the other form (CTranslate2: model.bin and what belongs to
// it) that lies in options.from; empty when there is none, or the published form is there as well.
fs::path converted_whisper(const ModelSource& source, const PullOptions& options) {
    const fs::path target = source.files.front().target;
    if (options.from.empty() || is_url(options.from) || target.extension() != ".pt" ||
        !source.files.front().target.starts_with("models/whisper/"))
        return {};
    std::error_code ignored;
    fs::path found;
    for (const std::string& place : places(source.files.front(), options)) {
        if (fs::is_regular_file(place, ignored)) return {};
        const fs::path folder = fs::path(place).parent_path();
        if (found.empty() && folder.filename() == target.parent_path().filename() &&
            fs::is_regular_file(folder / "model.bin", ignored))
            found = folder;
    }
    return found;
}

// What the program reads of it; the weights last, so that a copy that was ended is not taken for whole.
fs::path copy_converted(const Workspace& workspace, const ModelSource& source, const fs::path& from,
                        const PullOptions& options, Events& events) {
    const fs::path folder = (workspace.root() / source.files.front().target).parent_path(),
                   weights = folder / "model.bin";
    std::error_code ignored;
    if (fs::exists(weights, ignored) && !options.force) {
        events.info(cat(weights, " is already there"));
        return weights;
    }
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(from)) {
        const fs::path ending = entry.path().extension();
        if (entry.is_regular_file(ignored) && (ending == ".json" || ending == ".txt"))
            files.push_back(entry.path());
    }
    files.push_back(from / "model.bin");
    const EmptyFolders empty(folder);
    for (const fs::path& file : files) {
        const std::string stage = cat("fetch ", file.filename().string());
        copy_from_folder(file, folder / file.filename(), [&](std::uint64_t done, std::uint64_t total) {
            events.progress(stage, static_cast<double>(done), static_cast<double>(total), "bytes");
        });
    }
    tensors::write_sidecar(weights, {{"origin", cat("copied from ", to_utf8(from.native()))},
                                     {"about", source.about},
                                     {"licence", source.licence}});
    events.artifact("model", weights);
    return weights;
}

void pull_file(const Workspace& workspace, const ModelSource& source, const ModelFile& file,
               const PullOptions& options, Events& events) {
    const fs::path target = workspace.root() / file.target;
    std::error_code ignored;
    if (fs::exists(target, ignored) && !options.force) {
        const Wrong wrong = check_file(target, file);
        if (wrong.what.empty()) {
            events.info(cat(target, " is already there"));
            return;
        }
        throw input_error(cat(target, " is there, but is not the published file: ", wrong.what),
                          "Move it away, or use --force to replace it.");
    }
    const EmptyFolders empty(target.parent_path());
    fs::path part = target;
    part += ".part";
    double shown = -1;
    const std::string stage = cat("fetch ", target.filename().string());
    const DownloadProgress progress = [&](std::uint64_t done, std::uint64_t total) {
        const double known = static_cast<double>(total ? total : file.bytes);
        const double share = known > 0 ? static_cast<double>(done) / known : static_cast<double>(done) / 1e8;
        if (share - shown < 0.005 && done != total) return;
        shown = share;
        events.progress(stage, static_cast<double>(done), known, "bytes");
    };
    std::string place;
    try {
        place = obtain(file, part, options, progress, events);
    } catch (...) {
        if (fs::is_empty(part, ignored)) fs::remove(part, ignored);
        throw;
    }
    if (const Wrong wrong = check_file(part, file); !wrong.what.empty()) {
        fs::remove(part, ignored);
        throw input_error(
            cat("what came from ", place, " is not ", target.filename().string(), ": ", wrong.what),
            "Try again, or use another mirror with --from.");
    }
    rename_durably(part, target);
    if (file.sha256.empty())
        events.warning(cat("no checksum is published for ", target.filename().string(), "; the SHA-256 of ",
                           target, " is ", sha256_of_file(target)));
    if (&file == &source.files.front())
        tensors::write_sidecar(target, {{"origin", cat("published, from ", place)},
                                        {"about", source.about},
                                        {"licence", source.licence},
                                        {"sha256", file.sha256}});
    events.artifact("model", target);
}

}  // namespace

PullOptions default_pull_options(const Workspace& workspace) {
    PullOptions options;
    const fs::path file = workspace.config() / "exec.json";
    if (fs::exists(file)) {
        const Json exec = read_json(file);
        if (!exec.is_object())
            throw input_error(cat(file, ": not an object of settings"), "Correct or delete it.");
        const auto of_type = [&](const char* key, bool right) {
            if (!right)
                throw input_error(cat(file, ": ", key, " has the wrong type"),
                                  "Give models_from a text and offline true or false.");
            return true;
        };
        if (exec.contains("models_from") && of_type("models_from", exec["models_from"].is_string()))
            options.from = exec["models_from"].get<std::string>();
        if (exec.contains("offline") && of_type("offline", exec["offline"].is_boolean()))
            options.offline = exec["offline"].get<bool>();
    }
    if (const char* from = std::getenv("TESTUDO_MODELS_FROM"); from && *from) options.from = from;
    if (const char* offline = std::getenv("TESTUDO_OFFLINE"); offline && *offline)
        options.offline = std::string_view(offline) != "0";
    return options;
}

fs::path pull_model(const Workspace& workspace, const ModelSource& source, const PullOptions& options,
                    Events& events) {
    if (const fs::path converted = converted_whisper(source, options); !converted.empty())
        return copy_converted(workspace, source, converted, options, events);
    for (const auto& file : source.files) pull_file(workspace, source, file, options, events);
    return workspace.root() / source.files.front().target;
}

std::function<bool(const std::string&)> model_fetcher(const Workspace& workspace, Events& events) {
    return [workspace, &events](const std::string& name) {
        const std::vector<ModelSource> sources = model_sources(workspace);
        const ModelSource* source = find_source(sources, name);
        if (!source) return false;
        events.info(cat("fetching ", source->name, ": ", source->about));
        pull_model(workspace, *source, default_pull_options(workspace), events);
        return true;
    };
}

}  // namespace testudo::studio
