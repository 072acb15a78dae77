#pragma once
// A recording that arrives in pieces, over hours and restarts if need be. What is there lies under a hidden
// name in the voice's folder; the recording appears when it is whole.
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "studio/workspace.h"

namespace testudo::studio {

struct UploadState {
    std::string name;
    std::uint64_t offset = 0, total = 0;  // bytes that are there; of the whole file
    bool complete = false;
    std::string key = {};  // of unfinished_uploads: what else it was begun with
    double changed = 0;    // and when the last bytes came, in seconds since 1970
};
Json to_json(const UploadState& state);

class Upload {
  public:
    // `key` tells files of one name and size apart. Error(usage) for a name that no recording, and no text
    // beside one, can have; Error(input) when there is no such voice.
    Upload(const Workspace& workspace, const std::string& voice, const std::string& name, std::uint64_t total,
           const std::string& key);
    ~Upload();
    Upload(const Upload&) = delete;
    Upload& operator=(const Upload&) = delete;

    UploadState state() const;
    bool taken() const;  // another file has that name already

    bool begin();  // false while another request writes this upload
    // At the end of what is there. Error(environment) when the disk is full or fails; what was written stays.
    void write(std::string_view bytes);
    // Syncs; when all is there, the recording appears. `replace`: one of that name goes to the trash.
    UploadState end(bool replace);
    void cancel();

  private:
    const Workspace& workspace_;
    fs::path target_, part_, note_;
    std::string name_, key_;
    std::uint64_t total_, written_ = 0;
    int file_ = -1;
};

// Whether a file of a voice's folder tells what an unfinished upload is; its bytes grow beside it.
bool is_upload_note(const std::string& file_name);

// Begun and not finished, by name.
std::vector<UploadState> unfinished_uploads(const Workspace& workspace, const std::string& voice);
// Deletes, of all voices, those that got nothing for so long, and what a crash left of one. Returns
// VOICE/NAME of each. None is taken away under a request that sends it.
std::vector<std::string> discard_old_uploads(const Workspace& workspace, std::chrono::seconds age);

}  // namespace testudo::studio
