#pragma once
// What the handlers of all addresses share.
#include <mutex>
#include <string>

#include "server/event_hub.h"
#include "server/router.h"
#include "server/watch.h"
#include "studio/jobs.h"
#include "studio/voice_summary.h"
#include "studio/workspace.h"

namespace testudo::server {

struct Shared {
    Shared(studio::Workspace where, fs::path program, std::size_t most_streams);

    ~Shared() { watch.stop(); }  // it tells the hub, which goes first

    const studio::Workspace workspace;
    const fs::path program;  // what jobs are run with
    studio::Jobs jobs;
    studio::VoiceSummaries summaries;
    const std::string server;  // another with each start
    bool asks_token = false;   // so that a page offers to log out
    Watch watch;
    EventHub hub;
    std::mutex curating;  // edits of whisper.json, one after the other
};

// The name in the address. HttpError 404 when there is no such voice.
std::string voice_of(const Shared& shared, const Request& request);
// Path relative to the workspace, as addresses and bodies have it -> the file. Error(usage) when it leads
// out.
fs::path inside_workspace(const Shared& shared, const std::string& path);
std::string relative_to(const Shared& shared, const fs::path& path);
// `key` of a body; Error(usage) for another type.
Json value_of(const Json& body, const char* key);  // null when there is none
std::string text_of(const Json& body, const char* key, std::optional<std::string> fallback = std::nullopt);
bool flag_of(const Json& body, const char* key, bool fallback);

void add_state_routes(Router& router, Shared& shared);
void add_voice_routes(Router& router, Shared& shared);
void add_upload_routes(Router& router, Shared& shared);
void add_sound_routes(Router& router, Shared& shared);
void add_dataset_routes(Router& router, Shared& shared);
void add_curation_routes(Router& router, Shared& shared);
void add_configuration_routes(Router& router, Shared& shared);
void add_job_routes(Router& router, Shared& shared);
void add_run_routes(Router& router, Shared& shared);
void add_model_routes(Router& router, Shared& shared);
void add_tokenizer_routes(Router& router, Shared& shared);
void add_system_routes(Router& router, Shared& shared);

}  // namespace testudo::server
